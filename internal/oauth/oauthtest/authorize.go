package oauthtest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// grant is one consent and everything issued for it.
type grant struct {
	user      string // who was signed in
	redirect  string
	challenge string
	scope     string
	resources []string
	query     url.Values // of the authorization request
	again     bool       // somebody consented before
	codeUsed  bool
	ended     bool
	access    map[string]bool // the live access tokens
	refresh   string          // the live refresh token
}

func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	s.record(r, "", CountDiscovery)
	s.mu.Lock()
	answer := s.onDiscovery
	s.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	writeJSON(w, http.StatusOK, s.Metadata())
}

// Metadata is the discovery document, for tests to alter and serve.
func (s *Server) Metadata() map[string]any {
	return map[string]any{
		"issuer":                                         s.Issuer,
		"authorization_endpoint":                         s.AuthorizationEndpoint,
		"token_endpoint":                                 s.TokenEndpoint,
		"revocation_endpoint":                            s.RevocationEndpoint,
		"response_types_supported":                       []string{"code"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"authorization_response_iss_parameter_supported": s.Behaviour().IssParameter,
	}
}

// serveAuthorize consents at once. A request whose client or redirect URI is
// wrong is answered here, never by a redirect (RFC 6749 section 4.1.2.1).
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.record(r, "", CountAuthorize)
	q, b := r.Form, s.Behaviour()
	for name, values := range q {
		if len(values) > 1 && name != "resource" && name != "audience" {
			http.Error(w, "parameter sent twice: "+name, http.StatusBadRequest)
			return
		}
	}
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != s.ClientID || !s.redirectAllowed(q.Get("redirect_uri")) {
		http.Error(w, "unknown client or redirect_uri", http.StatusBadRequest)
		return
	}
	answer := redirect.Query()
	if problem := authorizeProblem(q, b); problem != "" {
		answer.Set("error", problem)
		answer.Set("error_description", "refused by script or for a missing parameter")
	} else {
		answer.Set("code", s.newCode(q))
	}
	if q.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	if iss := s.iss(b); iss != "" {
		answer.Set("iss", iss)
	}
	redirect.RawQuery = answer.Encode()
	w.Header().Set("Location", redirect.String())
	w.WriteHeader(http.StatusFound)
}

func (s *Server) iss(b Behaviour) string {
	if b.Iss == "" && b.IssParameter {
		return s.Issuer
	}
	return b.Iss
}

func authorizeProblem(q url.Values, b Behaviour) string {
	switch {
	case b.AuthorizeError != "":
		return b.AuthorizeError
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case q.Get("code_challenge") == "" && !b.PKCEOptional:
		return "invalid_request"
	case q.Get("code_challenge") != "" && (b.PKCERefused || q.Get("code_challenge_method") != "S256"):
		return "invalid_request"
	}
	for name := range b.Required {
		if q.Get(name) != b.Required.Get(name) {
			return "invalid_request"
		}
	}
	return ""
}

func (s *Server) newCode(q url.Values) string {
	code := "code-" + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = &grant{
		user:      s.user,
		redirect:  q.Get("redirect_uri"),
		challenge: q.Get("code_challenge"),
		scope:     q.Get("scope"),
		resources: q["resource"],
		query:     q,
		again:     len(s.codes) > 0,
	}
	return code
}

// Authorize plays the browser: it opens an authorization URL, consents, and
// returns the callback URL that the browser is sent to.
func (s *Server) Authorize(t testing.TB, authorizationURL string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	client.CloseIdleConnections()
	if resp.StatusCode != http.StatusFound {
		t.Fatalf("the provider answered the authorization request with %s", resp.Status)
	}
	callback, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

// SignIn says who consents from now on; until then all is one user's.
func (s *Server) SignIn(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = user
}

// RevokeConsent ends every grant, as a user does in the provider's settings.
func (s *Server) RevokeConsent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.codes {
		g.ended = true
	}
	for _, g := range s.tokens {
		g.ended = true
	}
}

// Active reports whether an access or refresh token would be accepted now.
func (s *Server) Active(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.tokens[token]
	return ok && !g.ended && (g.access[token] || g.refresh == token)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func asksForJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}
