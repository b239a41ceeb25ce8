package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testGrants(t *testing.T, s *suite) {
	t.Run("put", func(t *testing.T) { testPutGrant(t, s) })
	t.Run("update", func(t *testing.T) { testUpdateGrant(t, s) })
	t.Run("touch", func(t *testing.T) { testTouchGrants(t, s) })
	t.Run("list", func(t *testing.T) { testListGrants(t, s) })
	t.Run("pages", func(t *testing.T) { testGrantPages(t, s) })
	t.Run("newest", func(t *testing.T) { testNewestGrant(t, s) })
	t.Run("retire", func(t *testing.T) { testRetireGrant(t, s) })
	t.Run("retire race", func(t *testing.T) { testRetireRace(t, s) })
}

func testPutGrant(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	g := s.grant(id, "wl-1", "pr-1", "alice")
	_, err := s.store.Grant(ctx, id, g.Key)
	fails(t, err, identity.ErrNotFound)
	s.counts(t, id, 0, func() { ok(t, s.store.PutGrant(ctx, g)) })
	g.Version = 1
	for _, find := range []func() (identity.Grant, error){
		func() (identity.Grant, error) { return s.store.Grant(ctx, id, g.Key) },
		func() (identity.Grant, error) { return s.store.GrantByID(ctx, id, g.ID) },
	} {
		got, err := find()
		ok(t, err)
		same(t, got, g)
	}
	active, err := s.store.ActiveGrant(ctx, id, g.Key)
	ok(t, err)
	same(t, active, identity.Grant{Account: id, Key: g.Key, ID: g.ID, State: g.State, HasRefresh: g.HasRefresh,
		AccessExpiresAt: g.AccessExpiresAt, LastUsedAt: g.LastUsedAt, Sealed: g.Sealed})
	_, err = s.store.ActiveGrant(ctx, s.account(t), g.Key) // another account's (A11)
	fails(t, err, identity.ErrNotFound)
	// A new consent takes the row over with its new id, and whoever was refreshing the old one has lost.
	claimed, _, err := s.store.ClaimRefresh(ctx, id, g.ID, 1, "me", start, start.Add(time.Minute))
	ok(t, err)
	same(t, claimed, true)
	next := s.grant(id, "wl-1", "pr-1", "alice")
	next.Scopes, next.Sealed, next.State, next.Reason = nil, []byte("new"), identity.GrantSuspended, "edited"
	next.HasRefresh, next.AccessExpiresAt, next.CreatedAt = false, time.Time{}, start.Add(time.Hour)
	ok(t, s.store.PutGrant(ctx, next))
	next.Version = 2
	got, err := s.store.Grant(ctx, id, g.Key)
	ok(t, err)
	same(t, got, next)
	_, err = s.store.ActiveGrant(ctx, id, g.Key) // suspended
	fails(t, err, identity.ErrNotFound)
	_, err = s.store.GrantByID(ctx, id, g.ID)
	fails(t, err, identity.ErrNotFound)
	fails(t, s.store.UpdateGrant(ctx, g, "me"), identity.ErrVersion)
	clash := s.grant(id, "wl-2", "pr-1", "alice")
	clash.ID = next.ID
	fails(t, s.store.PutGrant(ctx, clash), identity.ErrExists)
	ok(t, s.store.DeleteGrant(ctx, id, next.ID))
	fails(t, s.store.DeleteGrant(ctx, id, next.ID), identity.ErrNotFound)
}

func testUpdateGrant(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	g := s.put(t, s.grant(id, "wl-1", "pr-1", "alice"))
	next := g
	next.State, next.Reason, next.Sealed, next.HasRefresh = identity.GrantNeedsConsent, "revoked", nil, false
	next.AccessExpiresAt, next.Scopes = time.Time{}, []string{"one"}
	next.LastUsedAt, next.UpdatedAt = start.Add(time.Minute), start.Add(time.Hour)
	fails(t, s.store.UpdateGrant(ctx, next, "somebody"), identity.ErrVersion) // no lease was taken
	ok(t, s.store.UpdateGrant(ctx, next, ""))
	next.Version = 2
	got, err := s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, got, next)
	fails(t, s.store.UpdateGrant(ctx, g, ""), identity.ErrVersion)
	claimed, _, err := s.store.ClaimRefresh(ctx, id, g.ID, 2, "me", start, start.Add(time.Minute))
	ok(t, err)
	same(t, claimed, true)
	fails(t, s.store.UpdateGrant(ctx, next, ""), identity.ErrVersion) // the lease is somebody's
	fails(t, s.store.UpdateGrant(ctx, next, "you"), identity.ErrVersion)
	ok(t, s.store.UpdateGrant(ctx, next, "me"))
	got, err = s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, [3]any{got.Version, got.LeaseOwner, got.LeaseUntil}, [3]any{int64(3), "", time.Time{}})
}

func testTouchGrants(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	a, b, c := s.put(t, s.grant(id, "wl", "pr", "a")), s.put(t, s.grant(id, "wl", "pr", "b")), s.put(t, s.grant(id, "wl", "pr", "c"))
	ok(t, s.store.TouchGrants(ctx, id, nil, start.Add(time.Hour)))
	ok(t, s.store.TouchGrants(ctx, id, []string{a.ID, b.ID, "gr-gone"}, start.Add(time.Hour)))
	ok(t, s.store.TouchGrants(ctx, id, []string{b.ID}, start.Add(time.Minute))) // never back
	a.LastUsedAt, b.LastUsedAt = start.Add(time.Hour), start.Add(time.Hour)
	for _, want := range []identity.Grant{a, b, c} {
		got, err := s.store.GrantByID(ctx, id, want.ID)
		ok(t, err)
		same(t, got, want)
	}
}

func grantID(g identity.Grant) string { return g.ID }

func testListGrants(t *testing.T, s *suite) {
	id := s.account(t)
	var all []identity.Grant
	for _, w := range []string{"wl-1", "wl-2"} {
		for _, p := range []string{"pr-1", "pr-2"} {
			for _, u := range []string{"", "alice", "bob"} {
				all = append(all, s.put(t, s.grant(id, w, p, u)))
			}
		}
	}
	for i := range all {
		if i%2 == 1 {
			all[i].State = identity.GrantSuspended
			ok(t, s.store.UpdateGrant(t.Context(), all[i], ""))
			all[i].Version++
		}
	}
	for _, f := range []identity.GrantFilter{
		{State: identity.GrantActive}, {State: identity.GrantSuspended, User: "alice"}, {State: identity.GrantNeedsConsent},
		{WorkloadID: "wl-1", ProviderID: "pr-2", User: "alice", State: identity.GrantActive},
		{}, {WorkloadID: "wl-2"}, {ProviderID: "pr-1"}, {User: "alice"}, {WorkloadID: "wl-1", User: "bob"},
		{WorkloadID: "wl-1", ProviderID: "pr-2", User: "alice"}, {User: "nobody"},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(g identity.Grant) bool {
			return f.WorkloadID != "" && f.WorkloadID != g.WorkloadID || f.ProviderID != "" && f.ProviderID != g.ProviderID ||
				f.User != "" && f.User != g.User || f.State != "" && f.State != g.State
		})
		got, err := s.store.ListGrants(t.Context(), id, f, "", 100)
		ok(t, err)
		same(t, names(got, grantID), names(want, grantID))
		if len(want) > 1 {
			got, err = s.store.ListGrants(t.Context(), id, f, want[0].ID, 1)
			ok(t, err)
			same(t, got, want[1:2])
		}
	}
}

// testGrantPages: while others insert and delete, a walk sees each row that was there all the time exactly once.
func testGrantPages(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	var stable []string
	var passing []identity.Grant
	for i := range 40 {
		g := s.put(t, s.grant(id, "wl", "pr", fmt.Sprint(i)))
		if i%2 == 0 {
			stable = append(stable, g.ID)
		} else {
			passing = append(passing, g)
		}
	}
	seen := map[string]int{}
	for after, page := "", 0; ; page++ {
		got, err := s.store.ListGrants(ctx, id, identity.GrantFilter{}, after, 5)
		ok(t, err)
		if len(got) == 0 {
			break
		}
		for _, g := range got {
			seen[g.ID]++
		}
		after = got[len(got)-1].ID
		if page < len(passing) {
			ok(t, s.store.DeleteGrant(ctx, id, passing[page].ID))
			early := s.grant(id, "wl", "pr", fmt.Sprintf("new %d", page))
			early.ID = fmt.Sprintf("a-%s", early.ID) // before the cursor
			ok(t, s.store.PutGrant(ctx, early))
		}
	}
	for _, want := range stable {
		if seen[want] != 1 {
			t.Errorf("grant %s was listed %d times", want, seen[want])
		}
	}
	for got, n := range seen {
		if n > 1 {
			t.Errorf("grant %s was listed %d times", got, n)
		}
	}
}

func testGrantsDue(t *testing.T, s *suite) {
	ctx := t.Context()
	one, two := s.account(t), s.account(t)
	put := func(account, user string, change func(*identity.Grant)) identity.Grant {
		g := s.grant(account, "wl", "pr", user)
		change(&g)
		return s.put(t, g)
	}
	expires := func(d time.Duration) func(*identity.Grant) {
		return func(g *identity.Grant) { g.AccessExpiresAt = start.Add(d) }
	}
	second := put(one, "second", expires(2*time.Minute))
	first := put(two, "first", expires(time.Minute))
	third := put(one, "third", expires(3*time.Minute))
	put(one, "later", expires(5*time.Minute))
	put(one, "no refresh token", func(g *identity.Grant) { expires(time.Minute)(g); g.HasRefresh = false })
	put(one, "no expiry", func(g *identity.Grant) { g.AccessExpiresAt = time.Time{} })
	put(one, "suspended", func(g *identity.Grant) { expires(time.Minute)(g); g.State = identity.GrantSuspended })
	put(one, "needs consent", func(g *identity.Grant) { expires(time.Minute)(g); g.State = identity.GrantNeedsConsent })
	put(one, "idle", func(g *identity.Grant) { expires(time.Minute)(g); g.LastUsedAt = start.Add(-time.Hour) })
	due := func(limit int) []string {
		got, err := s.store.GrantsDue(ctx, start.Add(5*time.Minute), start.Add(-time.Minute), start, limit)
		ok(t, err)
		return names(got, grantID)
	}
	same(t, due(10), []string{first.ID, second.ID, third.ID})
	same(t, due(2), []string{first.ID, second.ID})
	_, _, err := s.store.ClaimRefresh(ctx, two, first.ID, 1, "me", start, start.Add(time.Minute))
	ok(t, err)
	_, _, err = s.store.ClaimRefresh(ctx, one, second.ID, 1, "me", start.Add(-time.Hour), start.Add(-time.Minute))
	ok(t, err)
	same(t, due(10), []string{second.ID, third.ID}) // a running lease hides a grant, one that ran out does not
}
