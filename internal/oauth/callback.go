package oauth

import (
	"net/url"

	"github.com/lanyard-id/lanyard/internal/vault"
)

const maxAuthorizationCode = 8192

// CheckCallback judges the query that a browser brought to the callback URL of
// p and returns its authorization code. Whoever holds the browser wrote it, so
// nothing in it is the provider's word until the code has been exchanged.
//
// An error of kind Malformed means that this is no answer of this provider; the
// others are the provider's refusal. The state is the caller's to compare.
func CheckCallback(p Provider, query url.Values) (vault.Secret, error) {
	const op = "callback"
	row, err := p.row(op)
	if err != nil {
		return vault.Secret{}, err
	}
	for _, name := range []string{"code", "state", "iss", "error", "error_description"} {
		// RFC 6749 section 3.1: two values let two readers see two answers.
		if len(query[name]) > 1 {
			return vault.Secret{}, malformed(op, "", "the callback has the parameter %s more than once", name)
		}
	}
	if err := checkIssuer(op, p, query); err != nil {
		return vault.Secret{}, err
	}
	if query.Has("error") {
		return vault.Secret{}, callbackError(op, row, query)
	}
	code := query.Get("code")
	if !inRange(code, 0x20, 0x7e, maxAuthorizationCode) {
		return vault.Secret{}, malformed(op, "", "the callback has neither a usable code nor an error")
	}
	return vault.SecretString(code), nil
}

// checkIssuer holds RFC 9207 section 2.4: iss must equal the issuer the request
// went to, and may be missing only where the provider never promised it. Errors
// are held to it too, or an attacker's provider could end another's session.
func checkIssuer(op string, p Provider, query url.Values) error {
	if !query.Has("iss") {
		if p.IssParameter {
			return malformed(op, "", "the callback has no iss, which %s announces for every answer (RFC 9207)", printable(p.Issuer, maxDescription))
		}
		return nil
	}
	got := query.Get("iss")
	if p.Issuer == "" {
		return malformed(op, "", "the callback names the issuer %q, but the credential provider has no issuer to compare it with; configure it", printable(got, maxDescription))
	}
	if got != p.Issuer {
		return malformed(op, "", "the callback comes from the issuer %q, not from %q (RFC 9207)", printable(got, maxDescription), printable(p.Issuer, maxDescription))
	}
	return nil
}

func callbackError(op string, row Row, query url.Values) error {
	code := printable(query.Get("error"), maxCode)
	if code == "" || query.Has("code") {
		return malformed(op, "", "the callback has an error without a code of its own, or an error beside an authorization code")
	}
	description := newRedactor(Provider{}, vault.SecretString(query.Get("state"))).text(query.Get("error_description"), maxDescription)
	kind, _ := kindOfCode(row, "", code)
	if kind == InvalidGrant {
		kind = Rejected // there is no grant yet
	}
	return &Error{Kind: kind, Op: op, Code: code, Description: description}
}
