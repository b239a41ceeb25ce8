package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// A token is, in unpadded base64url,
//
//	format | data key version | nonce, ciphertext, tag
//	     1                  4                   12+n+16
const (
	tokenFormat  = 1
	maxTokenSize = 64 << 10 // encoded; far above any header, far below a burden
	maxKindSize  = 64
)

// tokenEncoding is strict, so that one token has one spelling.
var tokenEncoding = base64.RawURLEncoding.Strict()

var errKind = errors.New("vault: a token needs an account and a kind of 1 to 64 bytes")

// SealToken makes an opaque token out of payload. The account and the kind are
// part of its key and of its associated data: it opens for no other account, and
// as no other kind. The kind is a name in code, never a value from a request. An
// expiry is the payload's business.
func (v *Vault) SealToken(ctx context.Context, account, kind string, payload []byte) (string, error) {
	if err := checkKind(account, kind); err != nil {
		return "", err
	}
	size := versionPrefix + len(payload) + gcmOverhead
	encoded := tokenEncoding.EncodedLen(size)
	if encoded > maxTokenSize {
		return "", fmt.Errorf("vault: a %s of %d bytes exceeds the limit of %d", kind, encoded, maxTokenSize)
	}
	k, err := v.sealingKey(ctx, account)
	if err != nil {
		return "", err
	}
	t, err := k.token(kind)
	if err != nil {
		return "", err
	}
	// One buffer holds the encoded token and, behind it, the bytes to encode.
	buf := make([]byte, encoded, encoded+size)
	raw := appendVersion(buf[encoded:], tokenFormat, k.version)
	raw = t.aead.Seal(raw, nil, payload, t.binding)
	tokenEncoding.Encode(buf, raw)
	return string(buf), nil
}

// OpenToken returns the payload of a token of this account and kind, or answers
// [ErrSealed].
func (v *Vault) OpenToken(ctx context.Context, account, kind, token string) ([]byte, error) {
	if err := checkKind(account, kind); err != nil {
		return nil, err
	}
	raw, err := decodeToken(token)
	if err != nil {
		return nil, err
	}
	version, err := parseVersion(raw, tokenFormat)
	if err != nil {
		return nil, err
	}
	k, err := v.key(ctx, account, version)
	if err != nil {
		return nil, err
	}
	t, err := k.token(kind)
	if err != nil {
		return nil, err
	}
	sealed := raw[versionPrefix:]
	payload, err := t.aead.Open(nil, nil, sealed, t.binding)
	if err != nil {
		return nil, ErrSealed
	}
	return payload, nil
}

// decodeToken refuses line breaks itself, because the decoder skips them and the
// same token would have many spellings.
func decodeToken(token string) ([]byte, error) {
	if len(token) > maxTokenSize || strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return nil, ErrSealed
	}
	raw, err := tokenEncoding.DecodeString(token)
	if err != nil || len(raw) < versionPrefix+gcmOverhead {
		return nil, ErrSealed
	}
	return raw, nil
}

func checkKind(account, kind string) error {
	if account == "" || kind == "" || len(kind) > maxKindSize {
		return errKind
	}
	return nil
}
