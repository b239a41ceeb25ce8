package oauthtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

func (s *Server) serveRevocation(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	scripted := s.onRevoke
	s.mu.Unlock()
	if scripted != nil && scripted(w, r) {
		s.record(r, "", CountRevoke)
		return
	}
	if revoke := s.Behaviour().revoke; revoke != nil {
		revoke(s, w, r)
		return
	}
	s.serveRevoke(w, r)
}

// serveRevoke is RFC 7009: ending a refresh token ends its grant, and an unknown
// token is a success.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.record(r, "", CountRevoke)
	if !s.clientProven(r, s.Behaviour()) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	if s.Behaviour().RevokesRefreshOnly && !strings.HasPrefix(r.PostForm.Get("token"), "refresh-") {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "unsupported_token_type"})
		return
	}
	s.end(r.PostForm.Get("token"))
	w.WriteHeader(http.StatusOK)
}

// serveRevokeAlone takes the token without any proof of the client, which nobody
// should send here, and calls a dead token an error.
func (s *Server) serveRevokeAlone(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.record(r, "", CountRevoke)
	token := r.PostForm.Get("token")
	switch {
	case r.Header.Get("Authorization") != "" || len(r.PostForm) != 1:
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
	case !s.Active(token):
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_token", "error_description": "unknown, expired or revoked"})
	default:
		s.end(token)
		w.WriteHeader(http.StatusOK)
	}
}

// serveRevokeBearer is authorised by the token that it ends, and answers 200 also
// to errors.
func (s *Server) serveRevokeBearer(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.record(r, "", CountRevoke)
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !bearer || len(r.PostForm) != 0:
		writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": "not_bearer_token"})
	case !s.Active(token):
		writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": "token_revoked"})
	default:
		s.end(token)
		writeJSON(w, http.StatusOK, map[string]any{"ok": true, "revoked": true})
	}
}

// serveDeleteGrant is GitHub's form: Basic authentication, the access token in a
// JSON body, 404 for a token it does not know, and 204 when all that the token's
// user granted to the client has ended.
func (s *Server) serveDeleteGrant(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	s.record(r, string(body), CountRevoke)
	if _, _, basic := r.BasicAuth(); !basic || r.PathValue("client") != s.ClientID || !s.clientProven(r, Behaviour{}) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials"})
		return
	}
	var in struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(body, &in) != nil || !s.Active(in.AccessToken) {
		writeJSON(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
		return
	}
	s.endUser(in.AccessToken)
	w.WriteHeader(http.StatusNoContent)
}

// endUser ends every grant of the user whose token it is.
func (s *Server) endUser(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.tokens[token]
	if !ok {
		return
	}
	for _, g := range s.tokens {
		g.ended = g.ended || g.user == of.user
	}
}

func (s *Server) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.tokens[token]; ok {
		g.ended = true
	}
}
