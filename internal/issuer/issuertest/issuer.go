// Package issuertest is an OpenID Connect issuer for tests: it publishes discovery and keys as the issuers of workload
// tokens do, signs tokens of their documented claim shapes, and makes the tokens that an attacker would bring.
//
// Nothing outside tests may import it. It protects nothing: whoever reaches its address learns how to sign as anybody.
package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Server holds any number of issuers on one loopback address, each at a path of its own, as the issuers of clusters and
// tenants are.
type Server struct {
	URL string

	http     *httptest.Server
	stranger *rsa.PrivateKey // an attacker's, which is never published
	mu       sync.Mutex
	issuers  map[string]*Issuer
	fetched  map[string]int
}

// Start starts a server; the caller closes it.
func Start() *Server {
	s := &Server{stranger: newRSA(), issuers: map[string]*Issuer{}, fetched: map[string]int{}}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL
	return s
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := Start()
	t.Cleanup(s.Close)
	return s
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// Issuer returns the issuer at the path, such as "id/cluster", with keys of its own, and makes it at its first use. A
// slash at the end belongs to the issuer's name, as in Microsoft's.
func (s *Server) Issuer(path string) *Issuer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.issuers[path]; ok {
		return i
	}
	i := &Issuer{URL: s.URL + "/" + path, rsa: newRSA(), ec: newEC(), stranger: s.stranger}
	s.issuers[path] = i
	return i
}

// Fetched counts the requests for a path, such as one that a token's header named.
func (s *Server) Fetched(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetched[path]
}

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/keys"
)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.fetched[r.URL.Path]++
	issuers := maps.Clone(s.issuers)
	s.mu.Unlock()
	for path, issuer := range issuers {
		base := "/" + strings.TrimSuffix(path, "/")
		switch r.URL.Path {
		case base + discoveryPath:
			answer(w, issuer.discovery())
			return
		case base + keysPath:
			answer(w, issuer.keys())
			return
		}
	}
	http.NotFound(w, r)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // a client that went away is no concern of the issuer's
}

// Issuer signs tokens.
type Issuer struct {
	URL string // as in the iss claim

	rsa      *rsa.PrivateKey
	ec       *ecdsa.PrivateKey
	stranger *rsa.PrivateKey
}

// newRSA panics when the system has no randomness, which no test can mend.
func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// newEC is as newRSA.
func newEC() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// Name is the issuer without its scheme, as in the ARN of its OIDC provider and in the condition keys of its claims.
func (i *Issuer) Name() string {
	_, name, _ := strings.Cut(i.URL, "://")
	return name
}

// Key is the condition key of a claim.
func (i *Issuer) Key(claim string) string { return i.Name() + ":" + claim }

func (i *Issuer) base() string { return strings.TrimSuffix(i.URL, "/") }

func (i *Issuer) discovery() map[string]any {
	return map[string]any{
		"issuer": i.URL, "jwks_uri": i.base() + keysPath,
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
	}
}

const (
	rsaKeyID = "rsa-1"
	ecKeyID  = "ec-1"
)

func (i *Issuer) keys() jose.JSONWebKeySet {
	public := func(key crypto.PublicKey, id, alg string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: alg, Use: "sig"}
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		public(i.rsa.Public(), rsaKeyID, "RS256"), public(i.ec.Public(), ecKeyID, "ES256"),
	}}
}
