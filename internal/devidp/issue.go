package devidp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Types of the JWTs issued here, so that one kind never passes for another (RFC 8725, 3.11; RFC 9068, 2.1).
const (
	typeAccessToken = "at+jwt"
	typeIDToken     = "JWT"
)

// accessClaims are the claims of an access token (RFC 9068, 2.2).
type accessClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	ID       string `json:"jti"`
	AuthTime int64  `json:"auth_time,omitempty"`
}

// idClaims are the claims of an ID token (OpenID Connect Core, 2).
type idClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	AuthTime int64  `json:"auth_time"`
	Nonce    string `json:"nonce,omitempty"`
	profile
}

// profile is what scopes reveal about the user.
type profile struct {
	Name              string `json:"name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Email             string `json:"email,omitempty"`
}

func profileOf(user User, scopes []string) (p profile) {
	if slices.Contains(scopes, "profile") {
		p.Name, p.PreferredUsername = user.Name, user.Username
	}
	if slices.Contains(scopes, "email") {
		p.Email = user.Email
	}
	return p
}

// issueFamily issues access token, next refresh token and, when openid is among the scopes, ID token. The refresh token
// always stands for the whole consent, however narrow the access token is (RFC 6749, 6).
func (s *Server) issueFamily(ctx context.Context, id string, f family, t target, nonce string) (*tokenAnswer, error) {
	access, err := s.issueAccess(ctx, accessToken{Family: id, ClientID: f.ClientID, Subject: f.Subject,
		Scopes: t.scopes, Audiences: t.audiences}, authTime(f.AuthAt))
	if err != nil {
		return nil, err
	}
	answer := s.answer(access, t.scopes)
	if answer.RefreshToken, err = s.newSecret(); err != nil {
		return nil, err
	}
	if err := put(ctx, s, kindRefresh, answer.RefreshToken, familyMember{Family: id}, f.ExpiresAt); err != nil {
		return nil, err
	}
	if slices.Contains(t.scopes, "openid") {
		answer.IDToken, err = s.issueID(f, t.scopes, nonce)
	}
	return answer, err
}

func authTime(at time.Time) func(*accessClaims) {
	return func(c *accessClaims) { c.AuthTime = at.Unix() }
}

// issueAccess signs an access token and records it under its hash: the record, not the signature, is what this server
// believes when the token comes back, and deleting it revokes the token here.
func (s *Server) issueAccess(ctx context.Context, t accessToken, extra ...func(*accessClaims)) (string, error) {
	id, err := s.newSecret()
	if err != nil {
		return "", err
	}
	if len(t.Audiences) == 0 {
		t.Audiences = []string{s.cfg.Issuer} // RFC 9068, 3: a default resource, here our own userinfo endpoint
	}
	t.IssuedAt = s.cfg.Now()
	t.ExpiresAt = t.IssuedAt.Add(s.cfg.AccessTokenTTL)
	claims := accessClaims{Issuer: s.cfg.Issuer, Subject: t.Subject, Audience: audienceClaim(t.Audiences), ClientID: t.ClientID,
		Scope: strings.Join(t.Scopes, " "), Expires: t.ExpiresAt.Unix(), IssuedAt: t.IssuedAt.Unix(), ID: id}
	for _, set := range extra {
		set(&claims)
	}
	signed, err := s.cfg.Key.Sign(typeAccessToken, claims)
	if err != nil {
		return "", fmt.Errorf("devidp: sign access token: %w", err)
	}
	return signed, put(ctx, s, kindAccess, signed, t, t.ExpiresAt)
}

// audienceClaim writes one audience as a string, which every reader understands (RFC 7519, 4.1.3).
func audienceClaim(audiences []string) any {
	if len(audiences) == 1 {
		return audiences[0]
	}
	return audiences
}

func (s *Server) issueID(f family, scopes []string, nonce string) (string, error) {
	user, ok := s.userBySubject(f.Subject)
	if !ok {
		return "", invalidGrant("the user no longer exists")
	}
	now := s.cfg.Now()
	signed, err := s.cfg.Key.Sign(typeIDToken, idClaims{Issuer: s.cfg.Issuer, Subject: f.Subject, Audience: f.ClientID,
		Expires: now.Add(s.cfg.AccessTokenTTL).Unix(), IssuedAt: now.Unix(), AuthTime: f.AuthAt.Unix(), Nonce: nonce,
		profile: profileOf(user, scopes)})
	if err != nil {
		return "", fmt.Errorf("devidp: sign ID token: %w", err)
	}
	return signed, nil
}

func (s *Server) answer(access string, scopes []string) *tokenAnswer {
	return &tokenAnswer{AccessToken: access, TokenType: "Bearer", Scope: strings.Join(scopes, " "),
		ExpiresIn: int64(s.cfg.AccessTokenTTL / time.Second)}
}
