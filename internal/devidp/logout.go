package devidp

import (
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/internal/pages"
)

// logoutView is the data of the sign-out page.
type logoutView struct{ Action, Proof, Username string }

func (s *Server) askLogout(w http.ResponseWriter, r *http.Request) {
	in, ok, err := s.session(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if !ok {
		s.showSignedOut(w, r)
		return
	}
	user, _, err := s.directory.userBySubject(r.Context(), in.Subject)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "logout", logoutView{
		Action: s.base + "/logout", Username: user.Username,
		Proof: formProof(s.cookie(r, cookieSession), purposeLogout, ""),
	})
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	value := s.cookie(r, cookieSession)
	if !formProven(value, purposeLogout, "", r.PostForm.Get("proof")) {
		return errForeignForm
	}
	if err := s.endSession(r.Context(), value); err != nil {
		return err
	}
	s.setCookie(w, cookieSession, "", -time.Second)
	s.showSignedOut(w, r)
	return nil
}

func (s *Server) showSignedOut(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, pages.Notice, pages.NoticeData{
		Title: "You are signed out", Good: true,
		What: "This browser is no longer signed in to the development server. Tokens handed out before keep working until they expire or are revoked.",
		Next: "You can close this window.",
	})
}
