package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	defaultCookieName = "LanyardFrontDoor"
	defaultIdle       = time.Hour
	defaultAbsolute   = 12 * time.Hour
	defaultLogin      = 15 * time.Minute
	defaultAnswer     = 5 * time.Minute

	keySize = 32
	maxKeys = 8
)

// AuthMethod is how the client proves itself at the token endpoint, by its registered name (RFC 7591 section 2).
type AuthMethod string

const (
	ClientSecretBasic AuthMethod = "client_secret_basic"
	ClientSecretPost  AuthMethod = "client_secret_post"
	None              AuthMethod = "none" // a public client: only its id is sent
)

// Endpoints are an issuer's URLs. JWKS may be empty, and is then discovered; UserInfo is needed with Config.UserInfo.
type Endpoints struct {
	Authorization string
	Token         string
	UserInfo      string
	JWKS          string
	EndSession    string // empty: sign-out ends here
}

// Fetcher is the guarded client for everything outbound; *egress.Client is one.
type Fetcher interface {
	// Check refuses a URL that could not be requested, without the network.
	Check(rawURL string) (*url.URL, error)
	// Get follows redirects under the same guard.
	Get(ctx context.Context, rawURL string, h http.Header) (*egress.Response, error)
	// Do follows none, since what it sends holds credentials.
	Do(ctx context.Context, req *http.Request) (*egress.Response, error)
}

// EndedSessions remembers which sessions were ended before their time. It is asked on every request; an error refuses
// the request.
type EndedSessions interface {
	// End remembers the session id until the given time, durably when it returns.
	End(ctx context.Context, id string, until time.Time) error
	// Ended reports whether the session was ended.
	Ended(ctx context.Context, id string) (bool, error)
}

// Config is all that a Gate is told. Issuer, ClientID, RedirectURL, Keys, Ended and Fetcher are required.
type Config struct {
	Issuer string // as in its discovery document and in iss, byte for byte
	// Endpoints replaces discovery, for an issuer that keeps its endpoints apart or publishes none.
	Endpoints    *Endpoints
	ClientID     string
	ClientSecret vault.Secret
	AuthMethod   AuthMethod // empty: none without a secret, otherwise what the issuer offers, basic first
	Scopes       []string   // empty: openid
	// Parameters are added to the authorization request, such as prompt or login_hint. Those that the protocol sets are
	// refused.
	Parameters map[string]string
	// RedirectURL is the callback URL registered at the issuer. Its origin is this site's.
	RedirectURL string
	// PostLogoutURL is where the issuer sends the browser after sign-out; the root of this site when empty.
	PostLogoutURL string
	// CookieName is without prefix: __Host- is put before it when RedirectURL is https. LanyardFrontDoor when empty.
	CookieName string
	// Keys seal the cookies: 32 random bytes each, the newest first, which seals; the others only open. AES-GCM with
	// random nonces is sound for 2^32 cookies under one key, so put a new one before it in time.
	Keys [][]byte
	// Idle ends a session that is not used (1 h), Absolute ends every session (12 h), Login is how long a sign-in at the
	// issuer may take (15 min).
	Idle, Absolute, Login time.Duration
	// Answer is how long an answer may be under way that carries a renewed cookie (5 min). Requests with the cookie from
	// before are led on for longer than that.
	Answer time.Duration
	// UserInfo has the claims fetched from the userinfo endpoint too, as a load balancer does.
	UserInfo bool
	Ended    EndedSessions
	Fetcher  Fetcher
	Now      func() time.Time // nil: time.Now
	Rand     io.Reader        // nil: crypto/rand
	Log      *slog.Logger     // nil: silent
}

func (c *Config) setDefaults() {
	c.Scopes = slices.Clone(c.Scopes)
	c.Parameters = maps.Clone(c.Parameters)
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid"}
	}
	if c.CookieName == "" {
		c.CookieName = defaultCookieName
	}
	if c.Absolute == 0 {
		c.Absolute = defaultAbsolute
	}
	if c.Idle == 0 {
		c.Idle = defaultIdle
	}
	c.Idle = min(c.Idle, c.Absolute)
	if c.Login == 0 {
		c.Login = defaultLogin
	}
	if c.Answer == 0 {
		c.Answer = defaultAnswer
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("signin: "+format, args...))
		}
	}
	check(c.Ended != nil, "Ended is missing: give the record of ended sessions, or a copied cookie outlives its sign-out")
	check(c.ClientID != "" && isVisible(c.ClientID), "ClientID is missing or not printable ASCII: give the id the issuer registered")
	check(c.AuthMethod == "" || slices.Contains([]AuthMethod{ClientSecretBasic, ClientSecretPost, None}, c.AuthMethod),
		"AuthMethod %q is not known: use %s, %s or %s", printable(string(c.AuthMethod), maxCode), ClientSecretBasic, ClientSecretPost, None)
	check(c.AuthMethod == "" || (c.AuthMethod == None) == c.ClientSecret.Empty(),
		"AuthMethod %s and ClientSecret contradict each other: %s goes without a secret, the others with one", c.AuthMethod, None)
	check(slices.Contains(c.Scopes, "openid"), "Scopes lack openid: without it the issuer gives no ID token")
	check(!slices.ContainsFunc(c.Scopes, func(s string) bool { return !isVisible(s) }), "Scopes has an entry that is empty or has a space: list them one by one")
	check(c.Idle > 0 && c.Absolute > 0 && c.Login > 0 && c.Answer > 0, "Idle, Absolute, Login and Answer must be positive")
	check(isCookieName(c.CookieName), "CookieName %q is not usable: 1 to 64 letters, digits, - and _, without a prefix that begins with __", printable(c.CookieName, maxCode))
	errs = append(errs, c.checkKeys(), c.checkURLs(), c.checkParameters())
	return errors.Join(errs...)
}

func (c *Config) checkKeys() error {
	if len(c.Keys) == 0 || len(c.Keys) > maxKeys {
		return fmt.Errorf("signin: Keys has %d entries: give 1 to %d, the newest first", len(c.Keys), maxKeys)
	}
	for i, key := range c.Keys {
		if len(key) != keySize || !slices.ContainsFunc(key, func(b byte) bool { return b != 0 }) {
			return fmt.Errorf("signin: Keys[%d] is not %d random bytes", i, keySize)
		}
	}
	return nil
}

// checkURLs wants https for everything that a browser or a credential travels to; http is for loopback.
func (c *Config) checkURLs() error {
	if c.Fetcher == nil {
		return errors.New("signin: Fetcher is missing: give the guarded client")
	}
	errs := []error{checkBrowserURL("RedirectURL", c.RedirectURL), c.checkIssuer()}
	if c.PostLogoutURL != "" {
		errs = append(errs, checkBrowserURL("PostLogoutURL", c.PostLogoutURL))
	}
	if strings.ContainsAny(c.RedirectURL, "?") {
		errs = append(errs, errors.New("signin: RedirectURL has a query: remove it, the issuer adds its own"))
	}
	if c.Endpoints != nil {
		errs = append(errs, c.checkEndpoints(*c.Endpoints))
	}
	return errors.Join(errs...)
}

func (c *Config) checkIssuer() error {
	if _, err := c.Fetcher.Check(c.Issuer); err != nil {
		return fmt.Errorf("signin: Issuer is not usable: %w", err)
	}
	if strings.Contains(c.Issuer, "?") {
		return errors.New("signin: Issuer has a query: give the issuer's URL as in its discovery document")
	}
	return nil
}

func (c *Config) checkEndpoints(e Endpoints) error {
	if err := e.check(c.Fetcher); err != nil {
		return fmt.Errorf("signin: Endpoints: %w", err)
	}
	if c.UserInfo && e.UserInfo == "" {
		return errors.New("signin: Endpoints has no UserInfo, which UserInfo asks: name it, or take the claims from the ID token")
	}
	return nil
}

// check holds endpoints, also discovered ones, to what may be reached. The browser's endpoints are reached by the browser.
func (e Endpoints) check(f Fetcher) error {
	if e.Authorization == "" || e.Token == "" {
		return errors.New("an authorization and a token endpoint are needed")
	}
	if err := checkBrowserURL("the authorization endpoint", e.Authorization); err != nil {
		return err
	}
	if e.EndSession != "" {
		if err := checkBrowserURL("the end session endpoint", e.EndSession); err != nil {
			return err
		}
	}
	for _, raw := range []string{e.Token, e.UserInfo, e.JWKS} {
		if raw == "" {
			continue
		}
		if _, err := f.Check(raw); err != nil {
			return err
		}
	}
	return nil
}

func checkBrowserURL(name, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || raw == "" || !isVisible(raw) || u.Host == "" || u.User != nil || strings.Contains(raw, "#"):
		return fmt.Errorf("signin: %s is not a whole URL: write it as https://host/path, without user information or fragment", name)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("signin: %s is not https, and plain http is for loopback alone: cookies and codes would travel in clear", name)
}

// isLoopback reports hosts that can only mean this machine (RFC 6761 section 6.3 for the names).
func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func isVisible(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func isCookieName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.HasPrefix(s, "__") && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
