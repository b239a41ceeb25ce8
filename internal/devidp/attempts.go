package devidp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Password guessing is slowed down per user name and per address. Only failures count, so that somebody who knows the
// password can sign in as often as they like.
const (
	attemptBurst  = 10              // failures in a row before the wait begins
	attemptRefill = 6 * time.Second // one more each
	attemptSlots  = 4               // password hashes computed at once
	bucketCount   = 1024            // per table
)

// passwordAttempts holds two tables of fixed size. Names and addresses fall into a bucket by a keyed hash: strangers can
// neither grow the tables nor choose whose bucket they share, and a chance collision costs a wait, never a bypass.
type passwordAttempts struct {
	key   []byte
	slots chan struct{}

	mu        sync.Mutex
	users     [bucketCount]bucket
	addresses [bucketCount]bucket
}

// bucket counts failures; it drains with time.
type bucket struct {
	failures float64
	at       time.Time
}

func newPasswordAttempts(rand io.Reader) (*passwordAttempts, error) {
	p := &passwordAttempts{key: make([]byte, 32), slots: make(chan struct{}, attemptSlots)}
	if _, err := io.ReadFull(rand, p.key); err != nil {
		return nil, fmt.Errorf("devidp: read randomness: %w", err)
	}
	return p, nil
}

// attempt is one password being tried. It counts as a failure from the start, so that many tried at once cannot slip
// past the limit together; success takes the count back.
type attempt struct {
	owner         *passwordAttempts
	user, address *bucket
}

// begin counts an attempt, or returns how long to wait before the next one.
func (p *passwordAttempts) begin(now time.Time, username, remoteAddr string) (*attempt, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &attempt{owner: p, user: &p.users[p.index("user", username)], address: &p.addresses[p.index("address", network(remoteAddr))]}
	if wait := max(a.user.wait(now), a.address.wait(now)); wait > 0 {
		return nil, wait
	}
	a.user.failures++
	a.address.failures++
	return a, 0
}

func (a *attempt) succeeded() {
	a.owner.mu.Lock()
	defer a.owner.mu.Unlock()
	a.user.failures = max(0, a.user.failures-1)
	a.address.failures = max(0, a.address.failures-1)
}

// wait drains the bucket up to now and says how long until it has room for one more failure.
func (b *bucket) wait(now time.Time) time.Duration {
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.failures = max(0, b.failures-float64(elapsed)/float64(attemptRefill))
	}
	b.at = now
	if over := b.failures - (attemptBurst - 1); over > 0 {
		return time.Duration(over * float64(attemptRefill))
	}
	return 0
}

func (p *passwordAttempts) index(table, name string) int {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(table + "\x00" + name))
	return int(binary.BigEndian.Uint32(mac.Sum(nil)) % bucketCount)
}

// network is the peer as guessing is counted: an IPv4 address, or the /64 that one IPv6 subscriber owns. Forwarded
// headers are not looked at: a stranger can write them.
func network(remoteAddr string) string {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		host = remoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

// compute runs a password hash for a few callers at a time: it is the one thing a stranger can make this server spend.
func (p *passwordAttempts) compute(ctx context.Context, hash func() bool) bool {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done(): // nobody waits for the answer any more
		return false
	}
	defer func() { <-p.slots }()
	return hash()
}
