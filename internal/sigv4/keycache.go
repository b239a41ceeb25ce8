package sigv4

import (
	"bytes"
	"container/list"
	"sync"
	"time"
)

// maxKeyAge is how long a derived key serves before its secret is asked for
// again. What makes a secret unreadable takes effect after it at the latest.
const maxKeyAge = time.Minute

// KeyCache remembers derived signing keys, so that a request costs one HMAC
// instead of five, and its secret need not be opened. It is bounded, forgets
// the least recently used key first, and is safe for concurrent use.
//
// An entry is good for one owner: the very value, compared by identity, that
// the caller of this package replaces when anything about the access key
// changes. So a rotated or disabled secret never finds the key of its
// predecessor. Neither secrets nor anything that signs beyond its day is kept.
type KeyCache struct {
	max int

	mu     sync.Mutex
	order  *list.List // of *cachedKey, the most recently used in front
	byName map[keyName]*list.Element
}

type keyName struct {
	accessKeyID string
	scope       Scope
}

type cachedKey struct {
	name  keyName
	owner any
	until time.Time
	key   []byte
}

// NewKeyCache makes a cache of at most max keys; one at least.
func NewKeyCache(max int) *KeyCache {
	if max < 1 {
		max = 1
	}
	return &KeyCache{max: max, order: list.New(), byName: make(map[keyName]*list.Element)}
}

// SigningKey returns the signing key of an access key for a scope: the one that
// was derived for this owner, or one of the secret, which is read only then.
// The owner must be comparable. The result is the caller's own copy.
func (c *KeyCache) SigningKey(accessKeyID string, owner any, s Scope, now time.Time, secret func() ([]byte, error)) ([]byte, error) {
	name := keyName{accessKeyID, s}
	if key := c.get(name, owner, now); key != nil {
		return key, nil
	}
	// Derived outside the lock: two requests may both derive, none waits.
	b, err := secret()
	if err != nil {
		return nil, err
	}
	key := DeriveKey(b, s)
	c.put(&cachedKey{name: name, owner: owner, until: now.Add(maxKeyAge), key: bytes.Clone(key)})
	return key, nil
}

func (c *KeyCache) get(name keyName, owner any, now time.Time) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byName[name]
	if !ok {
		return nil
	}
	k := e.Value.(*cachedKey)
	if k.owner != owner || !now.Before(k.until) {
		return nil
	}
	c.order.MoveToFront(e)
	return bytes.Clone(k.key)
}

// put replaces what an earlier owner left under the name.
func (c *KeyCache) put(k *cachedKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byName[k.name]; ok {
		e.Value = k
		c.order.MoveToFront(e)
		return
	}
	c.byName[k.name] = c.order.PushFront(k)
	for c.order.Len() > c.max {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.byName, oldest.Value.(*cachedKey).name)
	}
}
