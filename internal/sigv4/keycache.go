package sigv4

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"sync"
)

// KeyCache remembers derived signing keys, so that a request costs one HMAC
// instead of five. It is bounded, forgets the least recently used key first,
// and is safe for concurrent use.
//
// An entry hangs on a fingerprint of the secret besides the access key id: a
// rotated secret never finds the key of its predecessor. Neither secrets nor
// anything that signs beyond its day is kept.
type KeyCache struct {
	max int

	mu     sync.Mutex
	order  *list.List // of *cachedKey, the most recently used in front
	byName map[keyName]*list.Element
}

type keyName struct {
	accessKeyID string
	fingerprint [sha256.Size]byte
	scope       Scope
}

type cachedKey struct {
	name keyName
	key  []byte
}

// NewKeyCache makes a cache of at most max keys; one at least.
func NewKeyCache(max int) *KeyCache {
	if max < 1 {
		max = 1
	}
	return &KeyCache{max: max, order: list.New(), byName: make(map[keyName]*list.Element)}
}

// SigningKey returns the signing key of a secret for a scope. The result is
// the caller's own copy.
func (c *KeyCache) SigningKey(accessKeyID string, secret []byte, s Scope) []byte {
	name := keyName{accessKeyID: accessKeyID, fingerprint: sha256.Sum256(secret), scope: s}
	if key := c.get(name); key != nil {
		return key
	}
	// Derived outside the lock: two requests may both derive, none waits.
	key := deriveKey(secret, s)
	c.put(name, bytes.Clone(key))
	return key
}

func (c *KeyCache) get(name keyName) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byName[name]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return bytes.Clone(e.Value.(*cachedKey).key)
}

func (c *KeyCache) put(name keyName, key []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byName[name]; ok {
		return
	}
	c.byName[name] = c.order.PushFront(&cachedKey{name: name, key: key})
	for c.order.Len() > c.max {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.byName, oldest.Value.(*cachedKey).name)
	}
}
