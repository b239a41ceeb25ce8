package oauthtest

import (
	"encoding/json"
	"io"
	"net/http"
)

// serveRevoke is RFC 7009: ending a refresh token ends its grant, and an unknown
// token is a success.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.record(r, "", CountRevoke)
	if !s.clientProven(r, s.Behaviour()) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	s.end(r.PostForm.Get("token"))
	w.WriteHeader(http.StatusOK)
}

// serveDeleteGrant is GitHub's form: Basic authentication, the access token in a
// JSON body, 204 when the grant has ended and 404 for a token it does not know.
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
	s.end(in.AccessToken)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.tokens[token]; ok {
		g.ended = true
	}
}
