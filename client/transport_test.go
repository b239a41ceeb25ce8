package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"golang.org/x/oauth2"
)

// answers is a transport that answers each request anew.
func answers(body func() string) http.RoundTripper {
	return roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, body()), nil })
}

// capture is a transport that keeps the body that was sent.
func capture(body *string, text string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		*body = string(b)
		return answer(200, text), err
	})
}

// resource is the outside that wants a token.
func resource(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func hostOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

func TestTransportSendsTheToken(t *testing.T) {
	l := newLive(t)
	granted := l.Grant(t, "alice")
	api := resource(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Header.Get("Authorization")+" "+string(body))
	})
	hc := &http.Client{Transport: l.c.Transport(l.request(), AllowHosts{hostOf(api)}, api.Client().Transport)}
	r, err := http.NewRequestWithContext(l.as(t, "alice"), http.MethodPost, api.URL+"/user", strings.NewReader("the body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer another")
	resp, err := hc.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, _ := io.ReadAll(resp.Body); string(got) != "Bearer "+granted+" the body" {
		t.Error("the resource did not get alice's token and the body")
	}
	if r.Header.Get("Authorization") != "Bearer another" {
		t.Error("the caller's request was given the token")
	}
	r, _ = http.NewRequestWithContext(l.as(t, "bob"), http.MethodGet, api.URL, nil)
	_, err = hc.Do(r) //nolint:bodyclose // there is none
	required(t, err)
}

// TestTransportRefusesStrangers: the token is not even asked for, and the body is closed as its owner expects.
func TestTransportRefusesStrangers(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)))
	allow := AllowHosts{"api.example.com", "api.example.org:8443", "", "127.0.0.1:7777", "[::1]:7777", "api.localhost:7777"}
	rt := c.Transport(TokenRequest{Provider: "p", Flow: "M2M", Workload: FixedWorkloadToken("wat")}, allow, untouched(t))
	for _, to := range []struct{ url, host string }{
		{"https://evil.example.com/", ""}, {"https://api.example.com.evil.example/", ""}, {"https://example.com/", ""}, {"https://xapi.example.com/", ""},
		{"https://api.example.com:8443/", ""}, {"https://api.example.org/", ""}, {"https://api.example.org:443/", ""}, {"https://api.example.com@evil.example/", ""},
		{"https://api.example.com./", ""}, {"http://api.example.com/", ""}, {"http://api.example.com:443/", ""}, {"ftp://api.example.com/", ""},
		{"http://127.0.0.1/", ""}, {"http://127.0.0.1:7778/", ""}, {"http://127.0.0.2:7777/", ""}, {"http://[::1]:7778/", ""}, {"https:///", ""},
		{"http://api.localhost:7777/", ""}, {"http://127.0.0.1.api.localhost:7777/", ""},
		{"https://api.example.com/", "evil.example.com"}, {"https://api.example.com/", "api.example.com:8443"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if to.host != "" {
			r.Host = to.host
		}
		body := &closed{Reader: strings.NewReader("x")}
		r.Body = body
		if _, err := rt.RoundTrip(r); err == nil || !strings.Contains(err.Error(), "is not sent to") { //nolint:bodyclose // there is none
			t.Errorf("%s as %q: %v", to.url, to.host, err)
		}
		if !body.done {
			t.Errorf("%s: the body was left open", to.url)
		}
	}
}

type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error { c.done = true; return nil }

func TestTransportAllowsWhatIsListed(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(answers(func() string { return `{"accessToken":"TOKEN"}` })))
	allow := AllowHosts{"API.example.com", "api.example.org:8443", "127.0.0.1:7777", "[::1]:7777", "::1", "localhost:7777", "api.localhost"}
	got := 0
	rt := c.Transport(TokenRequest{Provider: "p", Flow: api.FlowM2M, Workload: FixedWorkloadToken("wat")}, allow, roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") == "Bearer TOKEN" {
			got++
		}
		return answer(200, ""), nil
	}))
	urls := []string{"https://api.example.com/x", "https://API.EXAMPLE.COM:443/", "https://api.example.org:8443/", "http://127.0.0.1:7777/", "http://[::1]:7777/", "https://[::1]/", "http://localhost:7777/", "https://api.localhost/"}
	for _, u := range urls {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, u, nil)
		if _, err := rt.RoundTrip(r); err != nil { //nolint:bodyclose // it is a recorder's
			t.Errorf("%s: %v", u, err)
		}
	}
	if got != len(urls) {
		t.Errorf("%d of %d had the token", got, len(urls))
	}
}

// TestTransportKeepsTheTokenFromRedirects: a redirect to a stranger ends there.
func TestTransportKeepsTheTokenFromRedirects(t *testing.T) {
	stranger := resource(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the stranger was called, with authorization %q", r.Header.Get("Authorization"))
	})
	friend := resource(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
	})
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(answers(func() string { return `{"accessToken":"TOKEN"}` })))
	hc := &http.Client{Transport: c.Transport(TokenRequest{Provider: "p", Flow: api.FlowM2M}, AllowHosts{hostOf(friend)}, friend.Client().Transport)}
	r, _ := http.NewRequestWithContext(WithWorkloadToken(t.Context(), "wat"), http.MethodGet, friend.URL, nil)
	if resp, err := hc.Do(r); err == nil || !strings.Contains(err.Error(), "AllowHosts") || strings.Contains(err.Error(), "TOKEN") {
		t.Errorf("answered %v, %v", resp, err)
	}
}

func TestForcingForEachRequestIsRefused(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)))
	req := TokenRequest{Provider: "p", Flow: api.FlowUserFederation, ForceAuthentication: true, Workload: FixedWorkloadToken("wat")}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com", nil)
	_, err := c.Transport(req, AllowHosts{"api.example.com"}, untouched(t)).RoundTrip(r) //nolint:bodyclose // there is none
	_, err2 := c.TokenSource(t.Context(), req).Token()
	if !errors.Is(err, errForcedAgain) || !errors.Is(err2, errForcedAgain) {
		t.Errorf("%v, %v", err, err2)
	}
}

// TestTokenSourceIsAskedAgain: golang.org/x/oauth2 would keep a token without an expiry for ever, a revoked one too.
func TestTokenSourceIsAskedAgain(t *testing.T) {
	asked, now := 0, time.Now()
	c := newTestClient(t, "http://127.0.0.1:1", WithClock(func() time.Time { return now }), WithTransport(answers(func() string { asked++; return `{"accessToken":"TOKEN"}` })))
	src := c.TokenSource(WithWorkloadToken(t.Context(), "wat"), TokenRequest{Provider: "p", Flow: api.FlowM2M})
	reused := oauth2.ReuseTokenSource(nil, src)
	for range 3 {
		token, err := reused.Token()
		if err != nil || token.AccessToken != "TOKEN" || token.Type() != "Bearer" || !token.Valid() {
			t.Fatalf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("a burst asked %d times", asked)
	}
	now = now.Add(-6 * time.Second) // tokens got from now on are as old as those of six seconds ago
	reused = oauth2.ReuseTokenSource(nil, src)
	for range 2 {
		if _, err := reused.Token(); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 3 {
		t.Errorf("tokens of six seconds ago were kept: asked %d times", asked)
	}
}

// idler is a transport that counts how often it was told to close what is idle.
type idler struct {
	http.RoundTripper
	told int
}

func (i *idler) CloseIdleConnections() { i.told++ }

func TestTransportClosesWhatIsIdle(t *testing.T) {
	base := &idler{}
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)))
	(&http.Client{Transport: c.Transport(TokenRequest{}, nil, base)}).CloseIdleConnections()
	(&http.Client{Transport: c.Transport(TokenRequest{}, nil, untouched(t))}).CloseIdleConnections() // which has none
	if base.told != 1 {
		t.Errorf("the transport was told %d times", base.told)
	}
}
