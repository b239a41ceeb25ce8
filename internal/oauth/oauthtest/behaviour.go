package oauthtest

import (
	"maps"
	"net/http"
	"net/url"
	"sync"

	"github.com/lanyard-id/lanyard/internal/oauth"
)

// Behaviour is how the provider answers. The zero value of each switch is strict.
type Behaviour struct {
	// Answers of the authorization endpoint.
	AuthorizeError string     // refuse every request with this error
	IssParameter   bool       // announce iss and send it
	Iss            string     // send this iss, announced or not
	PKCEOptional   bool       // accept requests without a challenge
	PKCERefused    bool       // refuse requests with one
	Required       url.Values // refuse requests without these

	// Answers of the token endpoint.
	ExpiresIn         int64
	OmitExpiresIn     bool
	RefreshExpiresIn  int64  // 0: not sent
	Scope             string // granted whatever was asked for; "-" sends none
	ScopeSeparator    string
	TokenType         string
	NoRefreshToken    bool // issue none at all
	KeepRefreshToken  bool // a refresh answer carries none and the old one stays valid
	FormEncoded       bool // answer in the form encoding
	FormUnlessAsked   bool // the same, for requests that do not ask for JSON
	NumbersAsStrings  bool
	ErrorStatus       int               // of token errors; 400, or 401 for the client, when zero
	ErrorNames        map[string]string // replaces standard error codes
	PublicClient      bool              // accept the client id alone
	Assertion         func(string) bool // accept client assertions (RFC 7523 section 2.2) for which it is true, and no secret
	RefreshEndsAccess bool              // a refresh ends the access token issued before

	ClientAuth      oauth.AuthMethod                 // accept this method alone
	JSONRequests    bool                             // accept JSON objects alone
	RefreshIf       func(a Authorized) bool          // issue a refresh token for such a consent alone
	OldRefreshLives bool                             // a refresh token that was replaced stays valid
	RefusesScope    bool                             // a refresh may name no scope
	Finish          func(map[string]any, Authorized) // shapes a token answer the vendor's way
	FinishError     func(map[string]any)             // the same for an error
	ErrorStatuses   map[string]int                   // by the keys of ErrorNames; before ErrorStatus

	// Answers of the revocation endpoint.
	RevokesRefreshOnly bool
	revoke             func(*Server, http.ResponseWriter, *http.Request)
}

// Authorized is the consent for which a token is issued.
type Authorized struct {
	Query     url.Values // of the authorization request; nil for client credentials
	Again     bool       // somebody consented before
	GrantType string
}

func strict() Behaviour {
	return Behaviour{IssParameter: true, ExpiresIn: 3600, ScopeSeparator: " ", TokenType: "Bearer"}
}

// Behaviour returns the present behaviour.
func (s *Server) Behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.behaviour
	b.ErrorNames, b.ErrorStatuses = maps.Clone(b.ErrorNames), maps.Clone(b.ErrorStatuses)
	return b
}

// Behave changes the behaviour of all later answers.
func (s *Server) Behave(change func(*Behaviour)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.behaviour)
}

// OnToken hands every later token request, counted and with its form parsed, to
// answer; where that returns false the provider answers itself. Nil ends it.
func (s *Server) OnToken(answer func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onToken = answer
}

// OnRevoke is OnToken for revocations, which it finds uncounted and unread: a
// script that leaves the answer to the provider leaves it the body, too.
func (s *Server) OnRevoke(answer func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRevoke = answer
}

// OnDiscovery is OnToken for discovery documents.
func (s *Server) OnDiscovery(answer func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onDiscovery = answer
}

// FailNext answers the next n token requests with a bare status, unprocessed.
func (s *Server) FailNext(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.failures = append(s.failures, status)
	}
}

// DropNext processes the next n token requests and then closes the connection
// instead of answering: the client cannot know that its token was used up.
func (s *Server) DropNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += n
}

// Hold keeps token requests waiting, after they were counted and before they are
// processed.
type Hold struct {
	arrived chan struct{}
	open    chan struct{}
	once    sync.Once
}

// HoldTokens makes every later token request wait for Release, or for its client
// to go away.
func (s *Server) HoldTokens() *Hold {
	h := &Hold{arrived: make(chan struct{}, 4096), open: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = h
	return h
}

// Arrived receives once for each request that begins to wait.
func (h *Hold) Arrived() <-chan struct{} { return h.arrived }

// Release lets the waiting and all later requests pass.
func (h *Hold) Release() { h.once.Do(func() { close(h.open) }) }

func (h *Hold) wait(r *http.Request) {
	select {
	case <-h.open:
		return
	case h.arrived <- struct{}{}:
	}
	select {
	case <-h.open:
	case <-r.Context().Done():
	}
}

func (s *Server) releaseHold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hold != nil {
		s.hold.Release()
	}
}
