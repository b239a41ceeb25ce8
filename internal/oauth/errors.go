package oauth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Kind says what a failure means for a grant.
type Kind int

const (
	// InvalidGrant: the code or refresh token is dead; only a new consent helps.
	InvalidGrant Kind = iota + 1
	// Rejected: the provider refuses for another lasting reason, such as a wrong
	// client secret or an unknown scope. The grant itself may be sound.
	Rejected
	// Denied: the user, or the provider for the user, said no.
	Denied
	// Transient: nobody said no. Try again, after RetryAfter if it is set, and
	// never drop a grant for it.
	Transient
	// Malformed: what came back is no usable answer of this provider. A callback
	// of this kind proves nothing and must not end the session it names.
	Malformed
	// Misconfigured: nothing was sent, because the provider's configuration or
	// the request contradicts itself or the outbound policy.
	Misconfigured
)

func (k Kind) String() string {
	switch k {
	case InvalidGrant:
		return "invalid grant"
	case Rejected:
		return "rejected"
	case Denied:
		return "denied"
	case Transient:
		return "transient"
	case Malformed:
		return "malformed answer"
	case Misconfigured:
		return "misconfigured"
	}
	return "unknown"
}

// ErrNoRevocation is wrapped by Revoke's error for a provider without a
// revocation endpoint.
var ErrNoRevocation = errors.New("the provider has no revocation endpoint")

// Error is every failure of this package. All of its text is safe to show:
// what a provider wrote is cut, reduced to printable ASCII and cleared of the
// secrets that took part in the request.
type Error struct {
	Kind        Kind
	Op          string        // what was tried, for example "refresh"
	Code        string        // the provider's error code, at most 64 characters
	Description string        // the provider's or our explanation, at most 200 characters of theirs
	URL         string        // the endpoint, without query
	Status      int           // HTTP status, 0 when there was no answer
	RetryAfter  time.Duration // the provider's wish, only with Transient
	// Sent reports that the provider may have acted on the request. A refresh
	// that failed after it was sent may have used up its refresh token.
	Sent bool

	cause error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "oauth %s: %s", e.Op, e.Kind)
	if e.Code != "" {
		fmt.Fprintf(&b, ": %s", e.Code)
	}
	if e.Description != "" {
		fmt.Fprintf(&b, ": %s", e.Description)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.URL != "" {
		fmt.Fprintf(&b, " at %s", e.URL)
	}
	return b.String()
}

// Unwrap gives the transport's error, so that a caller can tell its own
// cancelled context from a provider that is down.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of an error of this package, and 0 for any other.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

func misconfigured(op, rawURL, format string, args ...any) *Error {
	return &Error{Kind: Misconfigured, Op: op, URL: bareURL(rawURL), Description: fmt.Sprintf(format, args...)}
}

func malformed(op, rawURL, format string, args ...any) *Error {
	return &Error{Kind: Malformed, Op: op, URL: bareURL(rawURL), Description: fmt.Sprintf(format, args...)}
}

// bareURL is the part of a URL that is fit for an error: a query may carry a key
// and userinfo a password.
func bareURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return printable((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), maxURL)
}

// kindOfCode maps an error code of RFC 6749 (4.1.2.1, 5.2), RFC 7009 or RFC 8707;
// the vendor's row comes first. An unknown code is Rejected: dropping a grant
// takes a clear word.
func kindOfCode(row Row, grant GrantType, code string) (kind Kind, known bool) {
	if kind, ok := row.RefreshErrorKinds[code]; ok && grant == GrantRefreshToken {
		return kind, true
	}
	if kind, ok := row.ErrorKinds[code]; ok {
		return kind, true
	}
	switch code {
	case "invalid_grant":
		return InvalidGrant, true
	case "access_denied":
		return Denied, true
	case "temporarily_unavailable", "server_error", "slow_down":
		return Transient, true
	case "invalid_request", "invalid_client", "invalid_scope", "invalid_target", "unauthorized_client",
		"unsupported_grant_type", "unsupported_response_type", "unsupported_token_type":
		return Rejected, true
	}
	return Rejected, false
}
