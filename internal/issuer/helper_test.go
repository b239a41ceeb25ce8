package issuer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/lanyard-id/lanyard/internal/egress"
)

const (
	testIssuer   = "https://idp.example/tenant"
	testAudience = "https://lanyard.example"
	discoveryURL = testIssuer + "/.well-known/openid-configuration"
	keysURL      = "https://idp.example/keys"
)

var epoch = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// RSA keys are slow to make, so the tests share these.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ecKey(c elliptic.Curve) *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(c, rand.Reader)) }

func edKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

// idp is an issuer in memory: a scripted Fetcher and a clock for one Verifier.
type idp struct {
	t        testing.TB
	verifier *Verifier
	trusted  Trust

	mu      sync.Mutex
	time    time.Time
	answers map[string]func() (*egress.Response, error)
	fetched map[string]int
}

func newIDP(t testing.TB, keys ...jose.JSONWebKey) *idp {
	p := &idp{
		t:       t,
		time:    epoch,
		trusted: Trust{Issuer: testIssuer, Audiences: []string{testAudience}, ClientIDs: []string{"app"}},
		answers: map[string]func() (*egress.Response, error){},
		fetched: map[string]int{},
	}
	p.verifier = NewVerifier(p, p.now)
	p.serve(discoveryURL, `{"issuer":"`+testIssuer+`","jwks_uri":"`+keysURL+`"}`, nil)
	p.publish(keys...)
	return p
}

func (p *idp) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.time
}

func (p *idp) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.time = p.time.Add(d)
}

func (p *idp) Get(_ context.Context, url string, _ http.Header) (*egress.Response, error) {
	p.mu.Lock()
	p.fetched[url]++
	answer := p.answers[url]
	p.mu.Unlock()
	if answer == nil {
		return nil, &egress.Error{Kind: egress.Refused, URL: url}
	}
	return answer()
}

func (p *idp) count(url string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetched[url]
}

func (p *idp) total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.fetched {
		n += c
	}
	return n
}

func (p *idp) set(url string, answer func() (*egress.Response, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[url] = answer
}

func (p *idp) serve(url, body string, h http.Header) {
	p.set(url, func() (*egress.Response, error) {
		return &egress.Response{Status: http.StatusOK, Header: h, Body: []byte(body)}, nil
	})
}

func (p *idp) fail(url string) {
	p.set(url, func() (*egress.Response, error) { return nil, errors.New("unreachable from 10.0.0.1") })
}

func (p *idp) publish(keys ...jose.JSONWebKey) { p.serve(keysURL, jwks(keys...), nil) }

// trust answers for the one trusted issuer.
func (p *idp) trust(issuer string) (Trust, bool) { return p.trusted, issuer == p.trusted.Issuer }

func (p *idp) verify(token string) (*Claims, error) {
	return p.verifier.Verify(p.t.Context(), token, p.trust)
}

func (p *idp) wantAccepted(token string) *Claims {
	p.t.Helper()
	c, err := p.verify(token)
	if err != nil {
		p.t.Fatalf("refused: %v", err)
	}
	return c
}

// wantRefused also checks that no part of the token is in the error.
func (p *idp) wantRefused(token string, reason Reason) *Error {
	p.t.Helper()
	c, err := p.verify(token)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		p.t.Fatalf("%v, %v (%T), want an *Error with reason %s", c, err, err, reason)
	}
	if e.Reason != reason {
		p.t.Fatalf("reason %s (%v), want %s", e.Reason, err, reason)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			p.t.Fatalf("the error quotes the token: %v", err)
		}
	}
	return e
}

// claimSet is valid at the epoch; changes override or, when nil, remove.
func claimSet(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": testIssuer, "sub": "user-1", "aud": testAudience,
		"iat": epoch.Unix(), "exp": epoch.Add(time.Hour).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// sign makes a token with any header. A nil value removes a member.
func sign(alg jose.SignatureAlgorithm, key any, header, claims map[string]any) string {
	h := map[string]any{"alg": string(alg), "typ": "JWT", "kid": "k1"}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	return signRaw(alg, key, encode(h), encode(claims))
}

func encode(v any) []byte { return must(json.Marshal(v)) }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signRaw signs the very bytes given, whatever they say.
func signRaw(alg jose.SignatureAlgorithm, key any, header, payload []byte) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(rawSignature(alg, key, []byte(input)))
}

func rawSignature(alg jose.SignatureAlgorithm, key any, input []byte) []byte {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[strings.TrimLeft(string(alg), "RSPEHdDA")]
	var digest []byte
	if hash != 0 {
		h := hash.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if strings.HasPrefix(string(alg), "PS") {
			return must(rsa.SignPSS(rand.Reader, key, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(rand.Reader, key, hash, digest))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		size := (key.Params().BitSize + 7) / 8
		return append(must(r, err).FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input)
	}
	panic("no such key")
}

func public(kid string, key crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid, Use: "sig"}
}

func jwks(keys ...jose.JSONWebKey) string {
	return string(must(json.Marshal(jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey{}, keys...)})))
}

func sha(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }
