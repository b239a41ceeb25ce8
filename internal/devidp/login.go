package devidp

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxUsername = 256
	maxPassword = 256
	maxBcrypt   = 72 // bcrypt reads no further
)

// loginView is the data of the sign-in page.
type loginView struct {
	Action     string
	Query      string
	Proof      string
	Hint       string // a development user's name
	Pool       string // or, where there is none, of the pool whose users sign in
	ClientName string
	Username   string
	Problem    string
}

func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, req *authorizationRequest, status int, v loginView) error {
	browser, err := s.browser(w, r)
	if err != nil {
		return err
	}
	v.Action, v.Query = s.base+"/login", req.query.Encode()
	v.Proof = formProof(browser, purposeLogin, v.Query)
	v.Hint, v.Pool, v.ClientName = s.hint, s.pool, req.client.name
	s.render(w, r, status, "login", v)
	return nil
}

// login takes the sign-in form. The authorization request in it is checked like one that arrives anew.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	query := r.PostForm.Get("request")
	if !formProven(s.cookie(r, cookieBrowser), purposeLogin, query, r.PostForm.Get("proof")) {
		return errForeignForm
	}
	req, err := s.parseAuthorization(r.Context(), query)
	if err != nil {
		s.answerError(w, r, req, err, s.leadOn)
		return nil
	}
	username, password := r.PostForm.Get("username"), r.PostForm.Get("password")
	user, problem, err := s.checkPassword(r.Context(), r.RemoteAddr, username, password)
	if err != nil {
		return err
	}
	if problem != nil {
		if problem.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(problem.retryAfter/time.Second)+1))
		}
		return s.showLogin(w, r, req, problem.status, loginView{Username: username, Problem: problem.text})
	}
	in := session{Subject: user.Subject, AuthAt: s.cfg.Now()}
	if err := s.startSession(w, r, in); err != nil {
		return err
	}
	return s.afterLogin(w, r, req.afterLogin(), in)
}

// afterLogin goes on without another redirect where the answer is a code, since that redirect leaves this origin.
func (s *Server) afterLogin(w http.ResponseWriter, r *http.Request, req *authorizationRequest, in session) error {
	allowed, err := s.allowedBefore(r.Context(), req, in)
	if err != nil {
		return err
	}
	if allowed {
		return s.answerCode(w, r, req, in, s.leadOn)
	}
	s.seeAuthorize(w, req.query)
	return nil
}

// seeAuthorize sends the browser back to the authorization endpoint of this origin.
func (s *Server) seeAuthorize(w http.ResponseWriter, query url.Values) {
	w.Header().Set("Location", s.authorizePath(query))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// loginProblem is why a password was not accepted, in words that do not tell whether the user exists.
type loginProblem struct {
	status     int
	text       string
	retryAfter time.Duration
}

// Problems of a sign-in.
const (
	problemEmpty    = "Please enter the user name and the password."
	problemWrong    = "The user name or the password is not right. Please try again."
	problemMany     = "Too many attempts. Please wait a moment and try again."
	problemMustSet  = "This password is temporary. Have the administrator set a permanent one (admin-set-user-password with --permanent), or answer NEW_PASSWORD_REQUIRED by the API."
	problemOutdated = "This temporary password is past its time. Ask the administrator for a new one."
)

// checkPassword answers alike, in words and in time, for a wrong name and a wrong password.
func (s *Server) checkPassword(ctx context.Context, remoteAddr, username, password string) (User, *loginProblem, error) {
	refused := func(text string) (User, *loginProblem, error) {
		return User{}, &loginProblem{status: http.StatusForbidden, text: text}, nil
	}
	if username == "" || password == "" {
		return refused(problemEmpty)
	}
	attempt, wait := s.attempts.begin(s.cfg.Now(), s.cfg.Issuer+"\x00"+username, remoteAddr)
	if wait > 0 {
		return User{}, &loginProblem{status: http.StatusTooManyRequests, retryAfter: wait, text: problemMany}, nil
	}
	if len(username) > maxUsername || len(password) > maxPassword {
		return refused(problemWrong)
	}
	user, verdict, err := s.directory.verify(ctx, username, password)
	if err != nil {
		return User{}, nil, err
	}
	if verdict == verdictWrong {
		return refused(problemWrong)
	}
	attempt.succeeded()
	switch verdict {
	case verdictMustSet:
		return refused(problemMustSet)
	case verdictOutdated:
		return refused(problemOutdated)
	}
	return user, nil, nil
}
