package devidp

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// poolClaims is the form that clients of Cognito read. token_use tells an access token from an ID token, since neither
// has a typ of its own there.
type poolClaims struct{}

// poolAccessClaims are the claims of an access token. It has an audience only when a resource was asked for.
type poolAccessClaims struct {
	Subject   string `json:"sub"`
	Issuer    string `json:"iss"`
	Audience  any    `json:"aud,omitempty"`
	ClientID  string `json:"client_id"`
	OriginID  string `json:"origin_jti,omitempty"` // the same for all tokens of one sign-in
	TokenUse  string `json:"token_use"`
	Scope     string `json:"scope"`
	AuthTime  int64  `json:"auth_time"`
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	ID        string `json:"jti"`
	Username  string `json:"username,omitempty"`
	Version   int    `json:"version,omitempty"`
}

func (poolClaims) access(b birth, t *accessToken) (string, any) {
	c := poolAccessClaims{Subject: t.Subject, Issuer: b.issuer, ClientID: b.client, OriginID: originID(b.family), TokenUse: "access",
		Scope: strings.Join(t.Scopes, " "), AuthTime: b.authAt.Unix(), ExpiresAt: b.expires.Unix(), IssuedAt: b.at.Unix(), ID: b.id,
		Username: b.user.Username, Version: 2}
	if len(t.Audiences) > 0 {
		c.Audience = audienceClaim(t.Audiences)
	}
	if slices.Contains(t.Scopes, selfService) {
		c.Version = 0 // tokens of a sign-in by API have none
	}
	return typeIDToken, c
}

// originID names a sign-in without naming its record.
func originID(family string) string {
	if family == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("origin_jti\x00" + family))
	return uuid(sum[:])
}

// claimScopes says which scope reveals an attribute (OpenID Connect Core, 5.4). An attribute of the pool's own comes with
// the profile.
func claimScope(name string) string {
	switch name {
	case "email", "email_verified":
		return "email"
	case "phone_number", "phone_number_verified":
		return "phone"
	case "address":
		return "address"
	default:
		return "profile"
	}
}

func revealed(u *User, scopes []string) map[string]any {
	out := map[string]any{"sub": u.Subject}
	for name, v := range u.claims {
		if slices.Contains(scopes, claimScope(name)) {
			out[name] = v
		}
	}
	if slices.Contains(scopes, "email") && u.Email != "" && out["email_verified"] == nil {
		out["email_verified"] = false
	}
	return out
}

func (poolClaims) id(b birth, scopes []string, nonce string) any {
	c := revealed(b.user, scopes)
	c["iss"], c["aud"], c["token_use"], c["cognito:username"] = b.issuer, b.client, "id", b.user.Username
	c["auth_time"], c["exp"], c["iat"] = b.authAt.Unix(), b.expires.Unix(), b.at.Unix()
	c["jti"], c["origin_jti"] = b.id, originID(b.family)
	if nonce != "" {
		c["nonce"] = nonce
	}
	return c
}

func (poolClaims) userinfo(u User, scopes []string) any {
	c := revealed(&u, scopes)
	c["username"] = u.Username
	return c
}

func (poolClaims) describe(_ *Server, m map[string]any) {
	m["scopes_supported"] = []string{"openid", "email", "phone", "profile"}
	m["claims_supported"] = []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "token_use", "cognito:username", "name", "email", "phone_number"}
}
