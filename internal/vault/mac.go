package vault

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// A MAC is
//
//	format | data key version | HMAC-SHA256
//	     1                  4            32
const (
	macFormat = 1
	macSize   = versionPrefix + sha256.Size
)

// MAC authenticates a row that decides: a policy, a trust, a return URL, an
// endpoint. It covers the place, the row's version and the row's content in an
// encoding of the caller's choice, which must be canonical. A database writer
// can then neither edit the row, nor copy it elsewhere, nor pass off its content
// of one version as another's.
func (v *Vault) MAC(ctx context.Context, p Place, version int64, row []byte) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	k, err := v.sealingKey(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	out := appendVersion(make([]byte, 0, macSize), macFormat, k.version)
	return k.appendMAC(out, p, version, row), nil
}

// VerifyMAC answers [ErrSealed] unless mac was made for this place, this version
// and this content.
func (v *Vault) VerifyMAC(ctx context.Context, p Place, version int64, row, mac []byte) error {
	if err := p.check(); err != nil {
		return err
	}
	keyVersion, err := v.MACKeyVersion(mac)
	if err != nil {
		return err
	}
	k, err := v.key(ctx, p.Account, keyVersion)
	if err != nil {
		return err
	}
	want := k.appendMAC(make([]byte, 0, sha256.Size), p, version, row)
	if !hmac.Equal(want, mac[versionPrefix:]) {
		return ErrSealed
	}
	return nil
}

// MACKeyVersion reads which data key a MAC was made under, as [Vault.KeyVersion]
// does for records: it tells what to make anew after a rotation, after
// [Vault.VerifyMAC] and not in its stead.
func (v *Vault) MACKeyVersion(mac []byte) (uint32, error) {
	if len(mac) != macSize {
		return 0, ErrSealed
	}
	return parseVersion(mac, macFormat)
}

func (k *dataKey) appendMAC(out []byte, p Place, version int64, row []byte) []byte {
	head := p.binding(domainMAC, k.version, 16)
	head = binary.BigEndian.AppendUint64(head, uint64(version))
	head = binary.BigEndian.AppendUint64(head, uint64(len(row)))
	h := hmac.New(sha256.New, k.macKey)
	h.Write(head)
	h.Write(row)
	return h.Sum(out)
}
