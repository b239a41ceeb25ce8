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
	err := w.gate.Logout(rec, r)
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
	open := func() *EndedFile {
		t.Helper()
		f, err := OpenEndedFile(path, w.clock.now)
		if err != nil {
			t.Fatal(err)
		}
		w.cfg.Ended = f
		w.restart()
		return f
	}
	f := open()
	w.signIn(b)
	copied, stays := b.copy(), newBrowser()
	w.signIn(stays)
	if _, err := w.logout(b, ""); err != nil {
		t.Fatal(err)
	}
	w.mustNot(copied.copy(), "a copied cookie")
	f.Close() // the process ends
	f = open()
	defer f.Close()
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
