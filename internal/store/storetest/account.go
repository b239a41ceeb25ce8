package storetest

import (
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func testAccounts(t *testing.T, s *suite) {
	id := s.account(t)
	a, err := s.store.Account(t.Context(), id)
	ok(t, err)
	same(t, a, identity.Account{ID: id, Version: 1, CreatedAt: start})
	fails(t, s.store.InsertAccount(t.Context(), identity.Account{ID: id, Version: 9}), identity.ErrExists)
	same(t, s.version(t, id), int64(1))
	_, err = s.store.Account(t.Context(), "999999999999")
	fails(t, err, identity.ErrNotFound)
	ok(t, s.store.Ping(t.Context()))
}

func testListAccounts(t *testing.T, s *suite) {
	list, err := s.store.Accounts(t.Context())
	ok(t, err)
	same(t, len(list), 0)
	want := []string{s.account(t), s.account(t), s.account(t)}
	list, err = s.store.Accounts(t.Context())
	ok(t, err)
	same(t, names(list, func(a identity.Account) string { return a.ID }), want)
}

func testEpochs(t *testing.T, s *suite) {
	t.Run("account", func(t *testing.T) { testAccountEpoch(t, s) })
	t.Run("user", func(t *testing.T) { testUserEpochs(t, s) })
	t.Run("rounding", func(t *testing.T) { testEpochRounding(t, s) })
}

func testAccountEpoch(t *testing.T, s *suite) {
	id := s.account(t)
	epoch := func() time.Time {
		a, err := s.store.Account(t.Context(), id)
		ok(t, err)
		return a.Epoch
	}
	s.counts(t, id, 1, func() { ok(t, s.store.RaiseAccountEpoch(t.Context(), id, start)) })
	same(t, epoch(), start)
	s.counts(t, id, 0, func() {
		ok(t, s.store.RaiseAccountEpoch(t.Context(), id, start))
		ok(t, s.store.RaiseAccountEpoch(t.Context(), id, start.Add(-time.Hour)))
	})
	same(t, epoch(), start) // A55: an epoch never goes back
	fails(t, s.store.RaiseAccountEpoch(t.Context(), "999999999999", start), identity.ErrNotFound)
}

func testUserEpochs(t *testing.T, s *suite) {
	id := s.account(t)
	raise := func(user string, at time.Time) error {
		return s.store.RaiseUserEpoch(t.Context(), id, identity.UserEpoch{User: user, At: at})
	}
	s.counts(t, id, 2, func() {
		ok(t, raise("bob", start))
		ok(t, raise("alice", start.Add(time.Minute)))
	})
	s.counts(t, id, 0, func() { ok(t, raise("alice", start)) })
	want := []identity.UserEpoch{{User: "alice", At: start.Add(time.Minute)}, {User: "bob", At: start}}
	got, err := s.store.UserEpochs(t.Context(), id, 10)
	ok(t, err)
	same(t, got, want)
	got, err = s.store.UserEpochs(t.Context(), id, 1)
	ok(t, err)
	same(t, got, want[:1])
	one, err := s.store.UserEpoch(t.Context(), id, "bob")
	ok(t, err)
	same(t, one, want[1])
	_, err = s.store.UserEpoch(t.Context(), id, "carol")
	fails(t, err, identity.ErrNotFound)
	fails(t, s.store.RaiseUserEpoch(t.Context(), "999999999999", want[0]), identity.ErrNotFound)
	if _, err := s.store.UserEpoch(t.Context(), "999999999999", "alice"); err == nil {
		t.Error("an epoch of an account that does not exist was kept")
	}
}

// testEpochRounding: an epoch with more precision than the store keeps must not spare what was made just before it.
func testEpochRounding(t *testing.T, s *suite) {
	id := s.account(t)
	precise := start.Add(123_456 * time.Nanosecond)
	ok(t, s.store.RaiseAccountEpoch(t.Context(), id, precise))
	ok(t, s.store.RaiseUserEpoch(t.Context(), id, identity.UserEpoch{User: "alice", At: precise}))
	a, err := s.store.Account(t.Context(), id)
	ok(t, err)
	e, err := s.store.UserEpoch(t.Context(), id, "alice")
	ok(t, err)
	for _, got := range []time.Time{a.Epoch, e.At} {
		if got.Before(precise) || got.Sub(precise) >= time.Millisecond {
			t.Errorf("epoch %v was kept as %v", precise, got)
		}
	}
}

func testInboundTokens(t *testing.T, s *suite) {
	id := s.account(t)
	ok(t, s.store.PutInboundToken(t.Context(), id, "jwt-1", []byte("first"), start))
	ok(t, s.store.PutInboundToken(t.Context(), id, "jwt-1", []byte("second"), start.Add(time.Hour)))
	got, err := s.store.InboundToken(t.Context(), id, "jwt-1")
	ok(t, err)
	same(t, got, []byte("first"))
	_, err = s.store.InboundToken(t.Context(), id, "jwt-2")
	fails(t, err, identity.ErrNotFound)
}

func testDataKeys(t *testing.T, s *suite) {
	id := s.account(t)
	key := func(v uint32) vault.DataKey {
		return vault.DataKey{Account: id, Version: v, Wrapped: []byte{0, byte(v), 255}, CreatedAt: start}
	}
	none, err := s.store.DataKeys(t.Context(), id)
	ok(t, err)
	same(t, len(none), 0)
	for _, v := range []uint32{2, 1, 10} {
		ok(t, s.store.InsertDataKey(t.Context(), key(v)))
	}
	fails(t, s.store.InsertDataKey(t.Context(), key(2)), vault.ErrDataKeyExists)
	got, err := s.store.DataKeys(t.Context(), id)
	ok(t, err)
	same(t, got, []vault.DataKey{key(1), key(2), key(10)})
	made := race(16, func(int) bool { return s.store.InsertDataKey(t.Context(), key(11)) == nil })
	same(t, made, 1)
}
