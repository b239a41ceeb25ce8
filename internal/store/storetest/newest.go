package storetest

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// testNewestGrant: what was committed is what every later read finds, whichever connection it takes. A token of before
// would be handed out although it was replaced, and a revoked one although it is gone.
func testNewestGrant(t *testing.T, s *suite) {
	g := s.grant(s.account(t), "wl-newest", "pr", "alice")
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte("sealed "), n) }
	g.Sealed = number(0)
	size := len(g.Sealed)
	ok(t, s.store.PutGrant(t.Context(), g))
	var committed atomic.Uint64
	var done atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	defer done.Store(true)
	for range 6 {
		all.Go(func() {
			for !done.Load() {
				least := committed.Load()
				got, err := s.store.ActiveGrant(t.Context(), g.Account, g.Key)
				if err != nil || len(got.Sealed) != size {
					t.Errorf("reading the grant: %q, %v", got.Sealed, err)
					return
				}
				if n := binary.BigEndian.Uint64(got.Sealed[size-8:]); n < least {
					t.Errorf("read %d after %d was committed", n, least)
					return
				}
			}
		})
	}
	for n := range uint64(100) {
		g.Sealed = number(n + 1)
		ok(t, s.store.PutGrant(t.Context(), g))
		committed.Store(n + 1)
	}
	done.Store(true)
	all.Wait()
	g.State, g.Reason = identity.GrantSuspended, "revoked"
	ok(t, s.store.PutGrant(t.Context(), g))
	for range 16 {
		_, err := s.store.ActiveGrant(t.Context(), g.Account, g.Key)
		fails(t, err, identity.ErrNotFound)
	}
}
