package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lanyard-id/lanyard/internal/devidp"
)

func TestWholeFlow(t *testing.T) {
	w := newWorld(t)
	q := query()
	q["resource"] = []string{"https://api.example.com/v1"}
	q.Set("audience", "second")
	answer := w.consent(w.person(), q)
	if answer.Get("state") != q.Get("state") || answer.Get("keep") != "1" {
		t.Errorf("authorization response = %v, want state and the callback's own query as they were", answer)
	}
	tokens := w.mustIssue(w.post("/token", codeForm(answer.Get("code"))))
	if tokens.text("token_type") != "Bearer" || tokens.body["expires_in"] != 3600.0 || tokens.text("scope") != q.Get("scope") || tokens.text("refresh_token") == "" {
		t.Errorf("token answer = %v", tokens.body)
	}
	if tokens.header.Get("Cache-Control") != "no-store" {
		t.Error("token answer may be stored")
	}
	now := float64(w.now().Unix())
	access := w.claims(tokens.text("access_token"), "at+jwt")
	want := map[string]any{"iss": w.cfg.Issuer, "sub": "user-1", "aud": []any{"https://api.example.com/v1", "second"},
		"client_id": clientID, "scope": q.Get("scope"), "iat": now, "exp": now + 3600, "auth_time": now}
	if diff := cmp.Diff(want, access, cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "jti" })); diff != "" {
		t.Errorf("access token claims (-want +got):\n%s", diff)
	}
	if access["jti"] == nil {
		t.Error("access token has no jti")
	}
	id := w.claims(tokens.text("id_token"), "JWT")
	want = map[string]any{"iss": w.cfg.Issuer, "sub": "user-1", "aud": clientID, "iat": now, "exp": now + 3600, "auth_time": now,
		"nonce": "n-0S6", "name": "Robin Dev", "preferred_username": "dev", "email": "dev@example.com"}
	if diff := cmp.Diff(want, id); diff != "" {
		t.Errorf("ID token claims (-want +got):\n%s", diff)
	}
	info := w.userinfo(tokens.text("access_token"))
	want = map[string]any{"sub": "user-1", "name": "Robin Dev", "preferred_username": "dev", "email": "dev@example.com"}
	if diff := cmp.Diff(want, info.body); diff != "" {
		t.Errorf("userinfo (-want +got):\n%s", diff)
	}
}

func TestDefaultAudienceIsTheIssuer(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens(query())
	if got := w.claims(tokens.text("access_token"), "at+jwt")["aud"]; got != w.cfg.Issuer {
		t.Errorf("aud = %v, want the issuer %s", got, w.cfg.Issuer)
	}
}

func TestNoOpenIDMeansNoIDToken(t *testing.T) {
	w := newWorld(t)
	q := query()
	q.Set("scope", "repo")
	tokens := w.tokens(q)
	if tokens.text("id_token") != "" || tokens.text("refresh_token") == "" {
		t.Errorf("token answer = %v, want a refresh token and no ID token", tokens.body)
	}
	if r := w.userinfo(tokens.text("access_token")); r.status != http.StatusForbidden || r.text("error") != "insufficient_scope" {
		t.Errorf("userinfo without openid: %d %v", r.status, r.body)
	}
}

func TestProfileClaimsNeedTheirScopes(t *testing.T) {
	w := newWorld(t)
	q := query()
	q.Set("scope", "openid")
	tokens := w.tokens(q)
	for name, claims := range map[string]map[string]any{
		"ID token": w.claims(tokens.text("id_token"), "JWT"), "userinfo": w.userinfo(tokens.text("access_token")).body,
	} {
		for _, claim := range []string{"name", "preferred_username", "email"} {
			if claims[claim] != nil {
				t.Errorf("%s reveals %s without its scope", name, claim)
			}
		}
	}
}

// restarting kills and restarts the server before every request of a browser.
type restarting struct {
	w    *world
	next http.RoundTripper
}

func (r restarting) RoundTrip(req *http.Request) (*http.Response, error) {
	r.w.restart()
	return r.next.RoundTrip(req)
}

func TestRestartBetweenAnyTwoSteps(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	p.HTTP.Transport = restarting{w, p.HTTP.Transport}
	code := w.consent(p, query()).Get("code")
	w.restart()
	tokens := w.mustIssue(w.post("/token", codeForm(code)))
	w.restart()
	next := w.mustIssue(w.post("/token", refreshForm(tokens.text("refresh_token"))))
	w.restart()
	if r := w.userinfo(next.text("access_token")); r.status != http.StatusOK {
		t.Errorf("userinfo after a restart: %d %v", r.status, r.body)
	}
	w.restart()
	w.wantError(w.post("/token", codeForm(code)), 400, "invalid_grant")
}

func TestCrashInsideAnExchangeLosesNothing(t *testing.T) {
	for _, grant := range []string{"code", "refresh"} {
		t.Run(grant, func(t *testing.T) {
			w := newWorld(t)
			form := codeForm(w.code(query()))
			if grant == "refresh" {
				form = refreshForm(w.mustIssue(w.post("/token", form)).text("refresh_token"))
			}
			sound := w.cfg.Store
			crashes := 0
			for calls := 0; ; calls++ {
				left := calls
				w.cfg.Store = failingStore{sound, &left}
				w.restart()
				r := w.post("/token", form)
				if r.status == http.StatusOK {
					break
				}
				crashes++
				w.wantError(r, 500, "server_error")
				if strings.Contains(r.text("error_description"), "killed") {
					t.Fatal("the answer shows an internal error")
				}
			}
			if crashes < 5 {
				t.Fatalf("only %d crash points were met: the test does not reach the writes", crashes)
			}
			if !strings.Contains(w.logs.String(), "killed") {
				t.Error("the internal error was not logged")
			}
		})
	}
}

func TestAccessTokenTTLIsConfigured(t *testing.T) {
	w := newWorld(t, func(c *devidp.Config) { c.AccessTokenTTL = 7 * time.Second })
	tokens := w.tokens(query())
	if tokens.body["expires_in"] != 7.0 {
		t.Errorf("expires_in = %v, want 7", tokens.body["expires_in"])
	}
	w.advance(6 * time.Second)
	if r := w.userinfo(tokens.text("access_token")); r.status != http.StatusOK {
		t.Errorf("before expiry: %d", r.status)
	}
	w.advance(time.Second)
	if r := w.userinfo(tokens.text("access_token")); r.status != http.StatusUnauthorized {
		t.Errorf("at expiry: %d, want 401", r.status)
	}
}

func TestConsentIsRememberedUntilMoreIsAskedOrItIsRevoked(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.consent(p, query())
	straight := func(q url.Values) bool {
		page, err := p.Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatal(err)
		}
		return page.Leaves != "" && w.response(page.Leaves).Has("code")
	}
	narrower := query()
	narrower.Set("scope", "openid")
	wider := query()
	wider.Set("scope", "openid gist")
	elsewhere := query()
	elsewhere.Set("resource", "https://other.example.com")
	again := query()
	again.Set("prompt", "consent")
	if !straight(query()) || !straight(narrower) {
		t.Error("the same consent, or less, was asked for again")
	}
	for name, q := range map[string]url.Values{"wider scope": wider, "another resource": elsewhere, "prompt=consent": again} {
		if straight(q) {
			t.Errorf("%s: a code was issued without asking", name)
		}
	}
	tokens := w.mustIssue(w.post("/token", codeForm(w.consent(p, query()).Get("code"))))
	w.post("/revoke", url.Values{"token": {tokens.text("refresh_token")}})
	if straight(query()) {
		t.Error("a revoked consent was not asked for again")
	}
}

func TestPrompt(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	with := func(name, value string) url.Values {
		q := query()
		q.Set(name, value)
		return q
	}
	open := func(q url.Values) (action string, response url.Values) {
		t.Helper()
		page, err := p.Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatal(err)
		}
		if page.Leaves != "" {
			return "", w.response(page.Leaves)
		}
		return page.Action(), nil
	}
	if _, r := open(with("prompt", "none")); r.Get("error") != "login_required" || r.Get("state") != query().Get("state") {
		t.Errorf("prompt=none, nobody signed in: %v", r)
	}
	w.consent(p, query())
	if _, r := open(with("prompt", "none")); !r.Has("code") {
		t.Errorf("prompt=none, signed in and allowed: %v", r)
	}
	more := with("prompt", "none")
	more.Set("scope", "gist")
	if _, r := open(more); r.Get("error") != "consent_required" {
		t.Errorf("prompt=none, not allowed: %v", r)
	}
	for _, prompt := range []string{"login", "select_account", "login consent"} {
		if action, r := open(with("prompt", prompt)); action != "/devidp/login" {
			t.Errorf("prompt=%s: form %q, response %v; want the sign-in form", prompt, action, r)
		}
	}
	w.advance(time.Minute)
	if action, r := open(with("max_age", "59")); action != "/devidp/login" {
		t.Errorf("max_age overstepped: form %q, response %v", action, r)
	}
	if _, r := open(with("max_age", "60")); !r.Has("code") {
		t.Errorf("max_age kept: %v", r)
	}
	for _, q := range []url.Values{with("prompt", "login"), with("max_age", "0")} {
		if r := w.consent(p, q); !r.Has("code") {
			t.Errorf("a forced sign-in does not come to an end: %v", r)
		}
	}
}

func TestSessionExpires(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.consent(p, query())
	w.advance(12 * time.Hour)
	page, err := p.Open(t.Context(), w.authorizeURL(query()))
	if err != nil {
		t.Fatal(err)
	}
	if page.Action() != "/devidp/login" {
		t.Errorf("after twelve hours the browser got %q, want the sign-in form", page.Action()+page.Leaves)
	}
}

func TestRefusal(t *testing.T) {
	w := newWorld(t)
	target, err := w.person().Refuse(t.Context(), w.authorizeURL(query()))
	if err != nil {
		t.Fatal(err)
	}
	if r := w.response(target); r.Get("error") != "access_denied" || r.Get("state") != query().Get("state") || r.Has("code") {
		t.Errorf("authorization response = %v, want access_denied with state", r)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.consent(p, query())
	page, err := p.Open(t.Context(), w.cfg.Issuer+"/logout")
	if err != nil {
		t.Fatal(err)
	}
	kept := p.HTTP.Jar.Cookies(page.URL)
	if page, err = p.Submit(t.Context(), page, nil); err != nil || !strings.Contains(page.Text(), "You are signed out") {
		t.Fatalf("sign-out: %v, %s", err, page.Text())
	}
	p.HTTP.Jar.SetCookies(page.URL, kept) // somebody kept the cookie: the record behind it is gone all the same
	q := query()
	q.Set("prompt", "none")
	if page, err = p.Open(t.Context(), w.authorizeURL(q)); err != nil {
		t.Fatal(err)
	}
	if r := w.response(page.Leaves); r.Get("error") != "login_required" {
		t.Errorf("after sign-out: %v", r)
	}
}
