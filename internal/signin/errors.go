package signin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// ErrNoSession says that nobody is signed in: no cookie, or one that is altered, too old, or of an ended session. Which of
// them it is would only help whoever forges cookies.
var ErrNoSession = errors.New("signin: nobody is signed in in this browser")

// Kind says what a failure means for the person who waits for a page.
type Kind string

const (
	// Malformed: the request is no answer of the issuer to anything.
	Malformed Kind = "Malformed"
	// Stale: the sign-in is unknown in this browser, took too long or was finished before. Beginning again helps.
	Stale Kind = "Stale"
	// Denied: the person, or the issuer for them, said no.
	Denied Kind = "Denied"
	// Provider: the issuer answered an error, or something that proves nobody's identity.
	Provider Kind = "Provider"
	// Unreachable: the issuer gave no answer, or asked to come back later.
	Unreachable Kind = "Unreachable"
	// TooLarge: claims and tokens do not fit into cookies.
	TooLarge Kind = "TooLarge"
	// Misconfigured: nothing was asked, because configuration and outbound policy or the issuer's metadata disagree.
	Misconfigured Kind = "Misconfigured"
	// CrossSite: another site made the browser ask.
	CrossSite Kind = "CrossSite"
	// Internal: this side failed, such as the record of ended sessions.
	Internal Kind = "Internal"
)

// statusProvider is the load balancer's own status for an issuer that answered an error during authentication.
const statusProvider = 561

var statuses = map[Kind]int{
	Malformed: http.StatusBadRequest, Stale: http.StatusUnauthorized, Denied: http.StatusUnauthorized,
	Provider: statusProvider, Unreachable: http.StatusGatewayTimeout, TooLarge: http.StatusInternalServerError,
	Misconfigured: http.StatusInternalServerError, CrossSite: http.StatusForbidden, Internal: http.StatusInternalServerError,
}

// Error is every failure of a Gate but ErrNoSession. Its text is safe to show and to log: what others wrote in it is cut,
// printable, and cleared of the secrets that took part.
type Error struct {
	Kind    Kind
	Code    string // the issuer's error code, such as access_denied
	URL     string // the endpoint at which it happened, without query
	Message string
	// ReturnTo is where the sign-in would have led on this origin, when that is known: beginning again may use it.
	ReturnTo string

	cause error
}

func (e *Error) Error() string {
	text := "signin: " + e.Message
	if e.URL != "" {
		text = "signin: " + e.URL + ": " + e.Message
	}
	return text
}

// Unwrap gives the cause for the operator's log.
func (e *Error) Unwrap() error { return e.cause }

// Status is the HTTP status that a load balancer answers, or the nearest one where it has none.
func (e *Error) Status() int { return statuses[e.Kind] }

// KindOf returns the kind of an error of this package, and "" for any other.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

func fail(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

func failAt(kind Kind, url, message string) *Error {
	return &Error{Kind: kind, URL: withoutQuery(url), Message: message}
}

// outbound turns the guarded client's error into one of ours. Its text names the URL and is safe to show.
func outbound(err error) *Error {
	out := &Error{Kind: Unreachable, Message: "the issuer gave no answer", cause: err}
	if e, ok := errors.AsType[*egress.Error](err); ok {
		out.Message = e.Error()
		switch e.Kind {
		case egress.Refused:
			out.Kind = Misconfigured
		case egress.TooLarge:
			out.Kind = Provider
		}
	}
	return out
}

// unverified turns the verifier's refusal of an ID token into one of ours.
func unverified(err error) *Error {
	out := &Error{Kind: Provider, Message: "the issuer's ID token was not accepted", cause: err}
	if e, ok := errors.AsType[*issuer.Error](err); ok {
		out.Message = "the issuer's ID token was not accepted: " + e.Message
		if e.Reason == issuer.KeysUnavailable {
			out.Kind = Unreachable
			out.Message = e.Message
		}
	}
	return out
}

const (
	maxCode        = 64
	maxDescription = 200
)

// printable reduces what others wrote to harmless ASCII of bounded length.
func printable(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= limit {
			b.WriteString("...")
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// describe is printable for an issuer's explanation, which may repeat what it was sent.
func describe(s string, secrets ...vault.Secret) string {
	for _, secret := range secrets {
		if text := secret.RevealString(); text != "" {
			s = strings.ReplaceAll(s, text, secret.String())
		}
	}
	return printable(s, maxDescription)
}

func withoutQuery(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	return raw
}
