package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testRecords(t *testing.T, s *suite) {
	t.Run("insert", func(t *testing.T) { testInsertRecord(t, s) })
	t.Run("owner", func(t *testing.T) { testRecordOwner(t, s) })
	t.Run("update", func(t *testing.T) { testUpdateRecord(t, s) })
	t.Run("list", func(t *testing.T) { testListRecords(t, s) })
	t.Run("bytes", func(t *testing.T) { testRecordBytes(t, s) })
}

func testInsertRecord(t *testing.T, s *suite) {
	id := s.account(t)
	r := s.record(id, identity.KindWorkload, "agent")
	s.counts(t, id, 1, func() { s.insert(t, r) })
	got, err := s.store.Record(t.Context(), id, identity.KindWorkload, "", "agent")
	ok(t, err)
	same(t, got, r)
	got, err = s.store.RecordByID(t.Context(), identity.KindWorkload, r.ID)
	ok(t, err)
	same(t, got, r)
	s.counts(t, id, 0, func() { // a refused change counts for nothing
		taken := s.record(id, identity.KindWorkload, "agent")
		fails(t, s.store.InsertRecord(t.Context(), taken, 0), identity.ErrExists)
		reused := s.record(id, identity.KindWorkload, "other")
		reused.ID = r.ID
		fails(t, s.store.InsertRecord(t.Context(), reused, 0), identity.ErrExists)
	})
	s.insert(t, s.record(id, identity.KindUser, "agent")) // names are apart by kind
	_, err = s.store.Record(t.Context(), id, identity.KindWorkload, "", "Agent")
	fails(t, err, identity.ErrNotFound)
	_, err = s.store.RecordByID(t.Context(), identity.KindUser, r.ID)
	fails(t, err, identity.ErrNotFound)
	fails(t, s.store.InsertRecord(t.Context(), s.record("999999999999", identity.KindUser, "eve"), 0), identity.ErrNotFound)
}

func testRecordOwner(t *testing.T, s *suite) {
	id := s.account(t)
	alice, bob := s.insert(t, s.record(id, identity.KindUser, "alice")), s.insert(t, s.record(id, identity.KindUser, "bob"))
	for _, owner := range []identity.Record{alice, bob} { // names are apart by owner
		p := s.record(id, identity.KindPolicy, "default")
		p.Parent = owner.ID
		s.insert(t, p)
		got, err := s.store.Record(t.Context(), id, identity.KindPolicy, owner.ID, "default")
		ok(t, err)
		same(t, got, p)
	}
	_, err := s.store.Record(t.Context(), id, identity.KindPolicy, "", "default")
	fails(t, err, identity.ErrNotFound)
	orphan := s.record(id, identity.KindAccessKey, "AKIA")
	orphan.Parent = "id-gone"
	fails(t, s.store.InsertRecord(t.Context(), orphan, 0), identity.ErrNotFound)
	other := s.account(t)
	orphan.Account, orphan.Parent = other, alice.ID // A11: an owner of another account is none
	fails(t, s.store.InsertRecord(t.Context(), orphan, 0), identity.ErrNotFound)
}

func testUpdateRecord(t *testing.T, s *suite) {
	id := s.account(t)
	r := s.insert(t, s.record(id, identity.KindOAuth2Provider, "github"))
	next := r
	next.Version, next.UpdatedAt = 2, start.Add(time.Hour)
	next.Data, next.Sealed, next.MAC = []byte(`{"v":2}`), nil, []byte("mac 2")
	s.counts(t, id, 1, func() { ok(t, s.store.UpdateRecord(t.Context(), next)) })
	got, err := s.store.RecordByID(t.Context(), r.Kind, r.ID)
	ok(t, err)
	same(t, got, next)
	s.counts(t, id, 0, func() {
		fails(t, s.store.UpdateRecord(t.Context(), next), identity.ErrVersion)
		skipped := next
		skipped.Version = 4
		fails(t, s.store.UpdateRecord(t.Context(), skipped), identity.ErrVersion)
		gone := next
		gone.ID, gone.Version = "id-gone", 3
		fails(t, s.store.UpdateRecord(t.Context(), gone), identity.ErrVersion)
	})
	frozen := next
	frozen.Version, frozen.Name, frozen.CreatedAt = 3, "renamed", start.Add(-time.Hour)
	ok(t, s.store.UpdateRecord(t.Context(), frozen))
	got, err = s.store.RecordByID(t.Context(), r.Kind, r.ID)
	ok(t, err)
	same(t, [2]any{got.Name, got.CreatedAt}, [2]any{"github", start})
}

// testListRecords takes names whose order differs between languages and bytes: pages must end at the same row on every
// engine, in whatever locale it runs.
func testListRecords(t *testing.T, s *suite) {
	id := s.account(t)
	sorted := []string{"A", "B", "a", "a-b", "a.c", "aB", "ab", "b", "ä"}
	for _, i := range []int{3, 0, 8, 5, 1, 7, 2, 6, 4} {
		s.insert(t, s.record(id, identity.KindWorkload, sorted[i]))
	}
	name := func(r identity.Record) string { return r.Name }
	all, err := s.store.ListRecords(t.Context(), id, identity.KindWorkload, "", "", 100)
	ok(t, err)
	same(t, names(all, name), sorted)
	var paged []string
	for after := ""; ; {
		page, err := s.store.ListRecords(t.Context(), id, identity.KindWorkload, "", after, 2)
		ok(t, err)
		if len(page) == 0 {
			break
		}
		paged = append(paged, names(page, name)...)
		after = page[len(page)-1].Name
	}
	same(t, paged, sorted)
	none, err := s.store.ListRecords(t.Context(), id, identity.KindUser, "", "", 100)
	ok(t, err)
	same(t, len(none), 0)
}

func testRecordBytes(t *testing.T, s *suite) {
	id := s.account(t)
	r := s.record(id, identity.KindWorkload, "bytes")
	r.Data, r.Sealed, r.MAC = make([]byte, 256), make([]byte, 100_000), nil
	for i := range r.Data {
		r.Data[i] = byte(i)
	}
	s.insert(t, r)
	got, err := s.store.RecordByID(t.Context(), r.Kind, r.ID)
	ok(t, err)
	same(t, got, r)
}

func testDeleteRecord(t *testing.T, s *suite) {
	t.Run("cascade", func(t *testing.T) { testCascade(t, s) })
	t.Run("owned", func(t *testing.T) { testDeleteOwned(t, s) })
	t.Run("TestA59_RecreatedNameInheritsNothing", func(t *testing.T) { testA59(t, s) })
}

func testCascade(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	w, p := s.insert(t, s.record(id, identity.KindWorkload, "agent")), s.insert(t, s.record(id, identity.KindOAuth2Provider, "github"))
	kept := s.insert(t, s.record(id, identity.KindWorkload, "other"))
	ofWorkload, ofProvider := s.put(t, s.grant(id, w.ID, "pr-9", "alice")), s.put(t, s.grant(id, kept.ID, p.ID, "alice"))
	apart := s.put(t, s.grant(id, kept.ID, "pr-9", "alice"))
	first, second := s.session(id, w.ID, "alice"), s.session(id, kept.ID, "alice")
	second.ProviderID = p.ID
	third := s.begin(t, s.session(id, kept.ID, "bob"))
	s.begin(t, first)
	s.begin(t, second)
	s.counts(t, id, 2, func() {
		ok(t, s.store.DeleteRecord(ctx, id, identity.KindWorkload, w.ID))
		ok(t, s.store.DeleteRecord(ctx, id, identity.KindOAuth2Provider, p.ID))
	})
	for _, g := range []identity.Grant{ofWorkload, ofProvider} {
		_, err := s.store.GrantByID(ctx, id, g.ID)
		fails(t, err, identity.ErrNotFound)
		fails(t, s.store.UpdateGrant(ctx, g, ""), identity.ErrVersion)
	}
	for _, n := range []identity.Session{first, second} {
		_, err := s.store.SessionByID(ctx, n.ID)
		fails(t, err, identity.ErrNotFound)
		fails(t, s.store.CompleteSession(ctx, n, ofWorkload), identity.ErrVersion)
	}
	got, err := s.store.GrantByID(ctx, id, apart.ID)
	ok(t, err)
	same(t, got, apart)
	_, err = s.store.SessionByID(ctx, third.ID)
	ok(t, err)
	s.counts(t, id, 0, func() {
		fails(t, s.store.DeleteRecord(ctx, id, identity.KindWorkload, w.ID), identity.ErrNotFound)
		fails(t, s.store.DeleteRecord(ctx, id, identity.KindUser, kept.ID), identity.ErrNotFound) // another kind
	})
}

func testDeleteOwned(t *testing.T, s *suite) {
	id := s.account(t)
	top := s.insert(t, s.record(id, identity.KindUser, "alice"))
	bystander := s.insert(t, s.record(id, identity.KindUser, "bob"))
	owned := []identity.Record{top}
	for depth := range 3 {
		parent := owned[len(owned)-1].ID
		for i := range 2 {
			r := s.record(id, identity.KindAccessKey, fmt.Sprintf("AKIA%d%d", depth, i))
			r.Parent = parent
			owned = append(owned, s.insert(t, r))
		}
	}
	leaf := s.put(t, s.grant(id, owned[len(owned)-1].ID, "pr-9", "alice"))
	s.counts(t, id, 1, func() { ok(t, s.store.DeleteRecord(t.Context(), id, identity.KindUser, top.ID)) })
	for _, r := range owned {
		_, err := s.store.RecordByID(t.Context(), r.Kind, r.ID)
		fails(t, err, identity.ErrNotFound)
	}
	_, err := s.store.GrantByID(t.Context(), id, leaf.ID)
	fails(t, err, identity.ErrNotFound)
	_, err = s.store.RecordByID(t.Context(), bystander.Kind, bystander.ID)
	ok(t, err)
}

// testA59: what is made again under an old name has a new id, and nothing hangs on it.
func testA59(t *testing.T, s *suite) {
	id := s.account(t)
	old := s.insert(t, s.record(id, identity.KindWorkload, "agent"))
	s.put(t, s.grant(id, old.ID, "pr-1", "alice"))
	s.begin(t, s.session(id, old.ID, "alice"))
	child := s.record(id, identity.KindPolicy, "default")
	child.Parent = old.ID
	s.insert(t, child)
	ok(t, s.store.DeleteRecord(t.Context(), id, old.Kind, old.ID))
	fresh := s.insert(t, s.record(id, identity.KindWorkload, "agent"))
	grants, err := s.store.ListGrants(t.Context(), id, identity.GrantFilter{}, "", 10)
	ok(t, err)
	sessions, err := s.store.ListSessions(t.Context(), id, time.Time{}, "", 10)
	ok(t, err)
	policies, err := s.store.ListRecords(t.Context(), id, identity.KindPolicy, fresh.ID, "", 10)
	ok(t, err)
	stale, err := s.store.ListRecords(t.Context(), id, identity.KindPolicy, old.ID, "", 10)
	ok(t, err)
	same(t, [4]int{len(grants), len(sessions), len(policies), len(stale)}, [4]int{})
	_, err = s.store.RecordByID(t.Context(), old.Kind, old.ID)
	fails(t, err, identity.ErrNotFound)
}
