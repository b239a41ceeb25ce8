package devidp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/internal/pages"
)

// sessionTTL is how long a sign-in lasts in a browser, however busy it is.
const sessionTTL = 12 * time.Hour

// maxForm bounds every posted body: the largest form carries one authorization request.
const maxForm = 16 << 10

// Purposes of a form, which keep a form's proof from fitting another form.
const (
	purposeLogin   = "login"
	purposeConsent = "consent"
	purposeLogout  = "logout"
)

// Cookies: "browser" marks a browser before anybody signed in and proves the sign-in form; "session" is the sign-in.
const (
	cookieBrowser = "lanyard_dev_browser"
	cookieSession = "lanyard_dev_session"
)

// cookieName adds the __Host- prefix when the issuer is https: such a cookie cannot be planted by a sibling host.
func (s *Server) cookieName(name string) string {
	name += s.cookies
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *Server) setCookie(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(maxAge.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// cookie returns a cookie's value, or "" where it is missing or not one that this server makes.
func (s *Server) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || !isSecret(c.Value) {
		return ""
	}
	return c.Value
}

// browser returns the value that marks this browser, setting it on first sight.
func (s *Server) browser(w http.ResponseWriter, r *http.Request) (string, error) {
	if value := s.cookie(r, cookieBrowser); value != "" {
		return value, nil
	}
	value, err := s.newSecret()
	if err != nil {
		return "", err
	}
	s.setCookie(w, cookieBrowser, value, 0)
	return value, nil
}

// session returns the browser's sign-in, if it stands and its user still exists.
func (s *Server) session(r *http.Request) (in session, ok bool, err error) {
	value := s.cookie(r, cookieSession)
	if value == "" {
		return session{}, false, nil
	}
	in, ok, err = get[session](r.Context(), s, kindSession, value)
	if err != nil || !ok {
		return session{}, false, err
	}
	_, ok, err = s.directory.userBySubject(r.Context(), in.Subject)
	return in, ok, err
}

// startSession signs a browser in under a new value, so that nobody can plant one beforehand, and ends the old one.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request, in session) error {
	value, err := s.newSecret()
	if err != nil {
		return err
	}
	if err := put(r.Context(), s, kindSession, value, in, in.AuthAt.Add(sessionTTL)); err != nil {
		return err
	}
	if err := s.endSession(r.Context(), s.cookie(r, cookieSession)); err != nil {
		return err
	}
	s.setCookie(w, cookieSession, value, sessionTTL)
	return nil
}

func (s *Server) endSession(ctx context.Context, value string) error {
	if value == "" {
		return nil
	}
	return s.remove(ctx, kindSession, value)
}

// formProof is the hidden field that proves a form: it can be computed only with the browser's cookie, and holds for one
// purpose and one authorization request. It needs no record, so that strangers cannot fill the store with forms.
func formProof(cookie, purpose, query string) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte(purpose + "\x00" + query))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func formProven(cookie, purpose, query, proof string) bool {
	return cookie != "" && hmac.Equal([]byte(formProof(cookie, purpose, query)), []byte(proof))
}

// form wraps the endpoints that a page of ours posts to: other origins are refused by what the browser itself says of
// the request, the body is bounded, and whatever goes wrong ends on a page.
func (s *Server) form(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, errForeignForm)
	}))
	return guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := r.ParseForm()
		if err == nil {
			err = handle(w, r)
		} else if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			err = &untrustedRequest{http.StatusRequestEntityTooLarge, "The form is larger than this server accepts.", "Open the link once more."}
		} else {
			err = &untrustedRequest{http.StatusBadRequest, "The form arrived damaged.", "Go back and send it again."}
		}
		if err != nil {
			s.refuse(w, r, err)
		}
	}))
}

// errForeignForm refuses a form that this server did not show in this browser.
var errForeignForm = &untrustedRequest{http.StatusForbidden,
	"The form did not come from a page that this server showed in this browser. Nothing was done.",
	"Allow cookies for this site, open the link from the application once more, and fill in the form in the same window."}

// refuse ends a browser's request on a page. An error that is not meant for people is logged and shown as a reference.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	notice := pages.NoticeData{Title: "This sign-in cannot go on", CorrelationID: s.correlationID()}
	status := http.StatusInternalServerError
	if refused := new(untrustedRequest); errors.As(err, &refused) {
		status, notice.What, notice.Next = refused.status, refused.what, refused.next
		s.cfg.Log.InfoContext(r.Context(), "sign-in refused", "status", status, "reason", refused.what, "reference", notice.CorrelationID)
	} else {
		notice.What, notice.Next = "Something went wrong inside this server.", "Try again. The reference below finds the reason in its log."
		s.cfg.Log.ErrorContext(r.Context(), "sign-in failed", "error", err, "reference", notice.CorrelationID)
	}
	s.render(w, r, status, pages.Notice, notice)
}

func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, page string, data any) {
	if err := s.pages.Render(w, status, page, data); err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "page not shown", "page", page, "error", err)
	}
}
