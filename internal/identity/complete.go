package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// exchangeLease is how long one completion may take before another may try.
const exchangeLease = 45 * time.Second

// CompletingUser is who the application says came back: a user id, or a JWT that proves the user.
type CompletingUser struct {
	UserID string
	JWT    vault.Secret
}

// CompleteSession is session binding: the application, which knows who is signed in at its return URL, names the user,
// and only if that is the user for whom the session was begun is the code exchanged and the grant stored. A wrong user
// is refused and the session stays usable; success uses it up (A08, A13).
func (s *Service) CompleteSession(ctx context.Context, caller *policy.Caller, uri string, who CompletingUser) error {
	var row *Session
	var f *sessionFacts
	var named User
	r := request{caller: caller, action: "bedrock-agentcore:CompleteResourceTokenAuth", durable: true,
		resources: func(ctx context.Context, c *call) ([]string, error) {
			base := []string{s.vaultARN(caller.Account), s.directoryARN(caller.Account)}
			var err error
			if row, f, err = s.session(ctx, caller.Account, uri); err != nil {
				return base, err
			}
			w, p, err := s.sessionNouns(ctx, caller.Account, f)
			if err != nil {
				return base, err
			}
			c.rec.SessionID, c.rec.Workload, c.rec.Provider, c.rec.User = row.ID, w.Name, p.Name, f.User.Key()
			arns := append(base, s.OAuth2ProviderARN(caller.Account, p.Name), s.WorkloadARN(caller.Account, w.Name))
			c.tagged(arns[2], p.Tags)
			c.tagged(arns[3], w.Tags)
			if s.couldAllow(ctx, c, "bedrock-agentcore:CompleteResourceTokenAuth", arns) {
				named, err = s.completingUser(ctx, c, w, who)
			}
			return arns, err
		}}
	_, err := do(ctx, s, r, func(ctx context.Context, c *call) (struct{}, error) {
		if named != f.User {
			return struct{}{}, badSession("it was begun for another user than the one named here. Name the user who is signed in at your application, in the form (userId or userToken) with which the workload access token was made")
		}
		return struct{}{}, s.exchange(ctx, c, row, f)
	})
	return err
}

// sessionNouns are the session's workload identity and credential provider, with their tags. One that is gone keeps its
// id for a name, and the exchange says so.
func (s *Service) sessionNouns(ctx context.Context, account string, f *sessionFacts) (*Workload, *Provider, error) {
	st, err := s.state(ctx, account, true)
	if err != nil {
		return nil, nil, err
	}
	w, err := lookupID(ctx, s, st, account, KindWorkload, f.WorkloadID, decodeWorkload)
	if errors.Is(err, ErrNotFound) {
		w, err = &Workload{Account: account, ID: f.WorkloadID, Name: f.WorkloadID}, nil
	}
	if err != nil {
		return nil, nil, internal(err, "reading the session's workload identity")
	}
	p, err := lookupID(ctx, s, st, account, KindOAuth2Provider, f.ProviderID, decodeProvider)
	if errors.Is(err, ErrNotFound) {
		p, err = &Provider{Account: account, ID: f.ProviderID, Name: f.ProviderID}, nil
	}
	return w, p, internal(err, "reading the session's credential provider")
}

// completingUser is whom the application names: a user id, or issuer and subject of a verified JWT, never the literal
// token, so that a JWT minted anew for the same user fits. It becomes a condition of the request.
func (s *Service) completingUser(ctx context.Context, c *call, w *Workload, who CompletingUser) (User, error) {
	if who.JWT.Empty() {
		c.condition("bedrock-agentcore:userid", who.UserID)
		return User{Subject: who.UserID}, nil
	}
	claims, err := s.verifyInbound(ctx, w, who.JWT)
	if err != nil {
		return User{}, err
	}
	c.inboundClaims(claims)
	return User{Issuer: claims.Issuer, Subject: claims.Subject}, nil
}

// exchange takes the lease of the session, exchanges its code, and stores the grant and the end of the session as one
// change. Between the provider's answer and that change lies the only moment in which a crash loses the consent: the
// lease left behind tells of it, and the next completion says so.
func (s *Service) exchange(ctx context.Context, c *call, row *Session, f *sessionFacts) error {
	if err := s.completable(row); err != nil {
		return err
	}
	p, op, err := s.sessionProvider(ctx, row, f)
	if err != nil {
		return err
	}
	if _, err := s.holds(ctx, row.Account, &workloadToken{workloadID: f.WorkloadID, user: f.User, mintedAt: row.CreatedAt}, true); err != nil {
		return err
	}
	before := row.Status
	code, err := s.Vault.Open(ctx, sessionPlace(row, "code"), row.SealedCode)
	if err != nil {
		return internal(err, "opening a code")
	}
	if op, err = s.client(ctx, p, op, f.WorkloadID); err != nil {
		return err
	}
	row.Status, row.LeaseUntil, row.UpdatedAt = SessionExchanging, s.Now().Add(exchangeLease), s.Now()
	if err := s.advance(ctx, row); err != nil {
		return err
	}
	what := "exchange a code at " + op.TokenEndpoint
	if before == SessionExchanging {
		what += "; an earlier exchange was interrupted and its outcome is unknown"
	}
	if err := s.intend(ctx, c, what); err != nil {
		s.giveBack(ctx, row, before)
		return err
	}
	answer, err := s.OAuth.Exchange(context.WithoutCancel(ctx), op, code, vault.SecretString(f.Verifier), s.CallbackURL(p), f.Resources, f.Audiences)
	if err != nil {
		return s.exchangeFailed(ctx, row, p, op, err)
	}
	return s.storeGrant(context.WithoutCancel(ctx), c, row, f, op, answer)
}

// completable refuses sessions that are not waiting for their completion.
func (s *Service) completable(row *Session) error {
	switch {
	case row.Status == SessionCompleted:
		return badSession("it was completed already; its token is had with GetResourceOauth2Token")
	case row.Status == SessionFailed:
		return badSession("the consent failed: " + row.Failure + ". Ask for a new session")
	case s.expired(row):
		return badSession("it expired at " + row.ExpiresAt.UTC().Format(time.RFC3339) + "; ask for a new one")
	case row.Status == SessionPending:
		return badSession("the user has not consented yet: nobody came back from the provider")
	case row.Status == SessionExchanging && s.Now().Before(row.LeaseUntil):
		return refuse(Throttled, "the session is being completed by another request at this moment; wait for it")
	}
	return nil
}

// advance stores the session's new state; somebody else having been faster means that the session is theirs.
func (s *Service) advance(ctx context.Context, row *Session) error {
	err := s.Store.UpdateSession(ctx, *row)
	if errors.Is(err, ErrVersion) {
		return badSession("another request completes it at this moment")
	}
	row.Version++
	return internal(err, "storing a session")
}

// giveBack ends the lease of a session for which nothing was attempted. The state of before may be that of an
// interrupted exchange, which must not be forgotten.
func (s *Service) giveBack(ctx context.Context, row *Session, before SessionStatus) {
	row.Status, row.UpdatedAt, row.LeaseUntil = before, s.Now(), time.Time{}
	if err := s.advance(context.WithoutCancel(ctx), row); err != nil {
		s.Log.WarnContext(ctx, "the lease of a session was not given back; it ends by itself", "session", row.ID, "err", err)
	}
}

// exchangeFailed gives the session back after a failure that may pass, and ends it after one that will not.
func (s *Service) exchangeFailed(ctx context.Context, row *Session, p *Provider, op oauth.Provider, cause error) error {
	fault := s.providerFault(p, "exchanging the code at "+op.TokenEndpoint, cause)
	row.Status, row.UpdatedAt, row.LeaseUntil = SessionAuthorized, s.Now(), time.Time{}
	if codeOf(fault) != Unavailable && codeOf(fault) != Throttled {
		row.Status, row.Failure = SessionFailed, fault.Error()
	}
	if err := s.advance(context.WithoutCancel(ctx), row); err != nil {
		return err
	}
	return fault
}

// storeGrant stores the consent. The code is spent, so this is tried for long.
func (s *Service) storeGrant(ctx context.Context, c *call, row *Session, f *sessionFacts, op oauth.Provider, answer oauth.Token) error {
	now := s.Now()
	g := Grant{Account: row.Account, ID: newID(s.Rand, "gr-"), Key: grantKey(f.WorkloadID, f.User.Key(), f.ProviderID, f.rights()),
		WorkloadID: f.WorkloadID, ProviderID: f.ProviderID, User: f.User.Key(), CreatedAt: now, LastUsedAt: now}
	t := &grantTokens{issuer: op.Issuer, tokenEndpoint: op.TokenEndpoint, rights: f.rights()}
	g.take(t, answer, now)
	if err := t.seal(ctx, s, &g); err != nil {
		return err
	}
	c.rec.GrantID = g.ID
	if answer.ScopesKnown && !slices.Equal(g.Scopes, f.Scopes) { // RFC 6749 section 5.1: the provider may grant other scopes
		c.rec.Reason = "asked for scopes [" + strings.Join(f.Scopes, " ") + "], the provider granted [" + strings.Join(g.Scopes, " ") + "]"
	}
	row.Status, row.GrantID, row.UpdatedAt, row.SealedCode = SessionCompleted, g.ID, now, nil
	deadline := time.Now().Add(storeFor)
	for {
		err := s.Store.CompleteSession(ctx, *row, g)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrVersion):
			return badSession("another request completed it")
		case time.Now().After(deadline):
			return &Error{Code: Unavailable, Message: "the user consented but the grant could not be stored; ask for a new session", Cause: err}
		}
		s.Log.ErrorContext(ctx, "a consent could not be stored yet; trying again", "session", row.ID, "err", err)
		if err := pause(ctx, 10*refreshPoll); err != nil {
			return internal(err, "storing a grant")
		}
	}
}
