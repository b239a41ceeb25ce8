package issuer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestKeysSignWhatTheVerifierAccepts(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "ES384"} {
		t.Run(alg, func(t *testing.T) {
			key := must(GenerateKey(alg, rand.Reader))
			p := newIDP(t)
			p.serve(keysURL, string(must(PublicSet(key))), nil)
			token := must(key.Sign("JWT", claimSet(nil)))
			c := p.wantAccepted(token)
			if c.KeyID != key.KeyID() || c.Algorithm != alg || key.Algorithm() != alg {
				t.Errorf("%s %s, want %s %s", c.Algorithm, c.KeyID, alg, key.KeyID())
			}
			p.wantRefused(tamper(token), Signature)
		})
	}
}

func TestKeySurvivesStorage(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "ES384"} {
		key := must(GenerateKey(alg, nil))
		again, err := ParsePrivate(must(key.MarshalPrivate()))
		if err != nil {
			t.Fatal(err)
		}
		if again.KeyID() != key.KeyID() || again.Algorithm() != alg {
			t.Errorf("%v became %v", key, again)
		}
		if !bytes.Equal(must(PublicSet(again)), must(PublicSet(key))) {
			t.Error("the public set changed")
		}
	}
}

func TestPublicSetHasPublicPartsOnly(t *testing.T) {
	keys := []*SigningKey{must(GenerateKey("RS256", nil)), must(GenerateKey("ES256", nil)), must(GenerateKey("ES384", nil))}
	var doc struct{ Keys []map[string]any }
	if err := json.Unmarshal(must(PublicSet(keys...)), &doc); err != nil {
		t.Fatal(err)
	}
	for i, k := range doc.Keys {
		if k["kid"] != keys[i].KeyID() || k["alg"] != keys[i].Algorithm() || k["use"] != "sig" {
			t.Errorf("members %v", k)
		}
		for _, name := range privateMembers {
			if _, ok := k[name]; ok {
				t.Errorf("key %d publishes %s", i, name)
			}
		}
	}
	if got := string(must(PublicSet())); got != `{"keys":[]}` {
		t.Errorf("the empty set is %s", got)
	}
}

func TestKidIsTheThumbprint(t *testing.T) {
	key := must(GenerateKey("ES384", nil))
	set := must(parseKeySet(must(PublicSet(key))))
	if set.keys[0].thumbprint != key.KeyID() {
		t.Errorf("kid %s, thumbprint %s", key.KeyID(), set.keys[0].thumbprint)
	}
}

func TestSigningKeyNeverPrints(t *testing.T) {
	private := ecKey(elliptic.P256())
	key := must(newSigningKey(private))
	secret := must(private.Bytes())
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	printed := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb, key)
		printed += fmt.Sprintf(verb, []*SigningKey{key})
	}
	for name, form := range map[string]string{
		"hex": fmt.Sprintf("%x", secret), "base64": b64(secret), "decimal": fmt.Sprint(private.D), "bytes": fmt.Sprint(secret),
	} {
		if strings.Contains(strings.ToLower(printed), strings.ToLower(form)) {
			t.Errorf("the private key is printed as %s", name)
		}
	}
	if !strings.Contains(printed, key.KeyID()) {
		t.Error("the identifier is not printed")
	}
	if _, err := json.Marshal(map[string]any{"key": key}); err == nil {
		t.Error("a signing key was encoded as JSON")
	}
}

func TestGenerateKeyRefusesOtherAlgorithms(t *testing.T) {
	for _, alg := range []string{"", "none", "HS256", "ES512", "EdDSA", "rs256"} {
		if _, err := GenerateKey(alg, nil); err == nil || !strings.Contains(err.Error(), "ES384") {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestParsePrivateRefusesOtherKeys(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	for name, der := range map[string][]byte{
		"nothing":   nil,
		"not DER":   []byte("secret"),
		"P-521":     must(x509.MarshalPKCS8PrivateKey(ecKey(elliptic.P521()))),
		"Ed25519":   must(x509.MarshalPKCS8PrivateKey(edKey())),
		"short RSA": must(x509.MarshalPKCS8PrivateKey(must(rsa.GenerateKey(rand.Reader, 1024)))),
		"SEC 1":     must(x509.MarshalECPrivateKey(ecKey(elliptic.P256()))),
	} {
		if _, err := ParsePrivate(der); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignRefusesWhatIsNotAToken(t *testing.T) {
	key := must(GenerateKey("ES256", nil))
	if _, err := key.Sign("", claimSet(nil)); err == nil {
		t.Error("no typ was accepted (A61)")
	}
	for _, claims := range []any{nil, "x", []int{1}, 1, make(chan int)} {
		if _, err := key.Sign("JWT", claims); err == nil {
			t.Errorf("%v was signed", claims)
		}
	}
}

func TestSignedHeader(t *testing.T) {
	key := must(GenerateKey("ES384", nil))
	jws := must(jose.ParseSignedCompact(must(key.Sign("at+jwt", claimSet(nil))), []jose.SignatureAlgorithm{jose.ES384}))
	h := jws.Signatures[0].Protected
	if h.KeyID != key.KeyID() || h.ExtraHeaders["typ"] != "at+jwt" || h.JSONWebKey != nil {
		t.Errorf("header %+v", h)
	}
	if _, err := jws.Verify(key.Public().(*ecdsa.PublicKey)); err != nil {
		t.Error(err)
	}
}
