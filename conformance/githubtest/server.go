package githubtest

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Lifetimes as GitHub documents them.
const (
	codeLifetime    = 10 * time.Minute
	tokenLifetime   = 8 * time.Hour
	refreshLifetime = 184 * 24 * time.Hour
)

// Config describes the one application that is registered at the stand-in.
type Config struct {
	ClientID     string
	ClientSecret string
	// GitHubApp makes the application a GitHub App with expiring user tokens;
	// otherwise it is an OAuth app.
	GitHubApp bool
	// TokenLifetime is how long the access tokens of a GitHub App live; 8 hours when zero.
	TokenLifetime time.Duration
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Server is the stand-in, an http.Handler. One address serves what GitHub serves on its web and API hosts.
type Server struct {
	config Config
	mux    *http.ServeMux

	mu        sync.Mutex
	callbacks []string
	codes     map[string]code
	tokens    map[string]*authorization // by access token
	refresh   map[string]*authorization // by refresh token
	requests  map[string]int
	calls     []Call
	noRefresh bool
}

// Call is one request for a user's data.
type Call struct {
	Path   string
	Login  string // whose token it was; empty if it was refused
	Status int
}

// code is an authorization code that waits for its exchange.
type code struct {
	login       string
	scopes      []string
	redirectURI string
	challenge   string
	expiresAt   time.Time
}

// authorization is one pair of tokens; a GitHub App's pair dies as a whole when it is refreshed.
type authorization struct {
	login            string
	scopes           []string
	accessToken      string
	refreshToken     string
	accessExpiresAt  time.Time // zero: never
	refreshExpiresAt time.Time
}

// New returns a stand-in at which no callback URL is registered yet.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = tokenLifetime
	}
	s := &Server{
		config:   c,
		mux:      http.NewServeMux(),
		codes:    map[string]code{},
		tokens:   map[string]*authorization{},
		refresh:  map[string]*authorization{},
		requests: map[string]int{},
	}
	s.mux.HandleFunc("GET /login/oauth/authorize", s.showConsent)
	s.mux.HandleFunc("POST /login/oauth/authorize", s.decideConsent)
	s.mux.HandleFunc("POST /login/oauth/access_token", s.token)
	s.mux.HandleFunc("GET /user", s.user)
	s.mux.HandleFunc("GET /user/repos", s.repositories)
	s.mux.HandleFunc("DELETE /applications/{client_id}/token", s.deleteToken)
	s.mux.HandleFunc("DELETE /applications/{client_id}/grant", s.deleteGrant)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// RegisterCallback adds a callback URL to the application.
func (s *Server) RegisterCallback(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks = append(s.callbacks, url)
}

// TokenRequests counts the token endpoint's answers: authorization_code, refresh_token and failed.
func (s *Server) TokenRequests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Calls are all requests for users' data, in their order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// WithoutRefresh makes it issue expiring tokens without refresh tokens from now on, as other providers do and GitHub does
// not.
func (s *Server) WithoutRefresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noRefresh = true
}

// HasLiveToken reports whether one of a user's access tokens is good.
func (s *Server) HasLiveToken(login string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.tokens {
		if a.login == login && !s.expired(a) {
			return true
		}
	}
	return false
}

// RevokeUser does what a user does on the settings page: all the application's tokens for the user die.
func (s *Server) RevokeUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revokeUserLocked(login)
}

func (s *Server) revokeUserLocked(login string) {
	ofUser := func(_ string, a *authorization) bool { return a.login == login }
	maps.DeleteFunc(s.tokens, ofUser)
	maps.DeleteFunc(s.refresh, ofUser)
}

// issueLocked makes a new pair of tokens.
func (s *Server) issueLocked(login string, scopes []string) *authorization {
	a := &authorization{login: login, scopes: slices.Clone(scopes)}
	if s.config.GitHubApp {
		now := s.config.Now()
		a.accessToken, a.accessExpiresAt = random("ghu_"), now.Add(s.config.TokenLifetime)
		a.scopes = nil // an app has permissions; the scope parameter is ignored
		if !s.noRefresh {
			a.refreshToken, a.refreshExpiresAt = random("ghr_"), now.Add(refreshLifetime)
			s.refresh[a.refreshToken] = a
		}
	} else {
		a.accessToken = random("gho_")
	}
	s.tokens[a.accessToken] = a
	return a
}

func random(prefix string) string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails
	return prefix + hex.EncodeToString(b)
}
