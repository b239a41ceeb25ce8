package issuer

import (
	"crypto"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestEveryAlgorithmOnTheList(t *testing.T) {
	p256, p384, p521, ed := ecKey(elliptic.P256()), ecKey(elliptic.P384()), ecKey(elliptic.P521()), edKey()
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{
		jose.RS256: rsaKey(), jose.RS384: rsaKey(), jose.RS512: rsaKey(),
		jose.PS256: rsaKey(), jose.PS384: rsaKey(), jose.PS512: rsaKey(),
		jose.ES256: p256, jose.ES384: p384, jose.ES512: p521, jose.EdDSA: ed,
	} {
		t.Run(string(alg), func(t *testing.T) {
			p := newIDP(t, public("k1", key))
			c := p.wantAccepted(sign(alg, key, nil, claimSet(map[string]any{"scope": "a b", "n": json.Number("12345678901234567890")})))
			if c.Issuer != testIssuer || c.Subject != "user-1" || c.Scope != "a b" || c.KeyID != "k1" || c.Algorithm != string(alg) {
				t.Errorf("claims %+v", c)
			}
			if c.Raw["n"] != json.Number("12345678901234567890") {
				t.Errorf("a number was rounded: %v", c.Raw["n"])
			}
			// The other keys of the set's kind must not verify it.
			p.wantRefused(tamper(sign(alg, key, nil, claimSet(nil))), Signature)
		})
	}
}

// tamper flips one bit in the middle of the signature.
func tamper(token string) string {
	at := strings.LastIndexByte(token, '.') + 20
	c := byte('A')
	if token[at] == c {
		c = 'B'
	}
	return token[:at] + string(c) + token[at+1:]
}

func TestA17_AlgorithmNone(t *testing.T) {
	p := newIDP(t, public("k1", rsaKey()))
	payload := b64(encode(claimSet(nil)))
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", " none", "RS256 ", "rs256", "HS256", "RS1", "ES256K", "dir", "A128KW", "ML-DSA-65"} {
		header := b64(encode(map[string]any{"alg": alg, "kid": "k1"}))
		for _, signature := range []string{"", "AAAA", b64(make([]byte, 256))} {
			p.wantRefused(header+"."+payload+"."+signature, Algorithm)
		}
	}
	p.wantRefused(b64([]byte(`{}`))+"."+payload+".", Algorithm)
	p.wantRefused(b64([]byte(`{"alg":null}`))+"."+payload+".", Malformed)
	p.wantRefused(b64([]byte(`{"alg":["none","RS256"]}`))+"."+payload+".", Malformed)
	p.wantRefused(b64([]byte(`{"alg":"RS256","alg":"none"}`))+"."+payload+".", Malformed)
	// With a listed algorithm an empty signature is no signature either.
	p.wantRefused(b64(encode(map[string]any{"alg": "RS256", "kid": "k1"}))+"."+payload+".", Signature)
}

func TestA18_PublicKeyAsSharedSecret(t *testing.T) {
	key := rsaKey()
	p := newIDP(t, public("k1", key))
	der := must(x509.MarshalPKIXPublicKey(key.Public()))
	secrets := map[string][]byte{
		"DER":     der,
		"PEM":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"modulus": key.N.Bytes(),
		"JWK":     must(public("k1", key).MarshalJSON()),
	}
	for name, secret := range secrets {
		for _, alg := range []string{"HS256", "HS384", "HS512", "RS256", "ES256"} {
			input := b64(encode(map[string]any{"alg": alg, "kid": "k1"})) + "." + b64(encode(claimSet(nil)))
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(input))
			_, err := p.verify(input + "." + b64(mac.Sum(nil)))
			if err == nil {
				t.Errorf("%s with the %s as secret was accepted", alg, name)
			}
		}
	}
}

func TestA18_SymmetricKeyInTheSet(t *testing.T) {
	p := newIDP(t)
	p.serve(keysURL, `{"keys":[{"kty":"oct","kid":"k1","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ"}]}`, nil)
	p.wantRefused(sign(jose.ES256, ecKey(elliptic.P256()), nil, claimSet(nil)), UnknownKey)
}

func TestA18_KeyMustFitTheAlgorithm(t *testing.T) {
	p256, p384 := ecKey(elliptic.P256()), ecKey(elliptic.P384())
	restricted := public("k1", rsaKey())
	restricted.Algorithm = "RS512"
	encryption := public("k1", rsaKey())
	encryption.Use = "enc"
	for name, tc := range map[string]struct {
		published jose.JSONWebKey
		alg       jose.SignatureAlgorithm
		key       crypto.Signer
	}{
		"ES256 token, RSA key":           {public("k1", rsaKey()), jose.ES256, p256},
		"RS256 token, EC key":            {public("k1", p256), jose.RS256, rsaKey()},
		"ES256 token, P-384 key":         {public("k1", p384), jose.ES256, p256},
		"ES384 token, P-256 key":         {public("k1", p256), jose.ES384, p384},
		"EdDSA token, EC key":            {public("k1", p256), jose.EdDSA, edKey()},
		"RS256 token, key for RS512":     {restricted, jose.RS256, rsaKey()},
		"RS256 token, key to encrypt to": {encryption, jose.RS256, rsaKey()},
	} {
		t.Run(name, func(t *testing.T) {
			newIDP(t, tc.published).wantRefused(sign(tc.alg, tc.key, nil, claimSet(nil)), UnknownKey)
		})
	}
}

func TestA18_ShortRSAKey(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	short := must(rsa.GenerateKey(rand.Reader, 1024))
	newIDP(t, public("k1", short)).wantRefused(sign(jose.RS256, short, nil, claimSet(nil)), UnknownKey)
}

func TestA19_KidIsOnlyCompared(t *testing.T) {
	key := ecKey(elliptic.P256())
	for _, kid := range []string{
		"../../../../etc/passwd", "/dev/null", "file:///etc/passwd", "https://evil.example/key.jwk", "http://169.254.169.254/",
		"k1' OR '1'='1", "k1\x00", "k1\r\nX: y", "K1", "k1 ", strings.Repeat("k", 5000), "${jndi:ldap://evil.example}", "*", "k%31",
	} {
		p := newIDP(t, public("k1", key))
		e := p.wantRefused(sign(jose.ES256, key, map[string]any{"kid": kid}, claimSet(nil)), UnknownKey)
		if strings.ContainsAny(e.Error(), "\x00\r\n") || len(e.Error()) > 1000 {
			t.Errorf("kid %q reaches the message: %q", kid, e)
		}
		for url := range p.fetched {
			if url != discoveryURL && url != keysURL {
				t.Errorf("kid %q led to a request to %s", kid, url)
			}
		}
	}
}

func TestA19_KidMayBeAnyTextThatTheIssuerPublished(t *testing.T) {
	key := ecKey(elliptic.P256())
	kid := "../keys/1?x=y"
	newIDP(t, public(kid, key)).wantAccepted(sign(jose.ES256, key, map[string]any{"kid": kid}, claimSet(nil)))
}

func TestA19_HeaderNeverBringsItsOwnKey(t *testing.T) {
	mine := ecKey(elliptic.P256())
	embedded := must(public("k1", mine).MarshalJSON())
	for name, header := range map[string]map[string]any{
		"jwk": {"jwk": json.RawMessage(embedded)},
		"jku": {"jku": "https://evil.example/keys"},
		"x5u": {"x5u": "https://evil.example/cert"},
		"all": {"jwk": json.RawMessage(embedded), "jku": "https://evil.example/keys", "kid": nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t, public("k1", ecKey(elliptic.P256())))
			p.wantRefused(sign(jose.ES256, mine, header, claimSet(nil)), Signature)
			for url := range p.fetched {
				if url != discoveryURL && url != keysURL {
					t.Errorf("a header led to a request to %s", url)
				}
			}
		})
	}
}

func TestTokenWithoutKid(t *testing.T) {
	a, b, other := ecKey(elliptic.P256()), ecKey(elliptic.P256()), ecKey(elliptic.P384())
	token := sign(jose.ES256, a, map[string]any{"kid": nil}, claimSet(nil))
	newIDP(t, public("k1", a)).wantAccepted(token)
	newIDP(t, public("k1", a), public("k2", other)).wantAccepted(token)
	newIDP(t, public("k1", a), public("k1", a)).wantAccepted(token) // the same key twice leaves no choice
	newIDP(t, public("k1", a), public("k2", b)).wantRefused(token, UnknownKey)
	newIDP(t, public("k1", a), public("k1", b)).wantRefused(sign(jose.ES256, a, nil, claimSet(nil)), UnknownKey)
}

func TestHeaderExtensionsAreRefused(t *testing.T) {
	key := ecKey(elliptic.P256())
	for name, header := range map[string]map[string]any{
		"crit":             {"crit": []string{"exp"}, "exp": 1},
		"empty crit":       {"crit": []string{}},
		"b64":              {"b64": false, "crit": []string{"b64"}},
		"b64 alone":        {"b64": true},
		"nested by cty":    {"cty": "JWT"},
		"nested, long cty": {"cty": "application/jwt"},
		"enc":              {"enc": "A256GCM"},
		"kid number":       {"kid": 1},
		"typ list":         {"typ": []string{"JWT"}},
	} {
		t.Run(name, func(t *testing.T) {
			newIDP(t, public("k1", key)).wantRefused(sign(jose.ES256, key, header, claimSet(nil)), Malformed)
		})
	}
}

func TestMalformedTokens(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	good := sign(jose.ES256, key, nil, claimSet(nil))
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	plain := []byte(`{"alg":"ES256","kid":"k1"}`)
	deep := `{"iss":"` + testIssuer + `","x":` + strings.Repeat("[", 40000) + strings.Repeat("]", 40000) + `}`
	for name, token := range map[string]string{
		"empty":             "",
		"opaque":            "gho_0123456789abcdef",
		"two parts":         header + "." + payload,
		"four parts":        good + ".x",
		"JWE":               good + ".x.y",
		"JSON form":         `{"payload":"` + payload + `","signatures":[{"protected":"` + header + `","signature":"` + signature + `"}]}`,
		"leading space":     " " + good,
		"line break":        header + ".\n" + payload + "." + signature,
		"trailing newline":  good + "\n",
		"padding":           header + "=." + payload + "." + signature,
		"standard base64":   header + "." + payload + "." + strings.Repeat("+/", 32),
		"loose bits":        good[:len(good)-1] + looser(good[len(good)-1]),
		"too long":          strings.Repeat("a", maxTokenBytes+1),
		"header not JSON":   signRaw(jose.ES256, key, []byte("alg"), encode(claimSet(nil))),
		"header a list":     signRaw(jose.ES256, key, []byte(`["ES256"]`), encode(claimSet(nil))),
		"header null":       signRaw(jose.ES256, key, []byte(`null`), encode(claimSet(nil))),
		"header trailing":   signRaw(jose.ES256, key, []byte(`{"alg":"ES256"} {}`), encode(claimSet(nil))),
		"claims a string":   signRaw(jose.ES256, key, plain, []byte(`"x"`)),
		"claims empty":      signRaw(jose.ES256, key, plain, nil),
		"claims not UTF-8":  signRaw(jose.ES256, key, plain, []byte("{\"iss\":\"\xff\"}")),
		"claims twice":      signRaw(jose.ES256, key, plain, []byte(`{"iss":"`+testIssuer+`","sub":"a","sub":"b"}`)),
		"claims twice deep": signRaw(jose.ES256, key, plain, []byte(`{"iss":"`+testIssuer+`","sub":"a","x":{"a":1,"a":2}}`)),
		"claims very deep":  signRaw(jose.ES256, key, plain, []byte(deep)),
		"claims in capital": signRaw(jose.ES256, key, plain, []byte(`{"ISS":"`+testIssuer+`","SUB":"a"}`)),
	} {
		t.Run(name, func(t *testing.T) { p.wantRefused(token, Malformed) })
	}
	if p.total() != 0 {
		t.Errorf("malformed tokens caused %d requests", p.total())
	}
	p.wantAccepted(good)
}

// looser sets the unused low bits of a last base64url character.
func looser(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

func TestSignedPartsCannotBeExchanged(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	a := strings.Split(sign(jose.ES256, key, nil, claimSet(nil)), ".")
	b := strings.Split(sign(jose.ES256, key, map[string]any{"typ": "at+jwt"}, claimSet(map[string]any{"sub": "admin"})), ".")
	p.wantRefused(a[0]+"."+b[1]+"."+a[2], Signature)
	p.wantRefused(b[0]+"."+a[1]+"."+a[2], Signature)
	p.wantRefused(a[0]+"."+a[1]+"."+b[2], Signature)
}
