// Package issuer deals in signed JWTs: it verifies those of other issuers and
// keeps the keys that sign Lanyard's own.
//
// Verifying protects every grant in the vault, because whoever can pass off a
// JWT as a user's receives that user's tokens. A presented token is hostile
// until all of this holds: its issuer is one that the operator trusts, asked
// before anything is fetched; its signature verifies under a key that this
// issuer publishes, with an algorithm from a short list; and its audience,
// times and kind are right. The discovery document and the key set are an
// issuer's word about itself only, and are fetched through the guarded client.
//
// It must never fetch a URL or use a key that a token names (jku, x5u, x5c,
// jwk), treat a key identifier as anything but a string to compare, accept a
// symmetric or absent signature, or quote a token in an error.
package issuer

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/lru"
)

const (
	maxTokenBytes  = 131072 // the wire's own limit for a user token
	maxCachedBytes = 16 << 10
	maxCached      = 10_000
	maxSources     = 256
)

// Trust is what the operator demands of one issuer's tokens.
type Trust struct {
	Issuer string // compared byte for byte
	// A token must name one of Audiences in aud, or one of ClientIDs in
	// client_id or azp. With both empty every token is refused.
	Audiences, ClientIDs []string
	// AnyAudience accepts tokens meant for anybody. Development only: it lets a
	// token that another application received be used here.
	AnyAudience bool
	// DiscoveryURL replaces Issuer + /.well-known/openid-configuration.
	DiscoveryURL string
	// Types, when set, replaces the values of the typ header to accept (JWT,
	// at+jwt and none at all), for a caller that expects a kind of its own
	// (RFC 8725 section 3.11).
	Types []string
}

// Claims are the verified contents of a token. Values nested inside Raw are
// shared between callers and must not be changed.
type Claims struct {
	Issuer    string
	Subject   string
	Audience  []string
	ClientID  string // client_id, else azp
	Scope     string // scope, else scp, separated by spaces
	ExpiresAt time.Time
	IssuedAt  time.Time // zero when absent
	NotBefore time.Time // zero when absent
	KeyID     string
	Algorithm string
	Raw       map[string]any // numbers are json.Number
}

// Fetcher is the guarded HTTP client; *egress.Client is one.
type Fetcher interface {
	Get(ctx context.Context, url string, h http.Header) (*egress.Response, error)
}

// Verifier verifies tokens. It is safe for concurrent use and bounded in
// memory: it remembers keys by issuer, and verified tokens by their hash.
type Verifier struct {
	fetcher  Fetcher
	now      func() time.Time
	sources  *lru.Cache[sourceID, *keySource]
	verified *lru.Cache[[sha256.Size]byte, verifiedToken]
}

// verifiedToken remembers a signature that verified, and under which key of
// which source: two operators may trust the same issuer name through different
// discovery documents, and what convinced one must not convince the other.
type verifiedToken struct {
	token      *parsedToken
	source     sourceID
	thumbprint string
}

// NewVerifier returns a Verifier that fetches through f and reads the time
// from now.
func NewVerifier(f Fetcher, now func() time.Time) *Verifier {
	return &Verifier{
		fetcher:  f,
		now:      now,
		sources:  lru.New[sourceID, *keySource](maxSources),
		verified: lru.New[[sha256.Size]byte, verifiedToken](maxCached),
	}
}

// Verify returns the claims of token if everything about it is in order. trust
// is asked with the issuer that the token claims, before anything is fetched;
// when it answers false the token is refused. Errors are of type *Error.
//
// Trust, kind, audience and times are checked on every call. Only the outcome
// of the signature is remembered, and only while the key that made it is still
// published: an ES384 verification costs a millisecond.
func (v *Verifier) Verify(ctx context.Context, token string, trust func(issuer string) (Trust, bool)) (*Claims, error) {
	if len(token) > maxTokenBytes {
		return nil, malformed("the token has more than 131072 bytes")
	}
	sum := sha256.Sum256([]byte(token))
	known, _ := v.verified.Get(sum)
	t := known.token
	if t == nil {
		var err error
		if t, err = parseToken(token); err != nil {
			return nil, err
		}
	}
	demands, ok := trust(t.claims.Issuer)
	if !ok || demands.Issuer != t.claims.Issuer {
		return nil, untrusted(t.claims.Issuer)
	}
	if err := check(t, demands, v.now()); err != nil {
		return nil, err
	}
	thumbprint, err := v.checkSignature(ctx, token, t, demands, known)
	if err != nil {
		return nil, err
	}
	if fresh := (verifiedToken{t, sourceOf(demands), thumbprint}); fresh != known && len(token) <= maxCachedBytes {
		v.verified.Put(sum, fresh)
	}
	return t.claims.clone(), nil
}

// clone keeps one caller's changes out of the next one's answer.
func (c *Claims) clone() *Claims {
	out := *c
	out.Audience = slices.Clone(c.Audience)
	out.Raw = maps.Clone(c.Raw)
	return &out
}
