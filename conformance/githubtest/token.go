package githubtest

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// token is the token endpoint. Every answer has status 200, errors too.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil { // the parameters may be in the query or in the form
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	answer := s.grantLocked(r)
	s.countLocked(r.Form.Get("grant_type"), answer)
	s.mu.Unlock()
	writeAnswer(w, r, answer)
}

// grantLocked checks the client and dispatches on the grant type, which the code exchange may leave out.
func (s *Server) grantLocked(r *http.Request) url.Values {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	if !equal(id, s.config.ClientID) || !equal(secret, s.config.ClientSecret) {
		return failure("incorrect_client_credentials", "The client_id or the client_secret is wrong.")
	}
	switch r.Form.Get("grant_type") {
	case "", "authorization_code":
		return s.exchangeLocked(r.Form)
	case "refresh_token":
		return s.refreshLocked(r.Form.Get("refresh_token"))
	default:
		return failure("unsupported_grant_type", "The grant_type is not supported.")
	}
}

func (s *Server) exchangeLocked(form url.Values) url.Values {
	value := form.Get("code")
	c, ok := s.codes[value]
	delete(s.codes, value) // a code has one try
	if !ok || !s.config.Now().Before(c.expiresAt) {
		return failure("bad_verification_code", "The code is wrong, used or expired.")
	}
	if uri := form.Get("redirect_uri"); uri != "" && uri != c.redirectURI {
		return failure("redirect_uri_mismatch", "The redirect_uri is not the one of the authorization request.")
	}
	if c.challenge != "" && !equal(challengeOf(form.Get("code_verifier")), c.challenge) {
		return failure("bad_verification_code", "The code_verifier does not match the code_challenge.")
	}
	return s.answerLocked(s.issueLocked(c.login, c.scopes))
}

// refreshLocked kills the old pair, the access token included, and makes a new one.
func (s *Server) refreshLocked(token string) url.Values {
	a, ok := s.refresh[token]
	if !ok || !s.config.Now().Before(a.refreshExpiresAt) {
		return failure("bad_refresh_token", "The refresh token is wrong, used or expired.")
	}
	delete(s.refresh, a.refreshToken)
	delete(s.tokens, a.accessToken)
	return s.answerLocked(s.issueLocked(a.login, a.scopes))
}

func (s *Server) answerLocked(a *authorization) url.Values {
	answer := url.Values{
		"access_token": {a.accessToken},
		"scope":        {strings.Join(a.scopes, ",")},
		"token_type":   {"bearer"},
	}
	now := s.config.Now()
	if !a.accessExpiresAt.IsZero() {
		answer.Set("expires_in", strconv.Itoa(int(a.accessExpiresAt.Sub(now).Seconds())))
	}
	if a.refreshToken != "" {
		answer.Set("refresh_token", a.refreshToken)
		answer.Set("refresh_token_expires_in", strconv.Itoa(int(a.refreshExpiresAt.Sub(now).Seconds())))
	}
	return answer
}

func (s *Server) countLocked(grantType string, answer url.Values) {
	if answer.Has("error") {
		s.requests["failed"]++
		return
	}
	s.requests[cmp.Or(grantType, "authorization_code")]++
}

func failure(code, description string) url.Values {
	return url.Values{
		"error":             {code},
		"error_description": {description},
		"error_uri":         {"/apps/troubleshooting-oauth-app-access-token-request-errors"},
	}
}

// writeAnswer writes a form, or JSON to a client that asks for it; lifetimes are numbers only there.
func writeAnswer(w http.ResponseWriter, r *http.Request, answer url.Values) {
	w.Header().Set("Cache-Control", "no-store")
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		_, _ = io.WriteString(w, answer.Encode())
		return
	}
	members := map[string]any{}
	for name := range answer {
		members[name] = answer.Get(name)
		if n, err := strconv.Atoi(answer.Get(name)); err == nil && strings.HasSuffix(name, "expires_in") {
			members[name] = n
		}
	}
	writeJSON(w, http.StatusOK, members)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// challengeOf is the S256 transformation (RFC 7636, section 4.2).
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
