package signin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSignIn(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.mustNot(b, "before the sign-in")
	rec := w.signIn(b)
	if got := rec.Header().Get("Location"); rec.Code != http.StatusFound || got != "/start?x=1" {
		t.Fatalf("callback answered %d to %q, want 302 to /start?x=1", rec.Code, got)
	}
	if rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("callback's headers are %v: it must not be kept, and its URL has the code", rec.Header())
	}
	s := w.mustSession(b)
	now := w.clock.now()
	want := map[string]any{
		"iss": w.cfg.Issuer, "sub": "user-1", "aud": clientID, "iat": json.Number(fmt.Sprint(now.Unix())), "exp": json.Number(fmt.Sprint(now.Unix() + 300)),
		"email": "robin@example.com", "name": "From userinfo", "groups": []any{"a", "b"}, "serial": json.Number("9007199254740993"),
	}
	if diff := cmp.Diff(want, s.Claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if s.Subject != "user-1" || s.Issuer != w.cfg.Issuer || len(s.ID) != 43 || s.UserInfo["name"] != "From userinfo" {
		t.Errorf("session = %+v of %q", s, s.Subject)
	}
	if !strings.HasPrefix(s.AccessToken.RevealString(), "access-token-") || strings.Count(s.IDToken.RevealString(), ".") != 2 {
		t.Error("the session has not the issuer's tokens")
	}
	if !s.SignedInAt.Equal(now) || !s.ExpiresAt.Equal(now.Add(time.Hour)) || !s.AccessTokenExpiresAt.Equal(now.Add(time.Hour)) {
		t.Errorf("times = %v, %v, %v", s.SignedInAt, s.ExpiresAt, s.AccessTokenExpiresAt)
	}
}

func TestSessionWithIDTokenAlone(t *testing.T) {
	w, b := newWorld(t, func(c *Config) { c.UserInfo = false }), newBrowser()
	w.signIn(b)
	s := w.mustSession(b)
	if s.UserInfo != nil || s.Claims["name"] != "From ID token" || w.counted("/userinfo") != 0 {
		t.Fatalf("claims = %v, userinfo = %v, asked %d times", s.Claims, s.UserInfo, w.counted("/userinfo"))
	}
	for _, name := range []string{"nonce", "at_hash"} {
		if _, there := s.Claims[name]; there {
			t.Errorf("claims have %s, which is nobody else's business", name)
		}
	}
}

func TestUserInfoCannotReplaceWhatTheIDTokenSaysOfItself(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() {
		w.userInfo = func(m map[string]any) {
			m["iss"], m["aud"], m["exp"], m["nonce"] = "https://evil.example", "other", 1, "n"
		}
	})
	w.signIn(b)
	s := w.mustSession(b)
	if s.Claims["iss"] != w.cfg.Issuer || s.Claims["aud"] != clientID || s.Claims["exp"] == json.Number("1") || s.Claims["nonce"] != nil {
		t.Fatalf("claims = %v", s.Claims)
	}
}

func TestCookieAttributes(t *testing.T) {
	for _, tc := range []struct {
		redirect, name string
		secure         bool
	}{
		{callbackURL, "__Host-LanyardFrontDoor", true},
		{"http://localhost:8080/oauth2/idpresponse", "LanyardFrontDoor", false},
	} {
		w, b := newWorld(t, func(c *Config) { c.RedirectURL = tc.redirect }), newBrowser()
		begun := httptest.NewRecorder()
		if err := w.gate.Begin(begun, b.request(site+"/"), "/"); err != nil {
			t.Fatal(err)
		}
		cookies := begun.Result().Cookies()
		b.take(begun)
		rec, err := w.callback(b, w.answered(begun.Header().Get("Location")))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range append(cookies, rec.Result().Cookies()...) {
			if !strings.HasPrefix(c.Name, tc.name+"-") || c.Secure != tc.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie %q: %+v", c.Name, c)
			}
			if !w.gate.OwnsCookie(c.Name) {
				t.Errorf("OwnsCookie(%q) = false", c.Name)
			}
		}
		if _, there := b.cookies[tc.name+"-0"]; !there || len(b.cookies) != 1 {
			t.Errorf("after the sign-in the browser has %v, want the session cookie alone", b.cookies)
		}
	}
}

func TestOwnsNoOtherCookie(t *testing.T) {
	g := newWorld(t).gate
	for _, name := range []string{"", "__Host-LanyardFrontDoor", "__Host-LanyardFrontDoor-", "__Host-LanyardFrontDoor-4", "__Host-LanyardFrontDoor-00",
		"LanyardFrontDoor-0", "__Host-LanyardFrontDoor-login-", "__Host-LanyardFrontDoor-login-12", "__Host-LanyardFrontDoorX-0", "app"} {
		if g.OwnsCookie(name) {
			t.Errorf("OwnsCookie(%q) = true", name)
		}
	}
}

// An idle session costs nothing here, and a restart of the process signs nobody out.
func TestSessionSurvivesRestart(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	before := w.mustSession(b)
	w.restart()
	if after := w.mustSession(b); after.ID != before.ID {
		t.Fatal("another session after a restart")
	}
	if n := len(w.gate.renewals.by) + len(w.gate.used.until); n != 0 {
		t.Fatalf("%d entries in memory for a session that only rests", n)
	}
}

func TestA63_NoSecretIsPrinted(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	q := w.answered(w.begin(b, "/"))
	if _, err := w.callback(b, q); err != nil {
		t.Fatal(err)
	}
	s := w.mustSession(b)
	slog.New(slog.NewJSONHandler(w.logs, nil)).Info("a session", "session", s, "value", *s)
	seen := w.logs.String() + fmt.Sprintf("%v %+v %#v %s", s, *s, s, s)
	for name, secret := range map[string]string{"session id": s.ID, "access token": s.AccessToken.RevealString(), "ID token": s.IDToken.RevealString(),
		"state": q.Get("state"), "code": q.Get("code"), "client secret": clientSecret, "claim": "robin@example.com"} {
		if strings.Contains(seen, secret) {
			t.Errorf("the %s shows in %s", name, seen)
		}
	}
	if !strings.Contains(seen, "signed in") || !strings.Contains(seen, "user-1") {
		t.Errorf("the sign-in is not logged: %s", seen)
	}
}

func BenchmarkSession(b *testing.B) {
	w, br := newWorld(b), newBrowser()
	w.signIn(br)
	r := br.request(site + "/page")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.gate.Session(httptest.NewRecorder(), r); err != nil {
			b.Fatal(err)
		}
	}
}
