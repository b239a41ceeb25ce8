// Package storetest is the contract of identity.Store as a test suite: what every implementation must do, on every
// engine, also when many do it at once. It is for tests alone.
package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// start is when the suite happens: a moment with milliseconds, which is what a store keeps of a time.
var start = time.Date(2031, 3, 14, 15, 9, 26, 535e6, time.UTC)

// suite is one store under test. Its tests keep apart by each taking an account of its own.
type suite struct {
	store    identity.Store
	accounts atomic.Int64
	ids      atomic.Int64
	passed   atomic.Int64 // what the clock has gone on since the start
}

// now is the clock of the store.
func (s *suite) now() time.Time { return start.Add(time.Duration(s.passed.Load())) }

// pass lets time go by.
func (s *suite) pass(d time.Duration) { s.passed.Add(int64(d)) }

// Run runs the suite. open returns an empty store with the clock given and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) identity.Store) {
	newSuite := func(t *testing.T) *suite {
		s := &suite{}
		s.store = open(t, s.now)
		return s
	}
	s := newSuite(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"Accounts", testAccounts},
		{"Records", testRecords},
		{"DeleteRecord", testDeleteRecord},
		{"Grants", testGrants},
		{"Refresh", testRefresh},
		{"Sessions", testSessions},
		{"InboundTokens", testInboundTokens},
		{"Epochs", testEpochs},
		{"DataKeys", testDataKeys},
		{"Sealed", testSealed},
		{"Audit", testAudit},
		{"Concurrency", testConcurrency},
		{"Isolation", testIsolation},
		{"Texts", testTexts},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
	// These look at all accounts at once, so each has a store to itself.
	for _, part := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"GrantsDue", testGrantsDue},
		{"Expiry", testExpiry},
		{"AuditRetention", testAuditRetention},
		{"AuditRetentionAhead", testAuditRetentionAhead},
		{"ListAccounts", testListAccounts},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newSuite(t)) })
	}
}

// account makes an account of its own for a test.
func (s *suite) account(t testing.TB) string {
	t.Helper()
	id := fmt.Sprintf("%012d", s.accounts.Add(1))
	a := identity.Account{ID: id, Version: 1, CreatedAt: start}
	if err := s.store.InsertAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return id
}

// id returns an id that was never used before.
func (s *suite) id(prefix string) string { return fmt.Sprintf("%s-%06d", prefix, s.ids.Add(1)) }

func (s *suite) record(account, kind, name string) identity.Record {
	return identity.Record{
		Account: account, Kind: kind, ID: s.id("id"), Name: name, Data: []byte(`{"name":"` + name + `"}`), Sealed: []byte("sealed " + name),
		MAC: []byte("mac " + name), Version: 1, CreatedAt: start, UpdatedAt: start.Add(time.Second),
	}
}

func (s *suite) insert(t testing.TB, r identity.Record) identity.Record {
	t.Helper()
	if err := s.store.InsertRecord(t.Context(), r, 0); err != nil {
		t.Fatalf("inserting %s %s: %v", r.Kind, r.Name, err)
	}
	return r
}

func (s *suite) grant(account, workload, provider, user string) identity.Grant {
	return identity.Grant{
		Account: account, ID: s.id("gr"), Key: sha256.Sum256([]byte(workload + "|" + provider + "|" + user)),
		WorkloadID: workload, ProviderID: provider, User: user, Scopes: []string{"repo", `odd "scope"`, "read:user"},
		State: identity.GrantActive, Sealed: []byte("sealed " + user), HasRefresh: true, AccessExpiresAt: start.Add(time.Hour),
		LastUsedAt: start, CreatedAt: start, UpdatedAt: start,
	}
}

// put stores a grant and returns the row as it is stored.
func (s *suite) put(t testing.TB, g identity.Grant) identity.Grant {
	t.Helper()
	if err := s.store.PutGrant(t.Context(), g); err != nil {
		t.Fatalf("putting grant %s: %v", g.ID, err)
	}
	g, err := s.store.GrantByID(t.Context(), g.Account, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (s *suite) session(account, workload, user string) identity.Session {
	return identity.Session{
		Account: account, ID: s.id("se"), WorkloadID: workload, ProviderID: "pr-0", User: user, Scopes: []string{"repo"},
		Status: identity.SessionPending, Sealed: []byte("facts"), RequestID: "rq-1", Version: 1,
		CreatedAt: start, ExpiresAt: start.Add(10 * time.Minute), UpdatedAt: start,
	}
}

func (s *suite) begin(t testing.TB, n identity.Session) identity.Session {
	t.Helper()
	if err := s.store.InsertSession(t.Context(), n, 1000); err != nil {
		t.Fatalf("inserting session %s: %v", n.ID, err)
	}
	return n
}

// version reads the account's version.
func (s *suite) version(t testing.TB, account string) int64 {
	t.Helper()
	a, err := s.store.Account(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return a.Version
}

// counts checks that f counts as the number of changes given.
func (s *suite) counts(t *testing.T, account string, changes int64, f func()) {
	t.Helper()
	before := s.version(t, account)
	f()
	if got := s.version(t, account) - before; got != changes {
		t.Errorf("the account's version went up by %d, want %d", got, changes)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func same(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

// race runs f n times at once and returns how many of them say that they won.
func race(n int, f func(i int) bool) int {
	var won atomic.Int64
	var all sync.WaitGroup
	ready := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-ready
			if f(i) {
				won.Add(1)
			}
		})
	}
	close(ready)
	all.Wait()
	return int(won.Load())
}

func names[T any](items []T, name func(T) string) []string {
	out := make([]string, len(items))
	for i, v := range items {
		out[i] = name(v)
	}
	return out
}
