package signin

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/issuer"
)

const (
	metadataFresh = 10 * time.Minute
	// metadataLast is how long endpoints outlive an issuer that cannot be reached.
	metadataLast = 24 * time.Hour
	// metadataPause keeps visitors from becoming a flood at an issuer that is down (A50).
	metadataPause = 10 * time.Second
)

// metadata is what is used of an issuer's description of itself (OpenID Connect Discovery 1.0 section 3).
type metadata struct {
	Endpoints
	methods     []AuthMethod
	issPromised bool // RFC 9207 section 3
}

// provider knows the issuer's endpoints. It is also the Fetcher of the verifier, which it answers from the same knowledge:
// one discovery, and configured endpoints count for keys too.
type provider struct {
	cfg   *Config
	known atomic.Pointer[fetched]
	turn  chan struct{} // held by the one that fetches
}

type fetched struct {
	md      *metadata // nil: never had any
	at      time.Time
	retryAt time.Time // after a failure
	failure error
}

func newProvider(c *Config) *provider {
	own := *c
	p := &provider{cfg: &own, turn: make(chan struct{}, 1)}
	p.known.Store(&fetched{})
	return p
}

// metadata returns the endpoints, discovered where they are not configured.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	if e := p.cfg.Endpoints; e != nil && e.JWKS != "" {
		return &metadata{Endpoints: *e}, nil
	}
	if md, err, ok := p.known.Load().answer(p.cfg.Now()); ok {
		return md, err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, &Error{Kind: Unreachable, Message: "the caller gave up waiting for the issuer's metadata", cause: ctx.Err()}
	}
	known := p.known.Load()
	if md, err, ok := known.answer(p.cfg.Now()); ok { // somebody else fetched it in the meantime
		return md, err
	}
	// The fetch outlives its starter, so that one who leaves fails nobody else.
	md, err := p.discover(context.WithoutCancel(ctx))
	next := known.after(md, err, p.cfg.Now())
	p.known.Store(next)
	md, err, _ = next.answer(p.cfg.Now())
	return md, err
}

// answer is what is known if it will do: fresh metadata, or old metadata or a failure while no new attempt is due.
func (f *fetched) answer(now time.Time) (*metadata, error, bool) {
	switch {
	case f.md != nil && now.Before(f.at.Add(metadataFresh)):
		return f.md, nil, true
	case !now.Before(f.retryAt):
		return nil, nil, false
	case f.md != nil && now.Before(f.at.Add(metadataLast)):
		return f.md, nil, true
	}
	return nil, f.failure, true
}

// after is what is known after an attempt. An issuer that became wrong is not bridged by what it said before; one that
// cannot be reached is.
func (f *fetched) after(md *metadata, err error, now time.Time) *fetched {
	if err == nil {
		return &fetched{md: md, at: now}
	}
	next := &fetched{retryAt: now.Add(metadataPause), failure: err}
	if KindOf(err) == Unreachable {
		next.md, next.at = f.md, f.at
	}
	return next
}

func discoveryURL(iss string) string {
	// OpenID Connect Discovery 1.0 section 4.1: a terminating slash is removed.
	return strings.TrimSuffix(iss, "/") + issuer.DiscoveryPath
}

func (p *provider) discover(ctx context.Context) (*metadata, error) {
	at := discoveryURL(p.cfg.Issuer)
	resp, err := p.cfg.Fetcher.Get(ctx, at, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, outbound(err)
	}
	if resp.Status != http.StatusOK {
		return nil, failAt(statusKind(resp.Status, Misconfigured), at, "it answered "+statusText(resp.Status)+
			": check the issuer's URL, or configure its endpoints")
	}
	members, err := parseObject(resp.Body)
	if err != nil {
		return nil, failAt(Misconfigured, at, "the discovery document is not usable: "+err.Error())
	}
	md, err := readMetadata(members, p.cfg)
	if err != nil {
		return nil, failAt(Misconfigured, at, "the discovery document is not usable: "+err.Error())
	}
	return md, nil
}

// readMetadata believes a document about the issuer it was fetched from alone (OpenID Connect Discovery 1.0 section 4.3).
func readMetadata(members map[string]any, c *Config) (*metadata, error) {
	if iss, _ := members["issuer"].(string); iss != c.Issuer {
		return nil, fail(Misconfigured, "it is for the issuer "+printable(iss, maxDescription)+
			", and the configured one must be exactly this text; where the text has a placeholder for a tenant, configure the tenant's own issuer")
	}
	md := &metadata{}
	if c.Endpoints != nil {
		md.Endpoints = *c.Endpoints
	}
	read := func(into *string, name string) {
		if c.Endpoints == nil || name == "jwks_uri" {
			*into, _ = members[name].(string)
		}
	}
	read(&md.Authorization, "authorization_endpoint")
	read(&md.Token, "token_endpoint")
	read(&md.UserInfo, "userinfo_endpoint")
	read(&md.JWKS, "jwks_uri")
	read(&md.EndSession, "end_session_endpoint")
	md.issPromised = members["authorization_response_iss_parameter_supported"] == true
	list, _ := members["token_endpoint_auth_methods_supported"].([]any)
	for _, v := range list {
		if method, ok := v.(string); ok {
			md.methods = append(md.methods, AuthMethod(method))
		}
	}
	return md, md.check(c)
}

func (md *metadata) check(c *Config) error {
	if md.JWKS == "" {
		return fail(Misconfigured, "it has no jwks_uri")
	}
	if c.UserInfo && md.UserInfo == "" {
		return fail(Misconfigured, "it has no userinfo_endpoint: take the claims from the ID token instead")
	}
	return md.Endpoints.check(c.Fetcher)
}

// method is how the client proves itself: as configured, or what the issuer offers, or what it must offer when it says
// nothing (OpenID Connect Discovery 1.0 section 3).
func (md *metadata) method(c *Config) AuthMethod {
	switch {
	case c.AuthMethod != "":
		return c.AuthMethod
	case c.ClientSecret.Empty():
		return None
	case !slices.Contains(md.methods, ClientSecretBasic) && slices.Contains(md.methods, ClientSecretPost):
		return ClientSecretPost
	}
	return ClientSecretBasic
}

// Get makes a provider the verifier's Fetcher: the place of the discovery document is answered from what is known.
func (p *provider) Get(ctx context.Context, rawURL string, h http.Header) (*egress.Response, error) {
	if rawURL != discoveryURL(p.cfg.Issuer) {
		return p.cfg.Fetcher.Get(ctx, rawURL, h)
	}
	md, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"issuer": p.cfg.Issuer, "jwks_uri": md.JWKS})
	return &egress.Response{Status: http.StatusOK, Body: body}, err
}

// statusKind tells an issuer that is in trouble from one that refuses.
func statusKind(status int, otherwise Kind) Kind {
	if status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return Unreachable
	}
	return otherwise
}
