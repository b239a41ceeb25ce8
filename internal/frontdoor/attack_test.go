package frontdoor_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
)

func TestA44_ForgedCookiesOpenNothing(t *testing.T) {
	w := newWorld(t)
	good := w.signedIn(t).cookies(t)
	name, value, _ := strings.Cut(good, "=")
	flipped := []byte(value)
	flipped[len(flipped)/2] ^= 1
	for what, cookie := range map[string]string{
		"made up": name + "=1.AAAA", "altered": name + "=" + string(flipped), "truncated": name + "=" + value[:len(value)-4],
		"another name": "LanyardFrontDoor-login-0123456789abcdef=" + value, "twice": good + "; " + name + "=1.AAAA",
	} {
		if got := w.browser().do(t, "GET", "/", "", "Cookie", cookie); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, got.Status)
		}
	}
	if got := w.browser().do(t, "GET", "/", "", "Cookie", good); got.Status != http.StatusOK {
		t.Errorf("the good one: %d", got.Status)
	}
}

func TestA44_CopiedCookieAfterSignOut(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	copied := b.cookies(t)
	if got := b.navigate(t, "/oauth2/sign-out"); got.Status != 200 || !strings.Contains(got.Body, `<form method="post"`) || !strings.Contains(got.Body, "Robin Dev") {
		t.Fatalf("the sign-out page: %d %s", got.Status, got.Body)
	}
	if got := b.navigate(t, "/"); got.Status != 200 {
		t.Fatalf("looking at the page signed out: %d", got.Status)
	}
	got := b.do(t, "POST", "/oauth2/sign-out", "", "Sec-Fetch-Site", "same-origin", "Origin", w.site.URL, "Accept", "text/html")
	if got.Status != 200 || !strings.Contains(got.Header.Get("Refresh"), w.idp.URL) {
		t.Fatalf("sign-out: %d, Refresh %q", got.Status, got.Header.Get("Refresh"))
	}
	if got := w.browser().do(t, "GET", "/", "", "Cookie", copied); got.Status != http.StatusUnauthorized {
		t.Errorf("a copied cookie after sign-out: %d", got.Status)
	}
}

// An attacker's callback in the victim's browser signs nobody in: the attempt is bound to the browser that began it.
func TestA44_SignInIsNotFixed(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.browser(), w.browser()
	begun := attacker.navigate(t, "/")
	person := devidptest.Person{HTTP: attacker.http, Username: "dev", Password: password}
	callback, err := person.Allow(t.Context(), begun.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	got := victim.navigate(t, strings.TrimPrefix(callback, w.site.URL))
	if got.Status != http.StatusUnauthorized || victim.cookies(t) != "" {
		t.Errorf("the attacker's callback in the victim's browser: %d, cookies %q", got.Status, victim.cookies(t))
	}
	if got := victim.navigate(t, "/"); got.Status != http.StatusFound {
		t.Errorf("the victim is signed in: %d", got.Status)
	}
}

func TestA44_SessionsEnd(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	w.advance(61 * time.Minute)
	if got := b.do(t, "GET", "/", ""); got.Status != http.StatusUnauthorized {
		t.Errorf("an hour unused: %d", got.Status)
	}
}

func TestA62_CrossSiteRequests(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.TrustedOrigins = []string{"https://studio.example.com"} })
	cookie := w.signedIn(t).cookies(t)
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"cross-site":                   {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"same-site":                    {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://sibling.example"}, 403},
		"old browser":                  {[]string{"Origin", "https://evil.example"}, 403},
		"sandboxed frame":              {[]string{"Origin", "null"}, 403},
		"own page":                     {[]string{"Sec-Fetch-Site", "same-origin", "Origin", w.site.URL}, 200},
		"program":                      {nil, 200},
		"trusted":                      {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://studio.example.com"}, 200},
		"forwarded host of a stranger": {[]string{"Origin", "https://evil.example", "X-Forwarded-Host", "evil.example"}, 403},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if got := w.browser().do(t, method, "/invocations", "{}", append(c.headers, "Cookie", cookie)...); got.Status != c.status {
				t.Errorf("%s %s: %d %s; want %d", method, name, got.Status, got.Body, c.status)
			}
		}
	}
	if got := w.browser().do(t, "POST", "/oauth2/sign-out", "", "Cookie", cookie, "Origin", "https://evil.example"); got.Status != 403 {
		t.Errorf("another site signed the user out: %d", got.Status)
	}
}

// The backend gets a token only where its rule asks, and the log has no secret and no line of a client's making.
func TestA63_TokensAndLogs(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.Rules = append(w.cfg.Rules, rule("/token", mustURL(w.backend.URL), func(r *ruleT) { r.SendAccessToken = true }))
	})
	b := w.browser()
	begun := b.navigate(t, "/deep?session_id=SECRETSESSION&x=SECRETVALUE&SECRETBARE")
	b.finish(t, begun.Header.Get("Location"))
	if h := b.navigate(t, "/").seen(t).Header; h.Get("X-Amzn-Oidc-Accesstoken") != "" {
		t.Error("the access token went to a backend whose rule does not ask for it")
	}
	token := b.navigate(t, "/token").seen(t).Header.Get("X-Amzn-Oidc-Accesstoken")
	if strings.Count(token, ".") != 2 {
		t.Errorf("the access token did not come: %q", token)
	}
	b.do(t, "GET", "/evil%20name?q=1", "", "User-Agent", "x\" \\é FORGED")
	location, err := url.Parse(begun.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	cookies := b.cookies(t)
	_, cookie, _ := strings.Cut(cookies, "=")
	w.site.Close() // waits for the lines of what was answered
	logs := w.access.String() + w.logs.String()
	for what, secret := range map[string]string{"token": token, "state": location.Query().Get("state"), "cookie": cookie, "query value": "SECRETVALUE", "session id": "SECRETSESSION",
		"bare query": "SECRETBARE", "code": "code=", "state parameter": "state=", "escape": "\x1b"} {
		if secret == "" || strings.Contains(logs, secret) {
			t.Errorf("the log has the %s (%q)", what, secret)
		}
	}
	for _, want := range []string{`"type":"http"`, `/deep?session_id&x&...`, `"elb_status_code":302`, `"actions_executed":"authenticate,forward"`, `"rule":"0 /"`, `/oauth2/idpresponse HTTP/1.1`,
		`"target_status_code":"200"`, `"user_agent":"x? ?? FORGED"`, `"trace_id":"Root=1-`, `"classification":"Acceptable"`} {
		if !strings.Contains(w.access.String(), want) {
			t.Errorf("the access log lacks %s:\n%s", want, w.access.String())
		}
	}
}

// Pages tell no other site where the browser was, and no other site may frame them.
func TestA62_PagesAreNotFramed(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/oauth2/sign-out", "/oauth2/idpresponse?state=x", "/a//b"} {
		got := w.browser().navigate(t, path)
		if !strings.Contains(got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || got.Header.Get("Referrer-Policy") == "" {
			t.Errorf("%s: %v", path, got.Header)
		}
	}
}
