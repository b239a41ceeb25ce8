package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
)

// keySize is the size of every key in this package, for AES-256 and HMAC-SHA256.
const keySize = 32

// maxKinds bounds the prepared ciphers of one data key. Kinds of token are names
// in code; the bound only keeps a mistake from becoming a leak.
const maxKinds = 64

// dataKey is one unwrapped data key, split by use. The data key itself is not
// kept: what it derives is enough.
type dataKey struct {
	account string
	version uint32
	wrapped []byte // what it was unwrapped from, to notice a replaced row

	recordKeys cipher.AEAD // wraps record keys
	macKey     []byte
	tokenRoot  []byte // derives one key for each kind of token

	uses atomic.Uint64

	mu    sync.RWMutex
	kinds map[string]*tokenKey
}

// tokenKey seals one kind of token.
type tokenKey struct {
	aead    cipher.AEAD
	binding []byte
}

// newDataKey derives the keys for each use and clears plain.
func newDataKey(row DataKey, plain []byte) (*dataKey, error) {
	defer clear(plain)
	if len(plain) != keySize {
		return nil, fmt.Errorf("%w: data key has %d bytes, not %d", ErrSealed, len(plain), keySize)
	}
	k := &dataKey{account: row.Account, version: row.Version, wrapped: row.Wrapped, kinds: make(map[string]*tokenKey)}
	wrapKey, err := k.derive(plain, "record key")
	if err != nil {
		return nil, err
	}
	defer clear(wrapKey)
	if k.recordKeys, err = newAEAD(wrapKey); err != nil {
		return nil, err
	}
	if k.macKey, err = k.derive(plain, "row mac"); err != nil {
		return nil, err
	}
	k.tokenRoot, err = k.derive(plain, "token root")
	return k, err
}

// derive expands a key for one use. The extract step is left out because the
// secret is already uniformly random (RFC 5869, section 3.3).
func (k *dataKey) derive(secret []byte, use string) ([]byte, error) {
	info := appendPrefix(nil, 0, k.version)
	info = appendField(info, "lanyard vault")
	info = appendField(info, use)
	info = appendField(info, k.account)
	return hkdf.Expand(sha256.New, secret, string(info), keySize)
}

// token returns the prepared cipher for a kind of token.
func (k *dataKey) token(kind string) (*tokenKey, error) {
	k.mu.RLock()
	t := k.kinds[kind]
	k.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	t, err := k.newToken(kind)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kinds) < maxKinds {
		k.kinds[kind] = t
	}
	return t, nil
}

func (k *dataKey) newToken(kind string) (*tokenKey, error) {
	key, err := k.derive(k.tokenRoot, "token "+kind)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	binding := appendPrefix(nil, domainToken, k.version)
	binding = appendField(binding, k.account)
	return &tokenKey{aead: aead, binding: appendField(binding, kind)}, nil
}

// newAEAD prepares AES-256-GCM that draws its own nonce and puts it in front.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
