package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// exceptions is the one error table: which exception a refusal of the domain becomes.
var exceptions = map[identity.Code]api.ExceptionName{
	identity.Internal:     api.InternalServerException,
	identity.Invalid:      api.ValidationException,
	identity.Conflict:     api.ConflictException,
	identity.Duplicate:    api.ValidationException,
	identity.NotFound:     api.ResourceNotFoundException,
	identity.Denied:       api.AccessDeniedException,
	identity.Unauthorized: api.UnauthorizedException,
	identity.Throttled:    api.ThrottlingException,
	identity.Unavailable:  api.InternalServerException, // the one retryable exception that operations declare
	identity.Unrecognized: api.UnrecognizedClient,
	identity.Expired:      api.ExpiredToken,

	// Refusals of STS and IAM that AgentCore's operations may meet on their way.
	identity.MalformedPolicy:    api.ValidationException,
	identity.InUse:              api.ConflictException,
	identity.LimitExceeded:      api.ServiceQuotaExceeded,
	identity.FederationDisabled: api.ValidationException,
	identity.FederationEnabled:  api.ConflictException,
	identity.DurationEscalation: api.AccessDeniedException,
	identity.TooLarge:           api.ValidationException,
	identity.TokenRefused:       api.UnauthorizedException,
	identity.ClaimsRefused:      api.UnauthorizedException,
	identity.IssuerUnreachable:  api.InternalServerException,
}

// exception turns any error into what the client is told. Errors that are not meant for showing become an internal one.
func exception(err error) *api.Exception {
	if ex, ok := errors.AsType[*api.Exception](err); ok {
		return ex
	}
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return &api.Exception{Name: api.ExceptionName(e.Code), Message: e.Message}
	}
	e, ok := errors.AsType[*identity.Error](err)
	if !ok {
		return &api.Exception{Name: api.InternalServerException, Message: "internal fault; try again, and give the operator the request id"}
	}
	ex := &api.Exception{Name: exceptions[e.Code], Message: e.Message}
	if ex.Name == api.ValidationException {
		ex.Reason = api.ReasonFieldValidation
		if e.Code == identity.Duplicate {
			ex.Reason = api.ReasonResourceConflict
		}
		if e.Field != "" {
			ex.Fields = []api.FieldProblem{{Name: e.Field, Message: e.Message}}
		}
	}
	return ex
}

// fail writes the exception and logs, once, what only the operator should know.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, rt *route, err error) int {
	op := rt.op.Name
	ex, status := rt.protocol.exception(rt.op, err)
	if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.Log.ErrorContext(r.Context(), "request failed", "op", op, "requestId", identity.RequestID(r.Context()), "err", cause(err))
	} else {
		s.Log.DebugContext(r.Context(), "request refused", "op", op, "requestId", identity.RequestID(r.Context()), "exception", string(ex.Name))
	}
	if werr := rt.protocol.writeException(w, rt.op, ex, status); werr != nil {
		s.Log.DebugContext(r.Context(), "the client went away", "op", op, "err", werr)
	}
	return status
}

// cause is what the log says: the message and everything beneath it.
func cause(err error) string {
	msg := err.Error()
	for u := errors.Unwrap(err); u != nil; u = errors.Unwrap(u) {
		msg += ": " + u.Error()
	}
	return msg
}
