package identity

import (
	"errors"
	"fmt"
)

// Code says which kind of refusal an Error is; the edge maps it to an exception.
type Code int

// Codes.
const (
	Internal           Code = iota // our fault, or the database's: retry may help
	Invalid                        // the request cannot be right
	Conflict                       // a thing of that name exists, or was changed meanwhile
	Duplicate                      // as Conflict, on an operation whose clients know only validation errors
	NotFound                       // no such workload, provider
	Denied                         // authenticated, but not allowed
	Unauthorized                   // a token that proves nothing
	Throttled                      // too much at once
	Unavailable                    // a provider or the database cannot be reached now
	Unrecognized                   // no such access key
	Expired                        // temporary credentials, or a web identity token, past their time
	MalformedPolicy                // a policy document that is refused; the message has the place
	InUse                          // other things hang on what is to be deleted
	LimitExceeded                  // there are as many as may be
	FederationDisabled             // the account issues no web identity tokens
	FederationEnabled              // it does already
	DurationEscalation             // longer than the caller's own credentials last
	TooLarge                       // a token or its session policies would not fit
	TokenRefused                   // a web identity token that does not verify
	ClaimsRefused                  // one that verifies, but is not for us
	IssuerUnreachable              // one whose issuer cannot be reached
)

// Error is a refusal that is safe to show: it names the workload, provider or URL involved and how to mend it, and
// never a secret.
type Error struct {
	Code    Code
	Field   string // wire name of the member at fault, when there is one
	Message string
	Cause   error // logged, not shown
}

// Error returns the message for the caller.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// internal wraps a fault of our own; its cause is for the log.
func internal(cause error, what string) error {
	if cause == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](cause); ok {
		return e
	}
	return &Error{Code: Internal, Message: "internal fault (" + what + "): most often the database or its disk is not available just now. Nothing that was stored is lost: try again, and give the operator the request id", Cause: fmt.Errorf("%s: %w", what, cause)}
}

// codeOf returns the code of a refusal, Internal for anything else.
func codeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
