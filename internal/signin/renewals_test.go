package signin

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// filled has a result for each of many sessions.
func filled(t *testing.T, m *renewals, now time.Time, kept time.Duration) {
	t.Helper()
	for i := len(m.by); i < maxRenewals; i++ {
		s := &session{ID: strconv.Itoa(i)}
		r, mine, err := m.join(s, now)
		if !mine || err != nil {
			t.Fatalf("somebody else's refresh, %v", err)
		}
		r.firm, r.until = now.Add(kept), now.Add(time.Hour) // as finish does, without its sweep
		close(r.done)
	}
}

func TestA50_RenewalsAreBounded(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	m := w.gate.renewals
	filled(t, m, w.clock.now(), 2*time.Minute)
	w.mustSession(b) // which keeps its old tokens for the time being
	if w.counted("refresh_token") != 0 || len(m.by) != maxRenewals {
		t.Fatalf("%d entries, %d refreshes: a result that an answer depends on was given up", len(m.by), w.counted("refresh_token"))
	}
	w.clock.advance(2 * time.Minute)
	if w.mustSession(b); w.counted("refresh_token") != 1 || len(m.by) != maxRenewals {
		t.Fatalf("%d entries, %d refreshes: no room was made", len(m.by), w.counted("refresh_token"))
	}
	w.clock.advance(time.Hour)
	if _, _, err := m.join(&session{ID: "another"}, w.clock.now()); err != nil || len(m.by) != 1 {
		t.Fatalf("%d entries, %v: what is not needed was not forgotten", len(m.by), err)
	}
}

func TestA50_SupersededSessionsAreBounded(t *testing.T) {
	m, now := newRenewals(), newClock().now()
	for i := range maxSuperseded {
		m.newest[endedID{byte(i), byte(i >> 8), byte(i >> 16)}] = generation{1, now.Unix()}
	}
	next := &session{ID: "one more", Generation: 1, EndsAt: now.Add(time.Hour).Unix()}
	m.supersede(next, now)
	if len(m.newest) != maxSuperseded {
		t.Fatalf("%d entries", len(m.newest))
	}
	m.supersede(next, now.Add(2*time.Second))
	if len(m.newest) != 1 {
		t.Fatalf("%d entries after the others ended", len(m.newest))
	}
	if _, _, err := m.join(&session{ID: "one more"}, now); !errors.Is(err, errSuperseded) {
		t.Fatalf("join = %v", err)
	}
	if _, mine, err := m.join(next, now); !mine || err != nil {
		t.Fatalf("the newest one is refused: %v", err)
	}
}

// A cookie whose renewal is forgotten has a refresh token that was used up: sending it again would look like theft.
func TestA39_CookieFromLongBeforeCostsNobodyTheSession(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	before := b.copy()
	w.mustSession(b)
	w.clock.advance(9 * time.Minute)
	asked := w.counted("refresh_token")
	had := len(before.cookies)
	w.mustNot(before, "a cookie from long before")
	if w.counted("refresh_token") != asked {
		t.Error("the used refresh token was sent again")
	}
	if len(before.cookies) != had {
		t.Error("cookies were cleared, which may be the newer ones by the time the answer arrives")
	}
	w.mustSession(b) // with a refresh of its own
	w.mustNot(before, "a cookie from long before")
	w.mustSession(b)
}

// The answer with the renewed cookie was lost, and the browser comes back later than any answer takes.
func TestA39_LostAnswerCostsNobodyTheSession(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	other := b.copy()
	w.mustSession(other) // b never sees this answer
	w.clock.advance(8 * time.Minute)
	w.mustSession(b)
	w.mustSession(other)
	if n := w.counted("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

// A slow answer brings a cookie that is many short-lived tokens behind, over the newer one.
func TestA39_SlowAnswerBringsAnOldCookie(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.lifetime = 20 })
	w.signIn(b)
	w.clock.advance(16 * time.Second)
	slow := httptest.NewRecorder()
	if _, err := w.gate.Session(slow, b.request(site+"/page")); err != nil {
		t.Fatal(err)
	}
	for range int(defaultAnswer / (16 * time.Second)) {
		w.mustSession(b)
		w.clock.advance(16 * time.Second)
	}
	newest := w.mustSession(b)
	asked := w.counted("refresh_token")
	b.take(slow)
	if s := w.mustSession(b); s.AccessToken.RevealString() != newest.AccessToken.RevealString() || w.counted("refresh_token") != asked {
		t.Fatal("the old cookie did not lead to the newest tokens")
	}
}

// An issuer that gives no new refresh token has used none up.
func TestRefreshTokenThatStaysIsUsedAgain(t *testing.T) {
	w := newWorld(t)
	b := due(w)
	w.script(func() {
		w.answer = func(m map[string]any) { delete(m, "refresh_token") }
	})
	w.at("/token", func(rw http.ResponseWriter, r *http.Request) {
		w.idp.mu.Lock()
		defer w.idp.mu.Unlock()
		known := maps.Clone(w.refreshes)
		w.idp.token(rw, r)
		w.refreshes = known
	})
	before := b.copy()
	w.mustSession(b)
	w.clock.advance(9 * time.Minute)
	w.mustSession(before)
	if n := w.counted("refresh_token"); n != 2 {
		t.Fatalf("%d refreshes, want 2", n)
	}
}
