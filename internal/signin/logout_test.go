package signin

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func (w *world) logout(b *browser, site0 string) (*httptest.ResponseRecorder, error) {
	rec := httptest.NewRecorder()
	r := b.request(site + "/logout")
	if site0 != "" {
		r.Header.Set("Sec-Fetch-Site", site0)
	}
	_, err := w.gate.Logout(rec, r)
	b.take(rec)
	return rec, err
}

func TestLogoutGoesOnToTheIssuer(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	large(w, 5000)
	w.signIn(b)
	idToken := w.mustSession(b).IDToken.RevealString()
	w.begin(b, "/") // a sign-in in another tab
	b.cookies["app"] = "stays"
	rec, err := w.logout(b, "same-origin")
	if err != nil {
		t.Fatal(err)
	}
	target := rec.Header().Get("Location")
	q := query(target)
	if rec.Code != http.StatusFound || !strings.HasPrefix(target, w.web.URL+"/logout?") || q.Get("id_token_hint") != idToken ||
		q.Get("client_id") != clientID || q.Get("post_logout_redirect_uri") != site+"/" {
		t.Fatalf("sent on to %s", target)
	}
	if len(b.cookies) != 1 || b.cookies["app"] != "stays" {
		t.Errorf("cookies left: %v", b.cookies)
	}
	w.mustNot(b, "after the sign-out")
}

func TestA44_CopiedCookieAfterLogout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ended")
	w, b := newWorld(t), newBrowser()
	open := func() {
		w.cfg.Ended = openEnded(t, path, w.clock)
		w.restart()
	}
	open()
	w.signIn(b)
	copied, stays := b.copy(), newBrowser()
	w.signIn(stays)
	if _, err := w.logout(b, ""); err != nil {
		t.Fatal(err)
	}
	w.mustNot(copied.copy(), "a copied cookie")
	open() // another process
	w.mustNot(copied.copy(), "a copied cookie after a restart")
	w.mustSession(stays)
	w.clock.advance(30 * time.Minute)
	w.mustNot(copied, "a copied cookie later")
	w.mustSession(stays)
}

func TestLogoutWithoutIssuersPage(t *testing.T) {
	w, b := newWorld(t, func(c *Config) { c.PostLogoutURL = "https://www.example.com/bye" }), newBrowser()
	w.script(func() { w.metadata = func(m map[string]any) { delete(m, "end_session_endpoint") } })
	w.signIn(b)
	rec, err := w.logout(b, "none")
	if err != nil || rec.Header().Get("Location") != "https://www.example.com/bye" {
		t.Fatalf("sent on to %q, %v", rec.Header().Get("Location"), err)
	}
}

// An issuer that is down keeps nobody signed in here.
func TestLogoutWithoutIssuer(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	copied := b.copy()
	w.restart()
	w.web.Close()
	rec, err := w.logout(b, "")
	if err != nil || rec.Header().Get("Location") != site+"/" {
		t.Fatalf("sent on to %q, %v", rec.Header().Get("Location"), err)
	}
	w.mustNot(copied, "after the sign-out")
}

func TestLogoutOfNobody(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	rec, err := w.logout(b, "")
	if q := query(rec.Header().Get("Location")); err != nil || q.Has("id_token_hint") || q.Get("client_id") != clientID {
		t.Fatalf("sent on to %q, %v", rec.Header().Get("Location"), err)
	}
}

// A session that is idle for too long can still be ended at the issuer, and its copies for good.
func TestLogoutOfAnIdleSession(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	w.clock.advance(2 * time.Hour)
	rec, err := w.logout(b, "")
	if err != nil || query(rec.Header().Get("Location")).Get("id_token_hint") == "" {
		t.Fatalf("sent on to %q, %v", rec.Header().Get("Location"), err)
	}
}

func TestA62_OtherSitesSignNobodyOut(t *testing.T) {
	for _, from := range []string{"cross-site", "same-site", "made-up"} {
		w, b := newWorld(t), newBrowser()
		w.signIn(b)
		_, err := w.logout(b, from)
		wantKind(t, err, CrossSite, 403, "another site")
		w.mustSession(b)
	}
}

// Whoever was told that they are signed out must be.
func TestLogoutThatCannotBeRecorded(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	w.cfg.Ended = failingEnded{}
	w.restart()
	rec, err := w.logout(b, "")
	wantKind(t, err, Internal, 500, "cannot be recorded")
	if rec.Header().Get("Location") != "" || len(b.cookies) != 1 {
		t.Fatalf("sent on to %q, cookies %v", rec.Header().Get("Location"), b.cookies)
	}
}

// A record that has no room for the end of a session does not keep this browser signed in, and says what is left.
func TestA50_LogoutWithAFullRecord(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	full := NewEndedMemory(w.clock.now)
	for i := range maxEnded {
		full.ended.until[endedID{byte(i), byte(i >> 8), byte(i >> 16)}] = w.clock.now().Add(time.Hour).Unix()
	}
	w.cfg.Ended = full
	w.restart()
	id := w.mustSession(b).ID
	rec := httptest.NewRecorder()
	ended, err := w.gate.Logout(rec, b.request(site+"/logout"))
	b.take(rec)
	wantKind(t, err, Internal, 500, "a copy of its cookie works until 2030-01-02T15:04:05Z")
	if ended != id || len(b.cookies) != 0 || rec.Header().Get("Location") != "" {
		t.Fatalf("ended %t, cookies %v, sent on to %q", ended == id, b.cookies, rec.Header().Get("Location"))
	}
}

// What the end of a session takes with it must not depend on the issuer.
func TestLogoutNamesTheSessionWithoutIssuer(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	s, err := w.gate.Peek(b.request(site))
	if err != nil {
		t.Fatal(err)
	}
	w.web.Close()
	w.clock.advance(time.Minute + refreshGrace)
	_, err = w.session(b)
	wantKind(t, err, Unreachable, 504, "")
	ended, err := w.gate.Logout(httptest.NewRecorder(), b.request(site))
	if err != nil || ended != s.ID {
		t.Fatalf("Logout names another session, %v", err)
	}
	ended, err = w.gate.Logout(httptest.NewRecorder(), newBrowser().request(site))
	if err != nil || ended != "" {
		t.Fatalf("Logout of nobody = %q, %v", ended, err)
	}
}

func TestPeekSpendsNothing(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	s, err := w.gate.Peek(b.request(site))
	if err != nil || s.Subject != "user-1" || w.counted("refresh_token") != 0 {
		t.Fatalf("Peek = %v, %v, %d refreshes", s, err, w.counted("refresh_token"))
	}
	w.clock.advance(2 * time.Hour) // idle for too long; a copy may not be
	if _, err := w.gate.Peek(b.request(site)); err != nil {
		t.Errorf("Peek at an idle session = %v", err)
	}
	if _, err := w.gate.Peek(newBrowser().request(site)); err != ErrNoSession {
		t.Errorf("Peek at nobody = %v", err)
	}
	if _, err := w.gate.Logout(httptest.NewRecorder(), b.request(site)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gate.Peek(b.request(site)); err != ErrNoSession {
		t.Errorf("Peek after the sign-out = %v", err)
	}
	other := newBrowser()
	w.signIn(other)
	w.clock.advance(13 * time.Hour)
	if _, err := w.gate.Peek(other.request(site)); err != ErrNoSession {
		t.Errorf("Peek after the absolute end = %v", err)
	}
	w.cfg.Ended = failingEnded{}
	w.restart()
	_, err = w.gate.Peek(b.request(site))
	if w.clock.advance(-14 * time.Hour); err != ErrNoSession {
		t.Errorf("Peek past the absolute end asks the record: %v", err)
	}
	_, err = w.gate.Peek(b.request(site))
	wantKind(t, err, Internal, 500, "cannot be read")
}
