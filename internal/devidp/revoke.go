package devidp

import (
	"context"
	"net/http"
	"strings"
)

// revoke ends a token (RFC 7009). A refresh token takes its whole consent with it: its access tokens, and the memory of
// the consent, so that the person is asked again. A used one does so too, for its owner may hold nothing newer. A token
// that is unknown or another client's gets the same answer, and nothing happens (RFC 7009, 2.2).
func (s *Server) revoke(r *http.Request, by client) (any, error) {
	ctx, token := r.Context(), r.PostForm.Get("token")
	if token == "" {
		return nil, badRequest("invalid_request", "token is required")
	}
	nothing := struct{}{}
	for _, kind := range []string{kindRefresh, kindSpent} {
		name := token
		if kind == kindSpent {
			name = kindRefresh + "\x00" + token
		}
		m, ok, err := get[familyMember](ctx, s, kind, name)
		if err != nil {
			return nil, err
		}
		if ok {
			return nothing, s.revokeFamily(ctx, by, m.Family)
		}
	}
	t, ok, err := get[accessToken](ctx, s, kindAccess, token)
	if err != nil || !ok || t.ClientID != by.id {
		return nothing, err
	}
	return nothing, s.remove(ctx, kindAccess, token)
}

func (s *Server) revokeFamily(ctx context.Context, by client, id string) error {
	f, ok, err := get[family](ctx, s, kindFamily, id)
	if err != nil || !ok || f.ClientID != by.id {
		return err
	}
	if err := s.remove(ctx, kindConsent, consentName(f.Subject, f.ClientID)); err != nil {
		return err
	}
	return s.remove(ctx, kindFamily, id)
}

// introspect tells a client of its own access tokens (RFC 7662). Of all others it says only that they are not active.
func (s *Server) introspect(r *http.Request, by client) (any, error) {
	token := r.PostForm.Get("token")
	if token == "" {
		return nil, badRequest("invalid_request", "token is required")
	}
	t, ok, err := s.liveAccess(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if !ok || t.ClientID != by.id {
		return map[string]any{"active": false}, nil
	}
	return map[string]any{
		"active": true, "iss": s.cfg.Issuer, "sub": t.Subject, "aud": audienceClaim(t.Audiences),
		"client_id": t.ClientID, "scope": strings.Join(t.Scopes, " "), "token_type": "Bearer",
		"iat": t.IssuedAt.Unix(), "exp": t.ExpiresAt.Unix(),
	}, nil
}
