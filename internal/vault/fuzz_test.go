package vault

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzOpen holds that nothing opens but what Seal made, for its own place.
func FuzzOpen(f *testing.F) {
	v := newWorld(f).replica()
	genuine := mustSeal(f, v, grantPlace, "secret")
	f.Add(genuine, accountA, "grants", "g-1", "refresh_token")
	f.Add(genuine, accountA, "grants", "g-2", "refresh_token")
	f.Add(genuine[:recordHeader], accountA, "grants", "g-1", "")
	f.Add([]byte{recordFormat, 0, 0, 0, 0}, "", "", "", "")
	f.Fuzz(func(t *testing.T, ct []byte, account, table, row, field string) {
		p := Place{Account: account, Table: table, Row: row, Field: field}
		got, err := v.Open(t.Context(), p, ct)
		if opened := p == grantPlace && bytes.Equal(ct, genuine); opened != (err == nil) {
			t.Fatalf("place %+v: error %v", p, err)
		}
		if err == nil && got.RevealString() != "secret" {
			t.Fatal("opened as another plaintext")
		}
		if err != nil && !errors.Is(err, ErrSealed) && !errors.Is(err, errPlace) {
			t.Fatalf("unexpected error %v", err)
		}
	})
}

// FuzzOpenToken holds that a token has one spelling and nothing else opens.
func FuzzOpenToken(f *testing.F) {
	v := newWorld(f).replica()
	genuine := mustToken(f, v, accountA, wat, "payload")
	f.Add(genuine, wat)
	f.Add(genuine+"\n", wat)
	f.Add(genuine+"=", wat)
	f.Add(genuine, "session-token")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, token, kind string) {
		got, err := v.OpenToken(t.Context(), accountA, kind, token)
		if opened := token == genuine && kind == wat; opened != (err == nil) {
			t.Fatalf("kind %q, token %q: error %v", kind, token, err)
		}
		if err == nil && string(got) != "payload" {
			t.Fatal("opened as another payload")
		}
		if err != nil && !errors.Is(err, ErrSealed) && !errors.Is(err, errKind) {
			t.Fatalf("unexpected error %v", err)
		}
	})
}

// FuzzPlaces holds that two places share no encoding.
func FuzzPlaces(f *testing.F) {
	f.Add("a", "b", "c", "d", "ab", "", "c", "d")
	f.Add("a", "b\x00\x00\x00\x01c", "", "", "a", "b", "c", "")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i string) {
		p, q := Place{a, b, c, d}, Place{e, g, h, i}
		if (p == q) != bytes.Equal(p.binding(domainMAC, 1, 0), q.binding(domainMAC, 1, 0)) {
			t.Fatalf("%+v and %+v share an encoding", p, q)
		}
	})
}
