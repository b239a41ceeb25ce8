package issuer

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithms is the whole list: asymmetric signatures only. none and HS* are
// not on it, so a public key can never be taken for a shared secret
// (RFC 8725 sections 2.1 and 3.1).
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512,
	jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512,
	jose.EdDSA,
}

// header has the members that decide. jku, x5u, x5c and jwk are not among
// them: a token does not choose the key that judges it.
type header struct {
	algorithm string
	keyID     string // empty when absent
	typ       string // normalised: lower case, without application/
}

// parsedToken is a well-formed token of which nothing is verified yet.
type parsedToken struct {
	header header
	claims *Claims
}

func parseToken(token string) (*parsedToken, error) {
	if err := checkCompact(token); err != nil {
		return nil, err
	}
	headerPart, rest, _ := strings.Cut(token, ".")
	payloadPart, _, _ := strings.Cut(rest, ".")
	h, err := parseHeader(headerPart)
	if err != nil {
		return nil, err
	}
	claims, err := parseClaims(payloadPart)
	if err != nil {
		return nil, err
	}
	claims.KeyID, claims.Algorithm = h.keyID, h.algorithm
	return &parsedToken{header: h, claims: claims}, nil
}

// checkCompact wants three base64url parts (RFC 7515 section 7.1) without the
// line breaks and loose padding bits that lenient decoders skip: each token has
// one spelling, so its hash is its identity.
func checkCompact(token string) error {
	if strings.IndexFunc(token, notCompact) >= 0 {
		return malformed("the token is not a JWT: it must have three base64url parts joined by dots, without spaces or line breaks")
	}
	switch n := strings.Count(token, "."); n {
	case 2:
	case 4:
		return malformed("the token is encrypted (JWE): ask the issuer for a signed JWT")
	default:
		return malformed("the token has %d parts and a signed JWT has 3: an opaque access token cannot be verified", n+1)
	}
	signature := token[strings.LastIndexByte(token, '.')+1:]
	if _, err := base64.RawURLEncoding.Strict().DecodeString(signature); err != nil {
		return malformed("the token's signature is not base64url")
	}
	return nil
}

func parseHeader(part string) (header, error) {
	raw, err := decodePart(part)
	if err != nil {
		return header{}, malformed("the token's header cannot be read: %v", err)
	}
	var h header
	var ok [4]bool
	var contentType string
	h.algorithm, ok[0] = stringMember(raw, "alg")
	h.keyID, ok[1] = stringMember(raw, "kid")
	h.typ, ok[2] = stringMember(raw, "typ")
	contentType, ok[3] = stringMember(raw, "cty")
	if ok != [4]bool{true, true, true, true} {
		return header{}, malformed("the token's header has an alg, kid, typ or cty that is not a string")
	}
	h.typ = normaliseType(h.typ)
	return h, checkHeader(h, raw, contentType)
}

func checkHeader(h header, raw map[string]any, contentType string) error {
	if !allowedAlgorithm(h.algorithm) {
		return refuse(Algorithm, "", "its algorithm %s is not accepted: sign with RS256, PS256, ES256 (or their 384 and 512 forms) or EdDSA", quote(h.algorithm))
	}
	// RFC 7515 section 4.1.11: an extension that is not understood must be
	// refused, and none is understood. b64 (RFC 7797) changes what is signed.
	for _, name := range []string{"crit", "b64"} {
		if _, present := raw[name]; present {
			return malformed("the token's header has %s: no such extension is supported", name)
		}
	}
	_, encrypted := raw["enc"]
	if encrypted || normaliseType(contentType) == "jwt" {
		return malformed("the token contains another token: present the inner, signed JWT")
	}
	return nil
}

func allowedAlgorithm(name string) bool {
	for _, a := range algorithms {
		if string(a) == name {
			return true
		}
	}
	return false
}

// normaliseType follows RFC 7515 section 4.1.9: media types compare without
// case, and application/ may be left out.
func normaliseType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

func decodePart(part string) (map[string]any, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errNotBase64
	}
	return unmarshalObject(data)
}

// stringMember gives "" for an absent member and false for one of another type.
func stringMember(object map[string]any, name string) (string, bool) {
	v, present := object[name]
	if !present {
		return "", true
	}
	s, ok := v.(string)
	return s, ok
}

func notCompact(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}
