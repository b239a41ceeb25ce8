package githubtest

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var consentPage = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Authorize application</title></head>
<body>
<h1>Authorize {{.ClientID}}</h1>
<p>The application asks for{{range .Scopes}} <code>{{.}}</code>{{else}} its permissions{{end}}.</p>
<form method="post" action="{{.Action}}">
<label>Sign in as <input name="login" id="login" value="{{.Login}}" required></label>
<button name="decision" value="authorize" id="authorize">Authorize</button>
<button name="decision" value="cancel" id="cancel" formnovalidate>Cancel</button>
</form>
</body></html>
`))

// authorizeRequest is what the client put into the browser's address.
type authorizeRequest struct {
	redirectURI string
	state       string
	scopes      []string
	challenge   string
}

// readAuthorize answers itself and returns false when no consent may be asked. An unknown client gets a page; every
// other fault goes to the registered callback, never to an unregistered address (RFC 6749, section 4.1.2.1).
func (s *Server) readAuthorize(w http.ResponseWriter, r *http.Request) (authorizeRequest, bool) {
	q := r.URL.Query()
	s.mu.Lock()
	callbacks := slices.Clone(s.callbacks)
	s.mu.Unlock()
	if q.Get("client_id") != s.config.ClientID || len(callbacks) == 0 {
		http.Error(w, "There is no such application, or it has no callback URL.", http.StatusNotFound)
		return authorizeRequest{}, false
	}
	req := authorizeRequest{
		redirectURI: cmp.Or(q.Get("redirect_uri"), callbacks[0]),
		state:       q.Get("state"),
		scopes:      normalize(q.Get("scope")),
		challenge:   q.Get("code_challenge"),
	}
	if !slices.Contains(callbacks, req.redirectURI) {
		redirect(w, r, callbacks[0], req.state, url.Values{
			"error":             {"redirect_uri_mismatch"},
			"error_description": {"The redirect_uri is not a callback URL of this application."},
		})
		return req, false
	}
	if req.challenge != "" && q.Get("code_challenge_method") != "S256" {
		redirect(w, r, req.redirectURI, req.state, url.Values{
			"error":             {"invalid_request"},
			"error_description": {"The code_challenge_method has to be S256."},
		})
		return req, false
	}
	return req, true
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request) {
	req, ok := s.readAuthorize(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = consentPage.Execute(w, map[string]any{
		"ClientID": s.config.ClientID,
		"Scopes":   req.scopes,
		"Action":   "/login/oauth/authorize?" + r.URL.Query().Encode(),
		"Login":    r.URL.Query().Get("login"),
	})
}

func (s *Server) decideConsent(w http.ResponseWriter, r *http.Request) {
	req, ok := s.readAuthorize(w, r)
	if !ok {
		return
	}
	if r.PostFormValue("decision") != "authorize" {
		redirect(w, r, req.redirectURI, req.state, url.Values{
			"error":             {"access_denied"},
			"error_description": {"The user has refused access."},
			"error_uri":         {"/apps/troubleshooting-authorization-request-errors"},
		})
		return
	}
	login := r.PostFormValue("login")
	if login == "" {
		http.Error(w, "A login is needed.", http.StatusBadRequest)
		return
	}
	redirect(w, r, req.redirectURI, req.state, url.Values{"code": {s.newCode(login, req)}})
}

func (s *Server) newCode(login string, req authorizeRequest) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := random("")
	s.codes[value] = code{
		login:       login,
		scopes:      req.scopes,
		redirectURI: req.redirectURI,
		challenge:   req.challenge,
		expiresAt:   s.config.Now().Add(codeLifetime),
	}
	return value
}

func redirect(w http.ResponseWriter, r *http.Request, to, state string, answer url.Values) {
	if state != "" {
		answer.Set("state", state)
	}
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	http.Redirect(w, r, to+separator+answer.Encode(), http.StatusFound)
}
