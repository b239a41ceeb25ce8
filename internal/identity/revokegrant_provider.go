package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// attempt is what telling the provider came to.
type attempt struct {
	outcome RevokeOutcome
	status  int
	receipt string
	at      time.Time
	again   bool // the tokens were renewed, so that the provider can be told with one that lives
	// endsSiblings tells that the provider ended all that the user granted to the client; endsBefore, if it is set, that
	// what was granted from then on lives.
	endsSiblings bool
	endsBefore   time.Time
}

// maxReceipt bounds what a receipt says; a provider's own part of it is bounded already.
const maxReceipt = 600

func failed(format string, args ...any) attempt {
	return unfinished("The grant is out of use; revoke it again to tell the provider, or forget it with: lanyard grants revoke --local", format, args...)
}

// unfinished is a failure and what to do about it.
func unfinished(advice, format string, args ...any) attempt {
	a := attempt{outcome: OutcomeFailed, receipt: fmt.Sprintf(format, args...)}
	if len(a.receipt) > maxReceipt {
		a.receipt = strings.ToValidUTF8(a.receipt[:maxReceipt], "") + "…"
	}
	a.receipt += ". " + advice
	return a
}

// notTold keeps faults of our own errors, and makes an outcome of everything else that hinders telling the provider.
func notTold(doing string, err error) (attempt, error) {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == Internal {
		return attempt{}, err
	}
	return failed("%s: %s", doing, err), nil
}

// tellProvider asks the provider to take the grant back. The provider and its endpoints are read anew, and the tokens go
// nowhere but to the issuer at which the user consented (A56).
func (s *Service) tellProvider(ctx context.Context, v *revocation, g *Grant, owner string, before interruption) (attempt, error) {
	if v.LocalOnly {
		s.Log.WarnContext(ctx, "a grant is deleted without telling its provider", "grant", g.ID, "account", g.Account, "caller", v.c.rec.Caller)
		return attempt{outcome: OutcomeDeletedLocally, receipt: "deleted here alone, as the caller asked: the provider was not told, and what it issued may live on there"}, nil
	}
	if g.Key != retiredKey(g) {
		return attempt{}, s.misplaced(ctx, g)
	}
	_, p, err := s.sessionNouns(ctx, g.Account, &sessionFacts{WorkloadID: g.WorkloadID, ProviderID: g.ProviderID})
	if err != nil {
		return attempt{}, err
	}
	op, err := s.endpoints(ctx, p)
	if err != nil {
		return notTold("the provider could not be told", err)
	}
	t, err := s.openGrant(ctx, g)
	if err != nil {
		return attempt{}, err
	}
	switch {
	case !t.pinnedTo(op):
		return failed("the provider was not told: consent was given at token endpoint %s of issuer %s, and provider %s now names %s of %s. Set the provider back first", t.tokenEndpoint, t.issuer, p.Name, op.TokenEndpoint, op.Issuer), nil
	case op.RevocationEndpoint == "":
		return attempt{outcome: OutcomeNotSupported, receipt: oauth.ErrNoRevocation.Error() + ": the tokens are forgotten here, and the user ends the consent in the provider's own settings"}, nil
	}
	if op, err = s.client(ctx, p, op, g.WorkloadID); err != nil {
		return notTold("the provider could not be told", err)
	}
	return s.revokeAt(ctx, &telling{v: v, g: g, t: t, p: p, op: op, owner: owner, before: before})
}

// telling is a grant under lease and the provider that is to be told.
type telling struct {
	v      *revocation
	g      *Grant
	t      *grantTokens
	p      *Provider
	op     oauth.Provider
	owner  string
	before interruption
}

// revokeAt makes the one call, its intent recorded before. The refresh token ends the grant and the tokens issued with
// it (RFC 7009 section 2.1), except where the vendor takes a grant back by its access token alone.
func (s *Service) revokeAt(ctx context.Context, a *telling) (attempt, error) {
	row, _ := s.Vendors.Vendor(a.p.Config.Vendor)
	byAccess := row.Revocation.ByAccessToken()
	if byAccess && !a.t.refresh.Empty() && !a.g.AccessExpiresAt.IsZero() && a.g.AccessExpiresAt.Sub(s.Now()) <= lastMoments(a.g, a.t.obtainedAt) {
		return s.renewToRevoke(ctx, a)
	}
	token, hint := a.t.refresh, oauth.HintRefreshToken
	if byAccess || token.Empty() {
		token, hint = a.t.access, oauth.HintAccessToken
	}
	if err := s.intend(ctx, a.v.c, "revoke at "+a.op.RevocationEndpoint+a.before.words()); err != nil {
		return attempt{}, err
	}
	return s.answered(ctx, a, row, token, hint)
}

func (s *Service) answered(ctx context.Context, a *telling, row oauth.Row, token vault.Secret, hint string) (attempt, error) {
	receipt, err := s.OAuth.Revoke(ctx, a.op, token, hint)
	if err != nil {
		out := failed("the provider did not revoke it: %s", err)
		unknown := receipt.Status == http.StatusNotFound || receipt.Status == http.StatusUnprocessableEntity
		if a.before == revocationInterrupted && unknown && row.Revocation.EndsEverything() {
			out = attempt{outcome: OutcomeAlreadyRevoked, endsSiblings: true, endsBefore: a.g.UpdatedAt,
				receipt: fmt.Sprintf("an earlier attempt was interrupted, and the provider knows the token no longer at %s: HTTP %d", receipt.URL, receipt.Status)}
		}
		out.status, out.at = receipt.Status, receipt.At
		return out, nil
	}
	out := attempt{outcome: OutcomeRevoked, status: receipt.Status, at: receipt.At, receipt: fmt.Sprintf("revoked at %s: HTTP %d", receipt.URL, receipt.Status)}
	switch {
	case receipt.Status >= http.StatusBadRequest:
		out.outcome, out.receipt = OutcomeAlreadyRevoked, fmt.Sprintf("the provider says at %s that it had ended already: HTTP %d", receipt.URL, receipt.Status)
	case row.Revocation.EndsEverything():
		out.endsSiblings = true
		out.receipt += "; the provider ended all that this user granted to the client"
	}
	return out, nil
}

// renewToRevoke refreshes, because the vendor takes a grant back only by an access token that lives, and this one has
// ended. The new tokens are stored before anything else is done with them.
func (s *Service) renewToRevoke(ctx context.Context, a *telling) (attempt, error) {
	if err := s.intend(ctx, a.v.c, "refresh at "+a.op.TokenEndpoint+", to revoke by an access token that lives"); err != nil {
		return attempt{}, err
	}
	answer, err := s.OAuth.Refresh(ctx, a.op, a.t.refresh, a.t.refreshScopes(), a.t.rights.resources, a.t.rights.audiences)
	if oauth.KindOf(err) == oauth.InvalidGrant {
		return refusedToRenew(err), nil
	}
	if err != nil {
		return failed("the access token has ended, and the provider gave no other to revoke the grant by: %s", err), nil
	}
	g := *a.g
	g.take(a.t, answer, s.Now())
	g.State, g.Reason = a.g.State, a.g.Reason
	if err := a.t.seal(ctx, s, &g); err != nil {
		return attempt{}, err
	}
	err = s.insist(ctx, &g, func() error { return s.Store.UpdateGrant(ctx, g, a.owner) })
	if err != nil && !errors.Is(err, ErrVersion) {
		return attempt{}, internal(err, "storing the tokens to revoke a grant by")
	}
	return attempt{again: true}, nil
}

// refusedToRenew is no receipt: the refresh token may have been used up or have expired while the user's consent lives on.
func refusedToRenew(cause error) attempt {
	return unfinished("The grant is out of use here; the user ends the consent in the provider's own settings, and then it is forgotten with: lanyard grants revoke --local",
		"the access token has ended, without which the provider takes nothing back, and it refused to renew it, so that the consent may live on: %s", cause)
}

// endSiblings marks the grants that the provider ended with this one, so that no dead token is handed out, each with a
// record of its own.
func (s *Service) endSiblings(ctx context.Context, v *revocation, before time.Time) error {
	for _, id := range v.siblings {
		ended, err := s.endSibling(ctx, v, id, before)
		if err != nil {
			return err
		}
		if ended {
			v.out.AlsoEnded = append(v.out.AlsoEnded, id)
		}
	}
	return nil
}

func (s *Service) endSibling(ctx context.Context, v *revocation, id string, before time.Time) (bool, error) {
	deadline := time.Now().Add(storeFor)
	for {
		g, err := s.Store.GrantByID(ctx, v.account, id)
		if errors.Is(err, ErrNotFound) || err == nil && (!g.endsWithSiblings() || !before.IsZero() && g.CreatedAt.After(before)) {
			return false, nil
		}
		if err != nil {
			return false, internal(err, "reading a grant")
		}
		c := &call{caller: v.c.caller, rec: v.c.rec}
		c.rec.Workload, _ = s.names(ctx, v.account, g.WorkloadID, g.ProviderID)
		reason := endedTogether + v.GrantID
		err = s.markEnded(ctx, c, &g, reason)
		if err == nil {
			c.rec.Result, c.rec.Reason = AuditAllowed, reason
			return true, internal(s.record(ctx, c.rec), "recording the end of grant "+id)
		}
		if codeOf(err) != Conflict || time.Now().After(deadline) {
			return false, err
		}
		if err := pause(ctx, refreshPoll); err != nil {
			return false, internal(err, "marking a grant that has ended")
		}
	}
}

// markEnded takes the tokens from a grant that the provider has ended. One that was being revoked has come to its end by
// that, whoever has its lease: the provider would know its token no longer.
func (s *Service) markEnded(ctx context.Context, c *call, g *Grant, reason string) error {
	if g.State != GrantRevoking {
		return s.dropTokens(ctx, c, g, reason)
	}
	c.rec.GrantID, c.rec.Durable = g.ID, true
	g.State, g.Reason, g.Sealed, g.HasRefresh = GrantRevoked, reason, nil, false
	g.AccessExpiresAt, g.UpdatedAt = time.Time{}, s.Now()
	err := s.Store.RetireGrant(ctx, *g)
	if errors.Is(err, ErrVersion) {
		return refuse(Conflict, "another request changed the grant at the same moment; try again")
	}
	return internal(err, "storing a grant")
}

// follow makes a refresh's answer fit for the row as it is now. A grant that is being revoked takes the new tokens, so
// that they are revoked too, and stays out of use; one that was revoked takes nothing back to life.
func (s *Service) follow(ctx context.Context, g *Grant, t *grantTokens, row *Grant) error {
	g.Version = row.Version
	switch row.State {
	case GrantRevoked:
		s.Log.WarnContext(ctx, "a provider answered a refresh after the grant was revoked; its answer is dropped", "grant", g.ID, "account", g.Account)
		return ended(row)
	case GrantRevoking:
		g.Key, g.State, g.Reason = row.Key, row.State, row.Reason
		return t.seal(ctx, s, g)
	}
	return nil
}

// ended refuses to hand out what a refresh brought to a grant that is out of use.
func ended(g *Grant) error {
	if g.State != GrantRevoking && g.State != GrantRevoked {
		return nil
	}
	return refuse(Conflict, "the grant was revoked while its token was refreshed; ask again, and the user is asked to consent")
}
