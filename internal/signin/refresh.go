package signin

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	// refreshEarly and a fifth of the lifetime bound how early tokens are refreshed.
	refreshEarly = time.Minute
	// refreshGrace is how long a session outlives its access token while the issuer gives no answer.
	refreshGrace = 5 * time.Minute
	// renewalPause keeps one session from asking an issuer in trouble with every request (A50).
	renewalPause = 10 * time.Second
	// answerSlack is what a browser may take, beyond Config.Answer, to send a request with the cookie that it then gets.
	answerSlack = time.Minute
)

// due tells whether the issuer's tokens should be refreshed now.
func (s *session) due(now time.Time) bool {
	if s.RefreshToken == "" || s.AccessUntil == 0 {
		return false
	}
	return !now.Before(s.dueAt())
}

func (s *session) dueAt() time.Time {
	early := min(refreshEarly, time.Duration(s.AccessUntil-s.AccessFrom)*time.Second/5)
	return unix(s.AccessUntil).Add(-early)
}

// renew returns the session with tokens that are not due, the session itself while the issuer gives no answer, or
// ErrNoSession when the issuer ended it. A cookie from before a refresh is followed to the newest result; errSuperseded means
// that this result is no longer remembered.
func (g *Gate) renew(ctx context.Context, s *session) (*session, error) {
	const generations = 32 // nobody's cookie is further behind: a slow answer may bring one after many short-lived tokens
	newest := s
	for i := 0; i < generations && newest.due(g.cfg.Now()); i++ {
		next, err := g.renewOnce(ctx, newest)
		if err != nil {
			next, err = g.bridge(newest, err)
		}
		if err == nil {
			err = g.Alive(ctx, next.ID) // it may have been ended while the issuer was asked
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
	if errors.Is(err, ErrNoSession) || errors.Is(err, errSuperseded) || KindOf(err) == Internal {
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
	r, mine, err := g.renewals.join(s, g.cfg.Now())
	if err != nil {
		return nil, err
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
		kept := g.cfg.Answer + answerSlack
		if err != nil {
			kept = renewalPause
		}
		g.renewals.finish(r, s, next, err, g.cfg.Now(), kept)
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

// end makes the session's end final, for copies of its cookie too, and returns ErrNoSession. What is over by itself needs no
// record.
func (g *Gate) end(ctx context.Context, s *session) error {
	if !g.cfg.Now().Before(unix(s.EndsAt)) {
		return ErrNoSession
	}
	if err := g.cfg.Ended.End(ctx, s.ID, unix(s.EndsAt)); err != nil {
		return &Error{Kind: Internal, Message: "the end of the session cannot be recorded", cause: err}
	}
	return ErrNoSession
}
