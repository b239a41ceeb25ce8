package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/vault"
	"golang.org/x/sync/errgroup"
)

const (
	// refreshLease is longer than the slowest refresh: the call to the provider and the storing of its answer.
	refreshLease = 45 * time.Second
	// refreshPoll is how often a replica looks whether another one has finished the refresh it waits for.
	refreshPoll = 50 * time.Millisecond
	// storeFor is how long an answer of the provider is tried to be stored: the old refresh token may be dead already.
	storeFor = 25 * time.Second
)

// renewal is what a refresh came to: a token, or (empty) that only consent helps.
type renewal struct {
	access    vault.Secret
	refreshed bool // by this flight, not another replica
}

// renewed refreshes the grant's token, once for all callers of this process (single flight) and of all replicas (a
// lease). While the old token is good, a provider that cannot be reached does not matter.
func (s *Service) renewed(ctx context.Context, c *call, p *Provider, g *Grant, t *grantTokens) (vault.Secret, error) {
	if !g.HasRefresh {
		reason := "the token expired at " + g.AccessExpiresAt.UTC().Format(time.RFC3339) + " and the provider gave no refresh token"
		if err := s.dropTokens(ctx, c, g, reason); codeOf(err) != Conflict && err != nil {
			return vault.Secret{}, err
		}
		return vault.Secret{}, nil
	}
	ch := s.refresh.DoChan("grant "+g.ID, func() (any, error) {
		s.flights.Add(1)
		defer s.flights.Done()
		return guarded(func() (renewal, error) { return s.renew(context.WithoutCancel(ctx), c.rec, p, *g) })
	})
	select {
	case <-ctx.Done():
		return vault.Secret{}, &Error{Code: Unavailable, Message: "the request ended before the token was refreshed; the refresh goes on, so try again", Cause: ctx.Err()}
	case res := <-ch:
		if res.Err != nil {
			if mayPass(res.Err) && g.AccessExpiresAt.Sub(s.Now()) > lastMoments(g, t.obtainedAt) {
				return s.unlessEnded(ctx, g, t)
			}
			return vault.Secret{}, res.Err
		}
		r := res.Val.(renewal)
		if r.refreshed {
			c.rec.Durable = true
			c.rec.Reason = "the token was refreshed"
		}
		return r.access, nil
	}
}

// unlessEnded hands out the token as it was before a refresh that failed. The row is read again, because the grant may have
// been revoked or dropped while the provider was asked.
func (s *Service) unlessEnded(ctx context.Context, g *Grant, t *grantTokens) (vault.Secret, error) {
	row, err := s.Store.GrantByID(ctx, g.Account, g.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return vault.Secret{}, nil // replaced by another consent, or deleted: the caller finds out which
	case err != nil:
		return vault.Secret{}, internal(err, "reading a grant")
	case row.State != GrantActive:
		return vault.Secret{}, ended(&row)
	}
	return t.access, nil
}

// mayPass tells failures that say nothing about the grant.
func mayPass(err error) bool { return codeOf(err) == Unavailable || codeOf(err) == Throttled }

// renew takes the lease and refreshes, or waits for the replica that has it.
func (s *Service) renew(ctx context.Context, rec AuditRecord, p *Provider, g Grant) (renewal, error) {
	owner := s.cfg.Replica + "/" + NewRequestID(s.Now())
	for {
		now := s.Now()
		claimed, interrupted, err := s.Store.ClaimRefresh(ctx, g.Account, g.ID, g.Version, owner, now, now.Add(refreshLease))
		if err != nil {
			return renewal{}, internal(err, "leasing a grant")
		}
		if claimed {
			return s.refreshLeased(ctx, &leased{rec: rec, owner: owner, grant: g, interrupted: interrupted}, p)
		}
		next, err := s.Store.GrantByID(ctx, g.Account, g.ID)
		if errors.Is(err, ErrNotFound) {
			return renewal{}, nil // replaced by another consent, or deleted: the caller finds out which
		}
		if err != nil {
			return renewal{}, internal(err, "reading a grant")
		}
		if next.State != GrantActive {
			return renewal{}, nil
		}
		if next.Version != g.Version {
			if t, err := s.openGrant(ctx, &next); err != nil || s.good(&next, t) {
				if err != nil {
					return renewal{}, err
				}
				return renewal{access: t.access}, nil
			}
			g = next
			continue
		}
		if err := pause(ctx, refreshPoll); err != nil {
			return renewal{}, &Error{Code: Unavailable, Message: "another replica is refreshing this grant; try again", Cause: err}
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// leased is a grant that this replica alone may refresh until its lease ends.
type leased struct {
	rec         AuditRecord
	owner       string
	grant       Grant
	interrupted bool
}

// refreshLeased does the one network call. Whatever happens, the lease is given back and the outcome is recorded.
func (s *Service) refreshLeased(ctx context.Context, l *leased, stale *Provider) (r renewal, err error) {
	released := false
	defer func() {
		if !released {
			if rerr := s.Store.ReleaseRefresh(ctx, l.grant.Account, l.grant.ID, l.owner); rerr != nil {
				s.Log.WarnContext(ctx, "the lease of a grant was not given back; it ends by itself", "grant", l.grant.ID, "err", rerr)
			}
		}
	}()
	// The provider is read anew: a grant never works through one that was changed or deleted meanwhile. A deleted
	// workload's grants are gone with it.
	p, err := s.provider(ctx, l.grant.Account, stale.Name, true)
	if err != nil {
		return r, err
	}
	if p.ID != l.grant.ProviderID {
		return r, refuse(NotFound, "credential provider %s was deleted and made again; the user has to consent to the new one", p.Name)
	}
	t, err := s.openGrant(ctx, &l.grant)
	if err != nil {
		return r, err
	}
	op, err := s.endpoints(ctx, p)
	if err != nil {
		return r, err
	}
	if !t.pinnedTo(op) {
		released = true
		return r, s.suspend(ctx, l, t, op)
	}
	if op, err = s.client(ctx, p, op, l.grant.WorkloadID); err != nil {
		return r, err
	}
	if err := s.intendRefresh(ctx, l, op.TokenEndpoint); err != nil {
		return r, err
	}
	answer, err := s.OAuth.Refresh(ctx, op, t.refresh, t.refreshScopes(), t.rights.resources, t.rights.audiences)
	switch {
	case oauth.KindOf(err) == oauth.InvalidGrant:
		released = true
		return r, s.bury(ctx, l, p, err)
	case err != nil:
		return r, s.providerFault(p, "refreshing a token at "+op.TokenEndpoint, err)
	}
	released = true
	return renewal{access: answer.Access, refreshed: true}, s.keep(ctx, l, t, answer)
}

func (s *Service) intendRefresh(ctx context.Context, l *leased, endpoint string) error {
	what := "refresh at " + endpoint
	if l.interrupted {
		what += "; an earlier refresh was interrupted and its outcome is unknown: the provider may have replaced the refresh token"
		s.Log.WarnContext(ctx, "a refresh was interrupted earlier; its outcome is unknown", "grant", l.grant.ID, "account", l.grant.Account)
	}
	c := &call{rec: l.rec}
	c.rec.GrantID = l.grant.ID
	return s.intend(ctx, c, what)
}

// keep stores the provider's answer. The provider may have killed the old refresh token, so this is tried for long and
// against whatever version the row has: the newest answer wins.
func (s *Service) keep(ctx context.Context, l *leased, t *grantTokens, answer oauth.Token) error {
	g := l.grant
	g.take(t, answer, s.Now())
	if err := t.seal(ctx, s, &g); err != nil {
		return err
	}
	owner := l.owner
	deadline := time.Now().Add(storeFor)
	for {
		err := s.Store.UpdateGrant(ctx, g, owner)
		switch {
		case err == nil:
			return ended(&g)
		case errors.Is(err, ErrVersion):
			row, rerr := s.Store.GrantByID(ctx, g.Account, g.ID)
			if errors.Is(rerr, ErrNotFound) {
				return refuse(Conflict, "the grant was replaced or deleted while it was refreshed; try again")
			}
			if rerr == nil {
				if rerr = s.follow(ctx, &g, t, &row); rerr != nil {
					return rerr
				}
				owner = row.LeaseOwner
				continue
			}
			err = rerr
		}
		s.Log.ErrorContext(ctx, "a refreshed token could not be stored yet; trying again", "grant", g.ID, "err", err)
		if time.Now().After(deadline) {
			s.Log.ErrorContext(ctx, "a refreshed token could not be stored and is lost; the user may have to consent again", "grant", g.ID, "account", g.Account)
			return &Error{Code: Unavailable, Message: "the provider refreshed the token but it could not be stored; the user may have to consent again", Cause: err}
		}
		if err := pause(ctx, 10*refreshPoll); err != nil {
			return internal(err, "storing a refreshed token")
		}
	}
}

// bury marks a grant whose refresh token the provider no longer honours.
func (s *Service) bury(ctx context.Context, l *leased, p *Provider, cause error) error {
	g := l.grant
	reason := fmt.Sprintf("provider %s refused the refresh token: %v", p.Name, cause)
	if l.interrupted {
		reason += "; an earlier refresh had been interrupted, which may be why"
	}
	g.State, g.Reason, g.Sealed, g.HasRefresh = GrantNeedsConsent, reason, nil, false
	g.AccessExpiresAt, g.UpdatedAt = time.Time{}, s.Now()
	return s.endLease(ctx, l, g)
}

// suspend keeps the tokens but uses them no more: the provider's endpoints are not those the user consented at.
func (s *Service) suspend(ctx context.Context, l *leased, t *grantTokens, now oauth.Provider) error {
	g := l.grant
	g.State, g.UpdatedAt = GrantSuspended, s.Now()
	g.Reason = fmt.Sprintf("consent was given at token endpoint %s of issuer %s; the provider now names %s of %s. Consent again, or set the provider back", t.tokenEndpoint, t.issuer, now.TokenEndpoint, now.Issuer)
	s.Log.WarnContext(ctx, "a grant is suspended because its provider changed", "grant", g.ID, "account", g.Account)
	return s.endLease(ctx, l, g)
}

// endLease stores the grant's new state. If the row moved on, somebody else's word stands: a losing refresh never
// harms the winner's row.
func (s *Service) endLease(ctx context.Context, l *leased, g Grant) error {
	err := s.Store.UpdateGrant(ctx, g, l.owner)
	if errors.Is(err, ErrVersion) {
		return internal(s.Store.ReleaseRefresh(ctx, g.Account, g.ID, l.owner), "giving back the lease of a grant")
	}
	return internal(err, "storing a grant")
}

// RefreshDue renews, ahead of their end, the tokens of grants that were used of late, and returns how many.
func (s *Service) RefreshDue(ctx context.Context, within, usedWithin time.Duration, limit int) (int, error) {
	now := s.Now()
	due, err := s.Store.GrantsDue(ctx, now.Add(within), now.Add(-usedWithin), now, limit)
	if err != nil {
		return 0, internal(err, "finding grants to refresh")
	}
	var n atomic.Int64
	var workers errgroup.Group
	workers.SetLimit(aheadWorkers) // one slow provider must not keep the others waiting
	for i := range due {
		g := &due[i]
		if !s.ahead.due(g.ID, now) {
			continue
		}
		workers.Go(func() error {
			done, err := s.refreshAhead(ctx, g)
			s.ahead.tried(g.ID, now, err != nil)
			if err != nil {
				s.Log.WarnContext(ctx, "a token was not refreshed ahead of its end", "grant", g.ID, "account", g.Account, "err", err)
			} else if done {
				n.Add(1)
			}
			return nil
		})
	}
	_ = workers.Wait() // each worker logs its own
	return int(n.Load()), nil
}

const aheadWorkers = 16

// aheadGate keeps grants whose refresh failed from being tried at every turn, which would crowd out the others.
type aheadGate struct {
	mu    sync.Mutex
	tries map[string]aheadTry // grant id
}

type aheadTry struct {
	failures int
	next     time.Time
}

const maxAheadTries = 10_000

func (a *aheadGate) due(id string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !now.Before(a.tries[id].next)
}

// tried notes the outcome: after each failure the pause doubles, from half a minute to about an hour.
func (a *aheadGate) tried(id string, now time.Time, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !failed {
		delete(a.tries, id)
		return
	}
	if a.tries == nil || len(a.tries) >= maxAheadTries {
		a.tries = map[string]aheadTry{}
	}
	t := a.tries[id]
	a.tries[id] = aheadTry{t.failures + 1, now.Add(30 * time.Second << min(t.failures, 7))}
}

func (s *Service) refreshAhead(ctx context.Context, g *Grant) (bool, error) {
	st, err := s.state(ctx, g.Account, false)
	if err != nil {
		return false, err
	}
	if blocked, err := s.blocked(ctx, g.Account, st, g.User); err != nil || blocked && g.User != "" {
		return false, err
	}
	p, err := lookupID(ctx, s, st, g.Account, KindOAuth2Provider, g.ProviderID, decodeProvider)
	if err != nil {
		return false, internal(err, "reading the provider of a grant")
	}
	t, err := s.openGrant(ctx, g)
	if err != nil || s.good(g, t) {
		return false, err
	}
	r := request{caller: LocalAdmin(g.Account), action: "lanyard:RefreshGrant", durable: true, provider: p.Name, resources: on([]string{s.OAuth2ProviderARN(g.Account, p.Name)})}
	return do(ctx, s, r, func(ctx context.Context, c *call) (bool, error) {
		c.rec.Caller, c.rec.GrantID, c.rec.User = "background", g.ID, g.User
		token, err := s.renewed(ctx, c, p, g, t)
		return !token.Empty(), err
	})
}

// Drain waits, until the context ends, for refreshes that outlive the requests that began them: what a provider answers
// must be stored before the store closes.
func (s *Service) Drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.flights.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
