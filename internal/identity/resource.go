package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Flow is how a resource token is obtained.
type Flow string

// Flows.
const (
	UserFederation Flow = "USER_FEDERATION"
	M2M            Flow = "M2M"
)

// ResourceTokenRequest asks for a resource token of a provider, for the workload and user of a workload access token.
type ResourceTokenRequest struct {
	WorkloadToken    string
	Provider         string
	Flow             Flow
	Scopes           []string
	Resources        []string // RFC 8707
	Audiences        []string
	ReturnURL        string // "" for none
	SessionURI       string // "" to begin, else to poll
	Force            bool   // forget the stored tokens, ask for consent again
	CustomState      vault.Secret
	CustomParameters map[string]string
}

// adoptCustom takes audience and resource out of the custom parameters, where clients of AgentCore Identity put them for
// want of a better place: they decide what the token is good for, so they belong to the grant. With members of their own
// set too, they stay and are refused as reserved.
func (r *ResourceTokenRequest) adoptCustom() {
	custom := maps.Clone(r.CustomParameters)
	if v, ok := custom["audience"]; ok && len(r.Audiences) == 0 {
		r.Audiences = []string{v}
		delete(custom, "audience")
	}
	if v, ok := custom["resource"]; ok && len(r.Resources) == 0 {
		r.Resources = []string{v}
		delete(custom, "resource")
	}
	r.CustomParameters = custom
}

// ResourceToken is a token, or the URL at which the user consents and the session to poll.
type ResourceToken struct {
	Access           vault.Secret
	AuthorizationURL string
	SessionURI       string
}

// ResourceToken returns a token for the workload and user that the workload access token names: the stored one while
// it is good, a refreshed one when it is due, else a session in which the user consents.
func (s *Service) ResourceToken(ctx context.Context, caller *policy.Caller, in ResourceTokenRequest) (ResourceToken, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetResourceOauth2Token", provider: in.Provider,
		resources: s.onToken(in.WorkloadToken, s.onScopes(in.Provider, in.Scopes))}
	return do(ctx, s, r, func(ctx context.Context, c *call) (ResourceToken, error) {
		p, err := s.provider(ctx, caller.Account, in.Provider, false)
		if err != nil {
			return ResourceToken{}, err
		}
		in.adoptCustom()
		a := &ask{ResourceTokenRequest: in, workload: c.workload, provider: p, user: c.token.user, rights: newRights(in.Scopes, in.Resources, in.Audiences)}
		switch in.Flow {
		case UserFederation:
			return s.userFederation(ctx, c, a)
		case M2M:
			return s.machineToken(ctx, c, a)
		default:
			return ResourceToken{}, invalid("oauth2Flow", "oauth2Flow %s is not served by this release; it serves USER_FEDERATION and M2M", in.Flow)
		}
	})
}

// scopesCondition is the condition key of the scopes asked for.
const scopesCondition = "lanyard:Scopes"

// onScopes is onProvider, with the scopes asked for as a condition.
func (s *Service) onScopes(provider string, scopes []string) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		c.condition(scopesCondition, scopes...)
		return s.onProvider(provider)(ctx, c)
	}
}

// ask is a request for a resource token with what its names stand for.
type ask struct {
	ResourceTokenRequest
	workload *Workload
	provider *Provider
	user     User
	rights   rights
}

// key is the grant's. A machine token also hangs on the custom parameters, which go to the token endpoint with it; a
// user's do not, for they only shape how consent is asked.
func (a *ask) key() [32]byte {
	k := grantKey(a.workload.ID, a.user.Key(), a.provider.ID, a.rights)
	if a.Flow != M2M || len(a.CustomParameters) == 0 {
		return k
	}
	b := slices.Clone(k[:])
	for _, name := range slices.Sorted(maps.Keys(a.CustomParameters)) {
		b = appendTexts(b, name, a.CustomParameters[name])
	}
	return sha256.Sum256(b)
}

func (s *Service) userFederation(ctx context.Context, c *call, a *ask) (ResourceToken, error) {
	if a.user.None() {
		return ResourceToken{}, invalid("workloadIdentityToken", "USER_FEDERATION needs a user, and the workload access token of %s names none. Get one with GetWorkloadAccessTokenForJWT or GetWorkloadAccessTokenForUserId", a.workload.Name)
	}
	if !a.Force {
		if token, err := s.stored(ctx, c, a); err != nil || !token.Empty() {
			return ResourceToken{Access: token}, err
		}
	} else if a.SessionURI != "" {
		if pending, err := s.ownConsent(ctx, c, a); err != nil || pending.SessionURI != "" {
			return pending, err
		}
	}
	g, err := s.Store.Grant(ctx, a.workload.Account, a.key())
	found := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return ResourceToken{}, internal(err, "reading a grant")
	}
	if a.Force && a.SessionURI == "" {
		if found {
			if err := s.dropTokens(ctx, c, &g, "the caller forced a new consent"); err != nil {
				return ResourceToken{}, err
			}
			c.rec.GrantID, c.rec.Reason = "", "grant "+g.ID+" was dropped: the caller forced a new consent"
		}
		return s.beginSession(ctx, c, a)
	}
	if found {
		token, err := s.fromGrant(ctx, c, a, &g)
		if err != nil || !token.Empty() {
			return ResourceToken{Access: token}, err
		}
	}
	// Another consent may have ended while this one was looked at: its grant is the one to hand out.
	if token, err := s.stored(ctx, c, a); err != nil || !token.Empty() {
		return ResourceToken{Access: token}, err
	}
	if token, err := s.covered(ctx, c, a); err != nil || !token.Empty() {
		return ResourceToken{Access: token}, err
	}
	if a.SessionURI == "" {
		return s.beginSession(ctx, c, a)
	}
	pending, err := s.pollSession(ctx, c, a)
	if codeOf(err) == Denied && err != nil { // or between looking for the grant and for the session
		if token, serr := s.stored(ctx, c, a); serr == nil && !token.Empty() {
			return ResourceToken{Access: token}, nil
		}
	}
	return pending, err
}

// stored is the hot path: the token of an active grant that needs no thought. An empty one means to look closer.
func (s *Service) stored(ctx context.Context, c *call, a *ask) (vault.Secret, error) {
	g, err := s.Store.ActiveGrant(ctx, a.workload.Account, a.key())
	if errors.Is(err, ErrNotFound) {
		return vault.Secret{}, nil
	}
	if err != nil {
		return vault.Secret{}, internal(err, "reading a grant")
	}
	t, err := s.openGrant(ctx, &g)
	if err != nil || !s.good(&g, t) {
		return vault.Secret{}, err
	}
	c.rec.GrantID = g.ID
	s.touch(&g)
	return t.access, nil
}

// fromGrant returns the grant's token, refreshed if need be; an empty one means that only consent helps.
func (s *Service) fromGrant(ctx context.Context, c *call, a *ask, g *Grant) (vault.Secret, error) {
	if g.State != GrantActive {
		c.rec.Reason = "the stored grant " + g.ID + " is of no use: " + g.Reason
		return s.revive(ctx, c, a, g)
	}
	t, err := s.openGrant(ctx, g)
	if err != nil {
		return vault.Secret{}, err
	}
	c.rec.GrantID = g.ID
	if s.good(g, t) {
		s.touch(g)
		return t.access, nil
	}
	token, err := s.renewed(ctx, c, a.provider, g, t)
	if err == nil && !token.Empty() {
		s.touch(g) // here, not where tokens are refreshed: a refresh ahead of time is no use of the grant (A65)
	}
	return token, err
}

// good tells that the token may be handed out without any thought of renewing it.
func (s *Service) good(g *Grant, t *grantTokens) bool {
	if g.AccessExpiresAt.IsZero() {
		return true
	}
	left := g.AccessExpiresAt.Sub(s.Now())
	if g.HasRefresh {
		return left > earlyWindow(g, t.obtainedAt)
	}
	return left > lastMoments(g, t.obtainedAt)
}

// revive lets a suspended grant live again when its provider is back at the endpoints where it was made.
func (s *Service) revive(ctx context.Context, c *call, a *ask, g *Grant) (vault.Secret, error) {
	if g.State != GrantSuspended {
		return vault.Secret{}, nil
	}
	t, err := s.openGrant(ctx, g)
	if err != nil {
		return vault.Secret{}, err
	}
	p, err := s.endpoints(ctx, a.provider)
	if err != nil {
		return vault.Secret{}, err
	}
	if !t.pinnedTo(p) {
		return vault.Secret{}, nil
	}
	g.State, g.Reason, g.UpdatedAt = GrantActive, "", s.Now()
	err = s.Store.UpdateGrant(ctx, *g, "")
	if errors.Is(err, ErrVersion) {
		return s.relook(ctx, c, a, g)
	}
	if err != nil {
		return vault.Secret{}, internal(err, "storing a grant")
	}
	g.Version++
	return s.fromGrant(ctx, c, a, g)
}

// relook reads a grant anew that somebody else changed: it was revived, or revoked.
func (s *Service) relook(ctx context.Context, c *call, a *ask, g *Grant) (vault.Secret, error) {
	next, err := s.Store.Grant(ctx, g.Account, g.Key)
	if errors.Is(err, ErrNotFound) || err == nil && next.State != GrantActive {
		return vault.Secret{}, nil
	}
	if err != nil {
		return vault.Secret{}, internal(err, "reading a grant")
	}
	return s.fromGrant(ctx, c, a, &next)
}

// dropTokens forgets a grant's tokens: the row stays and says why.
func (s *Service) dropTokens(ctx context.Context, c *call, g *Grant, reason string) error {
	c.rec.GrantID, c.rec.Durable = g.ID, true
	g.State, g.Reason, g.Sealed, g.HasRefresh = GrantNeedsConsent, reason, nil, false
	g.AccessExpiresAt, g.UpdatedAt = time.Time{}, s.Now()
	owner := ""
	if g.LeaseOwner != "" && !s.Now().Before(g.LeaseUntil) {
		owner = g.LeaseOwner // left by a replica that died: it must not keep the user from starting over
	}
	err := s.Store.UpdateGrant(ctx, *g, owner)
	if errors.Is(err, ErrVersion) {
		return refuse(Conflict, "the grant was renewed by another request at the same moment; try again")
	}
	return internal(err, "storing a grant")
}

// machineToken returns a token of the workload itself (RFC 6749 section 4.4), stored until it expires.
func (s *Service) machineToken(ctx context.Context, c *call, a *ask) (ResourceToken, error) {
	if a.SessionURI != "" || a.ReturnURL != "" {
		return ResourceToken{}, invalid("oauth2Flow", "M2M involves no user: send no sessionUri and no resourceOauth2ReturnUrl, or ask for USER_FEDERATION")
	}
	a.user = User{} // the user of the token does not matter: the workload acts for itself
	key := a.key()
	if !a.Force {
		if token, err := s.stored(ctx, c, a); err != nil || !token.Empty() {
			return ResourceToken{Access: token}, err
		}
	}
	v, err, _ := s.refresh.Do("m2m "+string(key[:]), func() (any, error) { return s.fetchMachineToken(context.WithoutCancel(ctx), c, a, key) })
	if err != nil {
		return ResourceToken{}, err
	}
	m := v.(machineGrant)
	c.rec.GrantID = m.id
	return ResourceToken{Access: m.access}, nil
}

type machineGrant struct {
	id     string
	access vault.Secret
}

// unknownLifetime is how long a machine token without a stated lifetime is kept: asking again is cheap.
const unknownLifetime = 5 * time.Minute

func (s *Service) fetchMachineToken(ctx context.Context, c *call, a *ask, key [32]byte) (machineGrant, error) {
	// The configuration that decides is read anew: another replica may have changed it.
	p, err := s.provider(ctx, a.workload.Account, a.provider.Name, true)
	if err != nil {
		return machineGrant{}, err
	}
	op, err := s.endpoints(ctx, p)
	if err == nil {
		op, err = s.client(ctx, p, op, a.workload.ID)
	}
	if err != nil {
		return machineGrant{}, err
	}
	if err := s.intend(ctx, c, "ask the token endpoint "+op.TokenEndpoint+" for a token of the workload itself"); err != nil {
		return machineGrant{}, err
	}
	answer, err := s.OAuth.ClientCredentials(ctx, op, a.rights.scopes, a.rights.resources, a.rights.audiences, a.CustomParameters)
	if err != nil {
		return machineGrant{}, s.providerFault(p, "asking for a machine token at "+op.TokenEndpoint, err)
	}
	now := s.Now()
	g := Grant{Account: a.workload.Account, ID: newID(s.Rand, "gr-"), Key: key, WorkloadID: a.workload.ID, ProviderID: p.ID, CreatedAt: now, LastUsedAt: now}
	t := &grantTokens{issuer: op.Issuer, tokenEndpoint: op.TokenEndpoint, rights: a.rights}
	answer.Refresh = vault.Secret{} // RFC 6749 section 4.4.3: none belongs here
	g.take(t, answer, now)
	if g.AccessExpiresAt.IsZero() {
		g.AccessExpiresAt = now.Add(unknownLifetime)
	}
	if err := t.seal(ctx, s, &g); err != nil {
		return machineGrant{}, err
	}
	return machineGrant{g.ID, answer.Access}, internal(s.Store.PutGrant(ctx, g), "storing a machine token")
}
