package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

var errSealed = errors.New("does not open")

// vault has one key for workload access tokens and one that wraps a key for each row.
type vault struct{ tokens, rows cipher.AEAD }

func newVault() *vault { return &vault{tokens: newAEAD(random(32)), rows: newAEAD(random(32))} }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is fixed
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// sealRow returns the wrapped key of a row and the value sealed under it, bound to the row.
func (v *vault) sealRow(row, value []byte) (wrapped, sealed []byte) {
	key := random(32)
	return v.rows.Seal(nil, nil, key, row), newAEAD(key).Seal(nil, nil, value, row)
}

func (v *vault) openRow(row, wrapped, sealed []byte) ([]byte, error) {
	key, err := v.rows.Open(nil, nil, wrapped, row)
	if err != nil {
		return nil, errSealed
	}
	return newAEAD(key).Open(nil, nil, sealed, row)
}

// mint seals who a workload acts for, until when.
func (v *vault) mint(workload, user string, until time.Time) string {
	b := make([]byte, 0, 128)
	b = binary.BigEndian.AppendUint64(b, uint64(until.Unix()))
	b = append(b, byte(len(workload)))
	b = append(append(b, workload...), user...)
	return base64.RawURLEncoding.EncodeToString(v.tokens.Seal(nil, nil, b, nil))
}

func (v *vault) openToken(token string) (workload, user string, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", "", errSealed
	}
	b, err := v.tokens.Open(nil, nil, sealed, nil)
	if err != nil || len(b) < 9 || len(b) < 9+int(b[8]) {
		return "", "", errSealed
	}
	if time.Now().Unix() >= int64(binary.BigEndian.Uint64(b)) {
		return "", "", errSealed
	}
	n := 9 + int(b[8])
	return string(b[9:n]), string(b[n:]), nil
}

// rowKey is what a token is stored under.
func rowKey(parts ...string) [32]byte {
	b := make([]byte, 0, 256)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}
