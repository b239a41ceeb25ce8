package devidp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// issueFamily issues an access token and, when openid is among the scopes, an ID token.
func (s *Server) issueFamily(ctx context.Context, by client, id string, f family, t target, nonce string) (*tokenAnswer, error) {
	user, ok, err := s.directory.userBySubject(ctx, f.Subject)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, invalidGrant("the user no longer exists")
	}
	access, err := s.issueAccess(ctx, by, &user, accessToken{Family: id, ClientID: f.ClientID, Subject: f.Subject,
		Scopes: t.scopes, Audiences: t.audiences}, f.AuthAt)
	if err != nil {
		return nil, err
	}
	answer := newAnswer(access, t.scopes, by.accessTTL)
	if slices.Contains(t.scopes, "openid") || f.Direct {
		answer.IDToken, err = s.issueID(ctx, by, &user, id, f, t.scopes, nonce)
	}
	return answer, err
}

// addRefresh adds a refresh token. It always stands for the whole consent, however narrow the access token beside it is
// (RFC 6749, 6).
func (s *Server) addRefresh(ctx context.Context, answer *tokenAnswer, id string, f family) (err error) {
	if answer.RefreshToken, err = s.newSecret(); err != nil {
		return err
	}
	return put(ctx, s, kindRefresh, answer.RefreshToken, familyMember{Family: id}, f.ExpiresAt)
}

// issueAccess signs an access token and records it under its hash: the record, not the signature, is what this server
// believes when the token comes back, and deleting it revokes the token here.
func (s *Server) issueAccess(ctx context.Context, by client, user *User, t accessToken, authAt time.Time) (string, error) {
	t.IssuedAt = s.cfg.Now()
	t.ExpiresAt = t.IssuedAt.Add(by.accessTTL)
	b := birth{issuer: s.cfg.Issuer, client: by.id, family: t.Family, user: user, authAt: authAt, at: t.IssuedAt, expires: t.ExpiresAt}
	var err error
	if b.id, err = s.newTokenID(); err != nil {
		return "", err
	}
	typ, claims := s.claims.access(b, &t)
	signed, err := s.sign(ctx, typ, claims)
	if err != nil {
		return "", fmt.Errorf("devidp: sign access token: %w", err)
	}
	return signed, put(ctx, s, kindAccess, signed, t, t.ExpiresAt)
}

func (s *Server) issueID(ctx context.Context, by client, user *User, id string, f family, scopes []string, nonce string) (string, error) {
	now := s.cfg.Now()
	b := birth{issuer: s.cfg.Issuer, client: by.id, family: id, user: user, authAt: f.AuthAt, at: now, expires: now.Add(by.idTTL)}
	var err error
	if b.id, err = s.newTokenID(); err != nil {
		return "", err
	}
	if f.Direct {
		scopes = []string{"profile", "email", "phone", "address"} // a sign-in by API asks for none and gets them all
	}
	signed, err := s.sign(ctx, typeIDToken, s.claims.id(b, scopes, nonce))
	if err != nil {
		return "", fmt.Errorf("devidp: sign ID token: %w", err)
	}
	return signed, nil
}

func (s *Server) sign(ctx context.Context, typ string, claims any) (string, error) {
	key, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	return key.Sign(typ, claims)
}

// newTokenID is the jti of a token, in the form of a version 4 UUID (RFC 9562, 5.4).
func (s *Server) newTokenID() (string, error) {
	b, err := s.random(16)
	if err != nil {
		return "", err
	}
	return uuid(b), nil
}

// uuid writes 16 random bytes as a version 4 UUID.
func uuid(b []byte) string {
	v := slices.Clone(b[:16])
	v[6], v[8] = v[6]&0x0f|0x40, v[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
}

func newAnswer(access string, scopes []string, ttl time.Duration) *tokenAnswer {
	return &tokenAnswer{AccessToken: access, TokenType: "Bearer", Scope: strings.Join(scopes, " "), ExpiresIn: int64(ttl / time.Second)}
}
