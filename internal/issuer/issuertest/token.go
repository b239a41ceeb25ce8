package issuertest

import (
	"crypto"
	"encoding/json"
	"maps"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Token is what a token says, before it is signed.
type Token struct {
	Claims map[string]any
	Type   string // the header typ; none when empty
	ES256  bool   // RS256 otherwise
}

// With returns the token with one claim set, or removed when value is nil.
func (k Token) With(claim string, value any) Token {
	k.Claims = maps.Clone(k.Claims)
	if value == nil {
		delete(k.Claims, claim)
	} else {
		k.Claims[claim] = value
	}
	return k
}

// Sign signs the token as the issuer does. Claims iss, iat, nbf and exp are the issuer's, for ten minutes from now, unless
// the token has them.
func (i *Issuer) Sign(k Token) string {
	if k.ES256 {
		return sign(jose.ES256, i.ec, ecKeyID, k.Type, i.payload(k))
	}
	return sign(jose.RS256, i.rsa, rsaKeyID, k.Type, i.payload(k))
}

func (i *Issuer) payload(k Token) []byte {
	now := time.Now()
	claims := map[string]any{"iss": i.URL, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
	maps.Copy(claims, k.Claims)
	for claim, value := range claims {
		if value == missing {
			delete(claims, claim)
		}
	}
	return encode(claims)
}

// encode panics on what JSON cannot say: a mistake in the test.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func sign(alg jose.SignatureAlgorithm, key crypto.PrivateKey, kid, typ string, payload []byte) string {
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	if kid != "" {
		options.ExtraHeaders["kid"] = kid
	}
	if typ != "" {
		options.ExtraHeaders[jose.HeaderType] = typ
	}
	return compact(jose.SigningKey{Algorithm: alg, Key: key}, options, payload)
}

// compact panics when the key does not fit the algorithm: a mistake in this package.
func compact(key jose.SigningKey, options *jose.SignerOptions, payload []byte) string {
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		panic(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}
