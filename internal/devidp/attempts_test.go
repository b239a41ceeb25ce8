package devidp

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestA49_GuessesAtOnceShareTheLimit: attempts that overlap cannot all slip in before the first failure is counted.
func TestA49_GuessesAtOnceShareTheLimit(t *testing.T) {
	p, err := newPasswordAttempts(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1e9, 0)
	var mu sync.Mutex
	var wg sync.WaitGroup
	begun := 0
	for range 50 {
		wg.Go(func() {
			if a, _ := p.begin(now, "dev", "192.0.2.1:1"); a != nil {
				mu.Lock()
				defer mu.Unlock()
				begun++
			}
		})
	}
	wg.Wait()
	if begun != attemptBurst {
		t.Errorf("%d of 50 overlapping attempts began, want %d", begun, attemptBurst)
	}
}

// TestA49_ManyAddressesShareTheUsersLimit: spreading guesses over addresses does not help.
func TestA49_ManyAddressesShareTheUsersLimit(t *testing.T) {
	p, err := newPasswordAttempts(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begun := 0
	for i := range 100 {
		if a, wait := p.begin(time.Unix(1e9, 0), "dev", fmt.Sprintf("198.51.100.%d:1", i)); a != nil {
			begun++
		} else if wait <= 0 {
			t.Fatal("refused without a time to wait")
		}
	}
	if begun > attemptBurst {
		t.Errorf("%d guesses began from 100 addresses, want %d at most", begun, attemptBurst)
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64", "@": "@", "": "",
	} {
		if got := network(address); got != want {
			t.Errorf("network(%q) = %q, want %q", address, got, want)
		}
	}
}

// TestA50_HashingIsBounded: a caller who gave up does not wait for a free slot.
func TestA50_HashingIsBounded(t *testing.T) {
	p, err := newPasswordAttempts(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	right := func() bool { return true }
	for range attemptSlots {
		p.slots <- struct{}{}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if p.compute(gone, right) {
		t.Error("a password was compared beyond the limit")
	}
	<-p.slots
	if !p.compute(t.Context(), right) {
		t.Error("the right password was refused with a slot free")
	}
}
