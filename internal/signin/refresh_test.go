package signin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// due is a signed-in browser whose access token is about to end.
func due(w *world) *browser {
	w.t.Helper()
	w.script(func() { w.lifetime = 600 })
	b := newBrowser()
	w.signIn(b)
	w.clock.advance(9*time.Minute - time.Second)
	w.mustSession(b)
	if w.counted("refresh_token") != 0 {
		w.t.Fatal("refreshed before a minute was left")
	}
	w.clock.advance(time.Second)
	return b
}

func TestTokensAreRefreshedAMinuteEarly(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	before := b.cookies[shard0]
	s := w.mustSession(b)
	if w.counted("refresh_token") != 1 || b.cookies[shard0] == before || !s.AccessTokenExpiresAt.Equal(w.clock.now().Add(10*time.Minute)) {
		t.Fatalf("refreshed %d times, access token ends %v", w.counted("refresh_token"), s.AccessTokenExpiresAt)
	}
	if w.counted("/userinfo") != 2 {
		t.Errorf("userinfo asked %d times, want once for each set of tokens", w.counted("/userinfo"))
	}
	if again := w.mustSession(b); again.AccessToken.RevealString() != s.AccessToken.RevealString() || again.ID != s.ID || w.counted("refresh_token") != 1 {
		t.Error("the refreshed session did not stay")
	}
	w.clock.advance(9 * time.Minute) // and again, with the rotated refresh token
	if w.mustSession(b); w.counted("refresh_token") != 2 {
		t.Error("not refreshed a second time")
	}
}

func TestShortTokensAreRefreshedAtAFifth(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.lifetime = 100 })
	w.signIn(b)
	w.clock.advance(79 * time.Second)
	if w.mustSession(b); w.counted("refresh_token") != 0 {
		t.Fatal("refreshed too early")
	}
	w.clock.advance(time.Second)
	if w.mustSession(b); w.counted("refresh_token") != 1 {
		t.Fatal("not refreshed")
	}
}

func TestNoLifetimeMeansNoRefresh(t *testing.T) {
	for _, lifetime := range []any{nil, 0, -5, "soon"} {
		w, b := newWorld(t), newBrowser()
		w.script(func() { w.answer = func(m map[string]any) { m["expires_in"] = lifetime } })
		w.signIn(b)
		w.clock.advance(time.Hour - time.Second)
		if s := w.mustSession(b); w.counted("refresh_token") != 0 || !s.AccessTokenExpiresAt.IsZero() {
			t.Errorf("lifetime %v: refreshed %d times, ends %v", lifetime, w.counted("refresh_token"), s.AccessTokenExpiresAt)
		}
	}
}

func TestA39_ParallelRequestsRefreshOnce(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	w.at("/token", func(rw http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{} // a second one would wait for ever, and the client's timeout fail the test
		<-release
		w.idp.mu.Lock()
		defer w.idp.mu.Unlock()
		w.idp.token(rw, r)
	})
	var tokens [100]string
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			s, err := w.session(b.copy())
			if err != nil {
				t.Error(err)
				return
			}
			tokens[i] = s.AccessToken.RevealString()
		})
	}
	<-arrived
	close(release)
	wg.Wait()
	for _, token := range tokens {
		if token == "" || token != tokens[0] {
			t.Fatalf("tokens %q and %q", token, tokens[0])
		}
	}
	if n := w.counted("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes, want 1", n)
	}
}

func TestA39_CookieFromBeforeGetsTheSameResult(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	before := b.copy()
	fresh := w.mustSession(b)
	w.clock.advance(9*time.Minute - time.Second) // until the new tokens are due themselves
	late := before.copy()
	if s := w.mustSession(late); s.AccessToken.RevealString() != fresh.AccessToken.RevealString() || w.counted("refresh_token") != 1 {
		t.Fatal("a late request got another result")
	}
	if s := w.mustSession(late); s.AccessToken.RevealString() != fresh.AccessToken.RevealString() {
		t.Fatal("its own cookie is not the fresh one")
	}
	// Rotating the cookie keys in between forgets nothing.
	rotated, err := w.gate.WithKeys([][]byte{testBytes(9), testBytes(1)})
	if err != nil {
		t.Fatal(err)
	}
	w.gate = rotated
	if w.mustSession(before.copy()); w.counted("refresh_token") != 1 {
		t.Fatal("refreshed twice")
	}
}

func TestOldCookieFollowsSeveralGenerations(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.lifetime = 20 })
	w.signIn(b)
	before := b.copy()
	for range 3 {
		w.clock.advance(16 * time.Second)
		w.mustSession(b)
	}
	newest := w.mustSession(b)
	if s := w.mustSession(before); s.AccessToken.RevealString() != newest.AccessToken.RevealString() || w.counted("refresh_token") != 3 {
		t.Fatalf("%d refreshes, and the old cookie is not at the newest", w.counted("refresh_token"))
	}
}

func TestIssuerInTroubleKeepsTheSession(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{"503": status(503), "cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := due(w)
			w.at("/token", h)
			old := w.mustSession(b).AccessToken.RevealString()
			asked := w.counted("/token")
			w.clock.advance(renewalPause - time.Second)
			if w.mustSession(b); w.counted("/token") != asked {
				t.Error("an issuer in trouble is asked with every request")
			}
			w.clock.advance(time.Minute + refreshGrace - renewalPause) // one second before the grace ends
			if w.mustSession(b).AccessToken.RevealString() != old || w.counted("/token") == asked {
				t.Error("not tried again")
			}
			w.clock.advance(renewalPause)
			_, err := w.session(b)
			wantKind(t, err, Unreachable, 504, "/token")
			w.at("/token", nil)
			w.clock.advance(renewalPause)
			if w.mustSession(b).AccessToken.RevealString() == old {
				t.Error("the issuer is back, and the session has its old token")
			}
		})
	}
}

// A refusal that is not about the session, such as a client secret that was changed, ends it with its access token.
func TestIssuerThatRefusesTheClient(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	w.at("/token", func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, 401, map[string]any{"error": "invalid_client"})
	})
	w.mustSession(b)
	w.clock.advance(time.Minute + refreshGrace)
	w.mustNot(b.copy(), "after the grace")
	w.at("/token", nil)
	w.clock.advance(renewalPause)
	w.mustSession(b) // it was not ended for good: the secret was mended in time
}

func TestInvalidGrantEndsTheSessionForGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ended")
	w := newWorld(t)
	w.cfg.Ended = openEnded(t, path, w.clock)
	w.restart()
	b := due(w)
	copied := b.copy()
	w.script(func() { clear(w.refreshes) })
	w.mustNot(b, "after the issuer withdrew it")
	if len(b.cookies) != 0 {
		t.Errorf("cookies left: %v", b.cookies)
	}
	w.restart()
	w.mustNot(copied, "a copy after a restart")
	if n := w.counted("refresh_token"); n != 1 {
		t.Errorf("the issuer was asked %d times about a dead token", n)
	}
}

func TestRefreshAboutSomebodyElseEndsTheSession(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"another subject":    func(w *world) { w.claims = func(c members) { c["sub"] = "user-2" } },
		"another audience":   func(w *world) { w.claims = func(c members) { c["aud"] = "other" } },
		"another nonce":      func(w *world) { w.claims = func(c members) { c["nonce"] = "other" } },
		"another at_hash":    func(w *world) { w.claims = func(c members) { c["at_hash"] = "other" } },
		"userinfo's subject": func(w *world) { w.userInfo = func(c members) { c["sub"] = "user-2" } },
	} {
		w := newWorld(t)
		b := due(w)
		copied := b.copy()
		w.script(func() { change(w) })
		w.mustNot(b, name)
		w.mustNot(copied, name+", a copy")
		if !strings.Contains(w.logs.String(), "the session ends with its refresh") {
			t.Errorf("%s: not logged: %s", name, w.logs.String())
		}
	}
}

// Without userinfo the ID token alone says who it is about.
func TestRefreshedIDTokenAboutSomebodyElse(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.UserInfo = false })
	b := due(w)
	w.script(func() { w.claims = func(c members) { c["sub"] = "user-2" } })
	w.mustNot(b, "another subject")
}

func TestUserInfoThatRefusesEndsTheSession(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	w.at("/userinfo", status(401)) // the person was blocked
	w.mustNot(b, "nobody vouches any more")
}

// New tokens must not be lost because something beside them is in trouble.
func TestRefreshSurvivesTroubleBesideIt(t *testing.T) {
	for _, path := range []string{"/userinfo", "/jwks"} {
		w := newWorld(t)
		b := due(w)
		w.restart() // which forgets the issuer's keys
		w.at(path, status(503))
		s := w.mustSession(b)
		if w.counted("refresh_token") != 1 || !s.AccessTokenExpiresAt.Equal(w.clock.now().Add(10*time.Minute)) {
			t.Fatalf("%s: access token ends %v", path, s.AccessTokenExpiresAt)
		}
		if s.Claims["name"] != "From userinfo" || s.Subject != "user-1" {
			t.Errorf("%s: claims = %v", path, s.Claims)
		}
	}
}

func TestRefreshAnswerMayLeaveOutWhatStays(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	old := w.gate
	idToken := func() string { s, _, _ := old.open(b.request(site)); return s.IDToken }
	before := idToken()
	w.script(func() {
		w.answer = func(m map[string]any) { delete(m, "id_token"); delete(m, "refresh_token") }
	})
	w.mustSession(b)
	s, _, _ := w.gate.open(b.request(site))
	if s.IDToken != before || s.RefreshToken == "" || s.Generation != 1 {
		t.Fatalf("generation %d, the ID token stayed: %v", s.Generation, s.IDToken == before)
	}
}

func TestRefreshBringsNewClaims(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	w.script(func() { w.userInfo = func(m members) { m["name"] = "Renamed" } })
	if got := w.mustSession(b).Claims["name"]; got != "Renamed" {
		t.Fatalf("name = %v", got)
	}
}

// hold lets one refresh arrive at the issuer and wait there.
func hold(w *world) (arrived, release chan struct{}) {
	arrived, release = make(chan struct{}), make(chan struct{})
	w.at("/token", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		w.idp.mu.Lock()
		defer w.idp.mu.Unlock()
		w.idp.token(rw, r)
	})
	return arrived, release
}

func TestA44_LogoutDuringRefresh(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	arrived, release := hold(w)
	slow := b.copy()
	done := make(chan error)
	go func() {
		_, err := w.session(slow)
		done <- err
	}()
	<-arrived
	if _, err := w.logout(b, ""); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-done; err != ErrNoSession || len(slow.cookies) != 0 {
		t.Fatalf("the refresh brought the session back: %v, %v", err, slow.cookies)
	}
}

// Whoever closes the tab does not lose the rotated refresh token.
func TestRefreshOutlivesItsRequest(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	arrived, release := hold(w)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = w.gate.Session(httptest.NewRecorder(), b.request(site).WithContext(ctx))
	}()
	<-arrived
	cancel()
	// Another one that waits and leaves is not held up by it: its access token still works.
	s, err := w.gate.Session(httptest.NewRecorder(), b.request(site).WithContext(ctx))
	if err != nil || s.AccessTokenExpiresAt.After(w.clock.now().Add(time.Minute)) {
		t.Errorf("a request that gave up got %v, %v", s, err)
	}
	close(release)
	<-gone
	fresh := w.mustSession(b)
	if n := w.counted("refresh_token"); n != 1 || !fresh.AccessTokenExpiresAt.Equal(w.clock.now().Add(10*time.Minute)) {
		t.Fatalf("%d refreshes, access token ends %v: the result was lost with the request", n, fresh.AccessTokenExpiresAt)
	}
}
