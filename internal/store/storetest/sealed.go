package storetest

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// sealedRows fills an account with one ciphertext of every sort and returns what a walk must find, in order.
func (s *suite) sealedRows(t *testing.T, id string) []identity.SealedRow {
	t.Helper()
	ctx := t.Context()
	secret := s.insert(t, s.record(id, identity.KindOAuth2Provider, "github"))
	plain := s.record(id, identity.KindWorkload, "agent")
	plain.Sealed = nil
	s.insert(t, plain)
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	empty := s.grant(id, "wl", "pr", "bob")
	empty.Sealed = nil
	s.put(t, empty)
	n := s.begin(t, s.session(id, "wl", "alice"))
	n.SealedCode = []byte("code")
	ok(t, s.store.UpdateSession(ctx, n))
	bare := s.begin(t, s.session(id, "wl", "alice"))
	ok(t, s.store.PutInboundToken(ctx, id, "jwt-1", []byte("token"), start.Add(time.Hour)))
	place := func(table, row, field string) vault.Place {
		return vault.Place{Account: id, Table: table, Row: row, Field: field}
	}
	return []identity.SealedRow{
		{Place: place("records", secret.ID, secret.Kind), Version: 1, Data: secret.Data, MAC: secret.MAC, Sealed: secret.Sealed},
		{Place: place("records", plain.ID, plain.Kind), Version: 1, Data: plain.Data, MAC: plain.MAC},
		{Place: place("grants", g.ID, hex.EncodeToString(g.Key[:])), Sealed: g.Sealed},
		{Place: place("sessions", n.ID, "facts"), Sealed: n.Sealed},
		{Place: place("sessions", bare.ID, "facts"), Sealed: bare.Sealed},
		{Place: place("sessions", n.ID, "code"), Sealed: n.SealedCode},
		{Place: place("inbound_tokens", "jwt-1", "jwt"), Sealed: []byte("token")},
	}
}

func testSealed(t *testing.T, s *suite) {
	t.Run("walk", func(t *testing.T) { testSealedWalk(t, s) })
	t.Run("replace", func(t *testing.T) { testReplaceSealed(t, s) })
	t.Run("replace under a refresh", func(t *testing.T) { testReplaceUnderLease(t, s) })
}

func testSealedWalk(t *testing.T, s *suite) {
	id := s.account(t)
	want := s.sealedRows(t, id)
	for _, limit := range []int{1, 2, 3, 7, 100} {
		var got []identity.SealedRow
		for cursor, pages := "", 0; ; pages++ {
			rows, next, err := s.store.SealedRows(t.Context(), id, cursor, limit)
			ok(t, err)
			if len(rows) > limit || pages > 2*len(want) {
				t.Fatalf("a page of %d has %d rows; %d pages so far", limit, len(rows), pages)
			}
			got = append(got, rows...)
			if next == "" {
				break
			}
			cursor = next
		}
		same(t, got, want)
	}
	if _, _, err := s.store.SealedRows(t.Context(), id, "nonsense", 10); err == nil {
		t.Error("a cursor that nobody returned was accepted")
	}
}

func testReplaceSealed(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	rows := s.sealedRows(t, id)
	var want []identity.SealedRow
	for _, old := range rows {
		fresh := old
		if old.Sealed != nil {
			fresh.Sealed = []byte("wrapped anew")
		}
		if old.MAC != nil {
			fresh.MAC = []byte("mac anew")
		}
		replaced, err := s.store.ReplaceSealed(ctx, old, fresh)
		ok(t, err)
		same(t, replaced, true)
		want = append(want, fresh)
		if old.Sealed == nil {
			continue
		}
		stale := old
		stale.Sealed = []byte("moved on")
		replaced, err = s.store.ReplaceSealed(ctx, stale, old)
		ok(t, err)
		same(t, replaced, false)
	}
	got, _, err := s.store.SealedRows(ctx, id, "", 100)
	ok(t, err)
	same(t, got, want)
	other := rows[0]
	other.Place.Row = rows[1].Place.Row
	if _, err := s.store.ReplaceSealed(ctx, rows[0], other); err == nil {
		t.Error("a ciphertext was put into another row")
	}
	unknown := identity.SealedRow{Place: vault.Place{Account: id, Table: "accounts", Row: id, Field: "version"}}
	if _, err := s.store.ReplaceSealed(ctx, unknown, unknown); err == nil {
		t.Error("a column without ciphertexts was replaced")
	}
	version := rows[0]
	version.Version, version.Sealed, version.MAC = 7, want[0].Sealed, want[0].MAC
	replaced, err := s.store.ReplaceSealed(ctx, version, rows[0])
	ok(t, err)
	same(t, replaced, false)
}

// testReplaceUnderLease: a rotation must never make a refresh under way lose its token.
func testReplaceUnderLease(t *testing.T, s *suite) {
	id, ctx := s.account(t), t.Context()
	g := s.put(t, s.grant(id, "wl", "pr", "alice"))
	claimed, _ := s.claim(t, g, 1, "me", 0)
	same(t, claimed, true)
	old := identity.SealedRow{Place: vault.Place{Account: id, Table: "grants", Row: g.ID, Field: hex.EncodeToString(g.Key[:])}, Sealed: g.Sealed}
	fresh := old
	fresh.Sealed = []byte("wrapped anew")
	replaced, err := s.store.ReplaceSealed(ctx, old, fresh)
	ok(t, err)
	same(t, replaced, true)
	g.Sealed = []byte("refreshed")
	ok(t, s.store.UpdateGrant(ctx, g, "me"))
	replaced, err = s.store.ReplaceSealed(ctx, fresh, old) // and the rotation never brings an old token back
	ok(t, err)
	same(t, replaced, false)
	got, err := s.store.GrantByID(ctx, id, g.ID)
	ok(t, err)
	same(t, got.Sealed, []byte("refreshed"))
}
