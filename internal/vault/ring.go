package vault

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"time"
)

const (
	// recheckAfter is how long a replica may miss another one's rotation, or go
	// on opening what is sealed under a deleted data key.
	recheckAfter = time.Minute
	// retryAfter spaces attempts while the store or the key source fails.
	retryAfter = time.Second
	// staleAfter ends the use of cached data keys whose list could not be read
	// again: serving through an outage must not undo a deletion for ever.
	staleAfter = 10 * time.Minute
	// rereadBurst and one more each second bound the reads that unknown versions
	// cause for one account.
	rereadBurst = 8
)

// keySet is what is known of an account's data keys at one time. It is never
// altered once it is published.
type keySet struct {
	newest uint32
	rows   map[uint32]DataKey
	keys   map[uint32]*dataKey // those unwrapped so far
	readAt time.Time
}

// resolve turns [newest] into a version; 0 remains for an empty set.
func (s *keySet) resolve(version uint32) uint32 {
	if version == newest && s != nil {
		return s.newest
	}
	return version
}

func (s *keySet) key(version uint32) *dataKey {
	if s == nil {
		return nil
	}
	return s.keys[s.resolve(version)]
}

func (s *keySet) has(version uint32) bool {
	if s == nil {
		return false
	}
	_, ok := s.rows[s.resolve(version)]
	return ok
}

func (s *keySet) stale(now time.Time) bool {
	return s != nil && now.Sub(s.readAt) >= staleAfter
}

func (s *keySet) newestUnwrapped() *dataKey {
	var last *dataKey
	for version, k := range s.keys {
		if last == nil || version > last.version {
			last = k
		}
	}
	return last
}

// ring is one account's place in the cache.
type ring struct {
	account   string
	used      atomic.Int64
	set       atomic.Pointer[keySet]
	recheckAt atomic.Int64

	gate chan struct{} // a lock that a context can leave; guards what follows

	failures map[uint32]failure // by data key version; 0 is the list itself
	budget   float64
	budgetAt time.Time
}

// failure is remembered for a moment, so that a queue of callers does not wait
// for one time-out after the other.
type failure struct {
	err   error
	until time.Time
}

func newRing(account string) *ring {
	return &ring{
		account: account, budget: rereadBurst,
		gate: make(chan struct{}, 1), failures: make(map[uint32]failure),
	}
}

func (r *ring) lock(ctx context.Context) error {
	select {
	case r.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("vault: waiting for the data keys of account %s: %w", r.account, ctx.Err())
	}
}

func (r *ring) unlock() { <-r.gate }

// claimRecheck tells one caller, and no other, that the list is due to be read
// again. Should that caller fail, the next one is told after retryAfter.
func (r *ring) claimRecheck(now time.Time) bool {
	due := r.recheckAt.Load()
	return now.UnixNano() >= due && r.recheckAt.CompareAndSwap(due, now.Add(retryAfter).UnixNano())
}

// mayReread spends from the budget for unknown versions. Needs the gate.
func (r *ring) mayReread(now time.Time) bool {
	if elapsed := now.Sub(r.budgetAt); elapsed > 0 {
		r.budget = min(rereadBurst, r.budget+elapsed.Seconds())
		r.budgetAt = now
	}
	if r.budget < 1 {
		return false
	}
	r.budget--
	return true
}

// recall returns the failure of a moment ago, if there was one. Needs the gate.
func (r *ring) recall(version uint32, now time.Time) error {
	if f, ok := r.failures[version]; ok && now.Before(f.until) {
		return f.err
	}
	delete(r.failures, version)
	return nil
}

// remember keeps a failure for those who wait, unless it is only that this
// caller gave up. Needs the gate.
func (r *ring) remember(ctx context.Context, version uint32, now time.Time, err error) error {
	if ctx.Err() == nil {
		r.failures[version] = failure{err: err, until: now.Add(retryAfter)}
	}
	return err
}

// publish replaces the set after a reading of the list. Needs the gate.
func (r *ring) publish(set *keySet) {
	r.set.Store(set)
	r.recheckAt.Store(set.readAt.Add(recheckAfter).UnixNano())
}

// add publishes one more unwrapped key. Needs the gate.
func (r *ring) add(set *keySet, k *dataKey) {
	next := *set
	next.keys = maps.Clone(set.keys)
	next.keys[k.version] = k
	r.set.Store(&next)
}

// newKeySet checks what the store returned, and keeps the unwrapped keys whose
// rows did not change. A row that changed under its version, as after a restored
// backup, is unwrapped anew.
func newKeySet(account string, rows []DataKey, old *keySet, now time.Time) (*keySet, error) {
	set := &keySet{rows: make(map[uint32]DataKey, len(rows)), keys: make(map[uint32]*dataKey), readAt: now}
	for _, row := range rows {
		if row.Account != account || row.Version == newest || set.has(row.Version) {
			return nil, fmt.Errorf("vault: the store returned data key version %d of account %q among those of account %q",
				row.Version, row.Account, account)
		}
		set.rows[row.Version] = row
		set.newest = max(set.newest, row.Version)
		if k := old.key(row.Version); k != nil && bytes.Equal(k.wrapped, row.Wrapped) {
			set.keys[row.Version] = k
		}
	}
	return set, nil
}

// ring finds or makes the account's entry.
func (v *Vault) ring(account string) *ring {
	v.mu.RLock()
	r := v.rings[account]
	v.mu.RUnlock()
	if r != nil {
		return r
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if r = v.rings[account]; r != nil {
		return r
	}
	if len(v.rings) >= v.maxAccounts {
		v.evict()
	}
	r = newRing(account)
	v.rings[account] = r
	return r
}

// evict drops the least recently used account, and before that any account
// without data keys: asking for accounts that do not exist must not push out
// those that do. Needs v.mu.
func (v *Vault) evict() {
	var victim *ring
	for _, r := range v.rings {
		if victim == nil || r.rank() < victim.rank() {
			victim = r
		}
	}
	delete(v.rings, victim.account)
}

func (r *ring) rank() int64 {
	if set := r.set.Load(); set == nil || set.newest == newest {
		return 0
	}
	return r.used.Load()
}
