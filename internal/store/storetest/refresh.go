package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testRefresh(t *testing.T, s *suite) {
	t.Run("lease", func(t *testing.T) { testLease(t, s) })
	t.Run("interrupted", func(t *testing.T) { testInterrupted(t, s) })
	t.Run("one winner", func(t *testing.T) { testClaimRace(t, s) })
	t.Run("one winner of a stale lease", func(t *testing.T) { testStaleClaimRace(t, s) })
}

// claim tries to take the lease at a time after start, for a minute.
func (s *suite) claim(t *testing.T, g identity.Grant, version int64, owner string, after time.Duration) (claimed, interrupted bool) {
	t.Helper()
	now := start.Add(after)
	claimed, interrupted, err := s.store.ClaimRefresh(t.Context(), g.Account, g.ID, version, owner, now, now.Add(time.Minute))
	ok(t, err)
	return claimed, interrupted
}

func testLease(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	check := func(owner string, version int64, after time.Duration, want, wantInterrupted bool) {
		t.Helper()
		claimed, interrupted := s.claim(t, g, version, owner, after)
		same(t, [2]bool{claimed, interrupted}, [2]bool{want, wantInterrupted})
	}
	check("me", 2, 0, false, false) // another version
	check("me", 1, 0, true, false)
	got, err := s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, [3]any{got.LeaseOwner, got.LeaseUntil, got.Version}, [3]any{"me", start.Add(time.Minute), int64(1)})
	check("you", 1, 59*time.Second, false, false)
	check("me", 1, 30*time.Second, false, false) // not even its owner takes a running lease twice
	ok(t, s.store.ReleaseRefresh(ctx, id, g.ID, "you"))
	check("you", 1, 0, false, false) // who does not hold a lease cannot give it back
	ok(t, s.store.ReleaseRefresh(ctx, id, g.ID, "me"))
	check("you", 1, 0, true, false)
	claimed, _, err := s.store.ClaimRefresh(ctx, id, "gr-gone", 1, "me", start, start.Add(time.Minute))
	ok(t, err)
	same(t, claimed, false)
}

// testInterrupted: a lease that ran out without being cleared is a refresh whose outcome nobody recorded. It is told
// to the next owner, and only to him.
func testInterrupted(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	claimed, interrupted := s.claim(t, g, 1, "dead", 0)
	same(t, [2]bool{claimed, interrupted}, [2]bool{true, false})
	claimed, interrupted = s.claim(t, g, 1, "next", time.Minute)
	same(t, [2]bool{claimed, interrupted}, [2]bool{true, true})
	fails(t, s.store.UpdateGrant(ctx, g, "dead"), identity.ErrVersion) // the late one lost its lease
	ok(t, s.store.ReleaseRefresh(ctx, id, g.ID, "dead"))
	got, err := s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, got.LeaseOwner, "next")
	ok(t, s.store.UpdateGrant(ctx, g, "next"))
	claimed, interrupted = s.claim(t, g, 2, "third", time.Hour)
	same(t, [2]bool{claimed, interrupted}, [2]bool{true, false})
}

func testClaimRace(t *testing.T, s *suite) {
	id := s.account(t)
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	var winner atomic.Value
	won := race(64, func(i int) bool {
		owner := fmt.Sprint("replica ", i)
		claimed, _, err := s.store.ClaimRefresh(t.Context(), id, g.ID, 1, owner, start, start.Add(time.Minute))
		if err != nil {
			t.Error(err)
		}
		if claimed {
			winner.Store(owner)
		}
		return claimed
	})
	same(t, won, 1)
	got, err := s.store.GrantByID(t.Context(), id, g.ID)
	ok(t, err)
	same(t, got.LeaseOwner, winner.Load())
}

func testStaleClaimRace(t *testing.T, s *suite) {
	id := s.account(t)
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	s.claim(t, g, 1, "dead", 0)
	var told atomic.Int64
	won := race(64, func(i int) bool {
		now := start.Add(time.Hour)
		claimed, interrupted, err := s.store.ClaimRefresh(t.Context(), id, g.ID, 1, fmt.Sprint("replica ", i), now, now.Add(time.Minute))
		if err != nil {
			t.Error(err)
		}
		if interrupted {
			told.Add(1)
		}
		return claimed
	})
	same(t, [2]int64{int64(won), told.Load()}, [2]int64{1, 1})
}
