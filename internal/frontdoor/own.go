package frontdoor

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/lanyard-id/lanyard/internal/pages"
	"github.com/lanyard-id/lanyard/internal/signin"
)

// The front door's own paths. They win over rules. CallbackPath is where load balancers have it, so that what is
// registered at the identity provider fits both.
const (
	ownPrefix      = "/oauth2/"
	CallbackPath   = ownPrefix + "idpresponse"
	signInPath     = ownPrefix + "sign-in"
	signOutPath    = ownPrefix + "sign-out"
	userInfoPath   = ownPrefix + "userinfo"
	PublicKeysPath = ownPrefix + "public-keys"
	stylePath      = ownPrefix + "lanyard.css"
)

func (d *Door) ownRoutes() []*route {
	page := func(path string, exact bool, methods string, serve func(*exchange)) *route {
		return &route{Rule: Rule{Path: path}, id: "own " + path, loose: path, exact: exact, own: func(x *exchange) {
			if !strings.Contains(methods, x.r.Method+" ") {
				x.w.Header().Set("Allow", strings.ReplaceAll(strings.TrimSpace(methods), " ", ", "))
				x.refuse(&problem{status: http.StatusMethodNotAllowed, code: "method_not_allowed", title: "This cannot be asked here",
					what: "This page of the front door does not take the method " + sanitise(x.r.Method, 32) + ".", reason: "MethodNotAllowed"})
				return
			}
			serve(x)
		}}
	}
	return []*route{
		page(CallbackPath, true, "GET ", (*exchange).callback),
		page(signInPath, true, "GET ", (*exchange).signIn),
		page(signOutPath, true, "GET HEAD POST ", (*exchange).signOut),
		page(userInfoPath, true, "GET ", (*exchange).userInfo),
		page(PublicKeysPath, false, "GET HEAD ", func(x *exchange) { x.d.writeKey(x.w, strings.TrimPrefix(x.path, PublicKeysPath+"/")) }),
		page(stylePath, true, "GET HEAD ", func(x *exchange) { pages.CSSHandler().ServeHTTP(x.w, x.r) }),
	}
}

// callback is where the identity provider sends the browser back to.
func (x *exchange) callback() {
	x.actions = []string{"authenticate"}
	if err := x.gate().Callback(x.w, x.r); err != nil {
		x.refuse(signinProblem(err))
	}
}

// signIn begins a sign-in on purpose: an application's script that got 401 sends its page here.
func (x *exchange) signIn() {
	to := x.r.URL.Query().Get("return_to")
	if u, err := url.Parse(to); err != nil || strings.HasPrefix(strings.ToLower(u.Path), ownPrefix+"sign-") {
		to = "/"
	}
	x.begin(to) // package signin lets nothing but a path of this site through (A12)
}

// signOutView is the data of the sign-out page.
type signOutView struct{ Action, User string }

// signOut asks by GET, so that no link or image of another site signs anybody out, and does it by POST.
func (x *exchange) signOut() {
	session, err := x.gate().Peek(x.r) // nothing is refreshed for a session that is about to end
	if err != nil && !errors.Is(err, signin.ErrNoSession) {
		x.refuse(signinProblem(err))
		return
	}
	if x.r.Method != http.MethodPost {
		x.askSignOut(session)
		return
	}
	if p := x.checkOrigin(); p != nil {
		x.refuse(p)
		return
	}
	if session != nil {
		if wait := x.d.signOuts.take(userKey(session), x.started); wait > 0 {
			x.refuse(tooFast("to sign out", wait))
			return
		}
	}
	w := &detour{ResponseWriter: x.w}
	ended, err := x.gate().Logout(w, x.r)
	if ended != "" { // also where the issuer is away, or nothing more can be recorded
		x.d.signer.forget(ended)
		x.d.live.endSession(ended)
	}
	if err != nil {
		p := signinProblem(err)
		if signin.KindOf(err) == signin.Internal {
			p.title, p.what, p.signIn = "The sign-out is not complete", "The end of the session could not be recorded.", false
		}
		x.refuse(p)
		return
	}
	x.leadOn(w.Header().Get("Location"))
}

func (x *exchange) askSignOut(session *signin.Session) {
	view := signOutView{Action: signOutPath}
	if session != nil {
		view.User = displayName(session)
	}
	if err := x.d.pages.Render(x.w, http.StatusOK, "sign-out", view); err != nil {
		x.d.cfg.Log.DebugContext(x.r.Context(), "page not delivered", "err", err)
	}
}

// signOutRate is how often one user may sign out: the record of ended sessions has room for everybody because nobody can
// fill it (A50).
var signOutRate = Rate{PerSecond: 1.0 / 60, Burst: 20}

// leadOn sends a browser that posted a form on to the identity provider. It is a page that refreshes: browsers hold the
// page's own policy, forms to this origin only, against the redirect that follows a form.
func (x *exchange) leadOn(target string) {
	h := x.w.Header()
	h.Del("Location")
	h.Set("Refresh", "0; url="+target)
	u, err := url.Parse(target)
	if err != nil {
		u = x.site.url
	}
	if err := x.d.pages.Render(x.w, http.StatusOK, "signed-out", signedOutView{Target: target, Host: u.Host}); err != nil {
		x.d.cfg.Log.DebugContext(x.r.Context(), "page not delivered", "err", err)
	}
}

type signedOutView struct{ Target, Host string }

// detour keeps a redirect from leaving.
type detour struct{ http.ResponseWriter }

func (detour) WriteHeader(int)             {}
func (detour) Write(b []byte) (int, error) { return len(b), nil }

// displayName is what the person knows themselves by.
func displayName(s *signin.Session) string {
	for _, name := range []string{"name", "email", "preferred_username"} {
		if v, ok := s.Claims[name].(string); ok && v != "" {
			return clip(v, 128)
		}
	}
	return clip(s.Subject, 128)
}

// discard is a response that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// userInfo tells an application's page who is signed in: the claims that its backend gets in the signed header.
func (x *exchange) userInfo() {
	session, err := x.gate().Session(x.w, x.r)
	switch {
	case err == nil:
		x.writeJSON(http.StatusOK, userClaims(session))
	case signin.KindOf(err) == "": // ErrNoSession
		x.refuseJSON(&problem{status: http.StatusUnauthorized, code: "not_signed_in", what: "Nobody is signed in in this browser.", next: "Open sign_in_url as a page.", signIn: true})
	default:
		x.refuse(signinProblem(err))
	}
}
