package frontdoor_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

func TestWithoutASession(t *testing.T) {
	w := newWorld(t, func(w *world) {
		b := mustURL(w.backend.URL)
		w.cfg.Rules = append(w.cfg.Rules, rule("/deny", b, func(r *ruleT) { r.Unauthenticated = frontdoor.Deny }),
			rule("/allow", b, func(r *ruleT) { r.Unauthenticated = frontdoor.Allow }), rule("/ping", b, func(r *ruleT) { r.Public = true }))
	})
	html := []string{"Accept", "text/html"}
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
	}{
		"a person":         {"GET", "/", html, 302},
		"a script's fetch": {"GET", "/", []string{"Accept", "text/html", "Sec-Fetch-Mode", "cors"}, 401},
		"a program":        {"GET", "/", []string{"Accept", "application/json"}, 401},
		"no preference":    {"GET", "/", nil, 401},
		"a form":           {"POST", "/", html, 401},
		"deny":             {"GET", "/deny", html, 401},
		"allow":            {"GET", "/allow", html, 200},
		"public":           {"GET", "/ping", nil, 200},
		"below public":     {"POST", "/ping/x", nil, 200},
		"trace":            {"TRACE", "/ping", nil, 405},
	} {
		got := w.browser().do(t, c.method, c.path, "", c.headers...)
		if got.Status != c.status {
			t.Errorf("%s: %d %s; want %d", name, got.Status, got.Body, c.status)
		}
		if got.Status == 401 && c.path == "/" {
			var body struct {
				Error     string `json:"error"`
				SignInURL string `json:"sign_in_url"`
			}
			if err := json.Unmarshal([]byte(got.Body), &body); err != nil || body.Error != "not_signed_in" || body.SignInURL != w.site.URL+"/oauth2/sign-in" {
				t.Errorf("%s: %s", name, got.Body)
			}
		}
	}
	b := w.signedIn(t)
	if h := b.navigate(t, "/allow").seen(t).Header; h.Get("X-Amzn-Oidc-Identity") != subject {
		t.Error("an allow rule does not tell who is signed in")
	}
	if h := b.navigate(t, "/ping").seen(t).Header; h.Get("X-Amzn-Oidc-Data") != "" || strings.Contains(h.Get("Cookie"), "LanyardFrontDoor") {
		t.Errorf("a public rule tells who is signed in: %v", h)
	}
}

func TestBackendThatFails(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w := newWorld(t, func(w *world) {
		w.cfg.Rules = append(w.cfg.Rules, rule("/gone", mustURL(gone.URL), func(r *ruleT) { r.Public = true }), rule("/slow", mustURL(w.backend.URL), func(r *ruleT) { r.Public = true }))
		w.cfg.ResponseTimeout = 50 * time.Millisecond
	})
	w.serving(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for path, want := range map[string]int{"/gone": 502, "/slow": 504} {
		got := w.browser().do(t, "GET", path, "", "Accept", "text/html")
		if got.Status != want || !strings.Contains(got.Body, "Try again in a moment") || strings.Contains(got.Body, strings.TrimPrefix(gone.URL, "http://")) {
			t.Errorf("%s: %d %s; want %d", path, got.Status, got.Body, want)
		}
		if got := w.browser().do(t, "GET", path, ""); got.Status != want || !strings.Contains(got.Body, `"error":"backend_`) {
			t.Errorf("%s for a program: %d %s", path, got.Status, got.Body)
		}
	}
}

func TestIssuerThatFails(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	begun := b.navigate(t, "/")
	state := mustURL(begun.Header.Get("Location")).Query().Get("state")
	if got := b.navigate(t, frontdoor.CallbackPath+"?error=server_error&state="+state+"&iss="+w.cfg.Issuer); got.Status != 561 || !strings.Contains(got.Body, "server_error") {
		t.Errorf("an error of the issuer: %d %s", got.Status, got.Body)
	}
	begun = b.navigate(t, "/")
	state = mustURL(begun.Header.Get("Location")).Query().Get("state")
	if got := b.navigate(t, frontdoor.CallbackPath+"?error=access_denied&state="+state+"&iss="+w.cfg.Issuer); got.Status != 401 {
		t.Errorf("a refusal: %d %s", got.Status, got.Body)
	}
	begun = b.navigate(t, "/")
	state = mustURL(begun.Header.Get("Location")).Query().Get("state")
	w.idp.Close()
	if got := b.navigate(t, frontdoor.CallbackPath+"?code=code-of-nobody&state="+state+"&iss="+w.cfg.Issuer); got.Status != 500 || strings.Contains(got.Body, "code-of-nobody") {
		t.Errorf("a token endpoint that is gone: %d %s", got.Status, got.Body)
	}
}

func TestBodyLimit(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.Rules = append(w.cfg.Rules, rule("/small", mustURL(w.backend.URL), func(r *ruleT) { r.Public, r.MaxBody = true, 10 }))
	})
	if got := w.browser().do(t, "POST", "/small", "0123456789"); got.Status != 200 || got.seen(t).Body != "0123456789" {
		t.Errorf("ten bytes: %d %s", got.Status, got.Body)
	}
	if got := w.browser().do(t, "POST", "/small", "0123456789a"); got.Status != 413 {
		t.Errorf("eleven bytes: %d %s", got.Status, got.Body)
	}
	resp, body := w.raw(t, "POST /small HTTP/1.1", "Host: "+w.host(), "Connection: close", "Transfer-Encoding: chunked", "", "b", "0123456789a", "0")
	if resp.StatusCode != 413 {
		t.Errorf("eleven bytes in pieces: %d %s", resp.StatusCode, body)
	}
}

func TestRatesPerAddressAndUser(t *testing.T) {
	t.Run("address", func(t *testing.T) {
		w := newWorld(t, trustLoopback, func(w *world) { w.cfg.Limits.PerAddress = frontdoor.Rate{PerSecond: 1, Burst: 2} })
		b := w.browser()
		from := func(ip string) answer { return b.do(t, "GET", "/", "", "X-Forwarded-For", ip) }
		from("203.0.113.1")
		from("203.0.113.1")
		if got := from("203.0.113.1"); got.Status != 429 || got.Header.Get("Retry-After") != "1" {
			t.Errorf("the third: %d, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
		}
		if got := from("203.0.113.2"); got.Status == 429 {
			t.Error("another address is limited too")
		}
		w.advance(time.Second)
		if got := from("203.0.113.1"); got.Status == 429 {
			t.Error("a second later it is still limited")
		}
	})
	t.Run("user", func(t *testing.T) {
		w := newWorld(t, func(w *world) { w.cfg.Limits.PerUser = frontdoor.Rate{PerSecond: 1, Burst: 2} })
		b, other := w.signedIn(t), w.signedIn(t) // one user in two browsers
		b.navigate(t, "/")
		other.navigate(t, "/")
		if got := b.navigate(t, "/"); got.Status != 429 {
			t.Errorf("the third: %d", got.Status)
		}
	})
}

func TestClaimsThatAreTooLarge(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.idpCfg.User.Name = strings.Repeat("n", 3000)
		w.idpCfg.User.Email = strings.Repeat("e", 2500) + "@example.com"
	})
	b := w.browser()
	begun := b.navigate(t, "/")
	person, err := b.person().Allow(t.Context(), begun.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	got := b.navigate(t, strings.TrimPrefix(person, w.site.URL))
	if got.Status == http.StatusFound {
		got = b.navigate(t, "/")
	}
	if got.Status != 500 || !strings.Contains(got.Body, "too large") && !strings.Contains(got.Body, "11 KiB") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestSubjectThatFitsNoHeader(t *testing.T) {
	w := newWorld(t, func(w *world) { w.idpCfg.User.Subject = " user-1 " })
	got := w.signedIn(t).navigate(t, "/")
	if got.Status != 561 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
