package issuertest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// absent marks a claim that a token lacks although issuers usually set it.
type absent struct{}

// MarshalJSON keeps a mark that was overlooked from becoming a claim.
func (absent) MarshalJSON() ([]byte, error) { panic("issuertest: a missing claim was encoded") }

var missing = absent{}

// Missing is the value by which Token.With makes a token without a claim that Sign would add.
func Missing() any { return missing }

// Hostile is a token that must be refused, by the name of what is wrong with it.
type Hostile struct{ Name, Token string }

// Hostiles are the ways to forge a token of this issuer, each of one that would be accepted if the issuer signed it
// (A17, A18, A19, A21).
func (i *Issuer) Hostiles(k Token) []Hostile {
	payload := i.payload(k)
	var all []Hostile
	add := func(name, token string) { all = append(all, Hostile{name, token}) }

	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		add("A17 alg "+alg, raw(map[string]any{"alg": alg, "kid": rsaKeyID, "typ": "JWT"}, payload, nil))
	}
	add("A17 alg none with the genuine signature", raw(map[string]any{"alg": "none", "kid": rsaKeyID}, payload, i.signature(k)))
	for name, secret := range i.publicKeyTexts() {
		add("A18 HS256 with the public key as "+name, hs256(map[string]any{"alg": "HS256", "kid": rsaKeyID, "typ": "JWT"}, payload, secret))
	}
	for _, kid := range []string{"../../../../../../dev/null", "/etc/passwd", "http://127.0.0.1/keys", "' OR '1'='1", "rsa-1\x00", "", "rsa-2"} {
		add("A19 a stranger's key with kid "+kid, sign(jose.RS256, i.stranger, kid, k.Type, payload))
	}
	add("A19 an empty secret with kid /dev/null", hs256(map[string]any{"alg": "HS256", "kid": "../../../../dev/null"}, payload, nil))
	add("A19 a stranger's key under a genuine kid", sign(jose.RS256, i.stranger, rsaKeyID, k.Type, payload))
	for _, header := range []string{"jwk", "jku", "x5u", "x5c"} {
		add("A19 a stranger's key in the header "+header, i.ownKeyInHeader(header, payload))
	}
	add("A21 expired", i.Sign(k.With("exp", time.Now().Add(-10*time.Minute).Unix())))
	add("A21 not yet valid", i.Sign(k.With("nbf", time.Now().Add(10*time.Minute).Unix())))
	add("A21 without exp", i.Sign(k.With("exp", missing)))
	return append(all, i.altered(k)...)
}

// altered are genuine tokens with something changed after they were signed.
func (i *Issuer) altered(k Token) []Hostile {
	parts := strings.Split(i.Sign(k), ".")
	changed := i.payload(k.With("sub", "somebody-else"))
	return []Hostile{
		{"altered subject", parts[0] + "." + encoded(changed) + "." + parts[2]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"two parts", parts[0] + "." + parts[1]},
		{"signature of zeros", parts[0] + "." + parts[1] + "." + encoded(make([]byte, 256))},
		{"not a token", "not a token"},
	}
}

func (i *Issuer) signature(k Token) []byte {
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(i.Sign(k), ".")[2])
	if err != nil {
		panic(err)
	}
	return b
}

// publicKeyTexts are the ways in which a careless verifier may hold the public key, and so take it for a shared secret.
func (i *Issuer) publicKeyTexts() map[string][]byte {
	der, err := x509.MarshalPKIXPublicKey(i.rsa.Public())
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return map[string][]byte{
		"PEM": text, "PEM without its last line end": text[:len(text)-1], "DER": der, "JWK": encode(i.keys().Keys[0]),
		"modulus": i.rsa.N.Bytes(),
	}
}

// ownKeyInHeader signs with a stranger's key and offers that key in the header, as a value or by an address.
func (i *Issuer) ownKeyInHeader(name string, payload []byte) string {
	options := &jose.SignerOptions{EmbedJWK: name == "jwk", ExtraHeaders: map[jose.HeaderKey]any{}}
	if name != "jwk" { // which the library writes itself
		values := map[string]any{"jku": i.base() + "/" + strangerKeys, "x5u": i.base() + "/" + strangerKeys, "x5c": []string{"TUlJ"}}
		options.ExtraHeaders[jose.HeaderKey(name)] = values[name]
		options.ExtraHeaders["kid"] = "mine"
	}
	return compact(jose.SigningKey{Algorithm: jose.RS256, Key: i.stranger}, options, payload)
}

// strangerKeys is a path below the issuer that nobody has a reason to ask for but a verifier that believes a header.
const strangerKeys = "stranger-keys"

// Misled tells whether somebody fetched keys from where a forged token's header pointed.
func (s *Server) Misled(i *Issuer) bool {
	return s.Fetched(strings.TrimPrefix(i.base(), s.URL)+"/"+strangerKeys) > 0
}

func hs256(header map[string]any, payload, secret []byte) string {
	signed := encoded(encode(header)) + "." + encoded(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + encoded(mac.Sum(nil))
}

func raw(header map[string]any, payload, signature []byte) string {
	return encoded(encode(header)) + "." + encoded(payload) + "." + encoded(signature)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
