package signin

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

type members = map[string]any

func TestIDTokenThatProvesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(w *world, c members)
		says   string
	}{
		"no nonce":               {func(_ *world, c members) { delete(c, "nonce") }, "nonce"},
		"another nonce":          {func(_ *world, c members) { c["nonce"] = strings.Repeat("A", 43) }, "nonce"},
		"a nonce of no text":     {func(_ *world, c members) { c["nonce"] = 1 }, "nonce"},
		"another audience":       {func(_ *world, c members) { c["aud"] = "other" }, "audience"},
		"no audience":            {func(_ *world, c members) { delete(c, "aud") }, "audience"},
		"audience as azp alone":  {func(_ *world, c members) { c["aud"], c["azp"] = "other", clientID }, "audience"},
		"audiences without azp":  {func(_ *world, c members) { c["aud"] = []string{clientID, "other"} }, "authorized party"},
		"another azp":            {func(_ *world, c members) { c["azp"] = "other" }, "another client"},
		"an azp of no text":      {func(_ *world, c members) { c["aud"], c["azp"] = []string{clientID, "x"}, nil }, "azp is not a string"},
		"another issuer":         {func(_ *world, c members) { c["iss"] = "https://evil.example" }, "not trusted"},
		"expired":                {func(w *world, c members) { c["exp"] = w.clock.now().Unix() }, "expired"},
		"no expiry":              {func(_ *world, c members) { delete(c, "exp") }, "no expiry"},
		"no time":                {func(_ *world, c members) { delete(c, "iat") }, "iat"},
		"from before":            {func(w *world, c members) { c["iat"] = w.clock.now().Add(-skew - time.Second).Unix() }, "before this sign-in"},
		"from the future":        {func(w *world, c members) { c["iat"] = w.clock.now().Add(time.Hour).Unix() }, "future"},
		"no subject":             {func(_ *world, c members) { delete(c, "sub") }, "no subject"},
		"an empty subject":       {func(_ *world, c members) { c["sub"] = "" }, "no subject"},
		"another access token":   {func(_ *world, c members) { sum := sha256.Sum256([]byte("other")); c["at_hash"] = encode(sum[:16]) }, "at_hash"},
		"an empty hash":          {func(_ *world, c members) { c["at_hash"] = "" }, "at_hash"},
		"a hash of another kind": {func(_ *world, c members) { c["at_hash"] = 5 }, "at_hash"},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t), newBrowser()
			w.script(func() { w.claims = func(c members) { tc.change(w, c) } })
			_, err := w.callback(b, w.answered(w.begin(b, "/")))
			wantKind(t, err, Provider, 561, tc.says)
			w.mustNot(b, name)
			w.script(func() { w.claims = nil })
			w.signIn(b) // the same issuer without the change
			w.mustSession(b)
		})
	}
}

func TestIDTokenWithAllThatMayBeThere(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() { w.claims = func(c members) { c["aud"], c["azp"] = []string{"other", clientID}, clientID } })
	w.signIn(b)
	w.script(func() { w.claims = func(c members) { delete(c, "at_hash") } })
	w.signIn(b)
	if w.mustSession(b).Subject != "user-1" {
		t.Fatal("not signed in")
	}
}

// A61, A17: the same claims under another signature or as another kind of token.
func TestA17_IDTokenOfAnotherMaking(t *testing.T) {
	stranger, err := issuer.GenerateKey("ES256", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key *issuer.SigningKey, typ string) func(members) string {
		return func(c members) string {
			token, err := key.Sign(typ, c)
			if err != nil {
				t.Error(err)
			}
			return token
		}
	}
	for name, tc := range map[string]struct {
		sign func(members) string
		says string
	}{
		"a stranger's key":      {sign(stranger, "JWT"), "no single key"},
		"an access token":       {sign(testKey(), "at+jwt"), "another kind of token"},
		"a sign-out token":      {sign(testKey(), "logout+jwt"), "another kind of token"},
		"no signature":          {unsigned, "algorithm"},
		"a signature, altered":  {func(c members) string { return flipLast(sign(testKey(), "JWT")(c)) }, "signature"},
		"claims, altered":       {func(c members) string { return swapPayload(sign(testKey(), "JWT")(c), c) }, "signature"},
		"no JWT":                {func(members) string { return "opaque" }, "parts"},
		"an encrypted one":      {func(members) string { return "a.b.c.d.e" }, "encrypted"},
		"a token that is empty": {func(members) string { return "" }, "no ID token"},
	} {
		w, b := newWorld(t), newBrowser()
		w.script(func() { w.sign = tc.sign })
		_, err := w.callback(b, w.answered(w.begin(b, "/")))
		wantKind(t, err, Provider, 561, tc.says)
		w.mustNot(b, name)
	}
}

func unsigned(c members) string {
	payload, _ := json.Marshal(c)
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
}

func flipLast(token string) string {
	i := len(token) - 10
	with := byte('A')
	if token[i] == with {
		with = 'B'
	}
	return token[:i] + string(with) + token[i+1:]
}

func swapPayload(token string, c members) string {
	parts := strings.Split(token, ".")
	c["sub"] = "admin"
	payload, _ := json.Marshal(c)
	return parts[0] + "." + encode(payload) + "." + parts[2]
}

func TestKeysOfTheIssuerCannotBeHad(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.at("/jwks", status(503))
	_, err := w.callback(b, w.answered(w.begin(b, "/")))
	wantKind(t, err, Unreachable, 504, "its jwks_uri: it answered with status 503")
}

func TestMaxAgeIsHeldToTheIssuer(t *testing.T) {
	for authTime, good := range map[any]bool{
		nil: false, "2030": false, int64(-60): true, int64(-600): true, int64(-600) - int64(skew/time.Second) - 1: false,
	} {
		w, b := newWorld(t, func(c *Config) { c.Parameters = map[string]string{"max_age": "600"} }), newBrowser()
		w.script(func() {
			w.claims = func(c members) {
				switch ago := authTime.(type) {
				case int64:
					c["auth_time"] = w.clock.now().Unix() + ago
				case string:
					c["auth_time"] = ago
				}
			}
		})
		begun := w.begin(b, "/")
		if got := query(begun).Get("max_age"); got != "600" {
			t.Errorf("max_age = %q", got)
		}
		_, err := w.callback(b, w.answered(begun))
		if good && err != nil {
			t.Errorf("auth_time %v: %v", authTime, err)
		}
		if !good {
			wantKind(t, err, Provider, 561, "max_age")
		}
	}
}

// The example of OpenID Connect Core 1.0 appendix A.3 has the access token and the hash for RS256.
func TestAccessHash(t *testing.T) {
	const access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	if got := accessHash("RS256", access); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("RS256: %q", got)
	}
	long := sha512.Sum512([]byte(access))
	middle := sha512.Sum384([]byte(access))
	for alg, want := range map[string]string{"ES384": encode(middle[:24]), "PS512": encode(long[:32]), "EdDSA": encode(long[:32]), "none": "", "HS1": ""} {
		if got := accessHash(alg, access); got != want {
			t.Errorf("%s: %q, want %q", alg, got, want)
		}
	}
}

func TestNumbersOfSeconds(t *testing.T) {
	for in, want := range map[any]int64{
		nil: 0, true: 0, "": 0, "x": 0, "60": 60, json.Number("60"): 60, json.Number("59.9"): 59, json.Number("-1"): 0, json.Number("0"): 0,
		json.Number("1e300"): 0, "NaN": 0, "Inf": 0, json.Number(strconv.Itoa(1e10)): 0,
	} {
		if got := whole(in); got != want {
			t.Errorf("whole(%v) = %d, want %d", in, got, want)
		}
	}
}
