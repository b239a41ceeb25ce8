package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192 // a larger one only costs the verifier time
)

// publicKey is one usable key of a set.
type publicKey struct {
	id         string
	algorithm  string // empty: any that fits the key
	key        crypto.PublicKey
	thumbprint string // RFC 7638
}

// keySet is what an issuer published at one time.
type keySet struct {
	keys []publicKey
}

// parseKeySet reads a JWK set (RFC 7517 section 5). A key that cannot be used
// is left out, as that section asks; a set that cannot be read, or is beyond
// any reasonable size, is an error.
func parseKeySet(data []byte) (*keySet, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := unmarshalStrict(data, &doc); err != nil {
		return nil, err
	}
	switch {
	case doc.Keys == nil:
		return nil, errors.New("it has no list of keys")
	case len(doc.Keys) > maxKeys:
		return nil, fmt.Errorf("it has %d keys, and more than %d are not read", len(doc.Keys), maxKeys)
	}
	set := &keySet{}
	for _, raw := range doc.Keys {
		if k, ok := parsePublicKey(raw); ok {
			set.keys = append(set.keys, k)
		}
	}
	return set, nil
}

// publicMembers are all that is read of a key: certificates and their URLs
// (x5c, x5u) say nothing that the issuer's own word does not. A key published
// with any of privateMembers is known to everybody, or is no public key at all.
var (
	publicMembers  = []string{"kty", "kid", "alg", "n", "e", "crv", "x", "y"}
	privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}
)

func parsePublicKey(data []byte) (publicKey, bool) {
	var members map[string]any
	if err := unmarshalStrict(data, &members); err != nil || !forSignatures(members) {
		return publicKey{}, false
	}
	for _, name := range privateMembers {
		if _, present := members[name]; present {
			return publicKey{}, false
		}
	}
	maps.DeleteFunc(members, func(name string, _ any) bool { return !slices.Contains(publicMembers, name) })
	plain, err := json.Marshal(members)
	if err != nil {
		return publicKey{}, false
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(plain); err != nil || !jwk.Valid() || !jwk.IsPublic() || !strong(jwk.Key) {
		return publicKey{}, false
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return publicKey{}, false
	}
	return publicKey{
		id:         jwk.KeyID,
		algorithm:  jwk.Algorithm,
		key:        jwk.Key,
		thumbprint: base64.RawURLEncoding.EncodeToString(sum),
	}, true
}

// forSignatures honours use and key_ops (RFC 7517 sections 4.2 and 4.3).
func forSignatures(members map[string]any) bool {
	if use, present := members["use"]; present && use != "sig" {
		return false
	}
	if ops, present := members["key_ops"]; present {
		list, ok := ops.([]any)
		return ok && slices.Contains(list, any("verify"))
	}
	return true
}

// strong refuses RSA keys too short to trust (RFC 7518 section 3.3) or too
// long to be anything but a burden, and every kind that is not on the list.
func strong(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits && k.E >= 3
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// fits ties the algorithm to the type of the key and, for ECDSA, to its curve
// (RFC 7518 section 3.4, RFC 8725 section 3.1).
func (k publicKey) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return algorithm[:2] == "RS" || algorithm[:2] == "PS"
	case *ecdsa.PublicKey:
		return algorithm == curveAlgorithms[key.Curve]
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	}
	return false
}

var curveAlgorithms = map[elliptic.Curve]string{
	elliptic.P256(): string(jose.ES256),
	elliptic.P384(): string(jose.ES384),
	elliptic.P521(): string(jose.ES512),
}

// find returns the one key that the header can mean. Without a kid, or with
// one that several fitting keys share, the set must leave no choice.
func (s *keySet) find(h header) (publicKey, bool) {
	var found publicKey
	for _, k := range s.keys {
		if !k.fits(h.algorithm) || h.keyID != "" && h.keyID != k.id {
			continue
		}
		if found.key != nil && found.thumbprint != k.thumbprint {
			return publicKey{}, false
		}
		found = k
	}
	return found, found.key != nil
}

func (s *keySet) has(thumbprint string) bool {
	return slices.ContainsFunc(s.keys, func(k publicKey) bool { return k.thumbprint == thumbprint })
}
