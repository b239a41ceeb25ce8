package storetest

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// testIsolation: two accounts hold the same names, and in no method does one reach what is the other's (A11).
func testIsolation(t *testing.T, s *suite) {
	mine, theirs := s.account(t), s.account(t)
	t.Run("TestA11_Records", func(t *testing.T) { testA11Records(t, s, mine, theirs) })
	t.Run("TestA11_Grants", func(t *testing.T) { testA11Grants(t, s, mine, theirs) })
	t.Run("TestA11_Sessions", func(t *testing.T) { testA11Sessions(t, s, mine, theirs) })
	t.Run("TestA11_Others", func(t *testing.T) { testA11Others(t, s, mine, theirs) })
	t.Run("TestA11_Sealed", func(t *testing.T) { testA11Sealed(t, s) })
}

func testA11Records(t *testing.T, s *suite, mine, theirs string) {
	ctx := t.Context()
	own, other := s.insert(t, s.record(mine, identity.KindWorkload, "agent")), s.insert(t, s.record(theirs, identity.KindWorkload, "agent"))
	got, err := s.store.Record(ctx, mine, identity.KindWorkload, "", "agent")
	ok(t, err)
	same(t, got, own)
	got, err = s.store.RecordByID(ctx, identity.KindWorkload, other.ID)
	ok(t, err)
	same(t, got.Account, theirs) // found by id alone, so the caller must be told whose it is
	list, err := s.store.ListRecords(ctx, mine, identity.KindWorkload, "", "", 10)
	ok(t, err)
	same(t, list, []identity.Record{own})
	s.counts(t, theirs, 0, func() {
		foreign := other
		foreign.Account, foreign.Version = mine, 2
		fails(t, s.store.UpdateRecord(ctx, foreign), identity.ErrVersion)
		fails(t, s.store.DeleteRecord(ctx, mine, identity.KindWorkload, other.ID), identity.ErrNotFound)
		stolen := s.record(mine, identity.KindWorkload, "stolen")
		stolen.ID = other.ID // an id is one account's for ever, or look-ups by id would be ambiguous
		fails(t, s.store.InsertRecord(ctx, stolen, 0), identity.ErrExists)
	})
	got, err = s.store.Record(ctx, theirs, identity.KindWorkload, "", "agent")
	ok(t, err)
	same(t, got, other)
	hanging := s.put(t, s.grant(theirs, own.ID, "pr", "alice")) // the same id in another account does not hang together
	ok(t, s.store.DeleteRecord(ctx, mine, identity.KindWorkload, own.ID))
	_, err = s.store.GrantByID(ctx, theirs, hanging.ID)
	ok(t, err)
	ok(t, s.store.DeleteGrant(ctx, theirs, hanging.ID))
}

func testA11Grants(t *testing.T, s *suite, mine, theirs string) {
	ctx := t.Context()
	own, other := s.put(t, s.grant(mine, "wl", "pr", "alice")), s.put(t, s.grant(theirs, "wl", "pr", "alice"))
	same(t, own.Key, other.Key)
	got, err := s.store.Grant(ctx, mine, other.Key)
	ok(t, err)
	same(t, got, own)
	_, err = s.store.GrantByID(ctx, mine, other.ID)
	fails(t, err, identity.ErrNotFound)
	list, err := s.store.ListGrants(ctx, mine, identity.GrantFilter{WorkloadID: "wl"}, "", 10)
	ok(t, err)
	same(t, list, []identity.Grant{own})
	claimed, _, err := s.store.ClaimRefresh(ctx, mine, other.ID, 1, "me", start, start.Add(time.Minute))
	ok(t, err)
	same(t, claimed, false)
	foreign := other
	foreign.Account = mine
	fails(t, s.store.UpdateGrant(ctx, foreign, ""), identity.ErrVersion)
	ok(t, s.store.TouchGrants(ctx, mine, []string{other.ID}, start.Add(time.Hour)))
	fails(t, s.store.DeleteGrant(ctx, mine, other.ID), identity.ErrNotFound)
	again := s.grant(mine, "wl", "pr", "alice")
	ok(t, s.store.PutGrant(ctx, again)) // replaces mine, not theirs
	_, _, err = s.store.ClaimRefresh(ctx, theirs, other.ID, 1, "them", start, start.Add(time.Minute))
	ok(t, err)
	ok(t, s.store.ReleaseRefresh(ctx, mine, other.ID, "them"))
	got, err = s.store.GrantByID(ctx, theirs, other.ID)
	ok(t, err)
	other.LeaseOwner, other.LeaseUntil = "them", start.Add(time.Minute)
	same(t, got, other)
}

func testA11Sessions(t *testing.T, s *suite, mine, theirs string) {
	ctx := t.Context()
	own, other := s.begin(t, s.session(mine, "wl", "alice")), s.begin(t, s.session(theirs, "wl", "alice"))
	list, err := s.store.ListSessions(ctx, mine, time.Time{}, "", 10)
	ok(t, err)
	same(t, list, []identity.Session{own})
	got, err := s.store.SessionByID(ctx, other.ID)
	ok(t, err)
	same(t, got.Account, theirs)
	foreign := other
	foreign.Account = mine
	fails(t, s.store.UpdateSession(ctx, foreign), identity.ErrVersion)
	fails(t, s.store.CompleteSession(ctx, foreign, s.grant(mine, "wl", "pr", "eve")), identity.ErrVersion)
	fails(t, s.store.InsertSession(ctx, foreign, 1000), identity.ErrExists) // an id is one account's
	next := s.session(mine, "wl", "alice")
	ok(t, s.store.InsertSession(ctx, next, 2)) // theirs does not count against mine
}

func testA11Others(t *testing.T, s *suite, mine, theirs string) {
	ctx := t.Context()
	ok(t, s.store.PutInboundToken(ctx, theirs, "jwt", []byte("theirs"), start.Add(time.Hour)))
	_, err := s.store.InboundToken(ctx, mine, "jwt")
	fails(t, err, identity.ErrNotFound)
	ok(t, s.store.PutInboundToken(ctx, mine, "jwt", []byte("mine"), start.Add(time.Hour)))
	got, err := s.store.InboundToken(ctx, theirs, "jwt")
	ok(t, err)
	same(t, got, []byte("theirs"))
	s.counts(t, mine, 0, func() {
		ok(t, s.store.RaiseAccountEpoch(ctx, theirs, start))
		ok(t, s.store.RaiseUserEpoch(ctx, theirs, identity.UserEpoch{User: "alice", At: start}))
	})
	a, err := s.store.Account(ctx, mine)
	ok(t, err)
	same(t, a.Epoch.IsZero(), true)
	_, err = s.store.UserEpoch(ctx, mine, "alice")
	fails(t, err, identity.ErrNotFound)
	epochs, err := s.store.UserEpochs(ctx, mine, 10)
	ok(t, err)
	same(t, len(epochs), 0)
	ok(t, s.store.InsertDataKey(ctx, vault.DataKey{Account: theirs, Version: 1, Wrapped: []byte("k"), CreatedAt: start}))
	keys, err := s.store.DataKeys(ctx, mine)
	ok(t, err)
	same(t, len(keys), 0)
	e := s.event(theirs, "x")
	e.RequestID, e.GrantID, e.SessionID = "shared", "shared", "shared"
	s.append(t, e)
	for _, f := range []identity.AuditFilter{{}, {RequestID: "shared"}, {GrantID: "shared"}, {SessionID: "shared"}} {
		same(t, len(s.find(t, mine, f)), 0)
	}
	e.Account = mine
	s.append(t, e) // an id is unique within the account
}

func testA11Sealed(t *testing.T, s *suite) {
	mine, theirs := s.account(t), s.account(t)
	g := s.put(t, s.grant(theirs, "wl", "pr", "alice"))
	r := s.insert(t, s.record(theirs, identity.KindAPIKeyProvider, "key"))
	rows, next, err := s.store.SealedRows(t.Context(), mine, "", 10)
	ok(t, err)
	same(t, [2]any{len(rows), next}, [2]any{0, ""})
	for _, old := range []identity.SealedRow{
		{Place: vault.Place{Account: mine, Table: "grants", Row: g.ID, Field: hex.EncodeToString(g.Key[:])}, Sealed: g.Sealed},
		{Place: vault.Place{Account: mine, Table: "records", Row: r.ID, Field: r.Kind}, Version: 1, MAC: r.MAC, Sealed: r.Sealed},
	} {
		fresh := old
		fresh.Sealed = []byte("forged")
		replaced, err := s.store.ReplaceSealed(t.Context(), old, fresh)
		ok(t, err)
		same(t, replaced, false)
	}
}

// testTexts: what no engine can keep is refused by all, and is never found.
func testTexts(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	for _, bad := range []string{"nul\x00", "broken\xff"} {
		r := s.record(id, identity.KindWorkload, bad)
		if err := s.store.InsertRecord(ctx, r, 0); err == nil {
			t.Errorf("a record of the name %q was kept", bad)
		}
		_, err := s.store.Record(ctx, id, identity.KindWorkload, "", bad)
		fails(t, err, identity.ErrNotFound)
		_, err = s.store.SessionByID(ctx, bad)
		fails(t, err, identity.ErrNotFound)
		list, err := s.store.ListGrants(ctx, id, identity.GrantFilter{User: bad}, "", 10)
		ok(t, err)
		same(t, len(list), 0)
	}
	for _, name := range []string{"'; DROP TABLE records; --", "$1 ? ?1 :a @b", "%_", "ünïcödé 🔑", " "} {
		r := s.insert(t, s.record(id, identity.KindWorkload, name))
		got, err := s.store.Record(ctx, id, identity.KindWorkload, "", name)
		ok(t, err)
		same(t, got, r)
	}
}
