package devidp

import (
	"slices"
	"strings"
	"time"
)

// Types of the JWTs issued here, so that one kind never passes for another (RFC 8725, 3.11; RFC 9068, 2.1).
const (
	typeAccessToken = "at+jwt"
	typeIDToken     = "JWT"
)

// birth is what every token says of where it comes from.
type birth struct {
	issuer, client, id  string
	family              string // the consent behind it, "" of a client's own token
	user                *User
	authAt, at, expires time.Time
}

// claimsForm is the form of what tokens say, which differs from one kind of server to another.
type claimsForm interface {
	// access gives the claims of an access token and its typ. It may complete the record of the token.
	access(b birth, t *accessToken) (typ string, claims any)
	id(b birth, scopes []string, nonce string) any
	userinfo(u User, scopes []string) any
	// describe completes the metadata that discovery serves.
	describe(s *Server, metadata map[string]any)
}

// plainClaims is the form of RFC 9068 and OpenID Connect Core.
type plainClaims struct{}

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

func (plainClaims) access(b birth, t *accessToken) (string, any) {
	if len(t.Audiences) == 0 {
		t.Audiences = []string{b.issuer} // RFC 9068, 3: a default resource, here our own userinfo endpoint
	}
	c := accessClaims{Issuer: b.issuer, Subject: t.Subject, Audience: audienceClaim(t.Audiences), ClientID: t.ClientID,
		Scope: strings.Join(t.Scopes, " "), Expires: b.expires.Unix(), IssuedAt: b.at.Unix(), ID: b.id}
	if b.family != "" { // nobody signed in for a client's own token
		c.AuthTime = b.authAt.Unix()
	}
	return typeAccessToken, c
}

// audienceClaim writes one audience as a string, which every reader understands (RFC 7519, 4.1.3).
func audienceClaim(audiences []string) any {
	if len(audiences) == 1 {
		return audiences[0]
	}
	return audiences
}

func (plainClaims) id(b birth, scopes []string, nonce string) any {
	return idClaims{Issuer: b.issuer, Subject: b.user.Subject, Audience: b.client, Expires: b.expires.Unix(), IssuedAt: b.at.Unix(),
		AuthTime: b.authAt.Unix(), Nonce: nonce, profile: profileOf(*b.user, scopes)}
}

func (plainClaims) userinfo(u User, scopes []string) any {
	return struct {
		Subject string `json:"sub"`
		profile
	}{u.Subject, profileOf(u, scopes)}
}

func (plainClaims) describe(s *Server, m map[string]any) {
	m["introspection_endpoint"] = s.url("/introspect")
	m["introspection_endpoint_auth_methods_supported"] = m["token_endpoint_auth_methods_supported"]
	m["scopes_supported"] = []string{"openid", "profile", "email", "offline_access"}
	m["claims_supported"] = []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "preferred_username", "email"}
}
