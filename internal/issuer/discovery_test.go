package issuer

import (
	"encoding/json"
	"testing"
)

func TestDiscoveryHasExactlyFiveMembers(t *testing.T) {
	const want = `{"claims_supported":["sub","iss","aud","exp","iat","jti","https://sts.amazonaws.com/"],` +
		`"id_token_signing_alg_values_supported":["RS256","ES384"],` +
		`"issuer":"https://tokens.example.com/issuer/1","jwks_uri":"https://tokens.example.com/issuer/1/.well-known/jwks.json",` +
		`"subject_types_supported":["public"]}`
	if got := string(must(Discovery("https://tokens.example.com/issuer/1"))); got != want {
		t.Errorf("discovery is\n%s, want\n%s", got, want)
	}
}

func TestKeySetKeepsKeysAsTheyAre(t *testing.T) {
	if got := string(must(KeySet(nil))); got != `{"keys":[]}` {
		t.Errorf("the empty set is %s", got)
	}
	a, b := must(GenerateKey("ES384", nil)), must(GenerateKey("RS256", nil))
	got := string(must(KeySet([]json.RawMessage{must(a.PublicJWK()), must(b.PublicJWK())})))
	if want := string(must(PublicSet(a, b))); got != want {
		t.Errorf("the set is\n%s, want\n%s", got, want)
	}
}

func TestSignPayloadWantsAnObjectAndAKind(t *testing.T) {
	key := must(GenerateKey("ES384", nil))
	for name, c := range map[string]struct{ typ, payload string }{
		"no typ": {"", `{}`}, "no payload": {"JWT", ""}, "an array": {"JWT", `[]`}, "a string": {"JWT", `"x"`},
	} {
		if token, err := key.SignPayload(c.typ, []byte(c.payload)); err == nil {
			t.Errorf("%s: signed as %s", name, token)
		}
	}
}

// TestA18_OurAlgorithmsAreFixedByTheKey: what signs decides the algorithm, never a label that was stored beside it.
func TestA18_OurAlgorithmsAreFixedByTheKey(t *testing.T) {
	for _, alg := range []string{"RS256", "ES384"} {
		key := must(ParsePrivate(must(must(GenerateKey(alg, nil)).MarshalPrivate())))
		h := must(parseHeader(firstPart(must(key.Sign("JWT", map[string]any{"iss": "x"})))))
		if h.algorithm != alg || h.keyID != key.KeyID() || h.typ != "jwt" {
			t.Errorf("a %s key signs with header %+v", alg, h)
		}
	}
}

func firstPart(token string) string {
	for i := range token {
		if token[i] == '.' {
			return token[:i]
		}
	}
	return token
}
