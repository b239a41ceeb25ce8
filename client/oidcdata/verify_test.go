package oidcdata_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/client/oidcdata"
)

func TestVerifyTellsTheUser(t *testing.T) {
	f := newFrontDoor(t)
	for name, encoding := range map[string]*base64.Encoding{"padded": base64.URLEncoding, "unpadded": base64.RawURLEncoding} {
		c, err := f.verifier().Verify(t.Context(), f.encoded(encoding, goodHeader(), goodPayload()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Subject != "alice" || c.Issuer != issuer || c.Client != clientID || c.Signer != signer || !c.ExpiresAt.Equal(testNow.Add(2*time.Minute)) {
			t.Errorf("%s: %+v", name, c)
		}
		if mail, ok := c.Text("email"); !ok || mail != "alice@example.com" {
			t.Errorf("%s: email %q %v", name, mail, ok)
		}
		if _, ok := c.Text("exp"); ok {
			t.Errorf("%s: a number is told as text", name)
		}
	}
}

// TestPaddingIsSigned: the text is verified as it arrived, so nobody may pad it or strip it on the way.
func TestPaddingIsSigned(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier()
	payload := goodPayload().with(object{"email": "a@example.com"})
	for i := range 3 { // one of the lengths needs padding
		payload["pad"] = strings.Repeat("x", i)
		padded, raw := f.token(goodHeader(), payload), f.encoded(base64.RawURLEncoding, goodHeader(), payload)
		if _, err := v.Verify(t.Context(), padded); err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(padded, ".")
		if strings.HasSuffix(parts[1], "=") {
			stripped := parts[0] + "." + strings.TrimRight(parts[1], "=") + "." + parts[2]
			_, err := v.Verify(t.Context(), stripped)
			refused(t, "stripped", stripped, err, "signature")
			parts = strings.Split(raw, ".")
			added := parts[0] + "." + base64.URLEncoding.EncodeToString([]byte(mustRaw(t, parts[1]))) + "." + parts[2]
			_, err = v.Verify(t.Context(), added)
			refused(t, "padded later", added, err, "signature")
			return
		}
	}
	t.Fatal("no length needed padding: the test saw nothing")
}

func mustRaw(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRefusesClaims(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier()
	past := testNow.Add(-time.Second).Unix()
	for _, tc := range []struct {
		name            string
		header, payload object
		want            string
	}{
		{"A17 alg none", object{"alg": "none"}, nil, "ES256"},
		{"A17 alg in another case", object{"alg": "es256"}, nil, "ES256"},
		{"A18 alg HS256", object{"alg": "HS256"}, nil, "ES256"},
		{"A18 alg RS256", object{"alg": "RS256"}, nil, "ES256"},
		{"A18 alg ES384", object{"alg": "ES384"}, nil, "ES256"},
		{"alg missing", object{"alg": nil}, nil, "alg is missing"},
		{"alg by another name", object{"alg": nil, "Alg": "ES256"}, nil, "alg is missing"},
		{"crit", object{"crit": []string{"exp"}}, nil, "crit"},
		{"A61 another kind", object{"typ": "at+jwt"}, nil, "another kind"},
		{"A19 kid as a path", object{"kid": "../" + kid}, nil, "kid"},
		{"A19 kid as an encoded path", object{"kid": "..%2f" + kid}, nil, "kid"},
		{"A19 kid as a URL", object{"kid": "https://evil.example/key"}, nil, "kid"},
		{"A19 kid with a query", object{"kid": kid + "?x"}, nil, "kid"},
		{"A19 kid with a line", object{"kid": kid + "\n"}, nil, "kid"},
		{"A19 kid of dots", object{"kid": ".."}, nil, "kid"},
		{"A19 kid too long", object{"kid": strings.Repeat("a", 65)}, nil, "kid"},
		{"A19 kid a number", object{"kid": 1}, nil, "kid"},
		{"another load balancer", object{"signer": signer + "0"}, nil, "signer"},
		{"signer in another case", object{"signer": strings.ToUpper(signer)}, nil, "signer"},
		{"no signer", object{"signer": nil}, nil, "signer is missing"},
		{"signer in the payload alone", object{"signer": nil}, object{"signer": signer}, "signer is missing"},
		{"A20 another client", object{"client": "client-2"}, nil, "client"},
		{"A20 no client", object{"client": nil}, nil, "client"},
		{"A20 client in the payload alone", object{"client": nil}, object{"client": clientID}, "client"},
		{"A20 issuer of the header", object{"iss": "https://login.example.com.evil.example/tenant/v2.0"}, object{"iss": nil}, "issuer"},
		{"A20 issuer of the payload", object{"iss": nil}, object{"iss": issuer + "/"}, "issuer"},
		{"A20 two issuers", nil, object{"iss": "https://other.example"}, "different issuers"},
		{"A20 no issuer", object{"iss": nil}, object{"iss": nil}, "issuer"},
		{"A21 expired in the header", object{"exp": past}, nil, "expired"},
		{"A21 expired in the payload", nil, object{"exp": past}, "expired"},
		{"A21 expires now", object{"exp": testNow.Unix()}, nil, "expired"},
		{"A21 without exp", object{"exp": nil}, object{"exp": nil}, "no exp"},
		{"A21 exp as text", object{"exp": "1795359600"}, nil, "exp is not a number"},
		{"A21 exp null", object{"exp": "null"}, nil, "exp is not a number"},
		{"A21 exp beyond time", nil, object{"exp": 1e300}, "exp is not a number"},
		{"A21 exp before time", nil, object{"exp": -1}, "exp is not a number"},
		{"A21 not yet valid", nil, object{"nbf": testNow.Add(time.Minute).Unix()}, "nbf"},
		{"no sub", nil, object{"sub": nil}, "sub is missing"},
		{"empty sub", nil, object{"sub": ""}, "sub"},
		{"sub a number", nil, object{"sub": 7}, "sub"},
		{"sub by another name", nil, object{"sub": nil, "Sub": "alice"}, "sub is missing"},
		{"A60 sub with a control character", nil, object{"sub": "alice\x00"}, "sub"},
		{"A60 sub that could not be read", nil, object{"sub": "alice\uFFFD"}, "sub"},
		{"sub too long", nil, object{"sub": strings.Repeat("a", 256)}, "sub"},
	} {
		token := f.token(goodHeader().with(tc.header), goodPayload().with(tc.payload))
		_, err := v.Verify(t.Context(), token)
		refused(t, tc.name, token, err, tc.want)
	}
	if asked := f.requests(); len(asked) != 0 {
		t.Errorf("the key host was asked for tokens that could not be believed: %q", asked)
	}
}

func TestRefusesForms(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier()
	good := f.good()
	parts := strings.Split(good, ".")
	e := base64.URLEncoding
	double := strings.Replace(string(f.text(goodPayload())), "{", `{"sub":"mallory",`, 1)
	escaped := strings.Replace(string(f.text(goodPayload())), "{", `{"\u0073ub":"mallory",`, 1)
	for name, tc := range map[string]struct{ token, want string }{
		"empty":                    {"", "three segments"},
		"two segments":             {parts[0] + "." + parts[1], "three segments"},
		"four segments":            {good + ".", "three segments"},
		"too long":                 {strings.Repeat("a", 20<<10+1), "longer"},
		"header too long":          {f.token(goodHeader().with(object{"x": strings.Repeat("x", 2<<10)}), goodPayload()), "longer"},
		"standard base64":          {f.sign(e, parts[0]+".+/+/."[:6]), "segments"},
		"not base64":               {parts[0] + ".!!!!." + parts[2], "base64url"},
		"line within":              {parts[0] + "." + parts[1][:4] + "\n" + parts[1][4:] + "." + parts[2], "base64url"},
		"padding within":           {parts[0] + "." + parts[1][:4] + "=" + parts[1][4:] + "." + parts[2], "base64url"},
		"too much padding":         {parts[0] + "." + parts[1] + "==." + parts[2], "base64url"},
		"payload a list":           {f.token(goodHeader(), "[]"), "not a JSON object"},
		"payload null":             {f.token(goodHeader(), "null"), "not a JSON object"},
		"payload goes on":          {f.token(goodHeader(), `{"sub":"a"}{"sub":"b"}`), "goes on"},
		"payload broken off":       {f.token(goodHeader(), `{"sub":"a"`), "malformed"},
		"payload without a value":  {f.token(goodHeader(), `{"sub":}`), "malformed"},
		"payload not UTF-8":        {f.token(goodHeader(), "{\"sub\":\"\xff\"}"), "UTF-8"},
		"sub twice":                {f.token(goodHeader(), double), "twice"},
		"sub twice, escaped":       {f.token(goodHeader(), escaped), "twice"},
		"alg twice":                {f.token(strings.Replace(string(f.text(goodHeader())), "{", `{"alg":"none",`, 1), goodPayload()), "twice"},
		"signature missing":        {parts[0] + "." + parts[1] + ".", "signature"},
		"signature of 63 bytes":    {parts[0] + "." + parts[1] + "." + e.EncodeToString(make([]byte, 63)), "signature"},
		"signature in ASN.1":       {parts[0] + "." + parts[1] + "." + e.EncodeToString(append([]byte{0x30, 0x44}, make([]byte, 68)...)), "signature"},
		"signature of zeros":       {parts[0] + "." + parts[1] + "." + e.EncodeToString(make([]byte, 64)), "does not fit"},
		"A17 signature of another": {parts[0] + "." + parts[1] + "." + strings.Split(f.token(goodHeader(), goodPayload().with(object{"sub": "bob"})), ".")[2], "does not fit"},
		"signed by another key":    {newFrontDoor(t).good(), "does not fit"},
	} {
		_, err := v.Verify(t.Context(), tc.token)
		refused(t, name, tc.token, err, tc.want)
	}
}

// TestA18_PublicKeyIsNoHMACSecret: the classic confusion, with the published PEM as the secret.
func TestA18_PublicKeyIsNoHMACSecret(t *testing.T) {
	f := newFrontDoor(t)
	for _, alg := range []string{"HS256", "ES256"} {
		e := base64.URLEncoding
		signed := e.EncodeToString(f.text(goodHeader().with(object{"alg": alg}))) + "." + e.EncodeToString(f.text(goodPayload()))
		mac := hmac.New(sha256.New, f.pem)
		mac.Write([]byte(signed))
		token := signed + "." + e.EncodeToString(append(mac.Sum(nil), make([]byte, 32)...))
		_, err := f.verifier().Verify(t.Context(), token)
		refused(t, alg, token, err, "")
	}
}

// TestEveryByteCounts: a token with any one character changed is refused.
func TestEveryByteCounts(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier()
	good := f.good()
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		b := []byte(good)
		if b[i] = 'A'; good[i] == 'A' {
			b[i] = 'B'
		}
		if _, err := v.Verify(t.Context(), string(b)); err == nil {
			t.Fatalf("a changed character at %d goes unnoticed", i)
		} else if errors.Is(err, oidcdata.ErrKeysUnavailable) {
			v = f.verifier() // changed kids used up the fetches
		}
	}
}

func TestLeewayAndUnsetNames(t *testing.T) {
	f := newFrontDoor(t)
	late := f.token(goodHeader().with(object{"exp": testNow.Add(-30 * time.Second).Unix(), "client": nil, "iss": nil}), goodPayload().with(object{"iss": nil}))
	lenient := f.verifier(func(c *oidcdata.Config) { c.Leeway, c.Client, c.Issuer = time.Minute, "", "" })
	if c, err := lenient.Verify(t.Context(), late); err != nil || c.Client != "" || c.Issuer != "" {
		t.Errorf("%+v %v", c, err)
	}
	strict := f.verifier(func(c *oidcdata.Config) { c.Client, c.Issuer = "", "" })
	_, err := strict.Verify(t.Context(), late)
	refused(t, "late", late, err, "expired")
}

// FuzzVerify: whatever is accepted says what was signed, byte for byte. The key is fixed, so that seeds are good in every
// process of the fuzzer.
func FuzzVerify(f *testing.F) {
	door := newFrontDoor(f)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	door.key, door.pem = key, pemOf(f, &key.PublicKey)
	v := door.verifier()
	padded, raw := door.good(), door.encoded(base64.RawURLEncoding, goodHeader(), goodPayload())
	if _, err := v.Verify(f.Context(), padded); err != nil {
		f.Fatal(err)
	}
	f.Add(padded)
	f.Add(raw)
	f.Add("..")
	f.Add(door.token(`{"alg":"none"}`, `{"sub":"a","sub":"b"}`))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := v.Verify(t.Context(), token)
		if err != nil {
			return
		}
		signed := token[:strings.LastIndex(token, ".")]
		if !strings.HasPrefix(padded, signed+".") && !strings.HasPrefix(raw, signed+".") {
			t.Fatalf("accepted, and nobody signed it: %q", token)
		}
		if c.Subject != "alice" || c.Signer != signer {
			t.Fatalf("read differently: %+v", c)
		}
	})
}
