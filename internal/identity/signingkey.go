package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// The keys that sign an account's web identity tokens. A key is a record that never changes: it says when it begins to
// sign, and it signs until the next generation begins to. So a rotation is one insert, and what a key may do at any
// moment follows from the records and the clock alone: replicas cannot disagree about it, and two that rotate at once
// want the same name, which only one of them gets.

// Times of a signing key's life.
const (
	// KeysMaxAge is how long the published keys may be kept by who verifies with them.
	KeysMaxAge = 15 * time.Minute
	// publishLead is how long a key is published before it signs. It is far longer than KeysMaxAge for the sake of
	// verifiers that keep keys longer than they are told, and of static hosts to which the keys are copied once a day.
	publishLead = 24 * time.Hour
	// tokensGone is when the last token of a key that signs no more has surely expired: the longest lifetime, and some
	// skew between clocks.
	tokensGone = maxWebIdentity + 10*time.Minute
	// defaultKeyLife is how long a key signs.
	defaultKeyLife = 90 * 24 * time.Hour
)

// signingAlgorithms are those that the wire names. Every issuer has a key for each from its first day, for a verifier
// that has fetched the keys must not miss one.
var signingAlgorithms = [...]string{"ES384", "RS256"}

// SigningKey is one generation of an account's key for one algorithm.
type SigningKey struct {
	Account, KeyID, Algorithm string
	Generation                int
	CreatedAt, ActiveAt       time.Time
	// RetiredAt is when the next generation begins to sign; zero while none is known.
	RetiredAt time.Time

	public json.RawMessage // JWK
	record Record
}

type signingKeyData struct {
	identified
	KeyID      string          `json:"kid"`
	Algorithm  string          `json:"alg"`
	Generation int             `json:"generation"`
	ActiveAt   int64           `json:"activeAt"` // unix milliseconds
	Public     json.RawMessage `json:"public"`
}

// signingKeyName is unique in an account, so that a generation is made once, and sorts by generation.
func signingKeyName(alg string, generation int) string {
	return fmt.Sprintf("%s-%06d", alg, generation)
}

func decodeSigningKey(r Record) (*SigningKey, error) {
	var d signingKeyData
	err := json.Unmarshal(r.Data, &d)
	if err == nil && signingKeyName(d.Algorithm, d.Generation) != r.Name {
		err = errors.New("its name is not that of its generation")
	}
	if err != nil {
		return nil, internal(err, "decoding signing key "+r.Name)
	}
	return &SigningKey{Account: r.Account, KeyID: d.KeyID, Algorithm: d.Algorithm, Generation: d.Generation,
		CreatedAt: r.CreatedAt, ActiveAt: time.UnixMilli(d.ActiveAt), public: d.Public, record: r}, nil
}

const (
	signingKeysKey = "signing-keys\x00"
	maxSigningKeys = 1000
)

// signingKeys returns the account's published keys by algorithm and generation. What is published is what is stored:
// keys that nothing needs any more are deleted.
func (s *Service) signingKeys(ctx context.Context, st *accountState, account string) ([]*SigningKey, error) {
	if v, ok := st.get(signingKeysKey); ok {
		return v.([]*SigningKey), nil
	}
	rows, err := s.Store.ListRecords(ctx, account, KindSigningKey, "", "", maxSigningKeys)
	if err != nil {
		return nil, internal(err, "reading the signing keys of account "+account)
	}
	keys := make([]*SigningKey, len(rows))
	for i, r := range rows {
		if keys[i], err = decode(ctx, s, r, decodeSigningKey); err != nil {
			return nil, err
		}
	}
	retireKeys(keys)
	s.minting.keep(account, keys)
	st.put(signingKeysKey, keys)
	return keys, nil
}

// retireKeys finds out when each key stops to sign: when any later generation of its algorithm begins.
func retireKeys(keys []*SigningKey) {
	for i, k := range keys {
		for _, next := range keys[i+1:] {
			if next.Algorithm == k.Algorithm && (k.RetiredAt.IsZero() || next.ActiveAt.Before(k.RetiredAt)) {
				k.RetiredAt = next.ActiveAt
			}
		}
	}
}

// latestKey returns the youngest key of the algorithm, nil when there is none.
func latestKey(keys []*SigningKey, alg string) (found *SigningKey) {
	for _, k := range keys {
		if k.Algorithm == alg {
			found = k
		}
	}
	return found
}

// activeKey returns the key of the algorithm that signs now, nil when there is none. Where none has begun to, the oldest
// does: it was made to sign at once, by a replica whose clock is ahead of this one's.
func activeKey(keys []*SigningKey, alg string, now time.Time) (found *SigningKey) {
	for _, k := range keys {
		if k.Algorithm == alg && (found == nil || !now.Before(k.ActiveAt)) {
			found = k
		}
	}
	return found
}

// minting remembers what issuing tokens needs and an account's change does not alter.
type minting struct {
	accounts sync.Map // issuer id -> account
	// signers holds opened private keys: record id -> signer. This is the one exception to the rule that a plaintext
	// lives in one frame. Opening and parsing a key costs more than some signatures, and every token needs one. The key
	// object shows itself on no printing path, is dropped when its record is gone, and never leaves this package.
	signers sync.Map
}

type openedKey struct {
	account string
	key     *issuer.SigningKey
}

// keep drops the account's opened keys whose records are gone.
func (m *minting) keep(account string, keys []*SigningKey) {
	live := make(map[string]bool, len(keys))
	for _, k := range keys {
		live[k.record.ID] = true
	}
	m.signers.Range(func(id, v any) bool {
		if v.(openedKey).account == account && !live[id.(string)] {
			m.signers.Delete(id)
		}
		return true
	})
}

// signer returns the opened key. A private key that is not the one whose public half was published is refused.
func (s *Service) signer(ctx context.Context, k *SigningKey) (*issuer.SigningKey, error) {
	if v, ok := s.minting.signers.Load(k.record.ID); ok {
		return v.(openedKey).key, nil
	}
	der, err := s.Vault.Open(ctx, recordPlace(&k.record), k.record.Sealed)
	if err != nil {
		return nil, internal(err, "opening signing key "+k.record.Name)
	}
	key, err := issuer.ParsePrivate(der.Reveal())
	if err == nil && key.KeyID() != k.KeyID {
		err = errors.New("the sealed key is not the published one")
	}
	if err != nil {
		return nil, internal(err, "reading signing key "+k.record.Name)
	}
	s.minting.signers.Store(k.record.ID, openedKey{k.Account, key})
	return key, nil
}

// activeSigner returns the key that signs with the algorithm now.
func (s *Service) activeSigner(ctx context.Context, account, alg string) (*issuer.SigningKey, error) {
	st, err := s.state(ctx, account, false)
	if err != nil {
		return nil, err
	}
	keys, err := s.signingKeys(ctx, st, account)
	if err != nil {
		return nil, err
	}
	k := activeKey(keys, alg, s.Now())
	if k == nil {
		return nil, internal(errors.New("there is none"), "the active "+alg+" signing key of account "+account)
	}
	return s.signer(ctx, k)
}

// ensureSigningKeys makes the account's first keys. They sign at once: nobody has fetched a key set without them.
func (s *Service) ensureSigningKeys(ctx context.Context, account string) error {
	keys, err := s.freshSigningKeys(ctx, account)
	if err != nil {
		return err
	}
	for _, alg := range signingAlgorithms {
		if latestKey(keys, alg) != nil {
			continue
		}
		if err := s.addSigningKey(ctx, account, alg, 1, s.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) freshSigningKeys(ctx context.Context, account string) ([]*SigningKey, error) {
	st, err := s.state(ctx, account, true)
	if err != nil {
		return nil, err
	}
	return s.signingKeys(ctx, st, account)
}

// addSigningKey makes a generation. That it exists already is no error: another replica was faster, and its key is as
// good. Making an RSA key takes long, so it happens before anything is touched that a request might wait for.
func (s *Service) addSigningKey(ctx context.Context, account, alg string, generation int, activeAt time.Time) error {
	key, err := s.GenerateKey(alg, s.Rand)
	if err != nil {
		return internal(err, "making a signing key")
	}
	d := signingKeyData{KeyID: key.KeyID(), Algorithm: alg, Generation: generation, ActiveAt: activeAt.UnixMilli()}
	d.Name = signingKeyName(alg, generation)
	if d.Public, err = key.PublicJWK(); err != nil {
		return internal(err, "encoding a public key")
	}
	der, err := key.MarshalPrivate()
	if err != nil {
		return internal(err, "encoding a signing key")
	}
	defer clear(der)
	r := Record{Account: account, Kind: KindSigningKey, ID: newID(s.Rand, "sk-"), Name: d.Name}
	err = s.insert(ctx, &r, d, vault.NewSecret(der))
	if errors.Is(err, ErrExists) {
		s.changed(account) // what is cached here does not know it
		return nil
	}
	return internal(err, "storing signing key "+d.Name)
}

// IssuerState is an account's issuer as its administrator sees it.
type IssuerState struct {
	Federation
	URL  string
	Keys []*SigningKey
}

// Issuer tells the administrator where the account's issuer is and which keys it has.
func (s *Service) Issuer(ctx context.Context, account string) (*IssuerState, error) {
	return admin(ctx, s, account, "GetIssuer", func(ctx context.Context) (*IssuerState, error) {
		st, err := s.state(ctx, account, true)
		if err != nil {
			return nil, err
		}
		f, err := s.federation(ctx, st, account)
		if err != nil {
			return nil, err
		}
		if f == nil {
			return nil, s.federationDisabled(account)
		}
		keys, err := s.signingKeys(ctx, st, account)
		return &IssuerState{Federation: *f, URL: s.issuerURL(f), Keys: keys}, err
	})
}

// Describe says in a word what the key does now.
func (k *SigningKey) Describe(now time.Time) string {
	switch {
	case now.Before(k.ActiveAt):
		return "published"
	case k.RetiredAt.IsZero() || now.Before(k.RetiredAt):
		return "signing"
	}
	return "retired"
}
