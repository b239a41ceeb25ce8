package frontdoor

import (
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func TestTokenBucket(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := newLimiter(Rate{PerSecond: 2, Burst: 3}, 10)
	for i := range 3 {
		if wait := l.take("a", now); wait != 0 {
			t.Fatalf("request %d of the burst waits %s", i, wait)
		}
	}
	if wait := l.take("a", now); wait != 500*time.Millisecond {
		t.Errorf("beyond the burst: wait %s, want 500ms", wait)
	}
	if wait := l.take("b", now); wait != 0 {
		t.Errorf("another key waits %s", wait)
	}
	if wait := l.take("a", now.Add(500*time.Millisecond)); wait != 0 {
		t.Errorf("after the wait: %s more", wait)
	}
	if wait := l.take("a", now.Add(-time.Hour)); wait == 0 {
		t.Error("a clock set back gave a token")
	}
	for range 3 {
		if wait := l.take("a", now.Add(time.Hour)); wait != 0 {
			t.Errorf("after an hour: wait %s", wait)
		}
	}
	if wait := l.take("a", now.Add(time.Hour)); wait == 0 {
		t.Error("an hour of silence gave more than the burst")
	}
}

func TestA50_BucketsAreBounded(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := newLimiter(Rate{PerSecond: 1, Burst: 1}, 100)
	for i := range 10_000 {
		l.take(strconv.Itoa(i), now)
		if n := l.buckets.Len(); n > 100 {
			t.Fatalf("%d buckets of 100", n)
		}
	}
	if wait := l.take("9999", now); wait == 0 {
		t.Error("the one used last was forgotten")
	}
	if wait := l.take("1", now); wait != 0 {
		t.Error("one used long ago was kept")
	}
}

func TestAddressKey(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8::1": "2001:db8::/64", "2001:db8::ffff:1": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := addressKey(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s is counted as %s, want %s", in, got, want)
		}
	}
}

func TestRetryAfterIsAWholeSecond(t *testing.T) {
	for wait, want := range map[time.Duration]string{time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2"} {
		if got := retryAfter(wait); got != want {
			t.Errorf("%s became %q, want %q", wait, got, want)
		}
	}
}
