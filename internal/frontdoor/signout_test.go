package frontdoor_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/signin"
)

// record is a record of ended sessions that another replica may write too.
type record struct {
	*signin.EndedMemory

	mu   sync.Mutex
	last string // the session that was asked about last
	race bool   // end the next session right after the answer that it is alive
}

func (r *record) Ended(ctx context.Context, id string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = id
	ended, err := r.EndedMemory.Ended(ctx, id)
	if r.race && err == nil {
		r.race = false
		err = r.End(ctx, id, time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return ended, err
}

func (r *record) set(race bool) (last string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.race = race
	return r.last
}

func worldWithRecord(t *testing.T) (*world, *record) {
	t.Helper()
	r := &record{}
	return newWorld(t, func(w *world) {
		r.EndedMemory = signin.NewEndedMemory(w.now)
		w.gate.Ended = r
	}), r
}

// A sign-out between the opening of a session and the admission of its stream ends that stream too.
func TestA44_StreamAdmittedDuringASignOut(t *testing.T) {
	w, r := worldWithRecord(t)
	b := w.signedIn(t)
	reached := make(chan struct{}, 1)
	w.serving(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} })
	r.set(true)
	if got := b.do(t, "GET", "/stream", "", "Accept", "application/json"); got.Status != http.StatusUnauthorized {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	select {
	case <-reached:
		t.Error("the backend got a request of a session that had ended")
	default:
	}
}

func TestA44_SignOutElsewhereEndsOpenStreams(t *testing.T) {
	w, r := worldWithRecord(t)
	out, stays := w.signedIn(t), w.signedIn(t)
	ended := w.waiting()
	readLine(t, out.stream(t, "/").Body)
	id := r.set(false)
	readLine(t, stays.stream(t, "/").Body)
	if err := r.End(t.Context(), id, w.now().Add(time.Hour)); err != nil { // at another replica
		t.Fatal(err)
	}
	if err := w.door.Maintain(); err != nil {
		t.Fatal(err)
	}
	within(t, ended, "the stream outlived its session")
	select {
	case <-ended:
		t.Error("the other user's stream was broken off too")
	default:
	}
}

// An identity provider that is away keeps nobody's streams open.
func TestA44_SignOutWithoutIssuerEndsOpenStreams(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	ended := w.waiting()
	readLine(t, b.stream(t, "/").Body)
	w.idp.Close()
	for range 2 {
		w.advance(29 * time.Minute)
		b.stream(t, "/keep") // so that it is not idle
	}
	w.advance(9 * time.Minute) // its access token is over, and the grace behind that
	if got := b.do(t, "GET", "/x", "", "Accept", "application/json"); got.Status != http.StatusInternalServerError {
		t.Fatalf("a request without the identity provider: %d %s", got.Status, got.Body)
	}
	if got := b.navigate(t, "/oauth2/sign-out"); got.Status != http.StatusOK || !strings.Contains(got.Body, "Robin Dev") {
		t.Errorf("the sign-out page: %d %s", got.Status, got.Body)
	}
	if got := b.do(t, "POST", "/oauth2/sign-out", "", "Sec-Fetch-Site", "same-origin", "Accept", "text/html"); got.Status != http.StatusOK {
		t.Fatalf("sign-out: %d %s", got.Status, got.Body)
	}
	for range 3 {
		within(t, ended, "a stream outlived its session")
	}
}

// counting counts what is sent to the identity provider with a credential.
type counting struct {
	signin.Fetcher
	sent atomic.Int64
}

func (c *counting) Do(ctx context.Context, req *http.Request) (*egress.Response, error) {
	c.sent.Add(1)
	return c.Fetcher.Do(ctx, req)
}

// Whoever opens the sign-out page and stays is signed in as before, and no refresh token was spent on the page.
func TestSignOutPageSpendsNoToken(t *testing.T) {
	c := &counting{}
	w := newWorld(t, func(w *world) { c.Fetcher, w.gate.Fetcher = w.gate.Fetcher, c })
	b := w.signedIn(t)
	w.advance(31 * time.Minute)
	b.navigate(t, "/keep")
	w.advance(28*time.Minute + 30*time.Second) // the access token is due
	before := c.sent.Load()
	for range 2 {
		if got := b.navigate(t, "/oauth2/sign-out"); got.Status != http.StatusOK || !strings.Contains(got.Body, "Robin Dev") {
			t.Fatalf("the sign-out page: %d %s", got.Status, got.Body)
		}
	}
	if n := c.sent.Load(); n != before {
		t.Errorf("the page cost %d requests for tokens or claims", n-before)
	}
	if got := b.navigate(t, "/later"); got.Status != http.StatusOK || c.sent.Load() == before {
		t.Fatalf("later: %d to %q", got.Status, got.Header.Get("Location"))
	}
}

// One user cannot fill the record of ended sessions, without which nobody could sign out.
func TestA50_SignOutsOfOneUserAreLimited(t *testing.T) {
	w := newWorld(t)
	signOut := func() int {
		return w.signedIn(t).do(t, "POST", "/oauth2/sign-out", "", "Sec-Fetch-Site", "same-origin", "Accept", "text/html").Status
	}
	for i := range 20 {
		if got := signOut(); got != http.StatusOK {
			t.Fatalf("sign-out %d: %d", i, got)
		}
		w.advance(time.Second) // sign-ins are limited by address
	}
	if got := signOut(); got != http.StatusTooManyRequests {
		t.Errorf("one more: %d", got)
	}
	w.advance(time.Minute)
	if got := signOut(); got != http.StatusOK {
		t.Errorf("a minute later: %d", got)
	}
}
