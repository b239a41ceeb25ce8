package oauth

import (
	"net/http"
	"net/url"
)

// authenticator adds one method's proof of the client to a request that is about
// to be sent. Exactly one runs for a request: a secret sent in two places is
// refused by strict servers (RFC 6749 section 2.3) and seen by twice as many logs.
type authenticator func(p Provider, form url.Values, header http.Header)

func authenticatorFor(method AuthMethod) (authenticator, bool) {
	switch method {
	case ClientSecretBasic:
		return authenticateBasic, true
	case ClientSecretPost:
		return authenticatePost, true
	case None:
		return authenticatePublic, true
	case WebIdentityJWT:
		return authenticateAssertion, true
	}
	return nil, false
}

// authenticateBasic form-encodes id and secret before joining them, which
// RFC 6749 section 2.3.1 asks for and a secret with a colon or plus needs.
func authenticateBasic(p Provider, _ url.Values, header http.Header) {
	header.Set("Authorization", "Basic "+basicCredentials(p))
}

func authenticatePost(p Provider, form url.Values, _ http.Header) {
	form.Set("client_id", p.ClientID)
	form.Set("client_secret", p.ClientSecret.RevealString())
}

func authenticatePublic(p Provider, form url.Values, _ http.Header) {
	form.Set("client_id", p.ClientID)
}

// assertionType is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticateAssertion sends the client id only where there is one: it is
// optional beside an assertion (RFC 7521 section 4.2), and who trusts our issuer
// may know the client by the assertion's subject.
func authenticateAssertion(p Provider, form url.Values, _ http.Header) {
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", p.Assertion.RevealString())
	if p.ClientID != "" {
		form.Set("client_id", p.ClientID)
	}
}

func authenticate(op string, p Provider, method AuthMethod, form url.Values, header http.Header) error {
	prove, ok := authenticatorFor(method)
	if !ok {
		return misconfigured(op, p.TokenEndpoint, "client authentication method %q is not supported; use %s, %s, %s or %s",
			printable(string(method), maxCode), ClientSecretBasic, ClientSecretPost, None, WebIdentityJWT)
	}
	if err := hasProof(op, p, method); err != nil {
		return err
	}
	prove(p, form, header)
	return nil
}

// hasProof refuses to ask as a client that could not prove itself, before
// anything is sent.
func hasProof(op string, p Provider, method AuthMethod) error {
	if method == WebIdentityJWT {
		if p.Assertion.Empty() {
			return misconfigured(op, p.TokenEndpoint, "there is no client assertion, which %s needs; enable outbound web identity federation in the account", method)
		}
		return nil
	}
	if p.ClientID == "" {
		return misconfigured(op, p.TokenEndpoint, "the credential provider has no client id; update it with the id the provider registered")
	}
	if method != None && p.ClientSecret.Empty() {
		return misconfigured(op, p.TokenEndpoint, "the credential provider has no client secret, which %s needs; update it with one", method)
	}
	return nil
}
