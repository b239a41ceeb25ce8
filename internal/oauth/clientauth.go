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

func authenticate(op string, p Provider, method AuthMethod, form url.Values, header http.Header) error {
	prove, ok := authenticatorFor(method)
	if !ok {
		return misconfigured(op, p.TokenEndpoint, "client authentication method %q is not supported; use %s, %s or %s",
			printable(string(method), maxCode), ClientSecretBasic, ClientSecretPost, None)
	}
	if p.ClientID == "" {
		return misconfigured(op, p.TokenEndpoint, "the credential provider has no client id; update it with the id the provider registered")
	}
	if method != None && p.ClientSecret.Empty() {
		return misconfigured(op, p.TokenEndpoint, "the credential provider has no client secret, which %s needs; update it with one", method)
	}
	prove(p, form, header)
	return nil
}
