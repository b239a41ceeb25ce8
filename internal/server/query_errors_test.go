package server

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// TestQueryErrorTable: what clients of STS and IAM know each refusal by, and the status that goes with it.
func TestQueryErrorTable(t *testing.T) {
	both := map[identity.Code]struct {
		name   api.ExceptionName
		status int
	}{
		identity.Invalid: {"ValidationError", 400}, identity.Conflict: {"EntityAlreadyExists", 409}, identity.Duplicate: {"EntityAlreadyExists", 409},
		identity.NotFound: {"NoSuchEntity", 404}, identity.Denied: {"AccessDenied", 403}, identity.Unauthorized: {"AccessDenied", 403}, identity.Throttled: {"Throttling", 400},
		identity.Unavailable: {"ServiceUnavailable", 503}, identity.Unrecognized: {"InvalidClientTokenId", 403}, identity.Expired: {"ExpiredToken", 403},
		identity.MalformedPolicy: {"MalformedPolicyDocument", 400}, identity.InUse: {"DeleteConflict", 409}, identity.LimitExceeded: {"LimitExceeded", 409},
		identity.FederationEnabled: {"FeatureEnabled", 409}, identity.DurationEscalation: {"SessionDurationEscalationException", 403},
		identity.TooLarge: {"PackedPolicyTooLarge", 400}, identity.TokenRefused: {"InvalidIdentityToken", 400}, identity.ClaimsRefused: {"IDPRejectedClaim", 403},
		identity.IssuerUnreachable: {"IDPCommunicationError", 400},
	}
	for code, want := range both {
		for _, op := range []api.Operation{api.GetUser, api.AssumeRole} {
			ex, status := (query{}).exception(op, &identity.Error{Code: code, Message: "m"})
			if ex.Name != want.name || status != want.status || ex.Message != "m" {
				t.Errorf("%s of %s: %d %v", code, op.Name, status, ex)
			}
		}
	}
	for _, c := range []struct {
		op     api.Operation
		err    error
		name   api.ExceptionName
		status int
	}{
		{api.GetWebIdentityToken, &identity.Error{Code: identity.FederationDisabled}, "OutboundWebIdentityFederationDisabledException", 403},
		{api.GetOutboundWebIdentityFederationInfo, &identity.Error{Code: identity.FederationDisabled}, "FeatureDisabled", 404},
		{api.GetWebIdentityToken, &identity.Error{Code: identity.TooLarge}, "JWTPayloadSizeExceededException", 400},
		{api.AssumeRoleWithWebIdentity, &identity.Error{Code: identity.Expired}, "ExpiredTokenException", 400},
		{api.GetUser, &identity.Error{Code: identity.Internal}, "ServiceFailure", 500},
		{api.AssumeRole, &identity.Error{Code: identity.Internal}, "InternalFailure", 500},
		{api.GetUser, errors.New("a secret detail"), "ServiceFailure", 500},
		{api.Operation{}, fmt.Errorf("wrapped: %w", errors.New("a secret detail")), "InternalFailure", 500},
		{api.GetUser, &identity.Error{Code: 9999}, "ServiceFailure", 500},
		{api.GetUser, &sigv4.Error{Code: sigv4.CodeInvalidSignature}, "SignatureDoesNotMatch", 403},
		{api.GetUser, &sigv4.Error{Code: sigv4.CodeIncomplete}, "IncompleteSignature", 400},
		{api.GetUser, &sigv4.Error{Code: sigv4.CodeMissingToken}, "MissingAuthenticationToken", 403},
		{api.GetUser, &api.Exception{Name: api.ValidationException, Message: "m"}, "ValidationError", 400},
		{api.GetUser, &api.Exception{Name: api.RequestEntityTooLarge, Message: "m"}, "RequestEntityTooLarge", 413},
		{api.Operation{}, &api.Exception{Name: api.InvalidAction, Message: "m"}, "InvalidAction", 400},
	} {
		if ex, status := (query{}).exception(c.op, c.err); ex.Name != c.name || status != c.status || ex.Message == "a secret detail" {
			t.Errorf("%s, %v: %d %v, want %d %s", c.op.Name, c.err, status, ex, c.status, c.name)
		}
	}
}

// TestEveryCodeHasAName: a refusal of the domain that no table knows would be told as a fault of ours, in either protocol.
func TestEveryCodeHasAName(t *testing.T) {
	for code := identity.Internal + 1; code.String() != identity.Internal.String(); code++ {
		if exceptions[code] == "" {
			t.Errorf("%s has no exception", code)
		}
		if queryExceptions[code] == "" {
			t.Errorf("%s has no code in AWS Query", code)
		}
	}
}
