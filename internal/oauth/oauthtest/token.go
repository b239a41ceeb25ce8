package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/oauth"
)

// tokenError is an error of RFC 6749 section 5.2. Its key looks up the vendor's
// own name before the code does.
type tokenError struct{ key, code, description string }

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	b := s.Behaviour()
	readable := readTokenRequest(r, b)
	s.record(r, "", "token", r.PostForm.Get("grant_type"))
	if s.scripted(w, r) {
		return
	}
	b = s.Behaviour() // it may have changed while the request was held
	if !readable {
		s.answerError(w, r, b, tokenError{"", "invalid_request", "the request is not in the vendor's encoding"})
		return
	}
	g, problem := s.grantFor(r, b)
	if problem != nil {
		s.answerError(w, r, b, *problem)
		return
	}
	members := s.issue(g, r.PostForm.Get("grant_type"), b)
	if s.takeDrop() {
		panic(http.ErrAbortHandler) // the server closes the connection
	}
	answerToken(w, r, b, members)
}

// readTokenRequest parses the form, or the JSON object into one.
func readTokenRequest(r *http.Request, b Behaviour) bool {
	_ = r.ParseForm()
	if !b.JSONRequests {
		return true
	}
	var members map[string]string
	if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&members) != nil {
		return false
	}
	for name, value := range members {
		r.PostForm.Set(name, value)
	}
	r.Form = r.PostForm
	return true
}

// scripted reports whether the test has answered in the provider's place.
func (s *Server) scripted(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	hold, answer, status := s.hold, s.onToken, 0
	if len(s.failures) > 0 {
		status, s.failures = s.failures[0], s.failures[1:]
	}
	s.mu.Unlock()
	if hold != nil {
		hold.wait(r)
		if r.Context().Err() != nil {
			return true // nobody is left to answer, and nothing was processed
		}
	}
	if status != 0 {
		http.Error(w, "scripted failure", status)
		return true
	}
	return answer != nil && answer(w, r)
}

func (s *Server) takeDrop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped == 0 {
		return false
	}
	s.dropped--
	return true
}

func (s *Server) grantFor(r *http.Request, b Behaviour) (*grant, *tokenError) {
	for name, values := range r.PostForm {
		if len(values) > 1 && name != "resource" && name != "audience" {
			return nil, &tokenError{"", "invalid_request", "parameter sent twice: " + name}
		}
	}
	if r.URL.RawQuery != "" {
		return nil, &tokenError{"", "invalid_request", "parameters belong in the body"}
	}
	if !s.clientProven(r, b) {
		return nil, &tokenError{"", "invalid_client", "the client is not authenticated by exactly one method"}
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		return s.redeemCode(r.PostForm)
	case "refresh_token":
		return s.redeemRefresh(r.PostForm, b)
	case "client_credentials":
		return &grant{scope: r.PostForm.Get("scope"), resources: r.PostForm["resource"]}, nil
	}
	return nil, &tokenError{"", "unsupported_grant_type", "no such grant type"}
}

// clientProven wants exactly one method (RFC 6749 section 2.3) with Basic values
// in the form encoding.
func (s *Server) clientProven(r *http.Request, b Behaviour) bool {
	form := r.PostForm
	user, password, basic := r.BasicAuth()
	if b.ClientAuth != "" && basic != (b.ClientAuth == oauth.ClientSecretBasic) {
		return false
	}
	if b.Assertion != nil {
		return !basic && !form.Has("client_secret") && len(form["client_assertion"]) == 1 &&
			form.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" && b.Assertion(form.Get("client_assertion"))
	}
	if basic {
		id, err1 := url.QueryUnescape(user)
		secret, err2 := url.QueryUnescape(password)
		return err1 == nil && err2 == nil && !form.Has("client_secret") && id == s.ClientID && secret == s.ClientSecret
	}
	if b.PublicClient && !form.Has("client_secret") {
		return form.Get("client_id") == s.ClientID
	}
	return form.Get("client_id") == s.ClientID && form.Get("client_secret") == s.ClientSecret
}

// redeemCode ends what was issued for a code that comes a second time (RFC 6749
// section 4.1.2).
func (s *Server) redeemCode(form url.Values) (*grant, *tokenError) {
	refuse := func(why string) (*grant, *tokenError) {
		return nil, &tokenError{"code:", "invalid_grant", why}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.codes[form.Get("code")]
	if !ok || g.ended {
		return refuse("unknown code")
	}
	if g.codeUsed {
		g.ended = true
		return refuse("the code was used before")
	}
	g.codeUsed = true
	if form.Get("redirect_uri") != g.redirect {
		return refuse("redirect_uri differs from the authorization request")
	}
	verifier := form.Get("code_verifier")
	if (g.challenge == "") != (verifier == "") { // RFC 9700 section 4.8.2
		return refuse("code_challenge and code_verifier go together")
	}
	sum := sha256.Sum256([]byte(verifier))
	if g.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		return refuse("code_verifier does not match")
	}
	return g, nil
}

// redeemRefresh takes a used refresh token for theft and ends the grant (RFC 9700
// section 4.14.2).
func (s *Server) redeemRefresh(form url.Values, b Behaviour) (*grant, *tokenError) {
	if b.RefusesScope && form.Has("scope") {
		return nil, &tokenError{"", "invalid_request", "a refresh names no scope"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := form.Get("refresh_token")
	g, ok := s.tokens[token]
	if ok && !g.ended && b.OldRefreshLives && strings.HasPrefix(token, "refresh-") {
		return g, nil
	}
	if !ok || g.ended || g.refresh != token {
		if ok && strings.HasPrefix(token, "refresh-") {
			g.ended = true
		}
		return nil, &tokenError{"refresh:", "invalid_grant", "the refresh token is unknown, used or revoked"}
	}
	return g, nil
}

func (s *Server) issue(g *grant, grantType string, b Behaviour) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	access := "access-" + rand.Text()
	if g.access == nil || b.RefreshEndsAccess {
		g.access = map[string]bool{}
	}
	g.access[access] = true
	s.tokens[access] = g
	members := map[string]any{"access_token": access, "token_type": b.TokenType}
	if !b.OmitExpiresIn {
		members["expires_in"] = b.ExpiresIn
	}
	if scope := grantedScope(g.scope, b); scope != "-" {
		members["scope"] = scope
	}
	if grantType != "client_credentials" {
		s.issueRefresh(g, grantType, b, members)
	}
	if b.Finish != nil {
		b.Finish(members, g.authorized(grantType))
	}
	return members
}

func (g *grant) authorized(grantType string) Authorized {
	return Authorized{Query: g.query, Again: g.again, GrantType: grantType}
}

func (s *Server) issueRefresh(g *grant, grantType string, b Behaviour, members map[string]any) {
	if b.RefreshIf != nil && !b.RefreshIf(g.authorized(grantType)) {
		return
	}
	if b.NoRefreshToken || (grantType == "refresh_token" && b.KeepRefreshToken) {
		return
	}
	g.refresh = "refresh-" + rand.Text()
	s.lastRefresh = g.refresh
	s.tokens[g.refresh] = g
	members["refresh_token"] = g.refresh
	if b.RefreshExpiresIn != 0 {
		members["refresh_token_expires_in"] = b.RefreshExpiresIn
	}
}

func grantedScope(asked string, b Behaviour) string {
	if b.Scope != "" {
		return b.Scope
	}
	return strings.Join(strings.Fields(asked), b.ScopeSeparator)
}

func answerToken(w http.ResponseWriter, r *http.Request, b Behaviour, members map[string]any) {
	for name, value := range members {
		if n, ok := value.(int64); ok && b.NumbersAsStrings {
			members[name] = strconv.FormatInt(n, 10)
		}
	}
	answer(w, r, b, http.StatusOK, members)
}

func (s *Server) answerError(w http.ResponseWriter, r *http.Request, b Behaviour, e tokenError) {
	status := http.StatusBadRequest
	if e.code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	if b.ErrorStatus != 0 {
		status = b.ErrorStatus
	}
	code := e.code
	for _, key := range []string{e.key + e.code, e.code} {
		if name, ok := b.ErrorNames[key]; ok {
			code = name
			break
		}
	}
	for _, key := range []string{e.code, e.key + e.code} {
		if s, ok := b.ErrorStatuses[key]; ok {
			status = s
		}
	}
	members := map[string]any{"error": code, "error_description": e.description}
	if b.FinishError != nil {
		b.FinishError(members)
	}
	answer(w, r, b, status, members)
}

func answer(w http.ResponseWriter, r *http.Request, b Behaviour, status int, members map[string]any) {
	if !b.FormEncoded && (!b.FormUnlessAsked || asksForJSON(r)) {
		writeJSON(w, status, members)
		return
	}
	form := url.Values{}
	for name, value := range members {
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case int64:
			form.Set(name, strconv.FormatInt(v, 10))
		}
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(form.Encode()))
}
