package storetest

import (
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// retired is the grant as a revocation takes it out of use.
func retired(g identity.Grant) identity.Grant {
	g.Key, g.State, g.Reason = sha256.Sum256([]byte("retired "+g.ID)), identity.GrantRevoking, "begun"
	g.Sealed, g.HasRefresh, g.AccessExpiresAt, g.UpdatedAt = []byte("sealed anew"), false, time.Time{}, start.Add(time.Hour)
	return g
}

func testRetireGrant(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	claimed, _ := s.claim(t, g, 1, "refreshing", 0)
	same(t, claimed, true)
	next := retired(g)
	stale := next
	stale.Version = 2
	fails(t, s.store.RetireGrant(ctx, stale), identity.ErrVersion)
	foreign := next
	foreign.Account = s.account(t)
	fails(t, s.store.RetireGrant(ctx, foreign), identity.ErrVersion) // another account's (A11)
	s.counts(t, id, 0, func() { ok(t, s.store.RetireGrant(ctx, next)) })
	fails(t, s.store.RetireGrant(ctx, next), identity.ErrVersion)
	next.Version, next.LeaseOwner, next.LeaseUntil = 2, "refreshing", start.Add(time.Minute)
	got, err := s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, got, next) // the lease stays: who refreshes must find the row
	for _, key := range [][32]byte{g.Key, next.Key} {
		_, err = s.store.ActiveGrant(ctx, id, key)
		fails(t, err, identity.ErrNotFound)
	}
	fails(t, s.store.UpdateGrant(ctx, g, "refreshing"), identity.ErrVersion)
	claimed, _ = s.claim(t, g, 2, "revoking", 0)
	same(t, claimed, false)
	ok(t, s.store.ReleaseRefresh(ctx, id, g.ID, "refreshing"))
	claimed, _ = s.claim(t, g, 2, "revoking", 0)
	same(t, claimed, true)

	// Its key is free: a new consent stands beside it, and whoever takes that one's key is refused.
	fresh := s.grant(id, "wl", "pr", "alice")
	fresh = s.put(t, fresh)
	same(t, fresh.Key, g.Key)
	clash := retired(fresh)
	clash.Key = next.Key
	fails(t, s.store.RetireGrant(ctx, clash), identity.ErrExists)
}

// testRetireRace: of a refresh that ends and revocations that begin at the same moment one wins, and it shows.
func testRetireRace(t *testing.T, s *suite) {
	id := s.account(t)
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	var refreshed atomic.Bool
	won := race(32, func(i int) bool {
		if i == 0 {
			done := s.store.UpdateGrant(t.Context(), g, "") == nil
			refreshed.Store(done)
			return done
		}
		return s.store.RetireGrant(t.Context(), retired(g)) == nil
	})
	same(t, won, 1)
	got, err := s.store.GrantByID(t.Context(), id, g.ID)
	ok(t, err)
	same(t, got.State == identity.GrantActive, refreshed.Load())
	same(t, got.Version, int64(2))
}
