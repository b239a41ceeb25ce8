// Package oauthtest is an OAuth 2 provider for tests, over real HTTP on loopback.
//
// Left alone it is strict and faithful: codes work once, redirect URIs match
// exactly, PKCE is S256 and demanded, refresh tokens rotate and a used one ends
// its whole grant, clients prove themselves by exactly one method. Tests then
// script the ways in which real providers are slow, broken or hostile.
//
// It consents to everything, holds its secrets in clear and must never be linked
// into a program.
package oauthtest

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// What Count counts, besides the grant types.
const (
	CountDiscovery = "discovery"
	CountAuthorize = "authorize"
	CountRevoke    = "revoke"
)

// Request is one request as it arrived.
type Request struct {
	Method string
	Path   string
	Header http.Header
	Form   url.Values
	Body   string // of a request that is no form
}

// Server is one provider with one client. Its methods are safe for concurrent use.
type Server struct {
	URL                   string
	Issuer                string // equals URL
	DiscoveryURL          string // OpenID Connect Discovery
	OAuthDiscoveryURL     string // RFC 8414
	AuthorizationEndpoint string
	TokenEndpoint         string
	RevocationEndpoint    string
	ClientID              string
	ClientSecret          string

	mu          sync.Mutex
	behaviour   Behaviour
	redirects   []string
	user        string // who is signed in
	codes       map[string]*grant
	tokens      map[string]*grant // access and refresh tokens, dead ones too
	counts      map[string]int
	last        map[string]Request
	lastRefresh string
	onToken     func(http.ResponseWriter, *http.Request) bool
	onDiscovery func(http.ResponseWriter, *http.Request) bool
	onRevoke    func(http.ResponseWriter, *http.Request) bool
	failures    []int
	dropped     int
	hold        *Hold
}

// New starts a provider that is closed with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		ClientID:     "client-" + rand.Text(),
		ClientSecret: "secret/+:" + rand.Text(),
		behaviour:    strict(),
		codes:        map[string]*grant{},
		tokens:       map[string]*grant{},
		counts:       map[string]int{},
		last:         map[string]Request{},
	}
	server := httptest.NewServer(s.routes())
	s.URL, s.Issuer = server.URL, server.URL
	s.DiscoveryURL = s.URL + "/.well-known/openid-configuration"
	s.OAuthDiscoveryURL = s.URL + "/.well-known/oauth-authorization-server"
	s.AuthorizationEndpoint = s.URL + "/authorize"
	s.TokenEndpoint = s.URL + "/token"
	s.RevocationEndpoint = s.URL + "/revoke"
	t.Cleanup(func() {
		s.releaseHold()
		server.CloseClientConnections() // ends handlers that answer without end
		server.Close()
	})
	return s
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.serveDiscovery)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.serveDiscovery)
	routes := map[string]http.HandlerFunc{"GET /authorize": s.serveAuthorize, "POST /token": s.serveToken, "POST /revoke": s.serveRevocation}
	for _, v := range vendorScripts() { // the same provider at the paths of each vendor
		routes["GET "+v.authorize], routes["POST "+v.token] = s.serveAuthorize, s.serveToken
		if v.revoke != "" {
			routes[v.revoke] = s.serveRevocation
		}
	}
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	return mux
}

// Provider is this server as a configured CustomOauth2 provider.
func (s *Server) Provider() oauth.Provider {
	return oauth.Provider{
		Vendor:                "CustomOauth2",
		Issuer:                s.Issuer,
		AuthorizationEndpoint: s.AuthorizationEndpoint,
		TokenEndpoint:         s.TokenEndpoint,
		RevocationEndpoint:    s.RevocationEndpoint,
		IssParameter:          s.Behaviour().IssParameter,
		ClientID:              s.ClientID,
		ClientSecret:          vault.SecretString(s.ClientSecret),
	}
}

// RegisterRedirect limits redirect URIs to those registered. Before the first
// call any is accepted, and still bound exactly to its code.
func (s *Server) RegisterRedirect(uris ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirects = append(s.redirects, uris...)
}

func (s *Server) redirectAllowed(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uri != "" && (len(s.redirects) == 0 || slices.Contains(s.redirects, uri))
}

// Count returns how many requests came for a grant type or one of the Count
// constants, whatever was answered.
func (s *Server) Count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[what]
}

// Last returns the last request for a grant type or one of the Count constants.
func (s *Server) Last(what string) Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[what]
}

// LastToken returns the last token request of any grant type.
func (s *Server) LastToken() Request { return s.Last("token") }

// LastRefreshToken is the refresh token of the last answer that had one.
func (s *Server) LastRefreshToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastRefresh
}

func (s *Server) record(r *http.Request, body string, names ...string) {
	request := Request{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Form: r.Form, Body: body}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.counts[name]++
		s.last[name] = request
	}
}
