package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testConcurrency(t *testing.T, s *suite) {
	t.Run("one name", func(t *testing.T) { testNameRace(t, s) })
	t.Run("no more than most", func(t *testing.T) { testSiblingRace(t, s) })
	t.Run("compare and swap", func(t *testing.T) { testUpdateRaces(t, s) })
	t.Run("a failing change spoils no other", func(t *testing.T) { testMixedBatch(t, s) })
	t.Run("every change counts", func(t *testing.T) { testCountRace(t, s) })
	t.Run("complete against delete", func(t *testing.T) { testCompleteDeleteRace(t, s) })
	t.Run("child against delete", func(t *testing.T) { testChildDeleteRace(t, s) })
	t.Run("cancelled", func(t *testing.T) { testCancelled(t, s) })
}

func testNameRace(t *testing.T, s *suite) {
	id := s.account(t)
	won := race(32, func(int) bool {
		err := s.store.InsertRecord(t.Context(), s.record(id, identity.KindWorkload, "agent"), 0)
		if err != nil && !errors.Is(err, identity.ErrExists) {
			t.Error(err)
		}
		return err == nil
	})
	same(t, won, 1)
}

// testSiblingRace: a limit holds however many insert at the same moment, and for each owner and kind apart.
func testSiblingRace(t *testing.T, s *suite) {
	id := s.account(t)
	alice, bob := s.insert(t, s.record(id, identity.KindUser, "alice")), s.insert(t, s.record(id, identity.KindUser, "bob"))
	of := func(kind, parent, name string) identity.Record {
		r := s.record(id, kind, name)
		r.Parent = parent
		return r
	}
	for i := range 3 {
		s.insert(t, of(identity.KindPolicy, alice.ID, fmt.Sprint("first", i)))
		s.insert(t, of(identity.KindAccessKey, alice.ID, fmt.Sprint("AKIA", i)))
		s.insert(t, of(identity.KindPolicy, bob.ID, fmt.Sprint("first", i)))
		s.insert(t, of(identity.KindPolicy, "", fmt.Sprint("first", i)))
	}
	for _, owner := range []string{alice.ID, ""} {
		s.counts(t, id, 2, func() {
			won := race(16, func(i int) bool {
				err := s.store.InsertRecord(t.Context(), of(identity.KindPolicy, owner, fmt.Sprint("more", i)), 5)
				if err != nil && !errors.Is(err, identity.ErrTooMany) {
					t.Error(err)
				}
				return err == nil
			})
			same(t, won, 2)
		})
		list, err := s.store.ListRecords(t.Context(), id, identity.KindPolicy, owner, "", 100)
		ok(t, err)
		same(t, len(list), 5)
	}
}

func testUpdateRaces(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	r := s.insert(t, s.record(id, identity.KindWorkload, "agent"))
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	n := s.begin(t, s.session(id, "wl", "alice"))
	r.Version++
	for name, swap := range map[string]func(i int) error{
		"record":  func(int) error { return s.store.UpdateRecord(ctx, r) },
		"grant":   func(int) error { return s.store.UpdateGrant(ctx, g, "") },
		"session": func(int) error { return s.store.UpdateSession(ctx, n) },
	} {
		won := race(32, func(i int) bool {
			err := swap(i)
			if err != nil && !errors.Is(err, identity.ErrVersion) {
				t.Errorf("%s: %v", name, err)
			}
			return err == nil
		})
		if won != 1 {
			t.Errorf("%s: %d winners", name, won)
		}
	}
}

// testMixedBatch: changes that are committed together with failing ones are all there, and of the failing ones nothing.
func testMixedBatch(t *testing.T, s *suite) {
	id := s.account(t)
	s.insert(t, s.record(id, identity.KindWorkload, "taken"))
	const callers = 64
	won := race(callers, func(i int) bool {
		name := fmt.Sprintf("agent%02d", i)
		if i%3 == 0 {
			name = "taken"
		}
		err := s.store.InsertRecord(t.Context(), s.record(id, identity.KindWorkload, name), 0)
		if err != nil && !errors.Is(err, identity.ErrExists) {
			t.Error(err)
		}
		return err == nil
	})
	list, err := s.store.ListRecords(t.Context(), id, identity.KindWorkload, "", "", 1000)
	ok(t, err)
	same(t, [2]int{won, len(list)}, [2]int{callers - (callers+2)/3, won + 1})
	same(t, s.version(t, id), int64(1+1+won))
}

func testCountRace(t *testing.T, s *suite) {
	id := s.account(t)
	s.counts(t, id, 48, func() {
		race(48, func(i int) bool {
			var err error
			if i%2 == 0 {
				err = s.store.InsertRecord(t.Context(), s.record(id, identity.KindWorkload, fmt.Sprint("agent", i)), 0)
			} else {
				err = s.store.RaiseUserEpoch(t.Context(), id, identity.UserEpoch{User: fmt.Sprint("user", i), At: start})
			}
			if err != nil {
				t.Error(err)
			}
			return err == nil
		})
	})
}

// testCompleteDeleteRace: when a provider is deleted while a consent for it completes, no grant is left over, whoever
// comes first.
func testCompleteDeleteRace(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	for i := range 20 {
		p := s.insert(t, s.record(id, identity.KindOAuth2Provider, fmt.Sprint("github", i)))
		n := s.session(id, "wl", "alice")
		n.ProviderID = p.ID
		s.begin(t, n)
		g := s.grant(id, "wl", p.ID, "alice")
		race(2, func(who int) bool {
			var err error
			if who == 0 {
				err = s.store.DeleteRecord(ctx, id, p.Kind, p.ID)
			} else if err = s.store.CompleteSession(ctx, n, g); errors.Is(err, identity.ErrVersion) {
				err = nil
			}
			if err != nil {
				t.Error(err)
			}
			return err == nil
		})
		if _, err := s.store.GrantByID(ctx, id, g.ID); !errors.Is(err, identity.ErrNotFound) {
			t.Fatalf("round %d: a grant of a deleted provider was left over (%v)", i, err)
		}
	}
}

func testChildDeleteRace(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	for i := range 20 {
		u := s.insert(t, s.record(id, identity.KindUser, fmt.Sprint("alice", i)))
		k := s.record(id, identity.KindAccessKey, fmt.Sprint("AKIA", i))
		k.Parent = u.ID
		race(2, func(who int) bool {
			var err error
			if who == 0 {
				err = s.store.DeleteRecord(ctx, id, u.Kind, u.ID)
			} else if err = s.store.InsertRecord(ctx, k, 0); errors.Is(err, identity.ErrNotFound) {
				err = nil
			}
			if err != nil {
				t.Error(err)
			}
			return err == nil
		})
		if _, err := s.store.RecordByID(ctx, k.Kind, k.ID); !errors.Is(err, identity.ErrNotFound) {
			t.Fatalf("round %d: an access key outlived its user (%v)", i, err)
		}
	}
}

// testCancelled: a call whose context is over does nothing, and says so.
func testCancelled(t *testing.T, s *suite) {
	id := s.account(t)
	r := s.record(id, identity.KindWorkload, "agent")
	e := s.event(id, "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fails(t, s.store.InsertRecord(ctx, r, 0), context.Canceled)
	fails(t, s.store.AppendAudit(ctx, e), context.Canceled)
	_, err := s.store.Account(ctx, id)
	fails(t, err, context.Canceled)
	fails(t, s.store.Ping(ctx), context.Canceled)
	_, err = s.store.RecordByID(t.Context(), r.Kind, r.ID)
	fails(t, err, identity.ErrNotFound)
	same(t, len(s.find(t, id, identity.AuditFilter{})), 0)
}
