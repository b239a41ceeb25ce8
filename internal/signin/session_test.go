package signin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const shard0 = "__Host-LanyardFrontDoor-0"

func TestSessionEndsWhenIdle(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.idp.noRefresh = true })
	w.signIn(b)
	w.clock.advance(time.Hour - time.Second)
	kept := b.copy()
	w.mustSession(b) // which seals it anew
	w.clock.advance(time.Second)
	w.mustNot(kept, "a cookie that was not used for an hour")
	if len(kept.cookies) != 0 {
		t.Errorf("a dead cookie stays: %v", kept.cookies)
	}
	w.mustSession(b)
}

func TestSessionSlidesAndEndsAbsolutely(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.idp.noRefresh = true })
	w.signIn(b)
	id := w.mustSession(b).ID
	for i := range 35 {
		w.clock.advance(20 * time.Minute)
		s := w.mustSession(b)
		if s.ID != id {
			t.Fatalf("step %d: another session", i)
		}
		if s.ExpiresAt.After(s.SignedInAt.Add(12 * time.Hour)) {
			t.Fatalf("ends at %v, signed in at %v", s.ExpiresAt, s.SignedInAt)
		}
	}
	w.clock.advance(20*time.Minute - time.Second)
	w.mustSession(b)
	w.clock.advance(time.Second)
	w.mustNot(b, "after twelve hours")
}

// Without a refresh token the session outlives the access token, as behind a load balancer.
func TestSessionOutlivesAccessTokenWithoutRefreshToken(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.idp.noRefresh, w.lifetime = true, 60 })
	w.signIn(b)
	w.clock.advance(50 * time.Minute)
	if s := w.mustSession(b); s.AccessTokenExpiresAt.After(w.clock.now()) || w.counted("refresh_token") != 0 {
		t.Fatalf("access token ends %v", s.AccessTokenExpiresAt)
	}
}

func TestCookieIsSealedAnewAtHalfTime(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.idp.noRefresh = true })
	w.signIn(b)
	for _, step := range []struct {
		after time.Duration
		anew  bool
	}{{30*time.Minute - time.Second, false}, {time.Second, true}, {time.Second, false}, {30 * time.Minute, true}} {
		w.clock.advance(step.after)
		before := b.cookies[shard0]
		s := w.mustSession(b)
		if anew := b.cookies[shard0] != before; anew != step.anew {
			t.Fatalf("after %v: sealed anew = %v", step.after, anew)
		}
		if step.anew && !s.ExpiresAt.Equal(w.clock.now().Add(time.Hour)) {
			t.Errorf("after %v: ends %v", step.after, s.ExpiresAt)
		}
	}
}

// A longer time configured later must not revive what was to end earlier: nobody remembers its sign-out any more.
func TestLongerTimesReviveNothing(t *testing.T) {
	w, b := newWorld(t, func(c *Config) { c.Absolute = time.Hour }), newBrowser()
	w.script(func() { w.idp.noRefresh = true })
	w.signIn(b)
	w.cfg.Absolute, w.cfg.Idle = 100*time.Hour, 100*time.Hour
	w.restart()
	w.clock.advance(time.Hour - time.Second)
	w.mustSession(b)
	w.clock.advance(time.Second)
	w.mustNot(b, "a session that was to last an hour")
}

func TestA44_AlteredCookieOpensNothing(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.idp.lifetime = 100000 })
	w.signIn(b)
	good := b.cookies[shard0]
	r := b.request(site)
	check := func(what, value string) {
		t.Helper()
		r.Header.Set("Cookie", shard0+"="+value)
		if _, err := w.gate.Session(httptest.NewRecorder(), r); err != ErrNoSession {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for i := range len(good) {
		for bit := range 7 {
			altered := []byte(good)
			altered[i] ^= 1 << bit
			check("one bit", string(altered))
		}
	}
	for n := range len(good) {
		check("cut off", good[:n])
	}
	for _, tail := range []string{"A", "=", "==", ".", "\"", "%3D", strings.Repeat("A", 4)} {
		check("longer", good+tail)
	}
	check("empty", "")
	check("no number", good[2:])
	w.mustSession(b) // and the unaltered one still opens
}

func TestA44_CookieOfAnotherGate(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	other := newWorld(t) // the same keys, another issuer
	other.mustNot(b.copy(), "another issuer")
	for name, change := range map[string]func(*Config){
		"another client":       func(c *Config) { c.ClientID = "other" },
		"another site":         func(c *Config) { c.RedirectURL = "https://other.example.com/oauth2/idpresponse" },
		"another callback":     func(c *Config) { c.RedirectURL += "/2" },
		"another key":          func(c *Config) { c.Keys = [][]byte{testBytes(2)} },
		"another configured 1": func(c *Config) { c.Issuer += "/tenant" },
	} {
		cfg := w.cfg
		change(&cfg)
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Session(httptest.NewRecorder(), b.request(site)); err != ErrNoSession {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := w.cfg
	cfg.CookieName = "Other"
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	moved := newBrowser()
	moved.cookies["__Host-Other-0"] = b.cookies[shard0]
	if _, err := g.Session(httptest.NewRecorder(), moved.request(site)); err != ErrNoSession {
		t.Errorf("another cookie name: %v", err)
	}
}

// A login cookie is made for everybody who asks: it must never be taken for a session, nor a session for an attempt.
func TestA44_CookieOfAnotherPurpose(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	begun := w.begin(b, "/")
	login := w.gate.jar.login(attemptName(query(begun).Get("state")))
	plain, _, ok := w.gate.sealer.open(purposeLogin, login, b.cookies[login])
	if !ok {
		t.Fatal("the login cookie does not open as itself")
	}
	for _, c := range []struct {
		p    purpose
		name string
	}{{purposeSession, login}, {purposeSession, w.gate.jar.name}, {purposeLogin, w.gate.jar.name}, {purposeLogin, login + "0"}} {
		if _, _, ok := w.gate.sealer.open(c.p, c.name, b.cookies[login]); ok {
			t.Errorf("a login cookie opens as %s %s", c.p, c.name)
		}
	}
	moved := newBrowser()
	moved.cookies[shard0] = "1." + b.cookies[login]
	w.mustNot(moved, "a login cookie as a session")
	moved.cookies[shard0] = "1." + w.gate.sealer.seal(purposeSession, w.gate.jar.name, plain)
	w.mustNot(moved, "what is no session, sealed as one")
}

func TestA44_CookieThatCameTwice(t *testing.T) {
	w, b, attacker := newWorld(t), newBrowser(), newBrowser()
	w.signIn(b)
	w.signIn(attacker)
	b.extra = []string{shard0 + "=" + attacker.cookies[shard0]}
	w.mustNot(b, "two session cookies")
}

func TestKeyRotation(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	old := b.copy()
	rotated, err := w.gate.WithKeys([][]byte{testBytes(2), testBytes(1)})
	if err != nil {
		t.Fatal(err)
	}
	w.gate = rotated
	id := w.mustSession(b).ID
	if b.cookies[shard0] == old.cookies[shard0] {
		t.Fatal("the cookie stays under the older key")
	}
	if w.gate, err = rotated.WithKeys([][]byte{testBytes(2)}); err != nil {
		t.Fatal(err)
	}
	if got := w.mustSession(b).ID; got != id {
		t.Fatal("another session after the rotation")
	}
	w.mustNot(old, "a cookie under a key that is gone")
	for _, bad := range [][][]byte{nil, {testBytes(0)}, {testBytes(1)[:31]}, make([][]byte, maxKeys+1)} {
		if _, err := rotated.WithKeys(bad); err == nil {
			t.Errorf("WithKeys(%d keys) was accepted", len(bad))
		}
	}
}

type failingEnded struct{ EndedSessions }

var errDisk = errors.New("disk on fire")

func (failingEnded) Ended(context.Context, string) (bool, error)  { return false, errDisk }
func (failingEnded) End(context.Context, string, time.Time) error { return errDisk }

func TestRecordThatCannotBeReadLetsNobodyIn(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	w.cfg.Ended = failingEnded{}
	w.restart()
	s, err := w.session(b)
	wantKind(t, err, Internal, 500, "nobody is let in")
	if s != nil || !errors.Is(err, errDisk) {
		t.Fatalf("session = %v, %v", s, err)
	}
	if _, there := b.cookies[shard0]; !there {
		t.Error("the cookie was cleared for a failure of ours")
	}
}

func FuzzOpenCookie(f *testing.F) {
	w, b := newWorld(f), newBrowser()
	w.signIn(b)
	good := b.cookies[shard0]
	for _, s := range []string{good, "1.", "4.AAAA", good[:40], "0." + good[2:], ""} {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, site, nil)
		r.Header["Cookie"] = []string{shard0 + "=" + first + "; " + w.gate.jar.shard(1) + "=" + second}
		text, _ := w.gate.jar.readSession(r)
		s, err := w.gate.Session(httptest.NewRecorder(), r)
		if (err == nil) != (text == good[2:]) || (s == nil) == (err == nil) {
			t.Fatalf("cookie %q %q: %v, %v", first, second, s, err)
		}
	})
}
