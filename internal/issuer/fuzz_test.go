package issuer

import (
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func FuzzToken(f *testing.F) {
	key := ecKey(elliptic.P256())
	p := newIDP(f, public("k1", key))
	good := sign(jose.ES256, key, nil, claimSet(nil))
	f.Add(good)
	f.Add(tamper(good))
	f.Add(b64([]byte(`{"alg":"none"}`)) + "." + b64(encode(claimSet(nil))) + ".")
	f.Add(sign(jose.ES256, key, map[string]any{"crit": []string{"b64"}, "b64": false}, claimSet(nil)))
	f.Add(good + ".a.b")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := p.verifier.Verify(t.Context(), token, p.trust)
		if err == nil {
			if token != good {
				t.Fatalf("accepted %q, which nobody signed", token)
			}
			return
		}
		if _, ok := errors.AsType[*Error](err); !ok || c != nil {
			t.Fatalf("%v, %v", c, err)
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("unprintable message %q", err)
		}
	})
}

// FuzzParts reaches the header and claims behind their encoding.
func FuzzParts(f *testing.F) {
	f.Add([]byte(`{"alg":"ES256","kid":"k1","typ":"JWT"}`), encode(claimSet(nil)))
	f.Add([]byte(`{"alg":"none"}`), []byte(`{"iss":"a","exp":1e9}`))
	f.Add([]byte(`{"alg":"RS256","alg":"none"}`), []byte(`{"aud":[[[[]]]]}`))
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		parsed, err := parseToken(b64(header) + "." + b64(payload) + ".AAAA")
		if err != nil {
			return
		}
		c := parsed.claims
		if !allowedAlgorithm(c.Algorithm) || c.Issuer == "" || len(c.Subject) > maxSubjectBytes {
			t.Fatalf("accepted %s . %s", header, payload)
		}
		// Whatever passed must mean the same to the standard library's decoder.
		var again map[string]any
		if err := json.Unmarshal(payload, &again); err != nil || again["iss"] != c.Issuer {
			t.Fatalf("read differently: %v, %v", again, err)
		}
	})
}

func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"` + testIssuer + `","jwks_uri":"` + keysURL + `"}`))
	f.Add([]byte(`{"issuer":"` + testIssuer + `","issuer":"x","jwks_uri":"y"}`))
	f.Add([]byte(`{"issuer":null,"jwks_uri":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parseDiscovery(data, testIssuer)
		if err == nil && (doc.Issuer != testIssuer || doc.KeysURL == "") {
			t.Fatalf("accepted %s", data)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(jwks(public("k1", ecKey(elliptic.P256())), public("k2", edKey()))))
	f.Add([]byte(jwks(public("k1", rsaKey()))))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},null,1]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := parseKeySet(data)
		if err != nil {
			return
		}
		for _, k := range set.keys {
			if !strong(k.key) || k.thumbprint == "" {
				t.Fatalf("accepted %+v", k)
			}
		}
		set.find(header{algorithm: "RS256"})
	})
}
