package frontdoor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/frontdoor"
	"github.com/lanyard-id/lanyard/internal/signin"
)

// An interim answer neither takes the renewed cookie away nor plants one.
func TestInterimAnswersTakeNothingAway(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Link", "</a.css>; rel=preload")
		rw.Header().Set("Set-Cookie", "LanyardFrontDoor-0=planted; Path=/")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.Header().Del("Set-Cookie")
		echo(rw, r)
	})
	w.advance(45 * time.Minute) // beyond half of the idle time the cookie is written anew
	got := b.do(t, "POST", "/x", "hello", "Expect", "100-continue", "Sec-Fetch-Site", "same-origin")
	lines := got.Header.Values("Set-Cookie")
	if got.Status != 200 || got.seen(t).Body != "hello" || got.Header.Get("Cache-Control") != "private, no-store" || len(lines) == 0 || strings.Contains(strings.Join(lines, " "), "planted") {
		t.Errorf("%d, Cache-Control %q, Set-Cookie %q", got.Status, got.Header.Get("Cache-Control"), lines)
	}
	w.advance(45 * time.Minute)
	if got := b.do(t, "GET", "/x", ""); got.Status != 200 {
		t.Errorf("the renewed session: %d", got.Status)
	}
}

// No rule reads a query, so the backend gets it letter by letter.
func TestQueriesArePassedOnAsTheyCame(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	for _, query := range []string{"a=1;b=2", "q=100%", "x=%zz&y=1", "plain=%20+&a&&b="} {
		if got := b.navigate(t, "/q?"+query).seen(t).Query; got != query {
			t.Errorf("%q became %q", query, got)
		}
	}
}

func TestA42_TheOperatorsHeadersAreStripped(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.StripHeaders = []string{"X-Corp-Login"} })
	h := w.signedIn(t).do(t, "GET", "/", "", "x_corp-login", "mallory", "X-Corp-Other", "kept").seen(t).Header
	if h.Get("X_corp-Login") != "" || h.Get("X-Corp-Other") != "kept" {
		t.Errorf("the backend got %v", h)
	}
	for _, name := range []string{"", "--", "Cookie"} {
		c := w.cfg
		c.StripHeaders = []string{name}
		if _, err := frontdoor.New(c); err == nil || !strings.Contains(err.Error(), "strip_headers") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Addresses come with ports from some proxies, and from others in brackets.
func TestA43_ForwardedAddressesWithPorts(t *testing.T) {
	w := newWorld(t, trustLoopback)
	b := w.signedIn(t)
	for given, want := range map[string]string{"203.0.113.9:5555": "203.0.113.9", "[2001:db8::1]:443": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "2001:db8::1": "2001:db8::1", "nonsense": "127.0.0.1"} {
		got := b.do(t, "GET", "/", "", "X-Forwarded-For", given).seen(t).Header.Get("X-Forwarded-For")
		if client, _, _ := strings.Cut(got, ","); client != want {
			t.Errorf("%q: the backend was told %q", given, got)
		}
	}
}

// A load balancer passes X-Forwarded-Host on as the client wrote it: it chooses no site unless the operator says so.
func TestA43_ForwardedHostIsBelievedWhereItIsSaid(t *testing.T) {
	for _, believed := range []bool{false, true} {
		w := newWorld(t, trustLoopback, func(w *world) {
			w.cfg.ForwardedHost = believed
			w.cfg.Sites = append(w.cfg.Sites, w.otherSite("https://admin.example.com"))
			w.cfg.Rules = append(w.cfg.Rules, frontdoor.Rule{Hosts: []string{"admin.example.com"}, Path: "/open", Public: true, Backend: mustURL(w.backend.URL)})
		})
		got := w.browser().do(t, "GET", "/open", "", "X-Forwarded-Host", "admin.example.com", "X-Forwarded-Proto", "https")
		if (got.Status == 200) != believed {
			t.Errorf("forwarded_host %t: %d %s", believed, got.Status, got.Body)
		}
	}
}

// Browsers write origins in one spelling, and what differs would refuse the site's own requests.
func TestPublicURLsAreSpeltAsBrowsersDo(t *testing.T) {
	for url, right := range map[string]string{"https://App.Example.com": "https://app.example.com", "https://app.example.com:443": "https://app.example.com",
		"http://app.localhost:80": "http://app.localhost", "https://app.example.com.": "https://app.example.com"} {
		w := newWorld(t)
		c := w.cfg
		c.Sites = append(slices.Clone(c.Sites), w.otherSite(url))
		if _, err := frontdoor.New(c); err == nil || !strings.Contains(err.Error(), "write "+right+",") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// noDiscovery is an issuer that publishes no discovery document.
type noDiscovery struct{ signin.Fetcher }

func (f noDiscovery) Get(ctx context.Context, u string, h http.Header) (*egress.Response, error) {
	if strings.HasSuffix(u, "/openid-configuration") {
		return &egress.Response{Status: http.StatusNotFound}, nil
	}
	return f.Fetcher.Get(ctx, u, h)
}

func TestForwardJWTGoesByTheConfiguredKeys(t *testing.T) {
	w := newWorld(t, withJWTRules, func(w *world) {
		i := w.idpCfg.Issuer
		w.gate.Fetcher = noDiscovery{w.gate.Fetcher}
		w.gate.Endpoints = &signin.Endpoints{Authorization: i + "/authorize", Token: i + "/token", UserInfo: i + "/userinfo", JWKS: i + "/jwks"}
	})
	b := w.signedIn(t)
	if got := b.do(t, "GET", "/id", ""); got.Status != 200 || got.seen(t).Header.Get("Authorization") == "" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// While streams come to their end, what is asked on open connections is served, and probes and clients are told to go.
func TestDrainSendsClientsElsewhere(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	ended := w.waiting()
	resp := b.stream(t, "/")
	readLine(t, resp.Body)
	drained := make(chan struct{}, 1)
	stop, now := context.WithCancel(t.Context())
	go func() {
		w.door.Drain(stop)
		drained <- struct{}{}
	}()
	w.serving(echo)
	health := func() int {
		rec := httptest.NewRecorder()
		w.door.PublicKeys().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		return rec.Code
	}
	for late := time.Now().Add(20 * time.Second); health() != http.StatusServiceUnavailable; { // until the drain has begun
		if time.Now().After(late) {
			t.Fatal("/healthz goes on")
		}
	}
	raw, _ := w.raw(t, "GET / HTTP/1.1", "Host: "+w.host(), "Cookie: "+b.cookies(t))
	if raw.StatusCode != http.StatusOK || !raw.Close {
		t.Errorf("during the drain: %d, Connection: close %t", raw.StatusCode, raw.Close)
	}
	now()
	within(t, drained, "the stop did not end")
	within(t, ended, "the stream was not broken off")
	if raw, _ := w.raw(t, "GET / HTTP/1.1", "Host: "+w.host(), "Cookie: "+b.cookies(t)); raw.StatusCode != http.StatusServiceUnavailable || !raw.Close {
		t.Errorf("after the stop: %d, Connection: close %t", raw.StatusCode, raw.Close)
	}
}
