package sessionbinding_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
)

// newState is a state whose clock the test moves.
func newState(t *testing.T, key byte) (*sessionbinding.State, *time.Time) {
	t.Helper()
	now := testNow
	s, err := sessionbinding.NewState(bytes.Repeat([]byte{key}, 32), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return s, &now
}

func TestStateOfTheUser(t *testing.T) {
	s, now := newState(t, 1)
	b := newBench(t, func(c *sessionbinding.Config) { c.State = s })
	first, second := s.Issue("alice"), s.Issue("alice")
	if first == second {
		t.Error("two states are equal")
	}
	*now = now.Add(14 * time.Minute)
	for _, state := range []string{first, second} {
		if w := b.visit(link("state", state), "alice"); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	b.keepsQuiet(first, second, "alice")
}

// TestA08_StateOfAnother: the link of a consent that this application did not begin for this user ends here.
func TestA08_StateOfAnother(t *testing.T) {
	s, now := newState(t, 1)
	foreign, _ := newState(t, 2)
	old := s.Issue("alice")
	*now = now.Add(15 * time.Minute)
	good := s.Issue("alice")
	flipped := []byte(good)
	flipped[3] ^= 1
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	longer := bytes.Clone(raw)
	longer[16] = 0x7f // the expiry
	b := newBench(t, func(c *sessionbinding.Config) { c.State = s })
	for name, state := range map[string]string{
		"another user's": s.Issue("bob"), "a longer name's": s.Issue("alice "), "nobody's": s.Issue(""), "expired": old,
		"truncated": good[:len(good)-1], "half": good[:len(good)/2], "empty": "", "altered": string(flipped), "expiry altered": base64.RawURLEncoding.EncodeToString(longer),
		"padded": good + "=", "with a line": good[:9] + "\n" + good[9:], "of another key": foreign.Issue("alice"), "mac alone": base64.RawURLEncoding.EncodeToString(raw[24:]),
	} {
		if w := b.visit(link("state", state), "alice"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "not begun by you") {
			t.Errorf("%s: %d", name, w.Code)
		}
		b.untouched(name)
	}
	if w := b.visit(link(), "alice"); w.Code != http.StatusForbidden {
		t.Errorf("absent: %d", w.Code)
	}
	b.untouched("absent")
	b.keepsQuiet(good, old, "alice", "bob", session)
	if w := b.visit(link("state", good), "alice"); w.Code != http.StatusOK {
		t.Errorf("the good one: %d", w.Code)
	}
}

// TestUserAndTheRestAreApart: no user's name runs over into the nonce.
func TestUserAndTheRestAreApart(t *testing.T) {
	s, _ := newState(t, 1)
	raw, err := base64.RawURLEncoding.DecodeString(s.Issue("alice"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *sessionbinding.Config) { c.State = s })
	state := base64.RawURLEncoding.EncodeToString(append([]byte("e"), raw...))
	if w := b.visit(link("state", state), "alic"); w.Code != http.StatusForbidden {
		t.Errorf("%d", w.Code)
	}
}

func TestStateIsIgnoredWhereNoneIsConfigured(t *testing.T) {
	b := newBench(t)
	if w := b.visit(link("state", "the application's own"), "alice"); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
}

func TestStateKey(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := sessionbinding.NewState(make([]byte, n), nil); err == nil || !strings.Contains(err.Error(), "32") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	s, err := sessionbinding.NewState(make([]byte, 32), nil)
	if err != nil || s.Issue("alice") == "" {
		t.Error(err)
	}
}

// FuzzState: no text lets bob in, for none was issued for him; the seeds are alice's.
func FuzzState(f *testing.F) {
	s, err := sessionbinding.NewState(make([]byte, 32), func() time.Time { return testNow })
	if err != nil {
		f.Fatal(err)
	}
	good := s.Issue("alice")
	f.Add(good)
	f.Add("")
	f.Add(good[:40])
	service := &fakeService{}
	h, err := sessionbinding.New(sessionbinding.Config{Client: service, User: signedIn, State: s})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, state string) {
		b := &bench{t: t, handler: h, service: service}
		if w := b.visit(link("state", state), "bob"); w.Code == http.StatusOK || len(service.asked) != 0 {
			t.Fatalf("accepted, and not issued: %q", state)
		}
	})
}

func TestJWTUsers(t *testing.T) {
	s, _ := newState(t, 1)
	b := newBench(t, func(c *sessionbinding.Config) { c.User, c.State = sessionbinding.FromJWT("authorization"), s })
	first, minted := testJWT(`{"iss":"https://idp.example","sub":"alice","jti":"1"}`), testJWT(`{"iss":"https://idp.example","sub":"alice","jti":"2"}`)
	user, err := sessionbinding.JWTUser(first)
	if err != nil {
		t.Fatal(err)
	}
	state := s.Issue(user)
	bearer := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = values }
	}
	for _, value := range []string{"Bearer " + minted, "bearer  " + minted, minted} {
		w := b.visit(link("state", state), "", bearer(value))
		if w.Code != http.StatusOK || len(b.service.asked) != 1 || string(*b.service.asked[0].User.UserToken) != minted || b.service.asked[0].User.UserID != nil {
			t.Errorf("%d %v", w.Code, b.service.asked)
		}
		b.service.asked = nil
	}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"absent":             {bearer(), 401},
		"two":                {bearer(first, first), 401},
		"opaque":             {bearer("Bearer abc"), 401},
		"not JSON":           {bearer("Bearer " + testJWT("x")), 401},
		"no subject":         {bearer("Bearer " + testJWT(`{"iss":"https://idp.example"}`)), 401},
		"subject list":       {bearer("Bearer " + testJWT(`{"iss":"https://idp.example","sub":["alice"]}`)), 401},
		"another user":       {bearer("Bearer " + testJWT(`{"iss":"https://idp.example","sub":"bob"}`)), 403},
		"A60 another issuer": {bearer("Bearer " + testJWT(`{"iss":"https://evil.example","sub":"alice"}`)), 403},
	} {
		if w := b.visit(link("state", state), "", tc.change); w.Code != tc.status {
			t.Errorf("%s: %d", name, w.Code)
		}
		b.untouched(name)
	}
	b.keepsQuiet(first, minted, state, session)
}

// TestSignedHeaderIsTheUser: the front door's word, and no other header's.
func TestSignedHeaderIsTheUser(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}))
	v, err := oidcdata.New(oidcdata.Config{Signer: "front-door", KeysURL: keys.URL, Now: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	token := func(kid, sub string) string {
		e, exp := base64.URLEncoding, testNow.Add(time.Minute).Unix()
		signed := e.EncodeToString(fmt.Appendf(nil, `{"alg":"ES256","kid":%q,"signer":"front-door","exp":%d}`, kid, exp)) + "." + e.EncodeToString(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, sub, exp))
		digest := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signed + "." + e.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	b := newBench(t, func(c *sessionbinding.Config) { c.User = sessionbinding.FromOIDCData(v) })
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	if w := b.visit(link(), "", header(oidcdata.HeaderData, token("key-1", "alice"))); w.Code != 200 || *b.service.asked[0].User.UserID != "alice" {
		t.Fatalf("%d %v", w.Code, b.service.asked)
	}
	b.service.asked = nil
	if w := b.visit(link(), "", header(oidcdata.HeaderData, token("key-1", strings.Repeat("a", 129)))); w.Code != 400 {
		t.Errorf("a name longer than the service takes: %d", w.Code)
	}
	if w := b.visit(link(), "alice", header(oidcdata.HeaderIdentity, "alice")); w.Code != 401 {
		t.Errorf("unsigned: %d", w.Code)
	}
	keys.Close()
	if w := b.visit(link(), "", header(oidcdata.HeaderData, token("key-2", "alice"))); w.Code != 503 || !strings.Contains(w.Body.String(), `href=""`) {
		t.Errorf("no key host: %d", w.Code)
	}
	b.untouched("refused")
	b.keepsQuiet(session, "alice")
}
