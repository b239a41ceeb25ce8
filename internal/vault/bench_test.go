package vault

import (
	"bytes"
	"testing"
	"time"
)

// payload2K is about what a grant's tokens take.
var payload2K = bytes.Repeat([]byte("x"), 2<<10)

// benchVault runs on the real clock, whose reading is part of the cost.
func benchVault(b *testing.B) *Vault {
	w := newWorld(b)
	return New(w.src, w.store, time.Now)
}

// BenchmarkFloorOpen2K is the cipher alone: unwrap, key schedule, open. Compare
// ratios with it, measured in the same run.
func BenchmarkFloorOpen2K(b *testing.B) {
	outer, err := newAEAD(make([]byte, keySize))
	if err != nil {
		b.Fatal(err)
	}
	inner, err := newAEAD(make([]byte, keySize))
	if err != nil {
		b.Fatal(err)
	}
	binding := make([]byte, 64)
	wrapped, body := outer.Seal(nil, nil, make([]byte, keySize), binding), inner.Seal(nil, nil, payload2K, binding)
	b.ReportAllocs()
	for b.Loop() {
		key, _ := outer.Open(nil, nil, wrapped, binding)
		aead, _ := newAEAD(key)
		if _, err := aead.Open(nil, nil, body, binding); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal2K(b *testing.B) {
	v := benchVault(b)
	s := NewSecret(payload2K)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Seal(b.Context(), grantPlace, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen2K(b *testing.B) {
	v := benchVault(b)
	ct := mustSeal(b, v, grantPlace, string(payload2K))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Open(b.Context(), grantPlace, ct); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRewrap2K(b *testing.B) {
	v := benchVault(b)
	ct := mustSeal(b, v, grantPlace, string(payload2K))
	mustRotate(b, v, accountA)
	b.ReportAllocs()
	for b.Loop() {
		if _, changed, err := v.Rewrap(b.Context(), grantPlace, ct); err != nil || !changed {
			b.Fatal(changed, err)
		}
	}
}

func BenchmarkSealToken(b *testing.B) {
	v := benchVault(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.SealToken(b.Context(), accountA, wat, payload2K[:160]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenToken(b *testing.B) {
	v := benchVault(b)
	token := mustToken(b, v, accountA, wat, string(payload2K[:160]))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.OpenToken(b.Context(), accountA, wat, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyMAC(b *testing.B) {
	v := benchVault(b)
	mac, err := v.MAC(b.Context(), grantPlace, 1, payload2K[:512])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := v.VerifyMAC(b.Context(), grantPlace, 1, payload2K[:512], mac); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen2KParallel(b *testing.B) {
	v := benchVault(b)
	ct := mustSeal(b, v, grantPlace, string(payload2K))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Open(b.Context(), grantPlace, ct); err != nil {
				b.Fatal(err)
			}
		}
	})
}
