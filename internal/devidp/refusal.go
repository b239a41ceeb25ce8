package devidp

import (
	"errors"
	"fmt"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// refusal is an error of an operation on user pools: to the domain, which audits it, an error that is safe to show; to
// the client, an exception of a name that its protocol knows.
type refusal struct {
	name  api.ExceptionName
	cause *identity.Error
}

func (r *refusal) Error() string { return r.cause.Message }

// Unwrap gives the error that the domain audits.
func (r *refusal) Unwrap() error { return r.cause }

// ExceptionName is the name under which the client knows the error.
func (r *refusal) ExceptionName() api.ExceptionName { return r.name }

func refuseAs(name api.ExceptionName, format string, args ...any) error {
	code := identity.Invalid
	switch name {
	case api.ResourceNotFoundException, api.UserNotFoundException:
		code = identity.NotFound
	case api.UsernameExistsException, api.ConcurrentModification:
		code = identity.Conflict
	case api.NotAuthorizedException:
		code = identity.Unauthorized
	case api.TooManyRequestsException:
		code = identity.Throttled
	}
	return &refusal{name, &identity.Error{Code: code, Message: fmt.Sprintf(format, args...)}}
}

func invalidParameter(format string, args ...any) error {
	return refuseAs(api.InvalidParameterException, format, args...)
}

// asException is an error of an operation without a caller as the edge audits it: as the refusal of a stranger, within
// what strangers may add to the audit.
func asException(err error) error {
	if r := new(refusal); errors.As(err, &r) {
		return &api.Exception{Name: r.name, Message: r.Error()}
	}
	return err
}

// changedMeanwhile answers a lost race for the same record.
func changedMeanwhile(err error, what string) error {
	if errors.Is(err, identity.ErrVersion) || errors.Is(err, identity.ErrNotFound) {
		return refuseAs(api.ConcurrentModification, "%s was changed or deleted by somebody else just now; read it again and repeat the change", what)
	}
	return err
}
