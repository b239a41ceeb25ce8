package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// TestA45_PagesOfPools: whatever a scope or a user is named, the pages carry no script, load nothing from elsewhere and
// cannot be framed.
func TestA45_PagesOfPools(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	const script = "<script>alert(1)</script>"
	pool := w.newPool()
	w.call(api.CreateResourceServer, members{"UserPoolId": pool, "Identifier": script, "Name": "x", "Scopes": []members{{"ScopeName": "<img>", "ScopeDescription": script}}})
	c := w.newClient(pool, members{"AllowedOAuthScopes": []string{"openid", script + "/<img>"}})
	w.newUser(pool, script, members{"Name": "name", "Value": script})
	p := w.person(script)
	page, err := p.Open(t.Context(), w.authorization(c, func(q url.Values) { q.Set("scope", "openid "+script+"/<img>") }))
	for step := range 2 {
		if err != nil || page.Status != http.StatusOK {
			t.Fatalf("step %d: %v, %d %s", step, err, page.Status, page.Text())
		}
		if strings.Contains(page.Body, "<script") || strings.Contains(page.Body, "<img") || !strings.Contains(page.Text(), "script") && step == 1 {
			t.Errorf("step %d: the page has %s", step, page.Body)
		}
		csp := page.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") || page.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("step %d: %v", step, page.Header)
		}
		page, err = p.Submit(t.Context(), page, url.Values{"username": {script}, "password": {poolPassword}})
	}
}

// TestA45_FormsOfAnotherSiteOrPool: a form is good only in the browser, for the pool and for the request it was shown for.
func TestA45_FormsOfAnotherSiteOrPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool, other := w.newPool(), w.newPool()
	c := w.newClient(pool)
	w.newUser(pool, "alice")
	w.newUser(other, "alice")
	p := w.person("alice")
	page, err := p.Open(t.Context(), w.authorization(c))
	if err != nil {
		t.Fatal(err)
	}
	fields := url.Values{"username": {"alice"}, "password": {poolPassword}}
	if got, err := w.person("alice").Submit(t.Context(), page, fields); err != nil || got.Status != http.StatusForbidden {
		t.Errorf("in another browser: %v, %d", err, got.Status)
	}
	moved := *page
	moved.Body = strings.ReplaceAll(page.Body, pool, other)
	if got, err := p.Submit(t.Context(), &moved, fields); err != nil || got.Status != http.StatusForbidden {
		t.Errorf("at another pool: %v, %d", err, got.Status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base(pool)+"/login", strings.NewReader(page.Hidden().Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := p.HTTP.Do(r)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %v, %v", err, resp)
	}
}

// TestDataKeyRotationKeepsPools: what rests sealed of a pool opens after its keys were wrapped anew.
func TestDataKeyRotationKeepsPools(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient, members{"GenerateSecret": true})
	w.newUser(pool, "alice")
	if a := w.Call(t, w.Root, api.RotateDataKeys, members{}); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	token := textAt(w.call(api.InitiateAuth, signIn(c, "alice", poolPassword)), "AuthenticationResult", "AccessToken")
	if w.claims(pool, token)["username"] != "alice" {
		t.Error("the token says something else")
	}
}
