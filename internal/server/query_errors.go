package server

import (
	"errors"
	"net/http"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// queryExceptions is the error table of STS and IAM, where both services agree.
var queryExceptions = map[identity.Code]api.ExceptionName{
	identity.Invalid:            api.ValidationError,
	identity.Conflict:           api.EntityAlreadyExists,
	identity.Duplicate:          api.EntityAlreadyExists,
	identity.NotFound:           api.NoSuchEntity,
	identity.Denied:             api.AccessDenied,
	identity.Unauthorized:       api.AccessDenied,
	identity.Throttled:          api.Throttling,
	identity.Unavailable:        api.ServiceUnavailable,
	identity.Unrecognized:       api.InvalidClientTokenID,
	identity.Expired:            api.ExpiredCredentials,
	identity.MalformedPolicy:    api.MalformedPolicyDocument,
	identity.InUse:              api.DeleteConflict,
	identity.LimitExceeded:      api.LimitExceeded,
	identity.FederationDisabled: api.FeatureDisabled,
	identity.FederationEnabled:  api.FeatureEnabled,
	identity.DurationEscalation: api.SessionDurationEscalation,
	identity.TooLarge:           api.PackedPolicyTooLarge,
	identity.TokenRefused:       api.InvalidIdentityToken,
	identity.ClaimsRefused:      api.IDPRejectedClaim,
	identity.IssuerUnreachable:  api.IDPCommunicationError,
}

// queryNames are the names in AWS Query of what rest-json calls otherwise.
var queryNames = map[api.ExceptionName]api.ExceptionName{
	api.ValidationException:        api.ValidationError,
	api.RequestEntityTooLarge:      api.RequestTooLarge,
	api.MissingAuthenticationToken: api.QueryMissingAuthentication,
	api.IncompleteSignature:        api.QueryIncompleteSignature,
	api.InvalidSignature:           api.SignatureDoesNotMatch,
	api.InvalidAction:              api.InvalidAction,
}

func (query) exception(op api.Operation, err error) (*api.Exception, int) {
	ex := exception(err)
	name := queryNameOf(op, err, ex.Name)
	status := name.Status()
	if name == api.ExpiredToken { // of a web identity token; expired credentials have another name
		status = http.StatusBadRequest
	}
	return &api.Exception{Name: name, Message: ex.Message}, status
}

func queryNameOf(op api.Operation, err error, name api.ExceptionName) api.ExceptionName {
	if e, ok := errors.AsType[*identity.Error](err); ok {
		return queryExceptionName(op, e.Code)
	}
	if name, ok := queryNames[name]; ok {
		return name
	}
	return internalName(op)
}

// queryExceptionName is the name under which the operation's clients know a refusal.
func queryExceptionName(op api.Operation, code identity.Code) api.ExceptionName {
	switch {
	case code == identity.Expired && op.Unsigned:
		return api.ExpiredToken
	case code == identity.FederationDisabled && op.Service == api.STS:
		return api.OutboundFederationDisabled
	case code == identity.TooLarge && op.Name == api.GetWebIdentityToken.Name:
		return api.JWTPayloadSizeExceeded
	}
	if name, ok := queryExceptions[code]; ok {
		return name
	}
	return internalName(op)
}

func internalName(op api.Operation) api.ExceptionName {
	if op.Service == api.IAM {
		return api.ServiceFailure
	}
	return api.InternalFailure
}
