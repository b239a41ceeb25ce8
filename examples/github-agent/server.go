package main

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/state"
)

// server is the agent's HTTP side.
type server struct {
	config  *Config
	lanyard *client.Client
	users   *oidcdata.Verifier
	loop    *chat.Loop
	store   state.Store
	binding *sessionbinding.State // nil where the session binding service checks no nonce
	log     *slog.Logger
	busy    state.Busy
}

// refusal is a status and what the caller can do about it.
type refusal struct {
	status  int
	message string
}

// handler is the whole of it. Everybody may ask whether it is alive; for all else one has to be signed in.
func (s *server) handler() http.Handler {
	inside := http.NewServeMux()
	inside.Handle("POST /invocations", s.signedIn(s.invoke))
	inside.Handle("GET /conversation", s.signedIn(s.showConversation))
	inside.Handle("GET /consent", s.signedIn(s.consent))
	inside.Handle("GET /me", s.signedIn(s.me))
	pages(inside)
	// A browser brings the front door's cookie along whoever's page sends it here (A62).
	crossSite := http.NewCrossOriginProtection()
	crossSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, &refusal{http.StatusForbidden, "This request comes from a page of another site."})
	}))
	outside := http.NewServeMux()
	outside.HandleFunc("GET /ping", s.ping)
	outside.Handle("/", s.users.Middleware(crossSite.Handler(inside)))
	return withHeaders(outside)
}

// signedIn hands the verified user to a handler as an argument, so that none can forget to ask who it is.
func (s *server) signedIn(h func(http.ResponseWriter, *http.Request, *oidcdata.Claims) *refusal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := oidcdata.FromContext(r.Context())
		if !ok || user.Subject == "" {
			refuse(w, &refusal{http.StatusUnauthorized, "You are not signed in."})
			return
		}
		if no := h(w, r, user); no != nil {
			refuse(w, no)
		}
	})
}

func refuse(w http.ResponseWriter, no *refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": no.message}) // the caller is gone if it cannot be written
}

func writeJSON(w http.ResponseWriter, v any) *refusal {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // likewise
	return nil
}

func (s *server) ping(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]string{"status": "healthy", "environment": s.config.Environment})
}

// me tells the page who is signed in.
func (s *server) me(w http.ResponseWriter, _ *http.Request, user *oidcdata.Claims) *refusal {
	name := user.Subject
	for _, claim := range []string{"name", "preferred_username", "email"} {
		if text, ok := user.Text(claim); ok {
			name = text
			break
		}
	}
	email, _ := user.Text("email")
	return writeJSON(w, map[string]string{"name": name, "email": email, "signOut": s.config.SignOutURL, "provider": s.config.Provider, "tools": s.config.Tools})
}
