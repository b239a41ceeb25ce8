package devidp

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// maxToken bounds an access token that somebody shows us.
const maxToken = 16 << 10

// userinfo serves the claims that an access token's scopes reveal (OpenID Connect Core, 5.3).
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	token, ok := bearerToken(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="devidp"`) // RFC 6750, 3.1: no error code without a token
		writeJSON(w, http.StatusUnauthorized, map[string]string{
			"error_description": "send an access token in the Authorization header, as Bearer"})
		return
	}
	t, ok, err := s.liveAccess(r.Context(), token)
	if err != nil {
		s.writeEndpointError(w, r, err)
		return
	}
	user, isUser, err := s.directory.userBySubject(r.Context(), t.Subject)
	if err != nil {
		s.writeEndpointError(w, r, err)
		return
	}
	switch {
	case !ok || !isUser:
		refuseBearer(w, http.StatusUnauthorized, "invalid_token", "the access token is unknown, expired, revoked or not a user's")
	case !slices.Contains(t.Scopes, "openid"):
		refuseBearer(w, http.StatusForbidden, "insufficient_scope", "the access token lacks the scope openid")
	default:
		writeJSON(w, http.StatusOK, s.claims.userinfo(user, t.Scopes))
	}
}

// bearerToken reads the header alone: a token in a URL or form would end in logs (RFC 6750, 5.3).
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	ok := strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxToken
	return token, ok
}

func refuseBearer(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="devidp", error="`+code+`", error_description="`+description+`"`)
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

// liveAccess finds an access token's record, if neither it nor the consent behind it was revoked or has expired.
func (s *Server) liveAccess(ctx context.Context, token string) (t accessToken, ok bool, err error) {
	if token == "" || len(token) > maxToken {
		return t, false, nil
	}
	t, ok, err = get[accessToken](ctx, s, kindAccess, token)
	if err != nil || !ok || t.Family == "" {
		return t, ok, err
	}
	_, ok, err = s.liveFamily(ctx, t.Family)
	return t, ok, err
}
