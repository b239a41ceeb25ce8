package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// owned is an access key's secret as the cache is given it; its address is the owner.
type owned struct {
	secret string
	asked  int
}

func (o *owned) read() ([]byte, error) { o.asked++; return []byte(o.secret), nil }

func (o *owned) key(t *testing.T, c *KeyCache, s Scope, now time.Time) []byte {
	t.Helper()
	key, err := c.SigningKey("AK", o, s, now, o.read)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyCacheDerivesOncePerScopeAndOwner(t *testing.T) {
	c := NewKeyCache(100)
	scopes := []Scope{{"20260102", "r", "s"}, {"20260103", "r", "s"}, {"20260102", "q", "s"}, {"20260102", "r", "t"}}
	o := &owned{secret: "one"}
	for i, s := range scopes {
		first, again := o.key(t, c, s, testNow), o.key(t, c, s, testNow)
		if want := DeriveKey([]byte("one"), s); !bytes.Equal(first, want) || !bytes.Equal(again, want) {
			t.Errorf("%v: got %x then %x", s, first, again)
		}
		if o.asked != i+1 {
			t.Errorf("%v: the secret was read %d times", s, o.asked)
		}
	}
	if c.order.Len() != len(scopes) {
		t.Errorf("%d keys kept", c.order.Len())
	}
}

// TestA30_RotatedSecretNeverHits: the old secret's key must not serve once the
// look-up returns a new owner under the same access key id, nor the new one's
// for a request that still holds the old.
func TestA30_RotatedSecretNeverHits(t *testing.T) {
	c, s := NewKeyCache(10), Scope{"20260102", "r", "s"}
	before, after := &owned{secret: "old"}, &owned{secret: "new"}
	for range 2 {
		for _, o := range []*owned{before, after} {
			if got := o.key(t, c, s, testNow); !bytes.Equal(got, DeriveKey([]byte(o.secret), s)) {
				t.Errorf("the owner of %q got another one's key", o.secret)
			}
		}
	}
	if c.order.Len() != 1 || len(c.byName) != 1 {
		t.Errorf("%d keys under one name", c.order.Len())
	}
}

// TestA30_CachedKeyAges: whatever made the secret unreadable is noticed after a while, though nobody said so.
func TestA30_CachedKeyAges(t *testing.T) {
	c, s := NewKeyCache(10), Scope{"20260102", "r", "s"}
	o := &owned{secret: "k"}
	o.key(t, c, s, testNow)
	if o.key(t, c, s, testNow.Add(maxKeyAge-1)); o.asked != 1 {
		t.Errorf("the secret was read %d times within the key's life", o.asked)
	}
	gone := errors.New("sealed")
	key, err := c.SigningKey("AK", o, s, testNow.Add(maxKeyAge), func() ([]byte, error) { return nil, gone })
	if key != nil || !errors.Is(err, gone) {
		t.Errorf("an unreadable secret still signs: %v", err)
	}
}

func TestKeyCacheHandsOutCopies(t *testing.T) {
	c, s := NewKeyCache(10), Scope{"20260102", "r", "s"}
	o := &owned{secret: "k"}
	want := DeriveKey([]byte("k"), s)
	for range 3 {
		got := o.key(t, c, s, testNow)
		if !bytes.Equal(got, want) {
			t.Fatal("a caller changed the cached key")
		}
		clear(got)
	}
}

func TestA50_KeyCacheIsBounded(t *testing.T) {
	for _, max := range []int{-1, 0, 1, 7} {
		c, o := NewKeyCache(max), &owned{secret: "k"}
		hot := Scope{"20260102", "hot", "s"}
		for i := range 50 {
			o.key(t, c, hot, testNow)
			o.key(t, c, Scope{"20260102", fmt.Sprint("r", i), "s"}, testNow)
		}
		if n := c.order.Len(); n > max && n > 1 || n != len(c.byName) {
			t.Errorf("max %d: %d in order, %d by name", max, n, len(c.byName))
		}
		if max == 7 && c.get(keyName{"AK", hot}, o, testNow) == nil {
			t.Error("the key used most was forgotten")
		}
	}
}

func TestKeyCacheKeepsNoSecret(t *testing.T) {
	c, o := NewKeyCache(10), &owned{secret: testSecret}
	o.key(t, c, Scope{"20260102", "r", "s"}, testNow)
	for name, e := range c.byName {
		if k := e.Value.(*cachedKey); strings.Contains(fmt.Sprintf("%v %s %v", name, k.key, k.until), testSecret) {
			t.Error("the secret is in the cache")
		}
	}
}

func TestKeyCacheConcurrently(t *testing.T) {
	c := NewKeyCache(3)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			o := &owned{secret: fmt.Sprint("k", g%2)}
			for i := range 200 {
				s := Scope{"20260102", fmt.Sprint("r", (g+i)%6), "s"}
				if got := o.key(t, c, s, testNow); !bytes.Equal(got, DeriveKey([]byte(o.secret), s)) {
					t.Errorf("wrong key for %v", s)
				}
			}
		})
	}
	wg.Wait()
}
