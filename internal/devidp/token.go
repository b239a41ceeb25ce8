package devidp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Grant types.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

// tokenAnswer is a successful token response (RFC 6749, 5.1).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// token is the token endpoint.
func (s *Server) token(r *http.Request, by client) (any, error) {
	grant := r.PostForm.Get("grant_type")
	if grant != "" && !by.mayUse(grant) {
		return nil, badRequest("unauthorized_client", "the client is not registered for this grant_type")
	}
	switch grant {
	case grantCode:
		return s.exchangeCode(r.Context(), by, r.PostForm)
	case grantRefresh:
		return s.refresh(r.Context(), by, r.PostForm)
	case grantClient:
		return s.clientToken(r.Context(), by, r.PostForm)
	case "":
		return nil, badRequest("invalid_request", "grant_type is required")
	}
	return nil, badRequest("unsupported_grant_type", "grant_type must be authorization_code, refresh_token or client_credentials")
}

func invalidGrant(description string) error { return badRequest("invalid_grant", description) }

// exchangeCode redeems a code (RFC 6749, 4.1.3). All that the answer needs is written before the code is taken, and the
// code is taken last: a crash in between leaves the code good, and of two exchanges at once only one succeeds.
func (s *Server) exchangeCode(ctx context.Context, by client, form url.Values) (*tokenAnswer, error) {
	code := form.Get("code")
	c, f, err := s.findCode(ctx, by, code)
	if err != nil {
		return nil, err
	}
	if form.Get("redirect_uri") != c.RedirectURI {
		return nil, invalidGrant("redirect_uri is not the one of the authorization request")
	}
	if !verifierMatches(form.Get("code_verifier"), c.Challenge) {
		return nil, invalidGrant("code_verifier is missing or does not match code_challenge")
	}
	t, err := narrow(f, url.Values{"resource": form["resource"], "audience": form["audience"]})
	if err != nil {
		return nil, err
	}
	answer, err := s.issueFamily(ctx, by, c.Family, f, t, c.Nonce)
	if err != nil {
		return nil, err
	}
	if err := s.addRefresh(ctx, answer, c.Family, f); err != nil {
		return nil, err
	}
	return answer, s.spend(ctx, kindCode, code, c.Family, f.ExpiresAt)
}

// findCode finds the code and its family. A code that was used before takes everything issued from it down
// (RFC 6749, 4.1.2).
func (s *Server) findCode(ctx context.Context, by client, code string) (c authorizationCode, f family, err error) {
	unknown := invalidGrant("the code is unknown, expired or used")
	if !isSecret(code) {
		return c, f, unknown
	}
	c, ok, err := get[authorizationCode](ctx, s, kindCode, code)
	if err != nil {
		return c, f, err
	}
	if !ok {
		if err := s.revokeSpent(ctx, by, kindCode, code); err != nil {
			return c, f, err
		}
		return c, f, unknown
	}
	f, ok, err = s.liveFamily(ctx, c.Family)
	if err == nil && (!ok || f.ClientID != by.id) {
		err = unknown
	}
	return c, f, err
}

// refresh rotates a refresh token (RFC 9700, 4.14.2), in the same order of writes as exchangeCode. A client that keeps its
// refresh tokens gets no new one, and the old one stays good.
func (s *Server) refresh(ctx context.Context, by client, form url.Values) (*tokenAnswer, error) {
	old := form.Get("refresh_token")
	id, f, err := s.findRefresh(ctx, by, old)
	if err != nil {
		return nil, err
	}
	t, err := narrow(f, form)
	if err != nil {
		return nil, err
	}
	answer, err := s.issueFamily(ctx, by, id, f, t, "")
	if err != nil || by.keepRefresh {
		return answer, err
	}
	if err := s.addRefresh(ctx, answer, id, f); err != nil {
		return nil, err
	}
	return answer, s.spend(ctx, kindRefresh, old, id, f.ExpiresAt)
}

// findRefresh finds a refresh token's family. A token that was used before takes its family down: thief and owner cannot
// be told apart (RFC 9700, 4.14.2).
func (s *Server) findRefresh(ctx context.Context, by client, token string) (id string, f family, err error) {
	unknown := invalidGrant("the refresh token is unknown, expired, used or revoked")
	if !isSecret(token) {
		return "", f, unknown
	}
	m, ok, err := get[familyMember](ctx, s, kindRefresh, token)
	if err != nil {
		return "", f, err
	}
	if !ok {
		if err := s.revokeSpent(ctx, by, kindRefresh, token); err != nil {
			return "", f, err
		}
		return "", f, unknown
	}
	f, ok, err = s.liveFamily(ctx, m.Family)
	if err == nil && (!ok || f.ClientID != by.id) {
		err = unknown
	}
	return m.Family, f, err
}

// liveFamily finds a family that is neither revoked nor expired and whose user still exists: asked at every exchange,
// refresh and use.
func (s *Server) liveFamily(ctx context.Context, id string) (f family, ok bool, err error) {
	f, ok, err = get[family](ctx, s, kindFamily, id)
	if err != nil || !ok {
		return f, false, err
	}
	_, ok, err = s.directory.userBySubject(ctx, f.Subject)
	return f, ok, err
}

// spend uses a code or refresh token up. The mark comes before the taking, so that no crash leaves a used one without
// it. Whoever finds the token gone has lost against another user of it, which revokes what both were issued.
func (s *Server) spend(ctx context.Context, kind, secret, familyID string, until time.Time) error {
	if err := put(ctx, s, kindSpent, kind+"\x00"+secret, familyMember{Family: familyID}, until); err != nil {
		return err
	}
	won, err := s.take(ctx, kind, secret)
	if err != nil {
		return err
	}
	if !won {
		s.cfg.Log.WarnContext(ctx, "code or refresh token used twice at once; all tokens of its consent are revoked", "kind", kind)
		if err := s.remove(ctx, kindFamily, familyID); err != nil {
			return err
		}
		return invalidGrant("the " + kind + " was used twice at once; all tokens of its consent are revoked")
	}
	return nil
}

// revokeSpent revokes the family of a code or refresh token that was used before, if the client that shows it owns it.
func (s *Server) revokeSpent(ctx context.Context, by client, kind, secret string) error {
	m, ok, err := get[familyMember](ctx, s, kindSpent, kind+"\x00"+secret)
	if err != nil || !ok {
		return err
	}
	f, ok, err := get[family](ctx, s, kindFamily, m.Family)
	if err != nil || !ok || f.ClientID != by.id {
		return err
	}
	s.cfg.Log.WarnContext(ctx, "code or refresh token used again; all tokens of its consent are revoked", "kind", kind)
	return s.remove(ctx, kindFamily, m.Family)
}

// clientToken issues a token for the client itself (RFC 6749, 4.4): no user, no refresh token, no ID token.
func (s *Server) clientToken(ctx context.Context, by client, form url.Values) (*tokenAnswer, error) {
	if by.public {
		return nil, badRequest("unauthorized_client", "a client without a secret cannot prove that it is itself")
	}
	scopes, err := parseScopes(form.Get("scope"))
	if err == nil {
		scopes, err = by.scopes(scopes, grantClient)
	}
	if err != nil {
		return nil, asEndpointError(err)
	}
	audiences, err := parseAudiences(form)
	if err != nil {
		return nil, asEndpointError(err)
	}
	now := s.cfg.Now()
	access, err := s.issueAccess(ctx, by, &User{}, accessToken{ClientID: by.id, Subject: by.id, Scopes: scopes, Audiences: audiences}, now)
	if err != nil {
		return nil, err
	}
	return newAnswer(access, scopes, by.accessTTL), nil
}

// verifierMatches checks a PKCE verifier (RFC 7636, 4.1 and 4.6). A verifier for a code that was asked for without a
// challenge is refused: somebody took the challenge out of the request (RFC 9700, 4.8.2; A14).
func verifierMatches(verifier, challenge string) bool {
	if challenge == "" {
		return verifier == ""
	}
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	if len(verifier) < 43 || len(verifier) > 128 || strings.Trim(verifier, unreserved) != "" {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// target is what one access token is asked for within its family.
type target struct{ scopes, audiences []string }

// narrow reads scope and audiences of a token request: nothing asked for means all that was consented to, and more than
// that is refused (RFC 6749, 6; RFC 8707, 2.2).
func narrow(f family, form url.Values) (target, error) {
	scopes, err := parseScopes(form.Get("scope"))
	if err != nil {
		return target{}, asEndpointError(err)
	}
	audiences, err := parseAudiences(form)
	if err != nil {
		return target{}, asEndpointError(err)
	}
	if !covers(f.Scopes, scopes) {
		return target{}, badRequest("invalid_scope", "a scope was asked for that the user did not allow")
	}
	if !covers(f.Audiences, audiences) {
		return target{}, badRequest("invalid_target", "a resource or audience was asked for that the user did not allow")
	}
	if len(scopes) == 0 {
		scopes = f.Scopes
	}
	if len(audiences) == 0 {
		audiences = f.Audiences
	}
	return target{scopes, audiences}, nil
}

// asEndpointError moves an error of a shared check from the authorization endpoint's form to the token endpoint's.
func asEndpointError(err error) error {
	if e := new(authorizationError); errors.As(err, &e) {
		return &endpointError{http.StatusBadRequest, e.code, e.description}
	}
	return err
}
