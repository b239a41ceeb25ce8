package devidp

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// kindChallenge is a sign-in that waits for a new password, by its session.
const kindChallenge = "challenge"

type pendingChallenge struct {
	ClientID string `json:"client_id"`
	Subject  string `json:"sub"`
}

// challenge asks the user for a new password in place of the temporary one. The session is a random name that only this
// answer holds.
func (s *signIn) challenge(ctx context.Context, user *User) (*api.AuthResponse, error) {
	session, err := s.server.newSecret()
	if err != nil {
		return nil, err
	}
	until := s.pools.cfg.Now().Add(time.Duration(or(s.client.data.AuthSessionValidity, usualAuthSession)) * time.Minute)
	if err := put(ctx, s.server, kindChallenge, session, pendingChallenge{s.client.id(), user.Subject}, until); err != nil {
		return nil, err
	}
	return &api.AuthResponse{ChallengeName: challengeNewPassword, Session: api.Sensitive(session), ChallengeParameters: map[string]string{
		"USER_ID_FOR_SRP": user.Username, "requiredAttributes": "[]", "userAttributes": "{}"}}, nil
}

// RespondToAuthChallenge sets the new password that a sign-in was asked for, and finishes it.
func (p *Pools) RespondToAuthChallenge(ctx context.Context, peer *policy.Caller, in *api.RespondToAuthChallengeRequest) (*api.AuthResponse, error) {
	s, err := p.newSignIn(ctx, peer, in.ClientID, in.ChallengeResponses)
	if err != nil {
		return nil, asException(err)
	}
	if in.ChallengeName != challengeNewPassword {
		return nil, asException(invalidParameter("ChallengeName %s is not asked by the development user pools; they ask %s alone", in.ChallengeName, challengeNewPassword))
	}
	out, err := s.setPassword(ctx, string(in.Session))
	return out, asException(err)
}

var errSession = refuseAs(api.NotAuthorizedException, "Invalid session for the user: it is unknown, used, or past its time. Begin again with InitiateAuth")

func (s *signIn) setPassword(ctx context.Context, session string) (*api.AuthResponse, error) {
	user, err := s.challenged(ctx, session)
	if err != nil {
		return nil, err
	}
	if err := s.pools.checkSecretHash(ctx, s.client, s.param("SECRET_HASH"), s.param("USERNAME")); err != nil {
		return nil, err
	}
	for name := range s.params {
		if strings.HasPrefix(name, "userAttributes.") {
			return nil, invalidParameter("%s: attributes are set by an administrator here; leave it out", name)
		}
	}
	password, err := s.pools.newPassword(ctx, s.pool, s.param("NEW_PASSWORD")) // a refused one leaves the session good
	if err != nil {
		return nil, err
	}
	signedIn := user.oidc()
	return s.grant(ctx, api.RespondToAuthChallenge, &signedIn, func(ctx context.Context) error {
		won, err := s.server.take(ctx, kindChallenge, session)
		if err == nil && !won {
			err = errSession
		}
		if err != nil {
			return err
		}
		user.confirm()
		return s.pools.changeUser(ctx, user, password)
	})
}

// challenged is the user of a session, if the client and the user name are those of its beginning.
func (s *signIn) challenged(ctx context.Context, session string) (*poolUser, error) {
	if !isSecret(session) {
		return nil, errSession
	}
	c, ok, err := get[pendingChallenge](ctx, s.server, kindChallenge, session)
	if err != nil {
		return nil, err
	}
	if !ok || c.ClientID != s.client.id() {
		return nil, errSession
	}
	user, err := s.pools.userNamed(ctx, s.pool, s.param("USERNAME"))
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return nil, err
	}
	if err != nil || user.record.ID != c.Subject || user.data.Disabled || user.data.Status != statusMustChange {
		return nil, errSession
	}
	return user, nil
}
