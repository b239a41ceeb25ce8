package oidcdata

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode"
)

// ErrKeysUnavailable says that the key host did not answer, or is asked too much at once: nothing is known about the token, and
// the same request may succeed later.
var ErrKeysUnavailable = errors.New("the public key cannot be had at the moment")

// Claims are what a front door says about the user who is signed in.
type Claims struct {
	Subject   string // the user, as the issuer names them
	Issuer    string // empty where the front door names none
	Client    string
	Signer    string
	ExpiresAt time.Time
	// All are the payload's members as they came: what the identity provider's user-info endpoint tells.
	All map[string]json.RawMessage
}

// Text is a claim that is a string.
func (c *Claims) Text(name string) (string, bool) {
	s, err := members(c.All).optional(name)
	return s, err == nil && s != ""
}

// Verify believes a header's value only if the configured signer signed it, for the configured client and issuer, and it
// has not expired. Errors say what is wrong and never quote the value.
func (v *Verifier) Verify(ctx context.Context, header string) (*Claims, error) {
	t, err := parse(header)
	if err != nil {
		return nil, fmt.Errorf("the token of the front door is malformed: %w", err)
	}
	c, err := v.claims(t) // before the key is fetched: a stranger's token is not worth a request
	if err != nil {
		return nil, fmt.Errorf("the token of the front door is refused: %w", err)
	}
	key, err := v.keys.get(ctx, t.kid)
	if err != nil {
		return nil, err
	}
	if !verifies(key, t) {
		return nil, errors.New("the token of the front door is refused: its signature does not fit the key that it names")
	}
	return c, nil
}

func verifies(key *ecdsa.PublicKey, t *token) bool {
	digest := sha256.Sum256([]byte(t.signed))
	r, s := new(big.Int).SetBytes(t.signature[:signatureBytes/2]), new(big.Int).SetBytes(t.signature[signatureBytes/2:])
	return ecdsa.Verify(key, digest[:], r, s)
}

// claims checks what the token says, all but its signature.
func (v *Verifier) claims(t *token) (*Claims, error) {
	c := &Claims{All: t.payload}
	var err error
	if c.Signer, err = t.header.text("signer"); err != nil {
		return nil, err
	}
	if c.Signer != v.signer {
		return nil, errors.New("its signer is not the one configured: it comes from another load balancer or front door")
	}
	if c.Client, err = t.header.optional("client"); err != nil {
		return nil, err
	}
	if v.client != "" && c.Client != v.client {
		return nil, errors.New("its client is not the one configured: the user signed in at another application")
	}
	if c.Issuer, err = v.issuerOf(t); err != nil {
		return nil, err
	}
	if c.ExpiresAt, err = v.expiryOf(t); err != nil {
		return nil, err
	}
	c.Subject, err = subjectOf(t)
	return c, err
}

// issuerOf reads the issuer of the header and of the payload, which must not differ: a reader of one alone would
// believe another issuer than a reader of the other (A20).
func (v *Verifier) issuerOf(t *token) (string, error) {
	outer, err := t.header.optional("iss")
	if err != nil {
		return "", err
	}
	inner, err := t.payload.optional("iss")
	if err != nil {
		return "", err
	}
	if outer != "" && inner != "" && outer != inner {
		return "", errors.New("its header and its payload name different issuers")
	}
	if outer == "" {
		outer = inner
	}
	if v.issuer != "" && outer != v.issuer {
		return "", errors.New("its issuer is not the one configured")
	}
	return outer, nil
}

// expiryOf is the earlier expiry of header and payload; at least one must have it (A21).
func (v *Verifier) expiryOf(t *token) (time.Time, error) {
	var earliest time.Time
	for _, m := range []members{t.header, t.payload} {
		at, ok, err := m.moment("exp")
		if err != nil {
			return time.Time{}, err
		}
		if ok && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
		if from, ok, err := m.moment("nbf"); err != nil || ok && v.now().Add(v.leeway).Before(from) {
			return time.Time{}, errors.New("it is not valid yet (nbf): set both clocks by NTP")
		}
	}
	if earliest.IsZero() {
		return time.Time{}, errors.New("it has no exp, and would be good for ever")
	}
	if !v.now().Before(earliest.Add(v.leeway)) { // RFC 7519 section 4.1.4: on or after is too late
		return time.Time{}, errors.New("it has expired: it is good for a few minutes, so verify it when the request arrives and never keep it; if it just arrived, set both clocks by NTP")
	}
	return earliest, nil
}

// subjectOf is the user. Characters that are not printed, or that stand for what could not be read, would let two users
// look alike (A60).
func subjectOf(t *token) (string, error) {
	sub, err := t.payload.text("sub")
	if err != nil {
		return "", err
	}
	if len(sub) > maxSubject || strings.ContainsFunc(sub, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return "", fmt.Errorf("its sub is longer than %d bytes, or has characters that cannot be read", maxSubject)
	}
	return sub, nil
}
