package issuer

import (
	"fmt"
	"strconv"
)

// Reason says why a token was refused, for code, metrics and audit.
type Reason string

const (
	Malformed       Reason = "Malformed"       // not a signed JWT that can be read in one way only
	Algorithm       Reason = "Algorithm"       // alg is not on the list
	Type            Reason = "Type"            // typ says that it is another kind of token
	UntrustedIssuer Reason = "UntrustedIssuer" // iss is not one that the operator listed
	Audience        Reason = "Audience"        // meant for somebody else
	Expired         Reason = "Expired"
	NotYetValid     Reason = "NotYetValid"
	NoExpiry        Reason = "NoExpiry"
	TooLongLived    Reason = "TooLongLived" // a lifetime of more than 31 days
	NoSubject       Reason = "NoSubject"
	Signature       Reason = "Signature"
	UnknownKey      Reason = "UnknownKey"      // the issuer publishes no key that fits
	KeysUnavailable Reason = "KeysUnavailable" // the issuer's keys could not be fetched; a retry may help
)

// Error is a refusal. Its text is safe to show to whoever presented the token;
// it never has the token or a part of its signature in it.
type Error struct {
	Reason  Reason
	Issuer  string // as the token claims it: unverified, but free of control characters
	Message string

	cause error
}

func (e *Error) Error() string { return "token refused: " + e.Message }

// Unwrap gives the cause of KeysUnavailable, for the operator's log.
func (e *Error) Unwrap() error { return e.cause }

func malformed(format string, args ...any) *Error {
	return &Error{Reason: Malformed, Message: fmt.Sprintf(format, args...)}
}

func refuse(reason Reason, issuer, format string, args ...any) *Error {
	return &Error{Reason: reason, Issuer: issuer, Message: fmt.Sprintf(format, args...)}
}

func untrusted(issuer string) *Error {
	return refuse(UntrustedIssuer, issuer,
		"its issuer %s is not trusted here: list exactly this issuer, with the audiences or client ids to accept", quote(issuer))
}

// quote makes text from outside harmless in a message or a log line.
func quote(s string) string {
	const limit = 256
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	return strconv.QuoteToASCII(s)
}
