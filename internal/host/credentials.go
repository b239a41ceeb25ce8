package host

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// credentialsEndpoint answers agents' requests for their runtime's role credentials, as AWS SDKs make them where
// AWS_CONTAINER_CREDENTIALS_FULL_URI is set. Only the token that one session's process was given opens it, and only with
// that session's credentials.
type credentialsEndpoint struct {
	upstream hostlink.Upstream
	now      func() time.Time
	address  string // host:port of the listener

	mu     sync.Mutex
	tokens map[[sha256.Size]byte]*tokenHolder // by hash: a lookup tells nothing of a token's first bytes
}

// tokenHolder is a process that may ask.
type tokenHolder struct {
	token   string
	process hostlink.Process

	mu     sync.Mutex // one fetch at a time
	cached hostlink.Credentials
	failed time.Time
}

const (
	pathCredentials = "/credentials"
	// renewBefore is how long before their end credentials are fetched anew. SDKs ask again about then.
	renewBefore = 5 * time.Minute
	// retryAfterFailure keeps an agent that asks in a loop from flooding the server (A65).
	retryAfterFailure = time.Second
	fetchTimeout      = 10 * time.Second
)

func (c *credentialsEndpoint) url() string { return "http://" + c.address + pathCredentials }

func (c *credentialsEndpoint) register(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[sha256.Sum256([]byte(p.token))] = &tokenHolder{token: p.token, process: p.link()}
}

func (c *credentialsEndpoint) forget(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tokens, sha256.Sum256([]byte(p.token)))
}

func (c *credentialsEndpoint) holder(token string) *tokenHolder {
	sum := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokens[sum]
	if t == nil || subtle.ConstantTimeCompare([]byte(t.token), []byte(token)) != 1 {
		return nil
	}
	return t
}

func (c *credentialsEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if problem := c.problem(r); problem != "" {
		credentialsError(w, http.StatusForbidden, "AccessDenied", problem)
		return
	}
	t := c.holder(r.Header.Get("Authorization"))
	if t == nil {
		credentialsError(w, http.StatusUnauthorized, "AccessDenied", "the authorization token is not that of a running session")
		return
	}
	creds, err := c.fetch(r.Context(), t)
	if err != nil {
		credentialsError(w, http.StatusServiceUnavailable, "CredentialsUnavailable", err.Error())
		return
	}
	b, err := json.Marshal(creds)
	if err != nil {
		credentialsError(w, http.StatusInternalServerError, "CredentialsUnavailable", "the credentials could not be encoded")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

// problem tells requests that no SDK makes: those of a browser, of a proxy, or for a name that was pointed here.
func (c *credentialsEndpoint) problem(r *http.Request) string {
	switch {
	case r.Method != http.MethodGet || r.URL.Path != pathCredentials || r.URL.RawQuery != "":
		return "only GET " + pathCredentials + " is answered"
	case r.Host != c.address: // a host name that resolves to loopback is somebody else's (DNS rebinding)
		return "the Host header must be " + c.address
	}
	return foreignHeader(r.Header)
}

// foreignHeader names a header that only browsers and proxies send.
func foreignHeader(h http.Header) string {
	for name := range h {
		n := folded(name)
		if n == "origin" || n == "referer" || n == "cookie" || n == "forwarded" || n == "via" || strings.HasPrefix(n, "x-forwarded") || strings.HasPrefix(n, "sec-") {
			return "the header " + http.CanonicalHeaderKey(name) + " is not accepted here"
		}
	}
	return ""
}

func folded(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// fetch returns the credentials that are good for a while yet, or asks the server for new ones.
func (c *credentialsEndpoint) fetch(ctx context.Context, t *tokenHolder) (hostlink.Credentials, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := c.now()
	if t.cached.Expiration.Sub(now) > renewBefore {
		return t.cached, nil
	}
	if now.Sub(t.failed) < retryAfterFailure {
		return hostlink.Credentials{}, hostlink.Errorf(hostlink.CodeLimit, "the credentials could not be fetched a moment ago; try again in a second")
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	creds, err := c.upstream.Credentials(ctx, t.process)
	if err != nil {
		t.failed = now
		return hostlink.Credentials{}, hostlink.AsError(err)
	}
	t.cached = creds
	return creds, nil
}

// credentialsError answers as SDKs expect errors of that endpoint.
func credentialsError(w http.ResponseWriter, status int, code, message string) {
	b, err := json.Marshal(map[string]string{"code": code, "message": message})
	if err != nil {
		b = []byte(`{"code":"InternalError"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
