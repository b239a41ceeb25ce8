package githubtest

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// bearer returns the authorization behind a request's token, or answers 401.
func (s *Server) bearer(w http.ResponseWriter, r *http.Request) (authorization, bool) {
	if r.Header.Get("User-Agent") == "" {
		writeJSON(w, http.StatusForbidden, message(http.StatusForbidden, "Request forbidden: a User-Agent header is needed."))
		return authorization{}, false
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.tokens[value]
	known := strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token")
	if !known || !ok || s.expired(a) {
		s.calls = append(s.calls, Call{Path: r.URL.Path, Status: http.StatusUnauthorized})
		writeJSON(w, http.StatusUnauthorized, message(http.StatusUnauthorized, "Bad credentials"))
		return authorization{}, false
	}
	s.calls = append(s.calls, Call{Path: r.URL.Path, Login: a.login, Status: http.StatusOK})
	return *a, true
}

func (s *Server) expired(a *authorization) bool {
	return !a.accessExpiresAt.IsZero() && !s.config.Now().Before(a.accessExpiresAt)
}

func (s *Server) user(w http.ResponseWriter, r *http.Request) {
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	s.tellScopes(w, a, "")
	id := fnv.New32a()
	_, _ = id.Write([]byte(a.login))
	writeJSON(w, http.StatusOK, map[string]any{"login": a.login, "id": id.Sum32(), "type": "User", "name": a.login, "email": nil})
}

// tellScopes are the headers that tell an OAuth app what its token may do, and what the endpoint asks for.
func (s *Server) tellScopes(w http.ResponseWriter, a authorization, accepted string) {
	if !s.config.GitHubApp {
		w.Header().Set("X-OAuth-Scopes", strings.Join(a.scopes, ", "))
		w.Header().Set("X-Accepted-OAuth-Scopes", accepted)
	}
}

// repositories are two for each user, newest first. The private one shows to a token with the scope repo, and to a GitHub
// App, which has permissions instead.
func (s *Server) repositories(w http.ResponseWriter, r *http.Request) {
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	s.tellScopes(w, a, "")
	repository := func(name, updated string, private bool) map[string]any {
		return map[string]any{
			"id": len(name), "name": name, "full_name": a.login + "/" + name, "private": private, "html_url": "https://github.com/" + a.login + "/" + name,
			"description": "What " + a.login + " keeps in " + name, "language": "Go", "stargazers_count": 7, "updated_at": updated,
		}
	}
	list := []map[string]any{}
	if s.config.GitHubApp || slices.Contains(a.scopes, "repo") {
		list = append(list, repository(a.login+"-secret-plans", "2026-11-21T08:00:00Z", true))
	}
	list = append(list, repository(a.login+"-garden", "2026-10-01T12:00:00Z", false))
	if n, err := strconv.Atoi(r.URL.Query().Get("per_page")); err == nil && n > 0 && n < len(list) {
		list = list[:n]
	}
	writeJSON(w, http.StatusOK, list)
}

// deleteToken revokes one token, deleteGrant everything that its user granted.
func (s *Server) deleteToken(w http.ResponseWriter, r *http.Request) {
	s.revoke(w, r, func(a *authorization) {
		delete(s.tokens, a.accessToken)
		delete(s.refresh, a.refreshToken)
	})
}

func (s *Server) deleteGrant(w http.ResponseWriter, r *http.Request) {
	s.revoke(w, r, func(a *authorization) { s.revokeUserLocked(a.login) })
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request, remove func(*authorization)) {
	id, secret, _ := r.BasicAuth()
	if !equal(id, s.config.ClientID) || !equal(secret, s.config.ClientSecret) || r.PathValue("client_id") != id {
		writeJSON(w, http.StatusNotFound, message(http.StatusNotFound, "Not Found"))
		return
	}
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.AccessToken == "" {
		writeJSON(w, http.StatusUnprocessableEntity, message(http.StatusUnprocessableEntity, "Validation Failed"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.tokens[body.AccessToken]
	if !ok {
		writeJSON(w, http.StatusNotFound, message(http.StatusNotFound, "Not Found"))
		return
	}
	remove(a)
	w.WriteHeader(http.StatusNoContent)
}

func message(status int, text string) map[string]any {
	return map[string]any{"message": text, "documentation_url": "/rest", "status": strconv.Itoa(status)}
}
