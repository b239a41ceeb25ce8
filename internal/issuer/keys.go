package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/go-jose/go-jose/v4"
)

// SigningKey is a private key that signs JWTs. Its identifier is the RFC 7638
// thumbprint of its public half, so it says nothing and never collides. No
// printing or encoding path shows the private half; only MarshalPrivate does.
type SigningKey struct {
	key       crypto.Signer
	algorithm jose.SignatureAlgorithm
	id        string
}

// GenerateKey makes a key for RS256 (2048 bits), ES256 or ES384. A nil rnd
// means crypto/rand; Go's key generation uses the system's randomness either
// way, so a weak rnd cannot make a weak key.
func GenerateKey(alg string, rnd io.Reader) (*SigningKey, error) {
	if rnd == nil {
		rnd = rand.Reader
	}
	var key crypto.Signer
	var err error
	switch jose.SignatureAlgorithm(alg) {
	case jose.RS256:
		key, err = rsa.GenerateKey(rnd, minRSABits)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rnd)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rnd)
	default:
		return nil, fmt.Errorf("issuer: cannot generate a key for %s: use RS256, ES256 or ES384", quote(alg))
	}
	if err != nil {
		return nil, fmt.Errorf("issuer: generating a %s key: %w", alg, err)
	}
	return newSigningKey(key)
}

// newSigningKey derives algorithm and identifier from the key itself, so that
// a stored key cannot be relabelled.
func newSigningKey(key crypto.Signer) (*SigningKey, error) {
	k := &SigningKey{key: key}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSABits {
			return nil, errors.New("issuer: an RSA signing key needs at least 2048 bits")
		}
		k.algorithm = jose.RS256
	case *ecdsa.PrivateKey:
		k.algorithm = jose.SignatureAlgorithm(curveAlgorithms[key.Curve])
	}
	if k.algorithm != jose.RS256 && k.algorithm != jose.ES256 && k.algorithm != jose.ES384 {
		return nil, errors.New("issuer: a signing key must be RSA, P-256 or P-384")
	}
	jwk := jose.JSONWebKey{Key: key.Public()}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("issuer: thumbprint: %w", err)
	}
	k.id = base64.RawURLEncoding.EncodeToString(sum)
	return k, nil
}

// KeyID is the key's kid.
func (k *SigningKey) KeyID() string { return k.id }

// Algorithm is the key's alg.
func (k *SigningKey) Algorithm() string { return string(k.algorithm) }

// Public is the public half.
func (k *SigningKey) Public() crypto.PublicKey { return k.key.Public() }

// Sign encodes claims as JSON and returns a compact JWS. typ names the kind of
// token and is required: kinds that share an issuer must not be mistaken for
// each other (RFC 8725 section 3.11).
func (k *SigningKey) Sign(typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("issuer: encoding claims: %w", err)
	}
	token, err := k.SignPayload(typ, payload)
	return string(token), err
}

// SignPayload is Sign for claims that are JSON already, for a caller that has to
// know their size before it pays for a signature.
func (k *SigningKey) SignPayload(typ string, payload []byte) ([]byte, error) {
	if typ == "" {
		return nil, errors.New("issuer: a token needs a typ")
	}
	if len(payload) == 0 || payload[0] != '{' {
		return nil, errors.New("issuer: claims must encode to a JSON object")
	}
	kind, err := json.Marshal(typ)
	if err != nil {
		return nil, fmt.Errorf("issuer: encoding a typ: %w", err)
	}
	header := make([]byte, 0, 256)
	header = append(append(append(append(header, `{"alg":"`...), k.algorithm...), `","kid":"`...), k.id...)
	header = append(append(append(header, `","typ":`...), kind...), '}')
	const dot, longest = '.', 384 // of the signature: RSA with 3072 bits; more only makes the slice grow
	token := make([]byte, 0, base64.RawURLEncoding.EncodedLen(len(header)+len(payload)+longest)+2)
	token = append(base64.RawURLEncoding.AppendEncode(token, header), dot)
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	signature, err := k.sign(token)
	if err != nil {
		return nil, fmt.Errorf("issuer: signing: %w", err)
	}
	return base64.RawURLEncoding.AppendEncode(append(token, dot), signature), nil
}

// sign signs as JWA prescribes: RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3), or ECDSA with both numbers at the full width of
// the curve, one after the other (section 3.4).
func (k *SigningKey) sign(input []byte) ([]byte, error) {
	switch key := k.key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256(input)
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, k.digest(input))
		if err != nil {
			return nil, err
		}
		width := (key.Params().BitSize + 7) / 8
		signature := make([]byte, 2*width)
		r.FillBytes(signature[:width])
		s.FillBytes(signature[width:])
		return signature, nil
	default:
		return nil, errors.New("the key is of no kind that signs here") // newSigningKey lets none through
	}
}

// digest is the hash that goes with the key's curve.
func (k *SigningKey) digest(input []byte) []byte {
	if k.algorithm == jose.ES384 {
		sum := sha512.Sum384(input)
		return sum[:]
	}
	sum := sha256.Sum256(input)
	return sum[:]
}

// MarshalPrivate returns the PKCS #8 form, which must go nowhere but into a
// seal.
func (k *SigningKey) MarshalPrivate() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("issuer: encoding a private key: %w", err)
	}
	return der, nil
}

// ParsePrivate reads what MarshalPrivate wrote.
func ParsePrivate(der []byte) (*SigningKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("issuer: not a PKCS #8 private key") // the cause may quote key bytes
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("issuer: the private key cannot sign")
	}
	return newSigningKey(signer)
}

// PublicJWK returns the public half as one member of a JWK set. It is kept beside
// the sealed private half, so that publishing keys opens none.
func (k *SigningKey) PublicJWK() (json.RawMessage, error) {
	jwk := jose.JSONWebKey{Key: k.key.Public(), KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig"}
	return jwk.MarshalJSON()
}

// PublicSet returns the JWK set of the public halves, as jwks_uri serves it.
func PublicSet(keys ...*SigningKey) ([]byte, error) {
	var set []json.RawMessage
	for _, k := range keys {
		jwk, err := k.PublicJWK()
		if err != nil {
			return nil, fmt.Errorf("issuer: encoding a public key: %w", err)
		}
		set = append(set, jwk)
	}
	return KeySet(set)
}

// Format answers every verb with the identifier alone.
func (k *SigningKey) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "SigningKey(%s %s)", k.algorithm, k.id)
}

// LogValue keeps the private half out of structured logs.
func (k *SigningKey) LogValue() slog.Value {
	return slog.GroupValue(slog.String("alg", string(k.algorithm)), slog.String("kid", k.id))
}

// MarshalJSON refuses: a key that ends up in a JSON answer is a mistake.
func (k *SigningKey) MarshalJSON() ([]byte, error) {
	return nil, errors.New("issuer: a signing key has no JSON form: use PublicSet or MarshalPrivate")
}
