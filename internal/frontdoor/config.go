package frontdoor

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/signin"
)

// Site is one origin at which browsers reach the front door.
type Site struct {
	PublicURL *url.URL // scheme and host
	// NewGate makes the site's gate, which is given other keys when the cookie keys change. Its callback URL is the public URL
	// with CallbackPath.
	NewGate func(keys [][]byte) (*signin.Gate, error)
}

// Limits bound what one client costs. A zero means the default.
type Limits struct {
	PerAddress        Rate // 50 a second, 200 at once
	PerUser           Rate // 50 a second, 200 at once
	StreamsPerUser    int  // requests at work at once: 100
	StreamsPerAddress int  // the same for requests of nobody who is signed in: 100
	Connections       int  // open at once, of all clients: 10 000
}

// Config is all that a Door is told. Sites, Rules, Keys, CookieKeys, Signer, ClientID and Issuer are
// required.
type Config struct {
	Sites []Site
	Rules []Rule
	// TrustedProxies are the networks whose X-Forwarded-* is believed (A43).
	TrustedProxies []netip.Prefix
	// ForwardedHost believes X-Forwarded-Host of trusted proxies too: for one that sets it itself and changes Host.
	ForwardedHost bool
	// TrustedOrigins are origins beside a site's own whose pages may send requests with the user's cookie, and read what
	// answers them (A62).
	TrustedOrigins []string
	// StripHeaders are names of headers that clients may not send, beside the known ones that tell who somebody is (A42).
	StripHeaders []string

	Keys       *Keys
	CookieKeys *CookieKeys

	Signer   string // names this front door to who verifies its header; the form of an ARN
	ClientID string
	Issuer   string
	// SessionEnd is the absolute time-out of sessions: no stream outlives it.
	SessionEnd time.Duration

	Limits Limits
	// ResponseTimeout is how long a backend may take to begin its answer: 5 minutes when 0. A stream has no total limit.
	ResponseTimeout time.Duration
	BackendCAs      *x509.CertPool // nil: the system's
	HSTS            time.Duration  // sent by https sites: a year when 0

	Access *slog.Logger // one line a request; nil: silent
	Log    *slog.Logger // nil: silent
	Now    func() time.Time
	Rand   io.Reader
}

func (c *Config) setDefaults() {
	c.Limits.PerAddress = c.Limits.PerAddress.or(Rate{50, 200})
	c.Limits.PerUser = c.Limits.PerUser.or(Rate{50, 200})
	c.Limits.StreamsPerUser = cmp.Or(c.Limits.StreamsPerUser, 100)
	c.Limits.StreamsPerAddress = cmp.Or(c.Limits.StreamsPerAddress, 100)
	c.Limits.Connections = cmp.Or(c.Limits.Connections, 10_000)
	c.ResponseTimeout = cmp.Or(c.ResponseTimeout, 5*time.Minute)
	c.HSTS = cmp.Or(c.HSTS, 365*24*time.Hour)
	c.SessionEnd = cmp.Or(c.SessionEnd, 12*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Access == nil {
		c.Access = slog.New(slog.DiscardHandler)
	}
}

func (r Rate) or(other Rate) Rate {
	return Rate{cmp.Or(r.PerSecond, other.PerSecond), cmp.Or(r.Burst, other.Burst)}
}

func (c *Config) validate() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(len(c.Sites) > 0, "public_urls: name at least one URL at which browsers reach the front door")
	need(len(c.Rules) > 0, "rules: there is none, so nothing would be forwarded; write one with a backend")
	need(c.Keys != nil && c.CookieKeys != nil, "the front door was given no keys or cookie keys")
	need(isHeaderValue(c.Signer) && !strings.ContainsAny(c.Signer, " \"\\"), "signer: %q is not a name such as arn:aws:elasticloadbalancing:us-west-2:000000000000:loadbalancer/app/frontdoor/1", c.Signer)
	need(c.ClientID != "" && c.Issuer != "", "client and issuer are needed")
	need(c.Limits.PerAddress.valid() && c.Limits.PerUser.valid() && c.Limits.StreamsPerUser > 0 && c.Limits.StreamsPerAddress > 0 && c.Limits.Connections > 0,
		"limits: a rate needs a positive number a second and a burst of 1 or more, and the other limits must be positive")
	need(c.ResponseTimeout > 0 && c.SessionEnd > 0 && c.HSTS > 0, "response_timeout, the sessions' absolute time-out and hsts must be positive")
	return errors.Join(problems...)
}

func (r Rate) valid() bool { return r.PerSecond > 0 && r.Burst >= 1 }

// checkPublicURL returns the host of a public URL as requests are matched.
func checkPublicURL(u *url.URL) (string, error) {
	if u == nil || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("public_urls: write scheme and host alone, such as https://app.example.com")
	}
	host, ok := canonicalHost(u.Host, u.Scheme)
	if !ok {
		return "", fmt.Errorf("public_urls: %q has no host that browsers could send", u)
	}
	if host != u.Host { // origins are compared as browsers write them
		return "", fmt.Errorf("public_urls: write %s://%s, as browsers do, instead of %s; register its callback URL at the identity provider so too", u.Scheme, host, u)
	}
	return host, nil
}

// crossOrigin is the check of requests with the user's cookie (A62).
func crossOrigin(trusted []string) (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	for _, o := range trusted {
		if err := p.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("trusted_origins: %w; write for example https://studio.example.com", err)
		}
	}
	return p, nil
}
