package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestFirstUseMakesOneDataKey(t *testing.T) {
	w := newWorld(t)
	replicas := []*Vault{w.replica(), w.replica(), w.replica()}
	var mu sync.Mutex
	var sealed [][]byte
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			ct, err := replicas[i%len(replicas)].Seal(t.Context(), grantPlace, SecretString("secret"))
			if err != nil {
				t.Errorf("Seal: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			sealed = append(sealed, ct)
		})
	}
	wg.Wait()
	if len(w.store.rows) != 1 || w.store.rows[0].Version != 1 {
		t.Fatalf("%d data keys after a racing first use, want 1", len(w.store.rows))
	}
	for _, ct := range sealed {
		mustOpen(t, w.replica(), grantPlace, ct, "secret")
	}
}

func TestFirstUseLosesTheRace(t *testing.T) {
	w := newWorld(t)
	var winner []byte
	w.store.beforeInsert = func() { winner = mustSeal(t, w.replica(), grantPlace, "winner") }
	loser := w.replica()
	ct := mustSeal(t, loser, grantPlace, "loser")
	if len(w.store.rows) != 1 {
		t.Fatalf("%d data keys, want 1", len(w.store.rows))
	}
	mustOpen(t, loser, grantPlace, winner, "winner")
	mustOpen(t, w.replica(), grantPlace, ct, "loser")
}

func TestRotateLosesTheRace(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(), w.replica()
	mustSeal(t, a, grantPlace, "x")
	var byB uint32
	w.store.beforeInsert = func() { byB = mustRotate(t, b, accountA) }
	if byA := mustRotate(t, a, accountA); byA != 2 || byB != 2 || len(w.store.rows) != 2 {
		t.Errorf("rotated to %d and %d with %d rows, want version 2 once", byA, byB, len(w.store.rows))
	}
}

func TestRotateRaces(t *testing.T) {
	w := newWorld(t)
	replicas := []*Vault{w.replica(), w.replica()}
	ct := mustSeal(t, replicas[0], grantPlace, "secret")
	var wg sync.WaitGroup
	for i := range 16 {
		v := replicas[i%2]
		wg.Go(func() {
			if _, err := v.Rotate(t.Context(), accountA); err != nil {
				t.Errorf("Rotate: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := v.Open(t.Context(), grantPlace, ct); err != nil {
				t.Errorf("Open during rotation: %v", err)
			}
		})
		wg.Go(func() {
			token, err := v.SealToken(t.Context(), accountA, wat, []byte("x"))
			if _, openErr := v.OpenToken(t.Context(), accountA, wat, token); err != nil || openErr != nil {
				t.Errorf("token during rotation: %v, %v", err, openErr)
			}
		})
	}
	wg.Wait()
	for i, row := range w.store.rows {
		if row.Version != uint32(i+1) {
			t.Fatalf("row %d has version %d: versions skip or repeat", i, row.Version)
		}
	}
}

func TestRotateOfAnUnusedAccountMakesItsFirstKey(t *testing.T) {
	v := newWorld(t).replica()
	if n := mustRotate(t, v, accountA); n != 1 {
		t.Errorf("rotated to version %d, want 1", n)
	}
}

func TestOpeningNeverMakesAKey(t *testing.T) {
	w := newWorld(t)
	ct := mustSeal(t, w.replica(), grantPlace, "x")
	token := mustToken(t, w.replica(), accountA, wat, "x")
	w.store.retire(accountA, 1)
	v := w.replica()
	_, err := v.Open(t.Context(), grantPlace, ct)
	wantSealed(t, err, "Open")
	_, _, err = v.Rewrap(t.Context(), grantPlace, ct)
	wantSealed(t, err, "Rewrap")
	_, err = v.OpenToken(t.Context(), accountA, wat, token)
	wantSealed(t, err, "OpenToken")
	if len(w.store.rows) != 0 {
		t.Error("opening made a data key")
	}
	mustSeal(t, v, grantPlace, "x")
	if len(w.store.rows) != 1 {
		t.Error("sealing after a vain opening made no data key")
	}
}

func TestHotPathAsksNobody(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	ct := mustSeal(t, v, grantPlace, "secret")
	reads, unwraps := w.store.reads.Load(), w.src.unwraps.Load()
	for range 50 {
		mustOpen(t, v, grantPlace, ct, "secret")
		mustSeal(t, v, grantPlace, "secret")
		mustToken(t, v, accountA, wat, "x")
	}
	if w.store.reads.Load() != reads || w.src.unwraps.Load() != unwraps {
		t.Error("cached data keys were fetched again")
	}
	w.clock.advance(recheckAfter)
	for range 50 {
		mustOpen(t, v, grantPlace, ct, "secret")
	}
	if got := w.store.reads.Load() - reads; got != 1 {
		t.Errorf("%d reads when the recheck was due, want 1", got)
	}
	if w.src.unwraps.Load() != unwraps {
		t.Error("a recheck without news asked the key source")
	}
}

func TestReplicaLearnsOfARotation(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(), w.replica()
	mustSeal(t, b, grantPlace, "x")
	mustSeal(t, a, grantPlace, "x")
	mustRotate(t, a, accountA)
	mustOpen(t, b, grantPlace, mustSeal(t, a, grantPlace, "new"), "new") // unknown version: read at once

	mustRotate(t, a, accountA)
	if n, _ := b.KeyVersion(mustSeal(t, b, grantPlace, "x")); n != 2 {
		t.Errorf("sealed under version %d before the recheck, want 2", n)
	}
	w.clock.advance(recheckAfter)
	if n, _ := b.KeyVersion(mustSeal(t, b, grantPlace, "x")); n != 3 {
		t.Errorf("sealed under version %d after the recheck, want 3", n)
	}
}

func TestForgedVersionsDoNotFloodTheStore(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	token := mustToken(t, v, accountA, wat, "x")
	before := w.store.reads.Load()
	forge := func(version uint32) {
		raw := appendVersion(nil, tokenFormat, version)
		raw = append(raw, make([]byte, gcmOverhead+8)...)
		_, err := v.OpenToken(t.Context(), accountA, wat, base64.RawURLEncoding.EncodeToString(raw))
		wantSealed(t, err, "forged version")
	}
	for i := range uint32(500) {
		forge(1000 + i)
	}
	if got := w.store.reads.Load() - before; got != rereadBurst {
		t.Errorf("500 forged tokens caused %d reads, want %d", got, rereadBurst)
	}
	w.clock.advance(3 * time.Second)
	for i := range uint32(500) {
		forge(1000 + i)
	}
	if got := w.store.reads.Load() - before; got != rereadBurst+3 {
		t.Errorf("three seconds later %d reads in all, want %d", got, rereadBurst+3)
	}
	if _, err := v.OpenToken(t.Context(), accountA, wat, token); err != nil {
		t.Errorf("a genuine token during the flood: %v", err)
	}
}

func TestKeySourceOutage(t *testing.T) {
	w := newWorld(t)
	ct := mustSeal(t, w.replica(), grantPlace, "secret")
	w.src.noUnwrap.Store(true)
	v := w.replica()
	for range 5 {
		_, err := v.Open(t.Context(), grantPlace, ct)
		if !errors.Is(err, ErrKeySource) || !errors.Is(err, errOff) || errors.Is(err, ErrSealed) {
			t.Fatalf("got error %v, want ErrKeySource", err)
		}
	}
	if n := w.src.unwraps.Load(); n != 3 {
		t.Errorf("%d unwraps in all, want 3: to prove the new key, to use it, to learn of the outage", n)
	}
	w.src.noUnwrap.Store(false)
	w.clock.advance(retryAfter)
	mustOpen(t, v, grantPlace, ct, "secret")
}

func TestSealGoesOnUnderThePreviousKeyDuringAnOutage(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(), w.replica()
	mustSeal(t, b, grantPlace, "x")
	mustRotate(t, a, accountA)
	w.src.noUnwrap.Store(true)
	w.clock.advance(recheckAfter)
	for range 3 {
		if n, _ := b.KeyVersion(mustSeal(t, b, grantPlace, "x")); n != 1 {
			t.Fatalf("sealed under version %d, want 1", n)
		}
	}
	w.src.noUnwrap.Store(false)
	w.clock.advance(retryAfter)
	if n, _ := b.KeyVersion(mustSeal(t, b, grantPlace, "x")); n != 2 {
		t.Errorf("sealed under version %d after the outage, want 2", n)
	}
}

func TestStoreOutageIsBridgedButNotForEver(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	ct := mustSeal(t, v, grantPlace, "secret")
	down := errors.New("database is down")
	w.store.setFail(down)
	w.clock.advance(recheckAfter)
	mustOpen(t, v, grantPlace, ct, "secret")
	w.clock.advance(staleAfter)
	for range 3 {
		if _, err := v.Open(t.Context(), grantPlace, ct); !errors.Is(err, down) {
			t.Fatalf("with a list older than %v: got error %v", staleAfter, err)
		}
	}
	w.store.setFail(nil)
	w.clock.advance(retryAfter)
	mustOpen(t, v, grantPlace, ct, "secret")
}

func TestUnusableNewKeyIsNotStored(t *testing.T) {
	w := newWorld(t)
	w.src.noUnwrap.Store(true)
	if _, err := w.replica().Seal(t.Context(), grantPlace, SecretString("x")); !errors.Is(err, ErrKeySource) {
		t.Errorf("got error %v, want ErrKeySource", err)
	}
	w.src.noUnwrap.Store(false)
	w.src.garbled.Store(true)
	if _, err := w.replica().Seal(t.Context(), grantPlace, SecretString("x")); !errors.Is(err, ErrKeySource) {
		t.Errorf("unwrapped as another key: got error %v, want ErrKeySource", err)
	}
	w.src.garbled.Store(false)
	w.src.noWrap.Store(true)
	if _, err := w.replica().Rotate(t.Context(), accountA); !errors.Is(err, ErrKeySource) {
		t.Errorf("got error %v, want ErrKeySource", err)
	}
	if len(w.store.rows) != 0 {
		t.Error("a data key that does not unwrap was stored")
	}
}

func TestCancelledCallerDoesNotSpoilOthers(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	ctx, cancel := context.WithCancel(t.Context())
	w.src.noWrap.Store(true)
	w.src.duringWrap = cancel
	if _, err := v.Seal(ctx, grantPlace, SecretString("x")); !errors.Is(err, errOff) {
		t.Fatalf("got error %v, want that of the key source", err)
	}
	w.src.noWrap.Store(false)
	mustSeal(t, v, grantPlace, "x") // at once: the clock did not move
}

func TestWaitingForTheGateEndsWithTheContext(t *testing.T) {
	v := newWorld(t).replica()
	if err := v.ring(accountA).lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Seal(ctx, grantPlace, SecretString("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context.Canceled", err)
	}
}

func TestStoreMustKeepAccountsApart(t *testing.T) {
	for name, change := range map[string]func(*DataKey){
		"account":   func(k *DataKey) { k.Account = accountB },
		"version 0": func(k *DataKey) { k.Version = 0 },
	} {
		row := DataKey{Account: accountA, Version: 1}
		change(&row)
		if _, err := newKeySet(accountA, []DataKey{row}, nil, time.Time{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	twice := []DataKey{{Account: accountA, Version: 1}, {Account: accountA, Version: 1}}
	if _, err := newKeySet(accountA, twice, nil, time.Time{}); err == nil {
		t.Error("the same version twice: accepted")
	}
}

func TestReplacedRowIsUnwrappedAnew(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	ct := mustSeal(t, v, grantPlace, "before the restore")
	w.store.retire(accountA, 1)
	replaced := mustSeal(t, w.replica(), grantPlace, "after the restore") // another key, also version 1
	w.clock.advance(recheckAfter)
	mustOpen(t, v, grantPlace, replaced, "after the restore")
	_, err := v.Open(t.Context(), grantPlace, ct)
	wantSealed(t, err, "record of a replaced data key")
}

func TestForgetDropsTheKeys(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	ct := mustSeal(t, v, grantPlace, "secret")
	w.src.noUnwrap.Store(true)
	mustOpen(t, v, grantPlace, ct, "secret")
	v.Forget(accountA)
	if _, err := v.Open(t.Context(), grantPlace, ct); !errors.Is(err, ErrKeySource) {
		t.Errorf("got error %v, want ErrKeySource", err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	v.maxAccounts = 4
	place := func(i int) Place { return Place{Account: fmt.Sprintf("%012d", i), Table: "t", Row: "r"} }
	for i := range 4 {
		mustSeal(t, v, place(i), "x")
		w.clock.advance(time.Millisecond)
	}
	kept := v.rings[accountA]
	for i := range 50 { // accounts that do not exist push out one existing account at most
		_, err := v.OpenToken(t.Context(), fmt.Sprint("x", i), wat, mustToken(t, v, accountA, wat, "x"))
		wantSealed(t, err, "unknown account")
	}
	if len(v.rings) != 4 || v.rings[accountA] != kept || v.rings[place(3).Account] == nil {
		t.Errorf("%d accounts cached, or the wrong one dropped", len(v.rings))
	}
	if v.rings[place(1).Account] != nil {
		t.Error("the least recently used account was not the one dropped")
	}
}

func TestWornDataKeyIsRotatedUnasked(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	v.maxUses = 3
	versions := make(map[uint32]int)
	for range 9 {
		n, err := v.KeyVersion(mustSeal(t, v, grantPlace, "x"))
		if err != nil {
			t.Fatal(err)
		}
		versions[n]++
	}
	for n, uses := range versions {
		if uses > 4 {
			t.Errorf("data key %d was used %d times", n, uses)
		}
	}
	w.src.noWrap.Store(true)
	var err error
	for range 10 {
		_, err = v.Seal(t.Context(), grantPlace, SecretString("x"))
	}
	if !errors.Is(err, ErrKeySource) {
		t.Errorf("a worn data key went on sealing: error %v", err)
	}
}
