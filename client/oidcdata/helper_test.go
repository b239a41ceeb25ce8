package oidcdata_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/client/oidcdata"
)

const (
	signer   = "arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/front/50dc6c495c0c9188"
	clientID = "client-1"
	issuer   = "https://login.example.com/tenant/v2.0"
	kid      = "c1a5c0d2-0f00-4c1b-9d11-2f1d3c9b8a77"
)

var testNow = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// frontDoor is a key host, and signs as a load balancer does.
type frontDoor struct {
	*httptest.Server
	t   testing.TB
	key *ecdsa.PrivateKey
	pem []byte

	mu     sync.Mutex
	asked  []string
	answer http.HandlerFunc // instead of the key, where set
}

func newFrontDoor(t testing.TB) *frontDoor {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &frontDoor{t: t, key: key, pem: pemOf(t, &key.PublicKey)}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *frontDoor) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.URL.Path)
	answer := f.answer
	f.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case r.URL.Path == "/"+kid:
		_, _ = w.Write(f.pem)
	default:
		http.NotFound(w, r)
	}
}

func (f *frontDoor) answers(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = h
}

func (f *frontDoor) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func pemOf(t testing.TB, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// object is a JSON object; nil values are left out.
type object map[string]any

func (o object) with(change object) object {
	out := object{}
	for _, m := range []object{o, change} {
		for k, v := range m {
			if out[k] = v; v == nil {
				delete(out, k)
			}
		}
	}
	return out
}

func goodHeader() object {
	return object{"typ": "JWT", "kid": kid, "alg": "ES256", "iss": issuer, "client": clientID, "signer": signer, "exp": testNow.Add(2 * time.Minute).Unix()}
}

func goodPayload() object {
	return object{"sub": "alice", "email": "alice@example.com", "iss": issuer, "exp": testNow.Add(2 * time.Minute).Unix()}
}

// token signs with padded segments, as a load balancer does.
func (f *frontDoor) token(header, payload any) string {
	return f.encoded(base64.URLEncoding, header, payload)
}

func (f *frontDoor) encoded(e *base64.Encoding, header, payload any) string {
	f.t.Helper()
	return f.sign(e, e.EncodeToString(f.text(header))+"."+e.EncodeToString(f.text(payload)))
}

// text encodes a value; a string is JSON already.
func (f *frontDoor) text(v any) []byte {
	if s, ok := v.(string); ok {
		return []byte(s)
	}
	b, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *frontDoor) sign(e *base64.Encoding, signed string) string {
	f.t.Helper()
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, f.key, digest[:])
	if err != nil {
		f.t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return signed + "." + e.EncodeToString(raw)
}

func (f *frontDoor) good() string { return f.token(goodHeader(), goodPayload()) }

func (f *frontDoor) config() oidcdata.Config {
	return oidcdata.Config{Signer: signer, Client: clientID, Issuer: issuer, KeysURL: f.URL, Now: func() time.Time { return testNow }}
}

func (f *frontDoor) verifier(change ...func(*oidcdata.Config)) *oidcdata.Verifier {
	f.t.Helper()
	c := f.config()
	for _, edit := range change {
		edit(&c)
	}
	v, err := oidcdata.New(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

// refused demands that an error says one thing and quotes nothing of the token.
func refused(t *testing.T, name, token string, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", name)
		return
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v; want %q", name, err, want)
	}
	for _, segment := range strings.Split(token, ".") {
		if len(segment) > 12 && strings.Contains(err.Error(), segment) {
			t.Errorf("%s: the error quotes the token: %v", name, err)
		}
	}
}
