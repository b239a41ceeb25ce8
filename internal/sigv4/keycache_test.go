package sigv4

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestKeyCacheDerivesPerScopeAndSecret(t *testing.T) {
	c := NewKeyCache(100)
	seen := make(map[string]bool)
	for _, secret := range []string{"one", "two"} {
		for _, s := range []Scope{{"20260102", "r", "s"}, {"20260103", "r", "s"}, {"20260102", "q", "s"}, {"20260102", "r", "t"}} {
			first, again := c.SigningKey("AK", []byte(secret), s), c.SigningKey("AK", []byte(secret), s)
			if want := deriveKey([]byte(secret), s); !bytes.Equal(first, want) || !bytes.Equal(again, want) {
				t.Errorf("%s %v: got %x then %x", secret, s, first, again)
			}
			seen[string(first)] = true
		}
	}
	if len(seen) != 8 || c.order.Len() != 8 {
		t.Errorf("%d keys, %d kept, want 8", len(seen), c.order.Len())
	}
}

// TestA30_RotatedSecretNeverHits: the old secret's key must not serve once the
// look-up returns a new secret under the same access key id.
func TestA30_RotatedSecretNeverHits(t *testing.T) {
	c, s := NewKeyCache(10), Scope{"20260102", "r", "s"}
	before := c.SigningKey("AK", []byte("old"), s)
	if after := c.SigningKey("AK", []byte("new"), s); bytes.Equal(before, after) {
		t.Error("the rotated secret got its predecessor's key")
	}
}

func TestKeyCacheHandsOutCopies(t *testing.T) {
	c, s := NewKeyCache(10), Scope{"20260102", "r", "s"}
	want := deriveKey([]byte("k"), s)
	for range 3 {
		got := c.SigningKey("AK", []byte("k"), s)
		if !bytes.Equal(got, want) {
			t.Fatal("a caller changed the cached key")
		}
		clear(got)
	}
}

func TestA50_KeyCacheIsBounded(t *testing.T) {
	for _, max := range []int{-1, 0, 1, 7} {
		c := NewKeyCache(max)
		hot := Scope{"20260102", "hot", "s"}
		for i := range 50 {
			c.SigningKey("AK", []byte("k"), hot)
			c.SigningKey("AK", []byte("k"), Scope{"20260102", fmt.Sprint("r", i), "s"})
		}
		if n := c.order.Len(); n > max && n > 1 || n != len(c.byName) {
			t.Errorf("max %d: %d in order, %d by name", max, n, len(c.byName))
		}
		if max == 7 && c.get(keyName{"AK", c.order.Front().Value.(*cachedKey).name.fingerprint, hot}) == nil {
			t.Error("the key used most was forgotten")
		}
	}
}

func TestKeyCacheKeepsNoSecret(t *testing.T) {
	c := NewKeyCache(10)
	c.SigningKey("AK", []byte(testSecret), Scope{"20260102", "r", "s"})
	for name := range c.byName {
		if strings.Contains(fmt.Sprintf("%s %v", name.fingerprint, name), testSecret) {
			t.Error("the secret is in the cache's key")
		}
	}
}

func TestKeyCacheConcurrently(t *testing.T) {
	c := NewKeyCache(3)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				s := Scope{"20260102", fmt.Sprint("r", (g+i)%6), "s"}
				if got := c.SigningKey("AK", []byte("k"), s); !bytes.Equal(got, deriveKey([]byte("k"), s)) {
					t.Errorf("wrong key for %v", s)
				}
			}
		})
	}
	wg.Wait()
}
