package frontdoor

import (
	"net/netip"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/lru"
)

// Rate is a token bucket: PerSecond on average, Burst at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// maxBuckets bounds the addresses, and the users, whose rate is remembered. Who is forgotten starts with a full bucket: to
// be forgotten on purpose takes as many other addresses.
const maxBuckets = 20_000

// limiter holds one bucket a key.
type limiter struct {
	rate Rate

	mu      sync.Mutex
	buckets *lru.Cache[string, bucket]
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(rate Rate, max int) *limiter {
	return &limiter{rate: rate, buckets: lru.New[string, bucket](max)}
}

// take takes one token. Where there is none it returns how long to wait for the next.
func (l *limiter) take(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets.Get(key)
	if !ok {
		b = bucket{tokens: float64(l.rate.Burst), at: now}
	}
	if gone := now.Sub(b.at).Seconds(); gone > 0 { // a clock set back gives nothing and takes nothing
		b.tokens, b.at = min(b.tokens+gone*l.rate.PerSecond, float64(l.rate.Burst)), now
	}
	var wait time.Duration
	if b.tokens < 1 {
		wait = time.Duration((1 - b.tokens) / l.rate.PerSecond * float64(time.Second))
		wait = max(wait, time.Millisecond)
	} else {
		b.tokens--
	}
	l.buckets.Put(key, b)
	return wait
}

// addressKey is what one client may not multiply: an IPv4 address, or the /64 that one IPv6 client has to itself.
func addressKey(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
