package frontdoor_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

const studio = "https://studio.example.com"

// preflight is how a browser asks whether a page may send JSON with the user's cookie.
func preflight(origin string) []string {
	return []string{"Origin", origin, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "cross-site", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}
}

func TestTrustedOriginsMaySendJSON(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.TrustedOrigins = []string{studio} })
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Access-Control-Allow-Origin", "*")
		echo(rw, r)
	})
	asked := w.browser().do(t, "OPTIONS", "/invocations", "", preflight(studio)...)
	for name, want := range map[string]string{"Access-Control-Allow-Origin": studio, "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "POST",
		"Access-Control-Allow-Headers": "content-type", "Vary": "Origin"} {
		if got := asked.Header.Get(name); asked.Status != http.StatusNoContent || got != want {
			t.Errorf("preflight: %d, %s %q; want %q", asked.Status, name, got, want)
		}
	}
	sent := []string{"Origin", studio, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site", "Content-Type", "application/json"}
	got := w.signedIn(t).do(t, "POST", "/invocations", "{}", sent...)
	if allowed := got.Header.Values("Access-Control-Allow-Origin"); got.Status != 200 || !slices.Equal(allowed, []string{studio}) || got.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the request: %d, allowed origins %q", got.Status, allowed)
	}
	if got := w.browser().do(t, "POST", "/invocations", "{}", sent...); got.Status != http.StatusUnauthorized || got.Header.Get("Access-Control-Allow-Origin") != studio {
		t.Errorf("a stranger's: %d; its page must be able to read that a sign-in is needed: %v", got.Status, got.Header)
	}
}

func TestA62_OtherOriginsAreAllowedNothing(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.TrustedOrigins = []string{studio}
		w.cfg.Rules = append(w.cfg.Rules, frontdoor.Rule{Path: "/public", Public: true, Backend: mustURL(w.backend.URL)})
	})
	cookie := w.signedIn(t).cookies(t)
	for _, origin := range []string{"https://evil.example", "null", studio + ".evil.example", "http://studio.example.com", studio + "/"} {
		for _, method := range []string{"OPTIONS", "GET", "POST"} {
			got := w.browser().do(t, method, "/invocations", "", append(preflight(origin), "Cookie", cookie)...)
			if got.Header.Get("Access-Control-Allow-Origin") != "" || got.Status == http.StatusNoContent {
				t.Errorf("%s of %s: %d %v", method, origin, got.Status, got.Header)
			}
		}
	}
	// A public rule's backend speaks for itself.
	if got := w.browser().do(t, "OPTIONS", "/public", "", preflight(studio)...); got.Status != 200 || got.seen(t).Method != "OPTIONS" || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight of a public rule: %d %v", got.Status, got.Header)
	}
}
