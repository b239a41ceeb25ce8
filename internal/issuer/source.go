package issuer

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/lanyard-id/lanyard/internal/egress"
)

const (
	defaultFresh = 10 * time.Minute
	minFresh     = time.Minute
	maxFresh     = 24 * time.Hour
	// lastGood is how long keys outlive an issuer that cannot be reached.
	lastGood = 24 * time.Hour
	// afterFailure and betweenForced keep bad tokens from becoming a flood at
	// the issuer (A50).
	afterFailure  = 10 * time.Second
	betweenForced = 30 * time.Second
	fetchTimeout  = 20 * time.Second
	// staleWait is how long a call waits for new keys when it has old ones.
	staleWait = 2 * time.Second
)

// sourceID names where keys come from. The discovery URL is part of it, so
// that one operator's override never feeds another's trust in the issuer.
type sourceID struct{ issuer, discoveryURL string }

func sourceOf(t Trust) sourceID { return sourceID{t.Issuer, t.DiscoveryURL} }

func (id sourceID) url() string {
	if id.discoveryURL != "" {
		return id.discoveryURL
	}
	// OpenID Connect Discovery 1.0 section 4.1: a terminating slash is removed.
	return strings.TrimSuffix(id.issuer, "/") + "/.well-known/openid-configuration"
}

// keySource is what is known of one source's keys.
type keySource struct {
	id sourceID

	mu         sync.Mutex
	set        *keySet
	fetchedAt  time.Time
	freshUntil time.Time
	retryAt    time.Time // after a failure
	forcedAt   time.Time // the last fetch on account of an unknown key
	failure    *Error
	flight     chan struct{} // closed when the fetch under way has ended
}

// checkSignature returns the thumbprint of the published key that made the
// token's signature. When none did, the keys are fetched anew once, because
// the issuer may just have rotated them.
func (v *Verifier) checkSignature(ctx context.Context, token string, t *parsedToken, demands Trust, known verifiedToken) (string, error) {
	id := sourceOf(demands)
	set, err := v.keys(ctx, id, false)
	if err != nil {
		return "", err
	}
	if known.token != nil && known.source == id && set.has(known.thumbprint) {
		return known.thumbprint, nil
	}
	thumbprint, err := verifyWith(set, token, t)
	if err == nil {
		return thumbprint, nil
	}
	newer, kerr := v.keys(ctx, id, true)
	if kerr != nil || newer == set {
		return "", err
	}
	return verifyWith(newer, token, t)
}

func verifyWith(set *keySet, token string, t *parsedToken) (string, error) {
	key, ok := set.find(t.header)
	if !ok {
		return "", refuse(UnknownKey, t.claims.Issuer, "its issuer publishes no single key that fits kid %s and alg %s", quote(t.header.keyID), t.header.algorithm)
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return "", malformed("the token is not a signed JWT")
	}
	if _, err := jws.Verify(key.key); err != nil {
		return "", refuse(Signature, t.claims.Issuer, "its signature does not verify under the issuer's key %s", quote(key.id))
	}
	return key.thumbprint, nil
}

// keys returns a usable set, fetching when there is none, when it is stale, or
// when force asks for it and the last forced fetch is long enough ago.
func (v *Verifier) keys(ctx context.Context, id sourceID, force bool) (*keySet, error) {
	s := v.source(id)
	flight := v.join(ctx, s, force)
	if flight == nil {
		return s.usable(v.now())
	}
	var patience <-chan time.Time
	if _, err := s.usable(v.now()); err == nil && !force {
		timer := time.NewTimer(staleWait)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-flight:
	case <-patience:
	case <-ctx.Done():
		return nil, s.unavailable("the caller gave up waiting", ctx.Err())
	}
	return s.usable(v.now())
}

func (v *Verifier) source(id sourceID) *keySource {
	if s, ok := v.sources.Get(id); ok {
		return s
	}
	return v.sources.GetOrPut(id, &keySource{id: id})
}

// join returns the fetch to wait for, starting it when it is due and nobody
// has yet, or nil when what is known must do. The fetch outlives its starter:
// a caller that leaves must neither fail the others nor, by leaving again and
// again, make the issuer answer each time.
func (v *Verifier) join(ctx context.Context, s *keySource, force bool) <-chan struct{} {
	now := v.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	stale := s.set == nil || !now.Before(s.freshUntil)
	if !stale && !force {
		return nil
	}
	if s.flight == nil && s.mayFetch(now, stale) {
		s.flight = make(chan struct{})
		if !stale {
			s.forcedAt = now
		}
		go v.refresh(context.WithoutCancel(ctx), s)
	}
	return s.flight
}

// mayFetch paces the requests to the issuer. s.mu is held.
func (s *keySource) mayFetch(now time.Time, stale bool) bool {
	if now.Before(s.retryAt) {
		return false
	}
	return stale || !now.Before(s.forcedAt.Add(betweenForced))
}

// usable returns the last good keys, also while the issuer cannot be reached:
// an outage there must not be one here, and a rotation in the middle of it
// must not be guessed at (A22).
func (s *keySource) usable(now time.Time) (*keySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set != nil && now.Before(s.fetchedAt.Add(lastGood)) {
		return s.set, nil
	}
	if s.failure != nil {
		return nil, s.failure
	}
	return nil, s.unavailable("they have not arrived yet", nil)
}

func (s *keySource) unavailable(why string, cause error) *Error {
	e := refuse(KeysUnavailable, s.id.issuer, "the keys of its issuer cannot be had from %s: %s", quote(s.id.url()), why)
	e.cause = cause
	return e
}

func (v *Verifier) refresh(ctx context.Context, s *keySource) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	set, fresh, err := v.fetchKeys(ctx, s)
	now := v.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.flight)
	s.flight = nil
	if err != nil {
		s.failure, s.retryAt = err, now.Add(afterFailure)
		return
	}
	s.set, s.fetchedAt, s.freshUntil = set, now, now.Add(fresh)
	s.failure, s.retryAt = nil, time.Time{}
}

// fetchKeys reads the discovery document and then the key set that it names.
func (v *Verifier) fetchKeys(ctx context.Context, s *keySource) (*keySet, time.Duration, *Error) {
	resp, err := v.fetch(ctx, s.id.url())
	if err != nil {
		return nil, 0, s.unavailable(explain(err), err)
	}
	doc, err := parseDiscovery(resp.Body, s.id.issuer)
	if err != nil {
		return nil, 0, s.unavailable("the discovery document is not usable: "+err.Error(), err)
	}
	resp, err = v.fetch(ctx, doc.KeysURL)
	if err != nil {
		return nil, 0, s.unavailable("its jwks_uri: "+explain(err), err)
	}
	set, err := parseKeySet(resp.Body)
	if err != nil {
		return nil, 0, s.unavailable("its key set is not usable: "+err.Error(), err)
	}
	return set, freshness(resp.Header), nil
}

func (v *Verifier) fetch(ctx context.Context, url string) (*egress.Response, error) {
	resp, err := v.fetcher.Get(ctx, url, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, err
	}
	if resp.Status != http.StatusOK {
		return nil, statusError(resp.Status)
	}
	return resp, nil
}

type statusError int

func (e statusError) Error() string { return "it answered with status " + strconv.Itoa(int(e)) }

// explain passes on the texts that are known to be safe to show.
func explain(err error) string {
	if e, ok := errors.AsType[*egress.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[statusError](err); ok {
		return e.Error()
	}
	return "the request failed"
}

// discovery is the part of an issuer's metadata that verification needs
// (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
type discovery struct {
	Issuer  string `json:"issuer"`
	KeysURL string `json:"jwks_uri"`
}

// parseDiscovery accepts a document only from the issuer itself (OpenID Connect
// Discovery 1.0 section 4.3). The key URL may be on any host; the fetcher
// refuses what is not public https.
func parseDiscovery(data []byte, issuer string) (*discovery, error) {
	var doc discovery
	if err := unmarshalStrict(data, &doc); err != nil {
		return nil, err
	}
	if doc.Issuer != issuer {
		return nil, errors.New("it is for the issuer " + quote(doc.Issuer) + ": the listed issuer must be exactly this text")
	}
	if doc.KeysURL == "" {
		return nil, errors.New("it has no jwks_uri")
	}
	return &doc, nil
}

// freshness honours max-age within bounds: not so short that the issuer is
// hammered, and never so long that a withdrawn key lives for more than a day.
func freshness(h http.Header) time.Duration {
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		directive = strings.ToLower(strings.TrimSpace(directive))
		if directive == "no-store" || directive == "no-cache" {
			return minFresh
		}
		if text, ok := strings.CutPrefix(directive, "max-age="); ok {
			seconds, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 31)
			if err != nil {
				return minFresh
			}
			return min(max(time.Duration(seconds)*time.Second, minFresh), maxFresh)
		}
	}
	return defaultFresh
}
