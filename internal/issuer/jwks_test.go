package issuer

import (
	"crypto/elliptic"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// member is a published key as JSON members, with changes; nil removes.
func member(key jose.JSONWebKey, changes map[string]any) string {
	var m map[string]any
	if err := json.Unmarshal(must(key.MarshalJSON()), &m); err != nil {
		panic(err)
	}
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return string(encode(m))
}

func TestUnusableKeysAreLeftOut(t *testing.T) {
	ec := public("k1", ecKey(elliptic.P256()))
	rsaPublic := public("k1", rsaKey())
	private := jose.JSONWebKey{Key: ecKey(elliptic.P256()), KeyID: "k1"}
	huge := strings.TrimRight(b64(new(big.Int).Lsh(big.NewInt(1), maxRSABits).Bytes()), "=")
	for name, key := range map[string]string{
		"for encryption":      member(ec, map[string]any{"use": "enc"}),
		"use of another type": member(ec, map[string]any{"use": 1}),
		"only to sign":        member(ec, map[string]any{"key_ops": []string{"sign"}}),
		"key_ops not a list":  member(ec, map[string]any{"key_ops": "verify"}),
		"no kty":              member(ec, map[string]any{"kty": nil}),
		"unknown kty":         member(ec, map[string]any{"kty": "AKP"}),
		"unknown curve":       member(ec, map[string]any{"crv": "secp256k1"}),
		"not on the curve":    member(ec, map[string]any{"y": b64(make([]byte, 32))}),
		"no x":                member(ec, map[string]any{"x": nil}),
		"kid number":          member(ec, map[string]any{"kid": 1}),
		"private half":        member(private, nil),
		"private RSA member":  member(rsaPublic, map[string]any{"p": "AQAB"}),
		"exponent 1":          member(rsaPublic, map[string]any{"e": "AQ"}),
		"very long RSA key":   member(rsaPublic, map[string]any{"n": huge}),
		"X25519":              `{"kty":"OKP","crv":"X25519","x":"` + b64(make([]byte, 32)) + `"}`,
		"symmetric":           `{"kty":"oct","k":"AAAA"}`,
		"a member twice":      strings.Replace(member(ec, nil), `"kty":`, `"kty":"EC","kty":`, 1),
		"null":                `null`,
		"string":              `"x"`,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := parseKeySet([]byte(`{"keys":[` + key + `,` + member(ec, map[string]any{"kid": "good"}) + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			if len(set.keys) != 1 || set.keys[0].id != "good" {
				t.Errorf("keys %+v, want the good one alone", set.keys)
			}
		})
	}
}

func TestUsableKeysAreKept(t *testing.T) {
	ec := public("k1", ecKey(elliptic.P256()))
	for name, changes := range map[string]map[string]any{
		"no use":           {"use": nil},
		"no kid":           {"kid": nil},
		"key_ops":          {"key_ops": []string{"verify"}},
		"bad certificate":  {"x5c": []string{"AAAA"}},
		"certificate URL":  {"x5u": "https://evil.example/cert"},
		"unknown member":   {"issuer": "https://login.example/{tenantid}/v2.0"},
		"alg that it fits": {"alg": "ES256"},
	} {
		set, err := parseKeySet([]byte(`{"keys":[` + member(ec, changes) + `]}`))
		if err != nil || len(set.keys) != 1 {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
}

func TestA37_UnreadableKeySets(t *testing.T) {
	one := member(public("k1", ecKey(elliptic.P256())), nil)
	for name, doc := range map[string]string{
		"empty":      "",
		"HTML":       "<html>",
		"list":       "[" + one + "]",
		"no keys":    `{}`,
		"keys null":  `{"keys":null}`,
		"keys map":   `{"keys":{}}`,
		"keys twice": `{"keys":[],"keys":[` + one + `]}`,
		"capital":    `{"KEYS":[` + one + `]}`,
		"trailing":   `{"keys":[]}{}`,
		"not UTF-8":  "{\"keys\":[],\"x\":\"\xff\"}",
		"deep":       `{"keys":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}`,
		"101 keys":   `{"keys":[` + strings.Repeat(one+",", maxKeys) + one + `]}`,
	} {
		if _, err := parseKeySet([]byte(doc)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if set, err := parseKeySet([]byte(`{"keys":[` + strings.Repeat(one+",", maxKeys-1) + one + `]}`)); err != nil || len(set.keys) != maxKeys {
		t.Errorf("100 keys: %v", err)
	}
}

func TestThumbprintIsRFC7638(t *testing.T) {
	// The key and the result of RFC 7638 section 3.1.
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	set, err := parseKeySet([]byte(`{"keys":[{"kty":"RSA","n":"` + n + `","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := set.keys[0].thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if set.has("other") || !set.has(set.keys[0].thumbprint) {
		t.Error("has does not go by thumbprint")
	}
}
