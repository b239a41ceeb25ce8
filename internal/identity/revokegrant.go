package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Revoking takes a grant out of use first, tells the provider then, and forgets the tokens last. From its first step on
// the grant has a key under which nobody looks for it, so nothing hands its tokens out, however the rest ends: a crash,
// or a provider that cannot be reached, leaves a grant that waits to be revoked again, beside whatever the user may
// consent to meanwhile.

// RevokeOutcome says what came of a revocation.
type RevokeOutcome string

// Outcomes.
const (
	OutcomeRevoked        RevokeOutcome = "revoked"        // the provider said so
	OutcomeAlreadyRevoked RevokeOutcome = "alreadyRevoked" // the provider ended it before, by its own word or an earlier receipt
	OutcomeNotSupported   RevokeOutcome = "notSupported"   // the provider takes nothing back; the tokens are forgotten here
	OutcomeDeletedLocally RevokeOutcome = "deletedLocally" // forgotten here, now or before; the provider was not told
	OutcomeFailed         RevokeOutcome = "failed"         // out of use, and the provider still has to be told
)

// RevokeRequest names a grant to take back. LocalOnly forgets it without telling the provider.
type RevokeRequest struct {
	GrantID   string
	LocalOnly bool
}

// Revocation is the receipt. It holds nothing secret: a provider's own words are cut and cleared where they come in.
type Revocation struct {
	GrantID, Workload, Provider, User string
	Outcome                           RevokeOutcome
	Status                            int // of the provider's answer; 0: not asked, or no answer
	Receipt                           string
	At                                time.Time
	AlsoEnded                         []string // grants that ended at the provider with this one
}

// revocation is one request at work.
type revocation struct {
	RevokeRequest
	c        *call
	account  string
	found    bool
	siblings []string // ids of the grants that end with it
	out      Revocation
	failed   *Error
}

// RevokeGrant takes one grant back. An outcome of failed is no error: the receipt says what is left to do, and the audit
// that it was not done.
func (s *Service) RevokeGrant(ctx context.Context, caller *policy.Caller, in RevokeRequest) (Revocation, error) {
	v := &revocation{RevokeRequest: in, account: caller.Account}
	r := request{caller: caller, action: "lanyard:RevokeGrant", durable: true, resources: s.onGrant(v)}
	_, err := do(ctx, s, r, func(ctx context.Context, c *call) (struct{}, error) {
		s.flights.Add(1)
		defer s.flights.Done()
		v.c = c
		return struct{}{}, s.revoke(ctx, v)
	})
	if e, ok := errors.AsType[*Error](err); ok && e == v.failed {
		return v.out, nil
	}
	return v.out, err
}

// onGrant names what a revocation acts on: the grant's provider and workload, and the workloads of all grants that end
// with it. An unknown id, which another account's is too, is decided on what all grants share, so that no refusal tells
// whether another account has such a grant (A11, A49). Within the account it may: who may revoke some grants and not others
// can tell one that is refused to him from one that is not there, and learns nothing of it but that it exists.
func (s *Service) onGrant(v *revocation) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		arns := []string{s.vaultARN(v.account), s.directoryARN(v.account)}
		g, err := s.Store.GrantByID(ctx, v.account, v.GrantID)
		if errors.Is(err, ErrNotFound) {
			return arns, nil
		}
		if err != nil {
			return arns, internal(err, "reading a grant")
		}
		w, p, err := s.sessionNouns(ctx, v.account, &sessionFacts{WorkloadID: g.WorkloadID, ProviderID: g.ProviderID})
		if err != nil {
			return arns, err
		}
		v.found = true
		v.out = Revocation{GrantID: g.ID, Workload: w.Name, Provider: p.Name, User: g.User}
		c.rec.GrantID, c.rec.Workload, c.rec.Provider, c.rec.User = g.ID, w.Name, p.Name, g.User
		arns = append([]string{s.OAuth2ProviderARN(v.account, p.Name), s.WorkloadARN(v.account, w.Name)}, arns...)
		c.tagged(arns[0], p.Tags)
		c.tagged(arns[1], w.Tags)
		if v.LocalOnly || !s.endsEverything(p) {
			return arns, nil
		}
		return s.onSiblings(ctx, c, v, &g, arns)
	}
}

// endsEverything tells providers at which one revocation ends all that the user granted to the client.
func (s *Service) endsEverything(p *Provider) bool {
	row, ok := s.Vendors.Vendor(p.Config.Vendor)
	return ok && row.Revocation.EndsEverything()
}

// onSiblings adds the workloads whose grants end with this one: who may not revoke those may not revoke it either.
func (s *Service) onSiblings(ctx context.Context, c *call, v *revocation, g *Grant, arns []string) ([]string, error) {
	if g.User == "" || g.State == GrantRevoked {
		return arns, nil
	}
	f := GrantFilter{ProviderID: g.ProviderID, User: g.User}
	for after := ""; ; {
		rows, err := s.Store.ListGrants(ctx, v.account, f, after, coverPage)
		if err != nil {
			return arns, internal(err, "looking for grants that end with this one")
		}
		for i := range rows {
			if rows[i].ID == g.ID || !rows[i].endsWithSiblings() {
				continue
			}
			v.siblings = append(v.siblings, rows[i].ID)
			if arns, err = s.withWorkload(ctx, c, v.account, rows[i].WorkloadID, arns); err != nil {
				return arns, err
			}
		}
		if len(rows) < coverPage {
			return arns, nil
		}
		after = rows[len(rows)-1].ID
	}
}

func (s *Service) withWorkload(ctx context.Context, c *call, account, id string, arns []string) ([]string, error) {
	w, _, err := s.sessionNouns(ctx, account, &sessionFacts{WorkloadID: id})
	if err != nil {
		return arns, err
	}
	arn := s.WorkloadARN(account, w.Name)
	if slices.Contains(arns, arn) {
		return arns, nil
	}
	c.tagged(arn, w.Tags)
	return append(arns, arn), nil
}

// endsWithSiblings tells a grant that the provider may still honour: it hands its tokens out, now or when its provider is
// set back, or it is out of use and waits for the provider to be told.
func (g *Grant) endsWithSiblings() bool {
	return g.State == GrantActive || g.State == GrantSuspended || g.State == GrantRevoking
}

// revoke brings the grant, from whatever state it is in, to its end. Each turn of the loop looks at the row anew: other
// replicas may revoke it too, and a late refresh may bring it new tokens.
func (s *Service) revoke(ctx context.Context, v *revocation) error {
	if !v.found {
		return noSuchGrant(v.GrantID)
	}
	id := s.cfg.Replica + "/" + NewRequestID(s.Now())
	for {
		g, err := s.Store.GrantByID(ctx, v.account, v.GrantID)
		switch {
		case errors.Is(err, ErrNotFound):
			return noSuchGrant(v.GrantID)
		case err != nil:
			return internal(err, "reading a grant")
		case g.State == GrantRevoked:
			o, receipt := storedOutcome(g.Reason)
			v.close(s, o, 0, receipt, g.UpdatedAt)
			return nil
		case g.State != GrantRevoking:
			if err := s.retire(ctx, g); err != nil {
				return err
			}
			continue
		}
		done, err := s.revokeOnce(ctx, v, g, id)
		if done || err != nil {
			return err
		}
	}
}

func noSuchGrant(id string) error {
	return refuse(NotFound, "there is no grant %s here. It may have been replaced by a newer consent, or have gone with its workload or provider; lanyard grants lists those that there are", clip(id))
}

// close writes the receipt, and the audit's reason with it.
func (v *revocation) close(s *Service, o RevokeOutcome, status int, receipt string, at time.Time) {
	if at.IsZero() {
		at = s.Now()
	}
	v.out.Outcome, v.out.Status, v.out.Receipt, v.out.At = o, status, receipt, at
	v.c.rec.Reason = string(o) + ": " + receipt
}

// retiredKey is the key of a grant that is out of use: no request ever computes it. The columns that say whose grant it
// is go into it, so that the seal, which binds the key, still binds them.
func retiredKey(g *Grant) [32]byte {
	return grantKey(g.WorkloadID, g.User, g.ProviderID, rights{audiences: []string{"retired grant", g.ID}})
}

// retire takes the grant out of use, with its tokens sealed anew to where only a revocation looks. Of a grant whose tokens
// are gone nothing is left to tell the provider. Somebody else having changed the row is no error: the next turn sees what it is now.
func (s *Service) retire(ctx context.Context, g Grant) error {
	g.UpdatedAt = s.Now()
	if g.Sealed == nil {
		g.State, g.Reason = GrantRevoked, forgottenReason(g.Reason)
		g.Key = retiredKey(&g)
	} else {
		t, err := s.openGrant(ctx, &g)
		if err != nil {
			return err
		}
		if g.User != "" && g.Key != grantKey(g.WorkloadID, g.User, g.ProviderID, t.rights) {
			return s.misplaced(ctx, &g)
		}
		g.State, g.Reason, g.Key = GrantRevoking, "its revocation has begun", retiredKey(&g)
		if err := t.seal(ctx, s, &g); err != nil {
			return err
		}
	}
	if err := s.Store.RetireGrant(ctx, g); !errors.Is(err, ErrVersion) {
		return internal(err, "taking a grant out of use")
	}
	return nil
}

// misplaced refuses a row whose columns are not those that were written: its tokens would go to another provider, or the
// wrong workload's policy would have decided (A32).
func (s *Service) misplaced(ctx context.Context, g *Grant) error {
	s.Log.ErrorContext(ctx, "a grant was changed behind Lanyard's back and is refused", "grant", g.ID, "account", g.Account)
	return refuse(Internal, "the stored grant %s was changed outside Lanyard and is refused; restore it from a backup, or delete its credential provider", g.ID)
}

// revokeOnce takes the lease, tells the provider, and stores what came of it. Not done: another replica has the lease, or
// a late refresh has stored new tokens, which must be revoked too.
func (s *Service) revokeOnce(ctx context.Context, v *revocation, g Grant, id string) (done bool, err error) {
	now, owner := s.Now(), revokeOwner(&g, id)
	claimed, overdue, err := s.Store.ClaimRefresh(ctx, g.Account, g.ID, g.Version, owner, now, now.Add(refreshLease))
	if err != nil {
		return false, internal(err, "leasing a grant")
	}
	if !claimed {
		if err := pause(ctx, refreshPoll); err != nil {
			return false, &Error{Code: Unavailable, Message: "grant " + g.ID + " is out of use, and another replica is revoking it; ask again for the receipt", Cause: err}
		}
		return false, nil
	}
	ctx = context.WithoutCancel(ctx) // what the provider was told must be stored
	a, err := s.tellProvider(ctx, v, &g, owner, interruptionOf(&g, overdue))
	if err != nil {
		if rerr := s.Store.ReleaseRefresh(ctx, g.Account, g.ID, owner); rerr != nil {
			s.Log.WarnContext(ctx, "the lease of a grant was not given back; it ends by itself", "grant", g.ID, "err", rerr)
		}
		return false, err
	}
	if a.again {
		return false, nil
	}
	return s.settle(ctx, v, g, owner, a)
}

// settle stores the outcome: after a failure the tokens stay for the next attempt, else they go. Should it be interrupted
// or fail, the lease stays behind, and the next attempt knows by it that the provider was told already.
func (s *Service) settle(ctx context.Context, v *revocation, g Grant, owner string, a attempt) (done bool, err error) {
	if a.endsSiblings {
		if err := s.endSiblings(ctx, v, a.endsBefore); err != nil {
			return false, err
		}
	}
	g.Reason, g.UpdatedAt = storedReason(a.outcome, a.receipt), s.Now()
	if a.outcome != OutcomeFailed {
		g.State, g.Sealed, g.HasRefresh, g.AccessExpiresAt = GrantRevoked, nil, false, time.Time{}
	}
	err = s.insist(ctx, &g, func() error { return s.Store.UpdateGrant(ctx, g, owner) })
	if errors.Is(err, ErrVersion) {
		return false, nil
	}
	if err != nil {
		return false, &Error{Code: Unavailable, Message: "grant " + g.ID + " is out of use, but what came of its revocation (" + a.receipt + ") could not be stored. Revoke it again: the provider is asked again, which does no harm", Cause: err}
	}
	v.close(s, a.outcome, a.status, a.receipt, a.at)
	if a.outcome == OutcomeFailed {
		v.failed = refuse(Unavailable, "%s", a.receipt)
		return true, v.failed
	}
	return true, nil
}

// insist repeats a change that fails for a fault of the store, for a while: the provider was told already.
func (s *Service) insist(ctx context.Context, g *Grant, change func() error) error {
	deadline := time.Now().Add(storeFor)
	for {
		err := change()
		if err == nil || errors.Is(err, ErrVersion) || time.Now().After(deadline) {
			return err
		}
		s.Log.ErrorContext(ctx, "what came of a revocation could not be stored yet; trying again", "grant", g.ID, "err", err)
		if perr := pause(ctx, 10*refreshPoll); perr != nil {
			return err
		}
	}
}
