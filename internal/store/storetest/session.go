package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testSessions(t *testing.T, s *suite) {
	t.Run("insert", func(t *testing.T) { testInsertSession(t, s) })
	t.Run("limit", func(t *testing.T) { testSessionLimit(t, s) })
	t.Run("limit at once", func(t *testing.T) { testSessionLimitRace(t, s) })
	t.Run("update", func(t *testing.T) { testUpdateSession(t, s) })
	t.Run("complete", func(t *testing.T) { testCompleteSession(t, s) })
	t.Run("list", func(t *testing.T) { testListSessions(t, s) })
}

func testInsertSession(t *testing.T, s *suite) {
	id := s.account(t)
	n := s.begin(t, s.session(id, "wl", "alice"))
	got, err := s.store.SessionByID(t.Context(), n.ID)
	ok(t, err)
	same(t, got, n)
	fails(t, s.store.InsertSession(t.Context(), n, 1000), identity.ErrExists)
	_, err = s.store.SessionByID(t.Context(), "se-gone")
	fails(t, err, identity.ErrNotFound)
}

func testSessionLimit(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	try := func(workload, user string, at time.Time) (identity.Session, error) {
		n := s.session(id, workload, user)
		n.CreatedAt, n.ExpiresAt = at, at.Add(10*time.Minute)
		return n, s.store.InsertSession(ctx, n, 2)
	}
	first, err := try("wl", "alice", start)
	ok(t, err)
	_, err = try("wl", "alice", start.Add(time.Minute))
	ok(t, err)
	_, err = try("wl", "alice", start.Add(2*time.Minute))
	fails(t, err, identity.ErrTooMany)
	_, err = try("wl", "bob", start) // another user
	ok(t, err)
	_, err = try("wl-2", "alice", start) // another workload
	ok(t, err)
	_, err = try("wl", "alice", start.Add(10*time.Minute)) // the first one has expired by then
	ok(t, err)
	_, err = try("wl", "alice", start.Add(10*time.Minute))
	fails(t, err, identity.ErrTooMany)
	_, err = s.store.SessionByID(ctx, first.ID) // a refusal removes nothing
	ok(t, err)
	second, err := try("wl", "carol", start)
	ok(t, err)
	_, err = try("wl", "carol", start)
	ok(t, err)
	second.Status = identity.SessionFailed
	ok(t, s.store.UpdateSession(ctx, second))
	_, err = try("wl", "carol", start) // only pending ones count
	ok(t, err)
}

// testSessionLimitRace begins many rounds: counting and inserting apart from each other is wrong only now and then.
func testSessionLimitRace(t *testing.T, s *suite) {
	id := s.account(t)
	const limit = 2
	for round := range 25 {
		user := fmt.Sprint("alice", round)
		made := race(12, func(int) bool {
			err := s.store.InsertSession(t.Context(), s.session(id, "wl", user), limit)
			if err != nil && !errors.Is(err, identity.ErrTooMany) {
				t.Error(err)
			}
			return err == nil
		})
		same(t, made, limit)
	}
	list, err := s.store.ListSessions(t.Context(), id, time.Time{}, "", 100)
	ok(t, err)
	same(t, len(list), 25*limit)
}

func testUpdateSession(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	n := s.begin(t, s.session(id, "wl", "alice"))
	next := n
	next.Status, next.SealedCode, next.LeaseUntil = identity.SessionExchanging, []byte("code"), start.Add(time.Minute)
	next.Failure, next.UpdatedAt = "none yet", start.Add(time.Second)
	ok(t, s.store.UpdateSession(ctx, next))
	next.Version = 2
	got, err := s.store.SessionByID(ctx, n.ID)
	ok(t, err)
	same(t, got, next)
	fails(t, s.store.UpdateSession(ctx, n), identity.ErrVersion)
	next.SealedCode, next.Status = nil, identity.SessionFailed // a code that was used is gone
	ok(t, s.store.UpdateSession(ctx, next))
	got, err = s.store.SessionByID(ctx, n.ID)
	ok(t, err)
	same(t, got.SealedCode, []byte(nil))
	frozen := got
	frozen.WorkloadID, frozen.User, frozen.Sealed, frozen.ExpiresAt = "wl-2", "eve", []byte("forged"), start.Add(time.Hour)
	ok(t, s.store.UpdateSession(ctx, frozen))
	again, err := s.store.SessionByID(ctx, n.ID)
	ok(t, err)
	got.Version++
	same(t, again, got) // what decides never changes after the beginning
	gone := s.session(id, "wl", "alice")
	fails(t, s.store.UpdateSession(ctx, gone), identity.ErrVersion)
}

func testCompleteSession(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	n := s.begin(t, s.session(id, "wl", "alice"))
	g := s.grant(id, "wl", "pr", "alice")
	done := n
	done.Status, done.GrantID = identity.SessionCompleted, g.ID
	won := race(16, func(int) bool {
		err := s.store.CompleteSession(ctx, done, g)
		if err != nil && !errors.Is(err, identity.ErrVersion) {
			t.Error(err)
		}
		return err == nil
	})
	same(t, won, 1)
	got, err := s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, got.Version, int64(1)) // the losers put nothing
	// A grant that cannot be put leaves the session as it was.
	other := s.begin(t, s.session(id, "wl", "bob"))
	clash := s.grant(id, "wl", "pr", "bob")
	clash.ID = g.ID
	fails(t, s.store.CompleteSession(ctx, other, clash), identity.ErrExists)
	after, err := s.store.SessionByID(ctx, other.ID)
	ok(t, err)
	same(t, after, other)
}

func sessionID(n identity.Session) string { return n.ID }

func testListSessions(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	var want []string // newest first; two are made at the same instant
	for _, at := range []time.Duration{4, 3, 3, 3, 2, 1} {
		n := s.session(id, "wl", "alice")
		n.ID = fmt.Sprintf("%s-%d", "z", 900000-s.ids.Add(1))
		n.CreatedAt = start.Add(at * time.Second)
		want = append(want, s.begin(t, n).ID)
	}
	all, err := s.store.ListSessions(ctx, id, time.Time{}, "", 100)
	ok(t, err)
	same(t, names(all, sessionID), want)
	var paged []string
	for before, beforeID := (time.Time{}), ""; ; {
		page, err := s.store.ListSessions(ctx, id, before, beforeID, 2)
		ok(t, err)
		if len(page) == 0 {
			break
		}
		paged = append(paged, names(page, sessionID)...)
		last := page[len(page)-1]
		before, beforeID = last.CreatedAt, last.ID
		n := s.session(id, "wl", "bob") // a newer one does not disturb the walk
		n.CreatedAt = start.Add(time.Hour)
		s.begin(t, n)
	}
	same(t, paged, want)
	same(t, len(all), len(want))
	strict, err := s.store.ListSessions(ctx, id, start.Add(2*time.Second), "", 100)
	ok(t, err)
	same(t, names(strict, sessionID), want[5:])
}

func testExpiry(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	for i := range 5 {
		n := s.session(id, "wl", fmt.Sprint(i))
		n.ExpiresAt = start.Add(time.Duration(i) * time.Minute)
		s.begin(t, n)
		ok(t, s.store.PutInboundToken(ctx, id, fmt.Sprint("jwt-", i), []byte("x"), n.ExpiresAt))
	}
	for _, remove := range []func(limit int) (int, error){
		func(limit int) (int, error) {
			return s.store.DeleteExpiredSessions(ctx, start.Add(3*time.Minute), limit)
		},
		func(limit int) (int, error) {
			return s.store.DeleteExpiredInboundTokens(ctx, start.Add(3*time.Minute), limit)
		},
	} {
		var counts [3]int
		for i := range counts {
			n, err := remove(2)
			ok(t, err)
			counts[i] = n
		}
		same(t, counts, [3]int{2, 1, 0})
	}
	left, err := s.store.ListSessions(ctx, id, time.Time{}, "", 100)
	ok(t, err)
	same(t, len(left), 2)
	_, err = s.store.InboundToken(ctx, id, "jwt-2")
	fails(t, err, identity.ErrNotFound)
	_, err = s.store.InboundToken(ctx, id, "jwt-3")
	ok(t, err)
}
