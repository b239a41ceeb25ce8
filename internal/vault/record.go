package vault

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
)

// A sealed record is
//
//	format | data key version | record key, wrapped | body
//	     1                  4             12+32+16    12+n+16
//
// where the last two are each nonce, ciphertext and tag of AES-256-GCM. The
// wrapped record key is bound to the place and the data key version, the body to
// the place.
const (
	recordFormat  = 1
	gcmOverhead   = 12 + 16
	versionPrefix = 1 + 4
	wrappedSize   = keySize + gcmOverhead
	recordHeader  = versionPrefix + wrappedSize
)

// Seal encrypts plaintext for its place under a fresh record key.
func (v *Vault) Seal(ctx context.Context, p Place, plaintext Secret) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	k, err := v.sealingKey(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	recordKey := make([]byte, keySize)
	defer clear(recordKey)
	_, _ = rand.Read(recordKey) // never fails

	body := plaintext.Reveal()
	binding := p.binding(domainRecordKey, k.version, 0)
	out := make([]byte, 0, recordHeader+len(body)+gcmOverhead)
	out = k.appendHeader(out, recordKey, binding)
	aead, err := newAEAD(recordKey)
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, nil, body, bodyBinding(binding)), nil
}

// Open decrypts what was sealed for this very place, or answers [ErrSealed].
func (v *Vault) Open(ctx context.Context, p Place, ciphertext []byte) (Secret, error) {
	k, err := v.openingKey(ctx, p, ciphertext)
	if err != nil {
		return Secret{}, err
	}
	binding := p.binding(domainRecordKey, k.version, 0)
	aead, err := k.openHeader(ciphertext, binding)
	if err != nil {
		return Secret{}, err
	}
	body, err := aead.Open(nil, nil, ciphertext[recordHeader:], bodyBinding(binding))
	if err != nil {
		return Secret{}, ErrSealed
	}
	return NewSecret(body), nil
}

// Rewrap moves a record under the current data key without decrypting its body.
// It answers [ErrSealed] for a record of another place, whether or not there was
// anything to do, and changed tells whether out differs from ciphertext.
func (v *Vault) Rewrap(ctx context.Context, p Place, ciphertext []byte) (out []byte, changed bool, err error) {
	old, err := v.openingKey(ctx, p, ciphertext)
	if err != nil {
		return nil, false, err
	}
	recordKey, err := old.unwrapRecordKey(ciphertext, p.binding(domainRecordKey, old.version, 0))
	if err != nil {
		return nil, false, err
	}
	defer clear(recordKey)
	current, err := v.sealingKey(ctx, p.Account)
	if err != nil {
		return nil, false, err
	}
	if current.version == old.version {
		return ciphertext, false, nil
	}
	out = make([]byte, 0, len(ciphertext))
	out = current.appendHeader(out, recordKey, p.binding(domainRecordKey, current.version, 0))
	return append(out, ciphertext[recordHeader:]...), true, nil
}

// KeyVersion reads which data key a record is sealed under. The number is not
// authenticated: it tells what to rewrap, and nothing else.
func (v *Vault) KeyVersion(ciphertext []byte) (uint32, error) {
	if len(ciphertext) < recordHeader+gcmOverhead {
		return 0, ErrSealed
	}
	return parseVersion(ciphertext, recordFormat)
}

// openingKey finds the data key named by a record's header.
func (v *Vault) openingKey(ctx context.Context, p Place, ciphertext []byte) (*dataKey, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	version, err := v.KeyVersion(ciphertext)
	if err != nil {
		return nil, err
	}
	return v.key(ctx, p.Account, version)
}

func (k *dataKey) appendHeader(out, recordKey, binding []byte) []byte {
	out = appendVersion(out, recordFormat, k.version)
	return k.recordKeys.Seal(out, nil, recordKey, binding)
}

func (k *dataKey) unwrapRecordKey(ciphertext, binding []byte) ([]byte, error) {
	recordKey, err := k.recordKeys.Open(nil, nil, ciphertext[versionPrefix:recordHeader], binding)
	if err != nil {
		return nil, ErrSealed
	}
	return recordKey, nil
}

// openHeader returns the cipher of the record's body.
func (k *dataKey) openHeader(ciphertext, binding []byte) (cipher.AEAD, error) {
	recordKey, err := k.unwrapRecordKey(ciphertext, binding)
	if err != nil {
		return nil, err
	}
	defer clear(recordKey)
	return newAEAD(recordKey)
}

// bodyBinding turns the binding of a record's key into that of its body, in
// place, since they differ in the prefix only.
func bodyBinding(binding []byte) []byte {
	appendPrefix(binding[:0], domainRecordBody, 0)
	return binding
}

func appendVersion(b []byte, format byte, version uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, format), version)
}

// parseVersion reads the format and key version in front of everything sealed.
// There is one format of each; another number is refused, so that nothing can be
// downgraded into a format that is checked less.
func parseVersion(b []byte, format byte) (uint32, error) {
	if len(b) < versionPrefix || b[0] != format {
		return 0, ErrSealed
	}
	version := binary.BigEndian.Uint32(b[1:])
	if version == newest {
		return 0, ErrSealed
	}
	return version, nil
}
