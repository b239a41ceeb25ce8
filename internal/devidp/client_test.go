package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(id, secret) }
}

func TestClientAuthentication(t *testing.T) {
	w := newWorld(t)
	grant := url.Values{"grant_type": {"client_credentials"}}
	with := func(pairs ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	w.mustIssue(w.send("/token", grant, basic(url.QueryEscape(clientID), url.QueryEscape(clientSecret))))
	w.mustIssue(w.send("/token", with("client_id", clientID), basic(clientID, url.QueryEscape(clientSecret))))
	w.mustIssue(w.post("/token", grant))

	for name, c := range map[string]struct {
		form   url.Values
		change func(*http.Request)
		status int
		code   string
	}{
		"nothing":             {grant, nil, 401, "invalid_client"},
		"basic, wrong secret": {grant, basic(clientID, "wrong"), 401, "invalid_client"},
		"basic, no secret":    {grant, basic(clientID, ""), 401, "invalid_client"},
		"basic, wrong client": {grant, basic("somebody", url.QueryEscape(clientSecret)), 401, "invalid_client"},
		"basic, not encoded":  {grant, basic(clientID, clientSecret+"%zz"), 401, "invalid_client"},
		"basic, another id":   {with("client_id", "somebody"), basic(clientID, url.QueryEscape(clientSecret)), 401, "invalid_client"},
		"post, wrong secret":  {with("client_id", clientID, "client_secret", clientSecret[1:]), nil, 401, "invalid_client"},
		"post, no secret":     {with("client_id", clientID), nil, 401, "invalid_client"},
		"post, wrong client":  {with("client_id", "somebody", "client_secret", clientSecret), nil, 401, "invalid_client"},
		"both ways":           {with("client_secret", clientSecret), basic(clientID, url.QueryEscape(clientSecret)), 400, "invalid_request"},
		"bearer":              {with("client_id", clientID, "client_secret", clientSecret), func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401, "invalid_client"},
		"credentials in URL": {grant, func(r *http.Request) {
			r.URL.RawQuery = url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}.Encode()
		}, 401, "invalid_client"},
		"assertion of a secret": {with("client_id", clientID, "client_assertion", clientSecret), nil, 401, "invalid_client"},
	} {
		for _, endpoint := range []string{"/token", "/revoke", "/introspect"} {
			r := w.send(endpoint, c.form, c.change)
			if r.status != c.status || r.text("error") != c.code {
				t.Errorf("%s at %s: %d %v, want %d %s", name, endpoint, r.status, r.body, c.status, c.code)
			}
			if c.status == 401 && !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s at %s: 401 without a challenge", name, endpoint)
			}
		}
	}
}

func TestTokenRequestMustBeAWellFormedForm(t *testing.T) {
	w := newWorld(t)
	w.wantError(w.post("/token", url.Values{}), 400, "invalid_request")
	w.wantError(w.post("/token", url.Values{"grant_type": {"password"}}), 400, "unsupported_grant_type")
	w.wantError(w.post("/token", url.Values{"grant_type": {"client_credentials", "refresh_token"}}), 400, "invalid_request")
	asJSON := func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
	w.wantError(w.send("/token", url.Values{}, asJSON), 400, "invalid_request")
	w.wantError(w.post("/revoke", url.Values{}), 400, "invalid_request")
	w.wantError(w.post("/introspect", url.Values{}), 400, "invalid_request")
	broken := w.newRequest(http.MethodPost, "/token", strings.NewReader("a=%zz"))
	broken.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.wantError(w.do(broken), 400, "invalid_request")
}

func TestA50_OversizedTokenRequest(t *testing.T) {
	w := newWorld(t)
	w.wantError(w.post("/token", url.Values{"grant_type": {strings.Repeat("x", 17<<10)}}), 413, "invalid_request")
}

func TestOnlyTheRightMethods(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ method, endpoint string }{
		{"GET", "/token"}, {"GET", "/revoke"}, {"GET", "/introspect"}, {"POST", "/authorize"}, {"GET", "/login"}, {"GET", "/consent"}, {"DELETE", "/userinfo"},
	} {
		resp, err := w.web.Client().Do(w.newRequest(c.method, c.endpoint, nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: status %d, want 405", c.method, c.endpoint, resp.StatusCode)
		}
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	revoke := func(token string) {
		t.Helper()
		if r := w.post("/revoke", url.Values{"token": {token}}); r.status != http.StatusOK {
			t.Fatalf("revocation: %d %v", r.status, r.body)
		}
	}
	tokens := w.tokens(query())
	revoke("unknown")
	revoke(tokens.text("access_token"))
	if w.active(tokens.text("access_token")) || w.userinfo(tokens.text("access_token")).status != http.StatusUnauthorized {
		t.Error("a revoked access token works")
	}
	second := w.mustIssue(w.post("/token", refreshForm(tokens.text("refresh_token"))))
	revoke(second.text("refresh_token"))
	if w.active(second.text("access_token")) {
		t.Error("an access token outlived its revoked refresh token")
	}
	w.wantError(w.post("/token", refreshForm(second.text("refresh_token"))), 400, "invalid_grant")

	used := w.tokens(query())
	latest := w.mustIssue(w.post("/token", refreshForm(used.text("refresh_token"))))
	revoke(used.text("refresh_token"))
	if w.active(latest.text("access_token")) {
		t.Error("revoking a used refresh token left its family alive")
	}
	own := w.mustIssue(w.post("/token", url.Values{"grant_type": {"client_credentials"}}))
	revoke(own.text("access_token"))
	if w.active(own.text("access_token")) {
		t.Error("a client's own revoked token works")
	}
}

// TestAnotherClientTouchesNothing: tokens belong to the client that they were issued to.
func TestAnotherClientTouchesNothing(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens(query())
	spent := w.tokens(query())
	alive := w.mustIssue(w.post("/token", refreshForm(spent.text("refresh_token"))))
	code := w.code(query())
	before := w.cfg.Client.ID
	w.cfg.Client.ID = "another"
	w.restart()
	as := func(endpoint string, form url.Values) reply {
		form.Set("client_id", "another")
		return w.post(endpoint, form)
	}
	w.wantError(as("/token", codeForm(code)), 400, "invalid_grant")
	w.wantError(as("/token", refreshForm(tokens.text("refresh_token"))), 400, "invalid_grant")
	w.wantError(as("/token", refreshForm(spent.text("refresh_token"))), 400, "invalid_grant")
	for _, token := range []string{tokens.text("access_token"), tokens.text("refresh_token")} {
		if r := as("/introspect", url.Values{"token": {token}}); r.body["active"] != false || len(r.body) != 1 {
			t.Errorf("introspection tells another client: %v", r.body)
		}
		if r := as("/revoke", url.Values{"token": {token}}); r.status != http.StatusOK {
			t.Errorf("revocation by another client: %d, want 200 and nothing done", r.status)
		}
	}
	w.cfg.Client.ID = before
	w.restart()
	for name, token := range map[string]string{"revoked by another": tokens.text("access_token"), "reused by another": alive.text("access_token")} {
		if !w.active(token) {
			t.Errorf("the token %s is dead", name)
		}
	}
	w.mustIssue(w.post("/token", refreshForm(tokens.text("refresh_token"))))
	w.mustIssue(w.post("/token", codeForm(code)))
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens(query())
	r := w.post("/introspect", url.Values{"token": {tokens.text("access_token")}})
	for name, want := range map[string]any{"active": true, "sub": "user-1", "client_id": clientID, "scope": query().Get("scope"),
		"aud": w.cfg.Issuer, "iss": w.cfg.Issuer, "exp": float64(w.now().Unix() + 3600), "token_type": "Bearer"} {
		if r.body[name] != want {
			t.Errorf("%s = %v, want %v", name, r.body[name], want)
		}
	}
}

// TestA61_UserinfoTakesAccessTokensOnly: neither ID token nor refresh token, code, tampered token or a token in the URL.
func TestA61_UserinfoTakesAccessTokensOnly(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens(query())
	access := tokens.text("access_token")
	for name, token := range map[string]string{"ID token": tokens.text("id_token"), "refresh token": tokens.text("refresh_token"),
		"code": w.code(query()), "tampered": access[:len(access)-2] + "AA", "truncated": access[:len(access)-1], "too long": strings.Repeat("x", 17<<10)} {
		r := w.userinfo(token)
		if r.status != http.StatusUnauthorized || r.body["sub"] != nil {
			t.Errorf("%s: %d %v, want 401", name, r.status, r.body)
		}
	}
	inURL := w.do(w.newRequest(http.MethodGet, "/userinfo?access_token="+access, nil))
	if inURL.status != http.StatusUnauthorized || inURL.header.Get("WWW-Authenticate") != `Bearer realm="devidp"` {
		t.Errorf("token in the URL: %d, challenge %q", inURL.status, inURL.header.Get("WWW-Authenticate"))
	}
}
