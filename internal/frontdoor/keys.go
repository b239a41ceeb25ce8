package frontdoor

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// Times of a signing key. A key is published before it signs, so that every replica that shares the file knows it; and it
// stays published until the last header that it signed has expired everywhere.
const (
	DefaultKeyLife = 30 * 24 * time.Hour
	publishAhead   = time.Hour
	publishAfter   = time.Hour
	headerLife     = 2 * time.Minute // of a signed header, as load balancers have it
)

// signingKey signs x-amzn-oidc-data. No printing path shows its private half: its fields are not exported, and it is
// encoded by keyRecord alone.
type signingKey struct {
	id      string // a UUID, and never more than a string to compare
	private *ecdsa.PrivateKey
	signsAt time.Time
	pem     []byte
}

// keySet is the keys in the order in which they sign.
type keySet []*signingKey

// Keys holds the signing keys. Every replica that is given the same file signs and publishes alike.
type Keys struct {
	file *stateFile
	life time.Duration
	now  func() time.Time
	rand io.Reader
	set  atomic.Pointer[keySet]
}

// keyRecord is a key in its file.
type keyRecord struct {
	ID      string    `json:"kid"`
	SignsAt time.Time `json:"signsAt"`
	PKCS8   []byte    `json:"pkcs8"`
}

type keyFile struct {
	Keys []keyRecord `json:"keys"`
}

// OpenKeys reads the signing keys of a file and makes the first where there is none. life is how long a key signs;
// DefaultKeyLife when 0. Keys are replaced by Maintain alone.
func OpenKeys(path string, life time.Duration, now func() time.Time, rnd io.Reader) (*Keys, error) {
	return openKeys(&stateFile{path: path}, life, now, rnd)
}

// InspectKeys is OpenKeys without a trace: it writes nothing, and a key that it has to make is in memory alone.
func InspectKeys(path string, life time.Duration, now func() time.Time, rnd io.Reader) (*Keys, error) {
	return openKeys(&stateFile{path: path, looks: true}, life, now, rnd)
}

func openKeys(file *stateFile, life time.Duration, now func() time.Time, rnd io.Reader) (*Keys, error) {
	k := &Keys{file: file, life: cmp.Or(life, DefaultKeyLife), now: now, rand: rnd}
	if k.life < 24*time.Hour {
		return nil, fmt.Errorf("the life of a signing key is %s; give it a day or more, for it is published an hour before it signs", k.life)
	}
	if k.rand == nil {
		k.rand = rand.Reader
	}
	return k, k.Maintain()
}

// Maintain takes over what another replica wrote, adds the next key when the last has signed for its life, and forgets
// those that nobody needs. Call it every minute or so.
func (k *Keys) Maintain() error {
	return k.file.update(func(b []byte) ([]byte, error) {
		set, err := parseKeys(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.file.path, err)
		}
		next, renewed, err := k.renew(set)
		if err != nil {
			return nil, err
		}
		if !renewed {
			k.set.Store(&next)
			return nil, nil
		}
		return next.encode()
	}, func(b []byte) error {
		set, err := parseKeys(b)
		if err == nil {
			k.set.Store(&set)
		}
		return err
	})
}

// renew returns the keys as they should be now.
func (k *Keys) renew(set keySet) (keySet, bool, error) {
	now := k.now()
	next := slices.Clone(set)
	if len(next) == 0 || !now.Before(next[len(next)-1].signsAt.Add(k.life-publishAhead)) {
		signsAt := now // the first has nobody to wait for
		if len(next) > 0 {
			signsAt = now.Add(publishAhead)
		}
		key, err := k.generate(signsAt)
		if err != nil {
			return nil, false, err
		}
		next = append(next, key)
	}
	for len(next) > 1 && now.After(next[1].signsAt.Add(headerLife+publishAfter)) {
		next = next[1:]
	}
	return next, len(next) != len(set) || len(set) == 0 || next[0] != set[0], nil
}

func (k *Keys) generate(signsAt time.Time) (*signingKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), k.rand)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(k.rand, id); err != nil {
		return nil, fmt.Errorf("making a key's name: %w", err)
	}
	return newSigningKey(uuid(id), private, signsAt.UTC())
}

// uuid writes 16 random bytes as a version 4 UUID (RFC 9562 section 5.4).
func uuid(b []byte) string {
	v := slices.Clone(b[:16])
	v[6], v[8] = v[6]&0x0f|0x40, v[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
}

func newSigningKey(id string, private *ecdsa.PrivateKey, signsAt time.Time) (*signingKey, error) {
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return &signingKey{id: id, private: private, signsAt: signsAt, pem: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, nil
}

func (s keySet) encode() ([]byte, error) {
	var f keyFile
	for _, key := range s {
		der, err := x509.MarshalPKCS8PrivateKey(key.private)
		if err != nil {
			return nil, fmt.Errorf("encoding a signing key: %w", err)
		}
		f.Keys = append(f.Keys, keyRecord{ID: key.id, SignsAt: key.signsAt, PKCS8: der})
	}
	b, err := json.MarshalIndent(f, "", "  ")
	return append(b, '\n'), err
}

var errNotKeys = errors.New("it is not a file of signing keys; restore it, or remove it to have a new key made")

func parseKeys(b []byte) (keySet, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var f keyFile
	if err := json.Unmarshal(b, &f); err != nil || len(f.Keys) == 0 {
		return nil, errNotKeys // the cause may quote the file
	}
	set := make(keySet, 0, len(f.Keys))
	for _, r := range f.Keys {
		parsed, err := x509.ParsePKCS8PrivateKey(r.PKCS8)
		private, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok || private.Curve != elliptic.P256() || r.ID == "" {
			return nil, errNotKeys
		}
		key, err := newSigningKey(r.ID, private, r.SignsAt)
		if err != nil {
			return nil, err
		}
		set = append(set, key)
	}
	slices.SortStableFunc(set, func(a, b *signingKey) int { return a.signsAt.Compare(b.signsAt) })
	return set, nil
}

// signer is the key that signs now: the last whose time has come.
func (k *Keys) signer(now time.Time) *signingKey {
	set := *k.set.Load()
	for i := len(set) - 1; i > 0; i-- {
		if !now.Before(set[i].signsAt) {
			return set[i]
		}
	}
	return set[0]
}

// PublicPEM is the public half of a key, by the kid of a header.
func (k *Keys) PublicPEM(kid string) ([]byte, bool) {
	for _, key := range *k.set.Load() {
		if key.id == kid {
			return key.pem, true
		}
	}
	return nil, false
}

// sign returns the compact JWS of header and payload as load balancers write it: base64url that keeps its padding, and
// the signature over the padded text.
func (key *signingKey) sign(header, payload []byte) (string, error) {
	input := base64.URLEncoding.EncodeToString(header) + "." + base64.URLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key.private, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing the user's claims: %w", err)
	}
	signature := make([]byte, 64) // r and s, 32 bytes each (RFC 7518 section 3.4)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.URLEncoding.EncodeToString(signature), nil
}
