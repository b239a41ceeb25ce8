package oauth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const callbackURL = "https://lanyard.example/identities/oauth2/callback/4d1c"

var start = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: start} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func guarded(t testing.TB, timeout time.Duration) *egress.Client {
	t.Helper()
	client, err := egress.New(egress.Config{Loopback: true, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return client
}

func newEngine(t testing.TB) *oauth.Engine {
	t.Helper()
	return oauth.New(guarded(t, 10*time.Second), newClock().Now)
}

// canned is an HTTP that gives one answer to everything and keeps the requests.
type canned struct {
	response egress.Response
	err      error
	requests []*http.Request
}

func (c *canned) Check(rawURL string) (*url.URL, error) {
	if strings.HasPrefix(rawURL, "https://refused.example") {
		return nil, errors.New("refused by the outbound policy")
	}
	return url.Parse(rawURL)
}

func (c *canned) Get(ctx context.Context, rawURL string, h http.Header) (*egress.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, err
	}
	req.Header = h
	return c.Do(ctx, req)
}

func (c *canned) Do(_ context.Context, req *http.Request) (*egress.Response, error) {
	c.requests = append(c.requests, req)
	if c.err != nil {
		return nil, c.err
	}
	resp := c.response
	return &resp, nil
}

func answering(status int, mediaType, body string) *canned {
	return &canned{response: egress.Response{
		Status: status,
		Header: http.Header{"Content-Type": {mediaType}},
		Body:   []byte(body),
	}}
}

func customProvider() oauth.Provider {
	return oauth.Provider{
		Vendor:                "CustomOauth2",
		Issuer:                "https://idp.example",
		AuthorizationEndpoint: "https://idp.example/authorize",
		TokenEndpoint:         "https://idp.example/token",
		RevocationEndpoint:    "https://idp.example/revoke",
		ClientID:              "client",
		ClientSecret:          vault.SecretString("client-secret-value"),
	}
}

func newVerifier(t testing.TB) string {
	t.Helper()
	verifier, err := oauth.NewVerifier(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// consent goes through the browser's part and returns code and verifier.
func consent(t testing.TB, s *oauthtest.Server, a oauth.Authorization) (code vault.Secret, verifier vault.Secret) {
	t.Helper()
	a.CallbackURL, a.State, a.Verifier = callbackURL, "state-1", newVerifier(t)
	authorizationURL, err := oauth.AuthorizationURL(a)
	if err != nil {
		t.Fatal(err)
	}
	callback := s.Authorize(t, authorizationURL)
	if got := callback.Query().Get("state"); got != a.State {
		t.Fatalf("state came back as %q", got)
	}
	code, err = oauth.CheckCallback(a.Provider, callback.Query())
	if err != nil {
		t.Fatal(err)
	}
	return code, vault.SecretString(a.Verifier)
}

// obtain goes through the whole flow.
func obtain(t testing.TB, e *oauth.Engine, s *oauthtest.Server, p oauth.Provider, scopes ...string) oauth.Token {
	t.Helper()
	code, verifier := consent(t, s, oauth.Authorization{Provider: p, Scopes: scopes})
	token, err := e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func wantKind(t testing.TB, err error, kind oauth.Kind) *oauth.Error {
	t.Helper()
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("want an error of kind %q, got: %v", kind, err)
	}
	return e
}

func wantText(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("want an error that says %q, got: %v", text, err)
	}
}
