// Package authn answers one question: WHO is calling. It turns a signed HTTP request into a policy.Caller, or refuses.
//
// It protects every use-case from strangers and from requests that were altered, replayed or signed for another
// service. What it trusts: the principals of package identity (an access key's secret, a sealed session token) and the
// clock. It never falls back to a default caller, never reads a caller from a header that the signature does not cover,
// and never says whether it was the key or the signature that was wrong in a way that helps guessing either.
package authn

import (
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/sigv4"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Principals knows access keys.
type Principals interface {
	// Principal returns the principal of an access key, and what reads the secret that signs its requests. The caller
	// returned is shared: it must be copied before it is changed. Another one is returned when anything about the access
	// key has changed, so a signing key that was derived for the same one is still good.
	Principal(ctx context.Context, accessKeyID, sessionToken string) (*policy.Caller, func() (vault.Secret, error), error)
}

// Peer is what the listener knows of the connection (A43: forwarded headers count only from listed proxies).
type Peer struct {
	SourceIP string
	Secure   bool // TLS, here or at a listed proxy
}

// Authenticator authenticates requests. It is safe for concurrent use.
type Authenticator struct {
	principals Principals
	keys       *sigv4.KeyCache
	now        func() time.Time
}

// maxSigningKeys bounds the cache of derived signing keys: one for each access key, day, region and service in use.
const maxSigningKeys = 10_000

// New returns an Authenticator.
func New(p Principals, now func() time.Time) *Authenticator {
	return &Authenticator{principals: p, keys: sigv4.NewKeyCache(maxSigningKeys), now: now}
}

// Refusal is why a request has no caller, and the access key it claimed.
type Refusal struct {
	AccessKeyID string
	Err         error
}

// Error returns why.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the refusal of package sigv4 or identity.
func (r *Refusal) Unwrap() error { return r.Err }

// Caller verifies the request's signature (header or presigned form) for one of the services, and returns the caller.
// Errors are *Refusal.
func (a *Authenticator) Caller(r *http.Request, body []byte, peer Peer, services ...string) (*policy.Caller, error) {
	now := a.now()
	claim, err := a.claim(r, now, services)
	if err != nil {
		return nil, err
	}
	return claim.prove(sha256.Sum256(body), now, peer)
}

// Claim is a request's signature before its body was read: of an access key that exists, and proven by nothing yet.
type Claim struct {
	a      *Authenticator
	q      *sigv4.Request
	shared *policy.Caller
	key    []byte
}

// Claim reads the request's signature for one of the services and finds its access key, so that a large body is read for
// nobody whose key does not exist. Errors are *Refusal.
func (a *Authenticator) Claim(r *http.Request, services ...string) (*Claim, error) {
	c, err := a.claim(r, a.now(), services)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func (a *Authenticator) claim(r *http.Request, now time.Time, services []string) (c Claim, err error) {
	q, err := sigv4.Parse(r)
	if err != nil {
		return c, &Refusal{Err: err}
	}
	if err := q.CheckService(services...); err != nil {
		return c, &Refusal{q.AccessKeyID, err}
	}
	shared, secret, err := a.principals.Principal(r.Context(), q.AccessKeyID, q.SessionToken)
	if err != nil {
		return c, &Refusal{q.AccessKeyID, err}
	}
	key, err := a.keys.SigningKey(q.AccessKeyID, shared, q.Scope, now, func() ([]byte, error) {
		s, err := secret()
		return s.Reveal(), err
	})
	if err != nil {
		return c, &Refusal{q.AccessKeyID, err}
	}
	return Claim{a: a, q: q, shared: shared, key: key}, nil
}

// Signed reports whether the signature covers a header. It means nothing before Prove.
func (c *Claim) Signed(header string) bool { return c.q.HeaderSigned(header) }

// DeclaredHash is the SHA-256 of the body that the client declared, for a body that is to be passed on while it is read:
// whoever reads it to the end must make sure that it has this hash.
func (c *Claim) DeclaredHash() (hash [sha256.Size]byte, ok bool) { return c.q.DeclaredHash() }

// Prove verifies the signature of a request whose body has the hash, and returns the caller. Errors are *Refusal.
func (c *Claim) Prove(body [sha256.Size]byte, peer Peer) (*policy.Caller, error) {
	return c.prove(body, c.a.now(), peer)
}

func (c *Claim) prove(body [sha256.Size]byte, now time.Time, peer Peer) (*policy.Caller, error) {
	if err := c.q.VerifyHash(c.key, body, now); err != nil {
		return nil, &Refusal{c.q.AccessKeyID, err}
	}
	caller := *c.shared
	caller.SourceIP, caller.SecureTransport = peer.SourceIP, peer.Secure
	return &caller, nil
}
