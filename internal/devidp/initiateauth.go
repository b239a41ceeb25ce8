package devidp

import (
	"context"
	"errors"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// Flows of InitiateAuth.
const (
	flowPassword    = "USER_PASSWORD_AUTH"
	flowRefresh     = "REFRESH_TOKEN_AUTH"
	flowRefreshOld  = "REFRESH_TOKEN"
	flowCredentials = "CLIENT_CREDENTIALS" // what some clients send for a token of their own
)

// signIn is one sign-in by API at work.
type signIn struct {
	pools  *Pools
	pool   *pool
	client *poolClient
	oauth  client
	server *Server
	peer   *policy.Caller // where the request comes from: nobody has signed it
	params map[string]api.Sensitive
}

func (s *signIn) param(name string) string { return string(s.params[name]) }

// InitiateAuth signs a user in by password, or renews tokens. Nothing but the request's own proof is believed.
func (p *Pools) InitiateAuth(ctx context.Context, peer *policy.Caller, in *api.InitiateAuthRequest) (*api.AuthResponse, error) {
	s, err := p.newSignIn(ctx, peer, in.ClientID, in.AuthParameters)
	if err != nil {
		return nil, asException(err)
	}
	var out *api.AuthResponse
	switch in.AuthFlow {
	case flowPassword:
		out, err = s.byPassword(ctx)
	case flowRefresh, flowRefreshOld:
		out, err = s.byRefresh(ctx)
	case flowCredentials:
		out, err = s.byCredentials(ctx)
	default:
		err = invalidParameter("AuthFlow %s is not served by the development user pools; they serve %s, %s and %s", in.AuthFlow, flowPassword, flowRefresh, flowCredentials)
	}
	return out, asException(err)
}

func (p *Pools) newSignIn(ctx context.Context, peer *policy.Caller, clientID string, params map[string]api.Sensitive) (*signIn, error) {
	c, err := p.clientByID(ctx, clientID)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, refuseAs(api.ResourceNotFoundException, "User pool client %s does not exist", clientID)
	}
	if err != nil {
		return nil, err
	}
	pool, err := p.poolByID(ctx, c.record.Parent)
	if err != nil {
		return nil, err
	}
	oauth, err := p.oauthClient(ctx, c)
	return &signIn{pools: p, pool: pool, client: c, oauth: oauth, server: p.server(pool), peer: peer, params: params}, err
}

// errWrongPassword is the one answer to a name and a password that do not go together (A49).
var errWrongPassword = refuseAs(api.NotAuthorizedException, "Incorrect username or password.")

func (s *signIn) byPassword(ctx context.Context) (*api.AuthResponse, error) {
	if !s.client.allows("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH") {
		return nil, invalidParameter("USER_PASSWORD_AUTH flow not enabled for this client: add ALLOW_USER_PASSWORD_AUTH to its ExplicitAuthFlows")
	}
	username, password := s.param("USERNAME"), s.param("PASSWORD")
	if username == "" || password == "" {
		return nil, invalidParameter("Missing required parameter: AuthParameters must have USERNAME and PASSWORD")
	}
	if err := s.pools.checkSecretHash(ctx, s.client, s.param("SECRET_HASH"), username); err != nil {
		return nil, err
	}
	user, verdict, err := s.checkPassword(ctx, username, password)
	if err != nil {
		return nil, err
	}
	if verdict == verdictMustSet {
		return s.challenge(ctx, &user)
	}
	return s.grant(ctx, api.InitiateAuth, &user, nothing)
}

// checkPassword slows guessing down as the sign-in page does, and counts with it.
func (s *signIn) checkPassword(ctx context.Context, username, password string) (User, verdict, error) {
	attempt, wait := s.server.attempts.begin(s.pools.cfg.Now(), s.server.cfg.Issuer+"\x00"+username, s.peer.SourceIP)
	if wait > 0 {
		return User{}, verdictWrong, refuseAs(api.NotAuthorizedException, "Password attempts exceeded: wait %.0f seconds", wait.Seconds()+1)
	}
	user, verdict, err := s.server.directory.verify(ctx, username, password)
	if err != nil {
		return User{}, verdictWrong, err
	}
	if verdict == verdictWrong {
		return User{}, verdict, s.wrongPassword(ctx, username)
	}
	attempt.succeeded()
	if verdict == verdictOutdated {
		return User{}, verdict, refuseAs(api.NotAuthorizedException, "Temporary password has expired and must be reset by an administrator.")
	}
	return user, verdict, nil
}

// wrongPassword tells of a user who does not exist only where the client was registered to be told.
func (s *signIn) wrongPassword(ctx context.Context, username string) error {
	if value(s.client.data.PreventUserExistenceErrors) != api.ExistenceErrorsLegacy {
		return errWrongPassword
	}
	if _, err := s.pools.userNamed(ctx, s.pool, username); errors.Is(err, identity.ErrNotFound) {
		return refuseAs(api.UserNotFoundException, "User does not exist.")
	}
	return errWrongPassword
}

// nothing is what has to be done before the tokens of a user who only signs in.
func nothing(context.Context) error { return nil }

// grant begins a family of tokens for a user whose proof was accepted, once first has been done.
func (s *signIn) grant(ctx context.Context, op api.Operation, user *User, first func(context.Context) error) (*api.AuthResponse, error) {
	return s.audited(ctx, op, user.Username, func(ctx context.Context) (*api.AuthResponse, error) {
		if err := first(ctx); err != nil {
			return nil, err
		}
		now := s.pools.cfg.Now()
		f := family{ClientID: s.client.id(), Subject: user.Subject, Scopes: []string{selfService}, AuthAt: now, ExpiresAt: now.Add(s.oauth.refreshTTL), Direct: true}
		id, err := s.server.newSecret()
		if err != nil {
			return nil, err
		}
		if err := put(ctx, s.server, kindFamily, id, f, f.ExpiresAt); err != nil {
			return nil, err
		}
		answer, err := s.server.issueFamily(ctx, s.oauth, id, f, target{scopes: f.Scopes}, "")
		if err == nil && s.oauth.mayUse(grantRefresh) {
			err = s.server.addRefresh(ctx, answer, id, f)
		}
		if err != nil {
			return nil, err
		}
		return result(answer), nil
	})
}

// audited writes the one audit record of tokens that are handed out for a proof.
func (s *signIn) audited(ctx context.Context, op api.Operation, username string, f func(context.Context) (*api.AuthResponse, error)) (*api.AuthResponse, error) {
	caller := &policy.Caller{Account: s.pool.account(), ARN: s.pools.arn(s.pool.account(), s.pool.id()) + "/" + username, Name: username,
		SourceIP: s.peer.SourceIP, SecureTransport: s.peer.SecureTransport}
	action := identity.Performance{Action: op.Action(), Resources: []string{s.pools.arn(s.pool.account(), s.pool.id())}, Durable: true}
	return identity.PerformProven(ctx, s.pools.cfg.Identity, caller, action, f)
}

func result(a *tokenAnswer) *api.AuthResponse {
	return &api.AuthResponse{ChallengeParameters: map[string]string{}, AuthenticationResult: &api.AuthenticationResult{
		AccessToken: api.Sensitive(a.AccessToken), ExpiresIn: a.ExpiresIn, TokenType: a.TokenType,
		RefreshToken: api.Sensitive(a.RefreshToken), IDToken: api.Sensitive(a.IDToken)}}
}

// errRefresh is the one answer to a refresh token that is good for nothing here.
var errRefresh = refuseAs(api.NotAuthorizedException, "Invalid Refresh Token")

func (s *signIn) byRefresh(ctx context.Context) (*api.AuthResponse, error) {
	if !s.oauth.mayUse(grantRefresh) {
		return nil, invalidParameter("REFRESH_TOKEN_AUTH flow not enabled for this client: add ALLOW_REFRESH_TOKEN_AUTH to its ExplicitAuthFlows")
	}
	token := s.param("REFRESH_TOKEN")
	_, f, err := s.server.findRefresh(ctx, s.oauth, token)
	if refused := new(endpointError); errors.As(err, &refused) {
		return nil, errRefresh
	}
	if err != nil {
		return nil, err
	}
	user, ok, err := s.server.directory.userBySubject(ctx, f.Subject)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errRefresh
	}
	if err := s.pools.checkSecretHash(ctx, s.client, s.param("SECRET_HASH"), user.Username, user.Subject); err != nil {
		return nil, err
	}
	return s.audited(ctx, api.InitiateAuth, user.Username, func(ctx context.Context) (*api.AuthResponse, error) {
		answer, err := s.server.refresh(ctx, s.oauth, map[string][]string{"refresh_token": {token}})
		if refused := new(endpointError); errors.As(err, &refused) { // somebody else was faster
			return nil, errRefresh
		}
		if err != nil {
			return nil, err
		}
		return result(answer), nil
	})
}

// byCredentials issues a client's own token for its secret hash, made over the client id alone.
func (s *signIn) byCredentials(ctx context.Context) (*api.AuthResponse, error) {
	if !s.oauth.mayUse(grantClient) || s.oauth.public {
		return nil, refuseAs(api.NotAuthorizedException, "Client %s is not registered for client_credentials", s.client.id())
	}
	if err := s.pools.checkSecretHash(ctx, s.client, s.param("SECRET_HASH"), ""); err != nil {
		return nil, err
	}
	return s.audited(ctx, api.InitiateAuth, s.client.id(), func(ctx context.Context) (*api.AuthResponse, error) {
		answer, err := s.server.clientToken(ctx, s.oauth, map[string][]string{"scope": {s.param("SCOPE")}})
		if refused := new(endpointError); errors.As(err, &refused) {
			return nil, invalidParameter("%s: %s", refused.code, refused.description)
		}
		if err != nil {
			return nil, err
		}
		return result(answer), nil
	})
}

// RevokeToken ends a refresh token, and with it every token of its sign-in. It answers alike for a token that is unknown
// (RFC 7009, 2.2).
func (p *Pools) RevokeToken(ctx context.Context, peer *policy.Caller, in *api.RevokeTokenRequest) (*api.Empty, error) {
	s, err := p.newSignIn(ctx, peer, in.ClientID, nil)
	if err != nil {
		return nil, asException(err)
	}
	if !s.oauth.authentic(string(in.ClientSecret)) {
		return nil, asException(refuseAs(api.NotAuthorizedException, "Client authentication failed: send the ClientSecret of a client that has one, and none of one that has not"))
	}
	token := string(in.Token)
	if strings.Count(token, ".") == 2 {
		return nil, asException(refuseAs(api.UnsupportedTokenType, "Only a refresh token can be revoked here; its access tokens end with it"))
	}
	m, ok, err := get[familyMember](ctx, s.server, kindRefresh, token)
	if err != nil || !ok {
		return nil, err
	}
	_, err = s.audited(ctx, api.RevokeToken, s.client.id(), func(ctx context.Context) (*api.AuthResponse, error) {
		return nil, s.server.revokeFamily(ctx, s.oauth, m.Family)
	})
	return nil, err
}

// challengeNewPassword is the one challenge here.
const challengeNewPassword = "NEW_PASSWORD_REQUIRED"
