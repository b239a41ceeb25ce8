package sigv4

import (
	"fmt"
	"strings"
	"time"
)

// The error codes that AWS front ends answer with, and that SDKs know.
const (
	CodeMissingToken     = "MissingAuthenticationTokenException"
	CodeIncomplete       = "IncompleteSignatureException"
	CodeInvalidSignature = "InvalidSignatureException"
)

// Error is a refusal that is safe to show to the peer: it names what is wrong
// and how to mend it, and holds no secret, no signature and no canonical
// request (which would contain the session token).
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func incomplete(format string, args ...any) *Error {
	return &Error{Code: CodeIncomplete, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: CodeInvalidSignature, Message: fmt.Sprintf(format, args...)}
}

func missing() *Error {
	return &Error{Code: CodeMissingToken, Message: "the request carries no AWS signature: " +
		"configure credentials for the client, so that it sends an Authorization header that begins with " + algorithm}
}

// quote makes a peer's text harmless in messages and logs: short, quoted and
// without control characters.
func quote(s string) string {
	const limit = 80
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }
