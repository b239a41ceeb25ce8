//go:build soak

package servertest_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

var soakFor = flag.Duration("soak", 10*time.Minute, "how long to soak")

// TestSoak runs two replicas on one database against a provider that takes a refresh token used twice for theft, while
// the clock runs fast and the provider fails now and then. In all that time no user may have to consent again, no caller
// may fail while the provider is well, and neither goroutines nor memory may grow.
func TestSoak(t *testing.T) {
	s := servertest.New(t)
	a := s.NewAgent(t)
	other := s.Replica(t)
	const users = 40
	var asks [users]identity.ResourceTokenRequest
	mint := func(u int) {
		asks[u] = identity.ResourceTokenRequest{WorkloadToken: a.Token(t, fmt.Sprintf("user-%d", u)), Provider: a.Provider, Flow: identity.UserFederation, Scopes: []string{"read"}, ReturnURL: servertest.ReturnURL}
	}
	for u := range users {
		a.Grant(t, fmt.Sprintf("user-%d", u))
		mint(u)
	}
	root := &policy.Caller{Account: s.Account, ARN: "arn:aws:iam::" + s.Account + ":root", Kind: policy.KindRoot}
	replicas := []*servertest.Service{s, other}
	var calls, failed, consents atomic.Int64
	var first atomic.Value
	round := func(callers int) {
		var all sync.WaitGroup
		for range callers {
			u, r := rand.IntN(users), replicas[rand.IntN(2)]
			all.Go(func() {
				calls.Add(1)
				out, err := r.Identity.ResourceToken(context.Background(), root, asks[u])
				if err != nil {
					if failed.Add(1) == 1 {
						first.Store(err.Error())
					}
				} else if out.Access.Empty() {
					consents.Add(1)
				}
			})
		}
		all.Wait()
	}
	begun, firstHeap, firstGoroutines := time.Now(), uint64(0), 0
	for n := 0; time.Since(begun) < *soakFor; n++ {
		s.Clock.Advance(time.Duration(rand.IntN(20)) * time.Minute)
		for u := range users {
			mint(u) // workload access tokens end by themselves
		}
		if n%5 == 4 { // the provider is unwell: callers may fail, grants may not
			a.IDP.OnToken(func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			})
			before := failed.Load()
			round(100)
			failed.Store(before)
			a.IDP.OnToken(nil)
		}
		round(400)
		if n%10 == 0 {
			if err := s.Identity.Sweep(context.Background(), time.Hour); err != nil {
				t.Fatal(err)
			}
			heap, goroutines := footprint()
			if firstHeap == 0 && n > 0 {
				firstHeap, firstGoroutines = heap, goroutines
			}
			t.Logf("%s: %d calls, %d refreshes, heap %d KiB, %d goroutines", time.Since(begun).Round(time.Second), calls.Load(), a.IDP.Count("refresh_token"), heap>>10, goroutines)
			if firstHeap != 0 && (heap > 2*firstHeap+32<<20 || goroutines > 2*firstGoroutines+100) {
				t.Fatalf("it grows: heap %d KiB from %d, goroutines %d from %d", heap>>10, firstHeap>>10, goroutines, firstGoroutines)
			}
		}
	}
	if failed.Load() != 0 || consents.Load() != 0 {
		t.Errorf("of %d calls %d failed and %d asked for consent again; the first: %v", calls.Load(), failed.Load(), consents.Load(), first.Load())
	}
}

func footprint() (heap uint64, goroutines int) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}
