package state

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Keys seal and open objects by AES-256-GCM. The first key seals; all of them open, so that a key can be replaced by
// putting a new one in front of it.
type Keys struct{ list []key }

type key struct {
	id   []byte
	aead cipher.AEAD
}

const (
	keySize  = 32
	idSize   = 8
	formByte = 1 // of the sealed form: form, key id, nonce, ciphertext and tag
)

// ErrSealed says that an object does not open: it was changed, moved from another place, or sealed by a key that is gone.
var ErrSealed = errors.New("the stored conversation does not open: it was altered, moved from another place, or sealed by a key that is no longer in the key file")

// ReadKeyFile reads a key file: 32 random bytes in base64 on each line. Nobody but its owner may read it.
func ReadKeyFile(path string) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the key file: %w; make one by: (umask 077; head -c 32 /dev/urandom | base64 > FILE)", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("the key file %s can be read by others (mode %04o): chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key file: %w", err)
	}
	var keys [][]byte
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("the key file %s: every line has to be 32 random bytes in base64, as from: head -c 32 /dev/urandom | base64", path)
		}
		keys = append(keys, raw)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("the key file %s is empty: put 32 random bytes in base64 into it, as from: head -c 32 /dev/urandom | base64", path)
	}
	return keys, nil
}

// NewKeys takes keys of 32 bytes, the one that seals first.
func NewKeys(raw ...[]byte) (*Keys, error) {
	keys := &Keys{}
	for _, r := range raw {
		if len(r) != keySize {
			return nil, fmt.Errorf("a key has %d bytes and has to have %d", len(r), keySize)
		}
		k, err := newKey(r)
		if err != nil {
			return nil, err
		}
		keys.list = append(keys.list, k)
	}
	if len(keys.list) == 0 {
		return nil, errors.New("there is no key to seal with")
	}
	return keys, nil
}

func newKey(raw []byte) (key, error) {
	b, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		return key{}, err
	}
	id := sha256.Sum256(append([]byte("key id\x00"), raw...))
	return key{id[:idSize], aead}, nil
}

func (k *Keys) seal(name string, data []byte) []byte {
	first := k.list[0]
	head := append([]byte{formByte}, first.id...)
	return first.aead.Seal(head, nil, data, place(head, name))
}

func (k *Keys) open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+idSize || sealed[0] != formByte {
		return nil, ErrSealed
	}
	head, rest := sealed[:1+idSize], sealed[1+idSize:]
	for _, key := range k.list {
		if !bytes.Equal(key.id, head[1:]) {
			continue
		}
		if data, err := key.aead.Open(nil, nil, rest, place(head, name)); err == nil {
			return data, nil
		}
	}
	return nil, ErrSealed
}

// place binds a sealed object to its name: moved to another user's it does not open.
func place(head []byte, name string) []byte { return append(bytes.Clone(head), name...) }

// Sealed is a store of which the storage sees ciphertext only.
type Sealed struct {
	Store Store
	Keys  *Keys
}

// Get implements Store.
func (s Sealed) Get(ctx context.Context, name string) ([]byte, string, error) {
	sealed, version, err := s.Store.Get(ctx, name)
	if err != nil {
		return nil, "", err
	}
	data, err := s.Keys.open(name, sealed)
	return data, version, err
}

// Put implements Store.
func (s Sealed) Put(ctx context.Context, name string, data []byte, version string) error {
	sealed := s.Keys.seal(name, data)
	if len(sealed) > maxObject {
		return fmt.Errorf("the conversation has %d bytes, and %d can be stored", len(sealed), maxObject)
	}
	return s.Store.Put(ctx, name, sealed, version)
}
