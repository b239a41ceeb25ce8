package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"golang.org/x/oauth2"
)

// tokenLife is for how long a token of a TokenSource says that it is valid. The wire names no expiry, and golang.org/x/oauth2
// keeps a token without one for ever; it takes ten seconds off, so a token is kept for five.
const tokenLife = 15 * time.Second

var errForcedAgain = errors.New("TokenRequest.ForceAuthentication would have the user consent for every single request: force once, with ResourceToken, and leave it out here")

// TokenSource gets resource tokens for packages that take an oauth2.TokenSource. It acts for the user of ctx, so it is
// for one request or invocation, and ends with it; never share one between users. An oauth2.Client made of it sends the
// token wherever it is sent itself, a redirect included: Transport does not.
//
// Each token says that it expires within seconds, because nobody knows when it does: the source then asks again, which
// the server answers from its vault, and a revocation is noticed.
func (c *Client) TokenSource(ctx context.Context, req TokenRequest) oauth2.TokenSource {
	return &tokenSource{c: c, ctx: ctx, req: req}
}

type tokenSource struct {
	c   *Client
	ctx context.Context // the interface has no other place for it
	req TokenRequest
}

// Token gets a token.
func (s *tokenSource) Token() (*oauth2.Token, error) {
	if s.req.ForceAuthentication {
		return nil, errForcedAgain
	}
	token, err := s.c.ResourceToken(s.ctx, s.req)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: string(token), TokenType: "Bearer", Expiry: s.c.now().Add(tokenLife)}, nil
}

// AllowHosts are the hosts that a resource token may be sent to: "api.example.com" for the port that goes with https,
// or "127.0.0.1:8080" for another. They are compared as they are: no wildcards, no subdomains.
type AllowHosts []string

// Transport sends each request with a resource token of the user of the request's context. It refuses, before the token
// is even asked for, whatever would carry the token elsewhere: a host that is not allowed, the next stop of a redirect
// included; a Host header of another name; plain http, except to localhost and loopback addresses. Base nil is http.DefaultTransport.
func (c *Client) Transport(req TokenRequest, allow AllowHosts, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{c: c, req: req, allow: allow, base: base}
}

type transport struct {
	c     *Client
	req   TokenRequest
	allow AllowHosts
	base  http.RoundTripper
}

// RoundTrip sends a copy of the request: the caller's never holds the token.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := t.token(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes it, whatever happens
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(token)) // RFC 6750 section 2.1
	return t.base.RoundTrip(r)
}

// CloseIdleConnections passes on what an http.Client asks.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *transport) token(r *http.Request) (api.Sensitive, error) {
	if t.req.ForceAuthentication {
		return "", errForcedAgain
	}
	if err := t.allow.check(r, t.req.Provider); err != nil {
		return "", err
	}
	return t.c.ResourceToken(r.Context(), t.req)
}

func (a AllowHosts) check(r *http.Request, provider string) error {
	u := r.URL
	if u.Scheme != "https" && (u.Scheme != "http" || !isThisMachine(u.Hostname())) {
		return fmt.Errorf("a token of credential provider %s is not sent to %s by %s, where everybody on the way could read it: use https", provider, u.Host, u.Scheme)
	}
	if r.Host != "" && !strings.EqualFold(r.Host, u.Host) {
		return fmt.Errorf("a token of credential provider %s is not sent to %s under the name %s: which of the two would read it is not known", provider, u.Host, r.Host)
	}
	named := withPort(u.Host, u.Scheme)
	if !slices.ContainsFunc(a, func(host string) bool { return host != "" && withPort(host, u.Scheme) == named }) {
		return fmt.Errorf("a token of credential provider %s is not sent to %s: only [%s] may have it. If this host is meant, add it to AllowHosts; if a redirect leads there, follow it without the token", provider, u.Host, strings.Join(a, " "))
	}
	return nil
}

// withPort is a host in the form in which two are compared.
func withPort(host, scheme string) string {
	host = strings.ToLower(host)
	if name, port, err := net.SplitHostPort(host); err == nil && port != "" {
		return net.JoinHostPort(name, port)
	}
	port := "443"
	if scheme == "http" {
		port = "80"
	}
	return net.JoinHostPort(strings.Trim(strings.TrimSuffix(host, ":"), "[]"), port)
}
