package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	// refreshEarly and a fifth of the lifetime bound how early tokens are refreshed.
	refreshEarly = time.Minute
	// refreshGrace is how long a session outlives its access token while the issuer gives no answer.
	refreshGrace = 5 * time.Minute
	// renewalKept is how long requests with the cookie from before a refresh get its result.
	renewalKept = 2 * time.Minute
	// renewalPause keeps one session from asking an issuer in trouble with every request (A50).
	renewalPause = 10 * time.Second
	maxRenewals  = 4096
)

// renewalKey names one session in one generation of its tokens.
type renewalKey [sha256.Size]byte

func keyOf(s *session) renewalKey {
	return sha256.Sum256([]byte(s.ID + " " + strconv.Itoa(s.Generation)))
}

// renewal is one refresh: under way until done is closed, then its result.
type renewal struct {
	done  chan struct{}
	next  *session
	err   error
	until time.Time // when the result is forgotten; zero while it is under way
}

// renewals is the memory of refreshes under way and of fresh results, bounded in number. It is what makes a refresh
// happen once: the tokens themselves are in as many copies as the browser sends requests.
type renewals struct {
	mu sync.Mutex
	by map[renewalKey]*renewal
}

func newRenewals() *renewals { return &renewals{by: map[renewalKey]*renewal{}} }

// join returns the refresh of a key and whether the caller has to do it. It returns nil when the memory is full: a result
// that is still needed is not given up for another.
func (m *renewals) join(key renewalKey, now time.Time) (*renewal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.by[key]; r != nil && !r.forgotten(now) {
		return r, false
	}
	if len(m.by) >= maxRenewals {
		m.sweep(now)
	}
	if len(m.by) >= maxRenewals {
		return nil, false
	}
	r := &renewal{done: make(chan struct{})}
	m.by[key] = r
	return r, true
}

// finish publishes a result.
func (m *renewals) finish(r *renewal, next *session, err error, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.next, r.err, r.until = next, err, until
	close(r.done)
	m.sweep(until.Add(-renewalKept))
}

func (r *renewal) forgotten(now time.Time) bool { return !r.until.IsZero() && !now.Before(r.until) }

// sweep forgets what is no longer needed. m.mu is held.
func (m *renewals) sweep(now time.Time) {
	for key, r := range m.by {
		if r.forgotten(now) {
			delete(m.by, key)
		}
	}
}

// due tells whether the issuer's tokens should be refreshed now.
func (s *session) due(now time.Time) bool {
	if s.RefreshToken == "" || s.AccessUntil == 0 {
		return false
	}
	early := min(refreshEarly, time.Duration(s.AccessUntil-s.AccessFrom)*time.Second/5)
	return !now.Before(unix(s.AccessUntil).Add(-early))
}

// renew returns the session with tokens that are not due, the session itself while the issuer gives no answer, or
// ErrNoSession when the issuer ended it. A cookie from before a refresh is followed to the newest result.
func (g *Gate) renew(ctx context.Context, s *session) (*session, error) {
	const generations = 4 // nobody's cookie is further behind within two minutes
	newest := s
	for i := 0; i < generations && newest.due(g.cfg.Now()); i++ {
		next, err := g.renewOnce(ctx, newest)
		if err != nil {
			next, err = g.bridge(newest, err)
		}
		if err == nil {
			err = g.alive(ctx, next) // it may have been ended while the issuer was asked
		}
		if err != nil || next == newest {
			return next, err
		}
		newest = next
	}
	return newest, nil
}

// bridge decides what a failed refresh means. An issuer in trouble ends nobody's session at once; one that refuses for
// another reason than the session itself ends it with its access token.
func (g *Gate) bridge(s *session, err error) (*session, error) {
	if errors.Is(err, ErrNoSession) || KindOf(err) == Internal {
		return nil, err
	}
	if g.cfg.Now().Before(unix(s.AccessUntil).Add(refreshGrace)) {
		return s, nil
	}
	if KindOf(err) == Unreachable {
		return nil, err
	}
	return nil, ErrNoSession
}

// renewOnce makes one refresh or waits for the one under way.
func (g *Gate) renewOnce(ctx context.Context, s *session) (*session, error) {
	r, mine := g.renewals.join(keyOf(s), g.cfg.Now())
	if r == nil {
		return nil, fail(Unreachable, "too many sessions are being refreshed: try again in a minute")
	}
	if mine {
		g.runRenewal(ctx, s, r)
	}
	select {
	case <-r.done:
		return r.next, r.err
	case <-ctx.Done():
		return nil, &Error{Kind: Unreachable, Message: "the caller gave up waiting for the issuer", cause: ctx.Err()}
	}
}

// runRenewal always publishes a result. The refresh outlives its caller's request: once the token was sent, its successor
// must not be lost with a closed tab.
func (g *Gate) runRenewal(ctx context.Context, s *session, r *renewal) {
	ctx = context.WithoutCancel(ctx)
	var next *session
	err := error(fail(Internal, "the refresh did not come to an end"))
	defer func() {
		kept := renewalKept
		if err != nil && !errors.Is(err, ErrNoSession) {
			kept = renewalPause
		}
		g.renewals.finish(r, next, err, g.cfg.Now().Add(kept))
	}()
	next, err = g.refreshed(ctx, s)
	if err == nil {
		return
	}
	g.cfg.Log.WarnContext(ctx, "the issuer's tokens were not refreshed", "issuer", g.cfg.Issuer,
		"subject", printable(s.subject(), maxDescription), "error", err)
	if endsSession(err) {
		next, err = nil, g.end(ctx, s)
	}
}

// endsSession is the issuer's word that the person is no longer signed in there (RFC 6749 section 5.2), or an answer about
// somebody else.
func endsSession(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == "invalid_grant" || errors.Is(e.cause, errNotVouched))
}

// errNotVouched marks an answer after which nobody vouches for the person.
var errNotVouched = errors.New("signin: the issuer no longer vouches for the session")

// refreshed asks the issuer for new tokens and builds the session of the next generation.
func (g *Gate) refreshed(ctx context.Context, s *session) (*session, error) {
	md, err := g.provider.metadata(ctx)
	if err != nil {
		return nil, err
	}
	t, err := g.refresh(ctx, md, vault.SecretString(s.RefreshToken))
	if err != nil {
		return nil, err
	}
	next := t.onto(*s)
	next.Generation++
	if t.id != "" {
		err = g.identifyAgain(ctx, next, s)
	}
	if err == nil {
		err = g.refreshUserInfo(ctx, md, next)
	}
	if err != nil {
		return nil, &Error{Kind: Provider, Message: "the session ends with its refresh: " + err.Error(), cause: errNotVouched}
	}
	return next, nil
}

// identifyAgain holds the ID token of a refresh to OpenID Connect Core 1.0 section 12.2: the same person, as it was. While
// the issuer's keys cannot be had, the ID token from before stays: the new tokens must not be lost with it.
func (g *Gate) identifyAgain(ctx context.Context, next, before *session) error {
	claims, err := g.verify(ctx, next)
	if KindOf(err) == Unreachable {
		next.IDToken = before.IDToken
		return nil
	}
	if err != nil {
		return err
	}
	if claims.Subject != before.subject() {
		return fail(Provider, "the refreshed ID token is about another subject")
	}
	if nonce, present := claims.Raw["nonce"]; present && nonce != before.claims["nonce"] {
		return fail(Provider, "the refreshed ID token has another nonce")
	}
	return nil
}

// refreshUserInfo fetches the claims anew. Those from before stay while the endpoint gives no answer; its refusal means
// that the issuer no longer vouches for the person.
func (g *Gate) refreshUserInfo(ctx context.Context, md *metadata, next *session) error {
	err := g.fetchUserInfo(ctx, md, next)
	if KindOf(err) == Unreachable {
		return nil
	}
	return err
}

// end makes the session's end final, for copies of its cookie too.
func (g *Gate) end(ctx context.Context, s *session) error {
	if err := g.cfg.Ended.End(ctx, s.ID, unix(s.EndsAt)); err != nil {
		return &Error{Kind: Internal, Message: "the end of the session cannot be recorded", cause: err}
	}
	return ErrNoSession
}
