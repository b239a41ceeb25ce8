package devidp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeTTL bounds the wait between consent and exchange. It leaves the client time to match the user before it exchanges
// the code, and stays below the ten minutes of RFC 6749, 4.1.2.
const codeTTL = 5 * time.Minute

// delivery sends the browser on to a finished authorization response.
type delivery func(w http.ResponseWriter, r *http.Request, target string)

// authorize is the authorization endpoint.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	req, err := s.parseAuthorization(r.Context(), r.URL.RawQuery)
	if err == nil {
		err = s.advance(w, r, req)
	}
	if err != nil {
		s.answerError(w, r, req, err, redirect)
	}
}

// advance takes the one step that the request needs next: sign-in, consent, or the code.
func (s *Server) advance(w http.ResponseWriter, r *http.Request, req *authorizationRequest) error {
	in, ok, err := s.session(r)
	if err != nil {
		return err
	}
	if !ok || req.needsLogin(in, s.cfg.Now()) {
		if req.prompts("none") {
			return &authorizationError{"login_required", "nobody is signed in"}
		}
		return s.showLogin(w, r, req, http.StatusOK, loginView{Username: req.loginHint})
	}
	allowed, err := s.allowedBefore(r.Context(), req, in)
	if err != nil {
		return err
	}
	if !allowed {
		if req.prompts("none") {
			return &authorizationError{"consent_required", "the user has not allowed this yet"}
		}
		return s.showConsent(w, r, req, in)
	}
	return s.answerCode(w, r, req, in, redirect)
}

// answerError tells the client of an error where its redirect_uri is trusted, and the person where it is not.
func (s *Server) answerError(w http.ResponseWriter, r *http.Request, req *authorizationRequest, err error, deliver delivery) {
	if untrusted := new(untrustedRequest); req == nil || errors.As(err, &untrusted) {
		s.refuse(w, r, err)
		return
	}
	told := new(authorizationError)
	if !errors.As(err, &told) {
		reference := s.correlationID()
		s.cfg.Log.ErrorContext(r.Context(), "sign-in failed", "error", err, "reference", reference)
		told = &authorizationError{"server_error", "the reason is in the server's log under " + reference}
	}
	deliver(w, r, req.response(s.cfg.Issuer, url.Values{"error": {told.code}, "error_description": {told.description}}))
}

// answerCode issues a code and sends the browser on with it.
func (s *Server) answerCode(w http.ResponseWriter, r *http.Request, req *authorizationRequest, in session, deliver delivery) error {
	code, err := s.issueCode(r.Context(), req, in)
	if err != nil {
		return err
	}
	deliver(w, r, req.response(s.cfg.Issuer, url.Values{"code": {code}}))
	return nil
}

// issueCode records the consent as a new family, and a code that stands for it.
func (s *Server) issueCode(ctx context.Context, req *authorizationRequest, in session) (string, error) {
	code, err := s.newSecret()
	if err != nil {
		return "", err
	}
	id, err := s.newSecret()
	if err != nil {
		return "", err
	}
	now := s.cfg.Now()
	f := family{ClientID: req.client.id, Subject: in.Subject, Scopes: req.scopes, Audiences: req.audiences,
		AuthAt: in.AuthAt, ExpiresAt: now.Add(req.client.refreshTTL)}
	if err := put(ctx, s, kindFamily, id, f, f.ExpiresAt); err != nil {
		return "", err
	}
	c := authorizationCode{Family: id, RedirectURI: req.redirectURI, Challenge: req.challenge, Nonce: req.nonce}
	return code, put(ctx, s, kindCode, code, c, now.Add(codeTTL))
}

// consentName is the name of what a user allowed a client.
func consentName(subject, clientID string) string { return subject + "\x00" + clientID }

// allowedBefore reports whether the user allowed the client at least this much before.
func (s *Server) allowedBefore(ctx context.Context, req *authorizationRequest, in session) (bool, error) {
	if req.prompts("consent") {
		return false, nil
	}
	before, ok, err := get[consentRecord](ctx, s, kindConsent, consentName(in.Subject, req.client.id))
	return ok && covers(before.Scopes, req.scopes) && covers(before.Audiences, req.audiences), err
}

// covers reports whether every element of narrow is in wide.
func covers(wide, narrow []string) bool {
	return !slices.ContainsFunc(narrow, func(v string) bool { return !slices.Contains(wide, v) })
}

// redirect answers a request that no form of ours began.
func redirect(w http.ResponseWriter, _ *http.Request, target string) {
	redirectAs(w, http.StatusFound, target)
}

func redirectAs(w http.ResponseWriter, status int, target string) {
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}

// continueView is the data of the page that leads the browser on.
type continueView struct{ Target, Host string }

// leadOn answers a request that a form of ours began. Browsers hold every redirect after a form to the form-action of its
// page, the client's own redirects included, whose hosts cannot be known here. A page that refreshes starts afresh.
// Programs enforce no form-action and read no Refresh: those get a redirect, with the status that turns a POST into a GET
// (RFC 9110, 15.4.4).
func (s *Server) leadOn(w http.ResponseWriter, r *http.Request, target string) {
	if !fromBrowser(r) {
		redirectAs(w, http.StatusSeeOther, target)
		return
	}
	w.Header().Set("Refresh", "0; url="+target)
	s.render(w, r, http.StatusOK, "continue", continueView{Target: target, Host: hostOf(target)})
}

// fromBrowser tells a browser from a program. Browsers send Sec-Fetch-Mode to https and loopback only, so that on a
// plain-http host the wish for a page gives them away. Nothing but the form of the answer hangs on it.
func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") != "" || strings.Contains(r.Header.Get("Accept"), "text/html")
}

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Host
}
