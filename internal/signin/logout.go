package signin

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Logout ends the session for good, here and then at the issuer where it has a page for that (OpenID Connect RP-Initiated
// Logout 1.0 section 2), and sends the browser there. It returns the id of the session that it ended, "" where there was
// none: also when the issuer cannot be reached, for it is not asked about the session. It refuses a request that another
// site made the browser send. When it returns an error, no body was written.
func (g *Gate) Logout(w http.ResponseWriter, r *http.Request) (ended string, err error) {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return "", fail(CrossSite, "another site asked to sign out of this one: sign out from a page of "+g.home)
	}
	s, _, ok := g.open(r)
	if ok {
		switch err := g.end(r.Context(), s); {
		case errors.Is(err, errTooManyEnded):
			g.forget(w, r) // trying again would not help
			return s.ID, &Error{Kind: Internal, cause: err, Message: "this browser is signed out, but the record of ended sessions is full: " +
				"a copy of its cookie works until " + unix(s.EndsAt).Format(time.RFC3339)}
		case !errors.Is(err, ErrNoSession):
			return "", err // the cookies stay: the person is still signed in, and can try again
		}
		ended = s.ID
		g.cfg.Log.InfoContext(r.Context(), "signed out", "issuer", g.cfg.Issuer, "subject", printable(s.subject(), maxDescription))
	}
	g.forget(w, r)
	redirect(w, g.logoutTarget(r, s))
	return ended, nil
}

// forget clears every cookie of this gate that the browser has.
func (g *Gate) forget(w http.ResponseWriter, r *http.Request) {
	g.jar.clearSession(w, r)
	for _, name := range g.jar.attempts(r) {
		g.jar.clear(w, name)
	}
}

// logoutTarget is the issuer's sign-out page, or where it would send the browser afterwards. An issuer that cannot be
// asked for its endpoints does not stop anybody from signing out here.
func (g *Gate) logoutTarget(r *http.Request, s *session) string {
	after := g.cfg.PostLogoutURL
	if after == "" {
		after = g.home + "/"
	}
	md, err := g.provider.metadata(r.Context())
	if err != nil || md.EndSession == "" {
		return after
	}
	u, err := url.Parse(md.EndSession)
	if err != nil {
		return after
	}
	query := u.Query()
	query.Set("client_id", g.cfg.ClientID)
	query.Set("post_logout_redirect_uri", after)
	if s != nil {
		query.Set("id_token_hint", s.IDToken)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
