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
	codes       map[string]*grant
	tokens      map[string]*grant // access and refresh tokens, dead ones too
	counts      map[string]int
	last        map[string]Request
	onToken     func(http.ResponseWriter, *http.Request) bool
	onDiscovery func(http.ResponseWriter, *http.Request) bool
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
	mux.HandleFunc("GET /authorize", s.serveAuthorize)
	mux.HandleFunc("POST /token", s.serveToken)
	mux.HandleFunc("POST /revoke", s.serveRevoke)
	// The same provider at the paths of a self-hosted GitHub.
	mux.HandleFunc("GET /login/oauth/authorize", s.serveAuthorize)
	mux.HandleFunc("POST /login/oauth/access_token", s.serveToken)
	mux.HandleFunc("DELETE /api/v3/applications/{client}/grant", s.serveDeleteGrant)
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

// GitHubProvider makes this server behave like GitHub and returns it as a
// configured GithubOauth2 provider. Use VendorBaseURLs for the rest of a system.
func (s *Server) GitHubProvider(t testing.TB) oauth.Provider {
	t.Helper()
	s.BehaveLikeGitHub()
	table, err := oauth.NewTable(s.VendorBaseURLs())
	if err != nil {
		t.Fatal(err)
	}
	row, ok := table.Vendor("GithubOauth2")
	if !ok {
		t.Fatal("the vendor table has no GithubOauth2")
	}
	return row.Provider(s.ClientID, vault.SecretString(s.ClientSecret))
}

// VendorBaseURLs points the vendors that can be self-hosted at this server.
func (s *Server) VendorBaseURLs() map[string]string {
	return map[string]string{"GithubOauth2": s.URL}
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

func (s *Server) record(r *http.Request, body string, names ...string) {
	request := Request{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Form: r.Form, Body: body}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.counts[name]++
		s.last[name] = request
	}
}
