package devidp

import (
	"context"
	"net/http"
	"slices"
)

// consentView is the data of the consent page.
type consentView struct {
	Action     string
	Query      string
	Proof      string
	ClientName string
	Host       string // where the answer goes
	Name       string
	Username   string
	SwitchURL  string // signs in as somebody else
	Scopes     []scopeView
	Audiences  []string
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, req *authorizationRequest, in session) error {
	user, _, err := s.directory.userBySubject(r.Context(), in.Subject)
	if err != nil {
		return err
	}
	v := consentView{
		Action: s.base + "/consent", Query: req.query.Encode(),
		ClientName: req.client.name, Host: hostOf(req.redirectURI),
		Name: user.Name, Username: user.Username, SwitchURL: s.switchURL(req),
		Scopes: describeScopes(req.scopes), Audiences: req.audiences,
	}
	v.Proof = formProof(s.cookie(r, cookieSession), purposeConsent, v.Query)
	s.render(w, r, http.StatusOK, "consent", v)
	return nil
}

func (s *Server) switchURL(req *authorizationRequest) string {
	again := req.afterLogin()
	again.query.Set("prompt", "login")
	return s.authorizePath(again.query)
}

// consent takes the consent form. Its proof binds it to the sign-in and to the very request that the page described.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) error {
	query := r.PostForm.Get("request")
	if !formProven(s.cookie(r, cookieSession), purposeConsent, query, r.PostForm.Get("proof")) {
		return errForeignForm
	}
	req, err := s.parseAuthorization(r.Context(), query)
	if err != nil {
		s.answerError(w, r, req, err, s.leadOn)
		return nil
	}
	in, ok, err := s.session(r)
	if err != nil {
		return err
	}
	if !ok || req.needsLogin(in, s.cfg.Now()) {
		s.seeAuthorize(w, req.query)
		return nil
	}
	if r.PostForm.Get("decision") != "allow" {
		s.answerError(w, r, req, &authorizationError{"access_denied", "the user refused"}, s.leadOn)
		return nil
	}
	if err := s.rememberConsent(r.Context(), req, in); err != nil {
		return err
	}
	return s.answerCode(w, r, req, in, s.leadOn)
}

// rememberConsent adds what was allowed to what had been allowed before, until refresh tokens of today have expired.
func (s *Server) rememberConsent(ctx context.Context, req *authorizationRequest, in session) error {
	name := consentName(in.Subject, req.client.id)
	before, _, err := get[consentRecord](ctx, s, kindConsent, name)
	if err != nil {
		return err
	}
	both := consentRecord{Scopes: union(before.Scopes, req.scopes), Audiences: union(before.Audiences, req.audiences)}
	if len(both.Scopes) > 4*maxScopes || len(both.Audiences) > 4*maxAudiences {
		both = consentRecord{Scopes: req.scopes, Audiences: req.audiences} // the memory is a comfort and stays bounded
	}
	return put(ctx, s, kindConsent, name, both, s.cfg.Now().Add(req.client.refreshTTL))
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
