package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// What the page is told of the consent that a question waits for.
const (
	consentNone    = "none"    // no question waits
	consentWaiting = "waiting" // the user has not decided
	consentGranted = "granted" // ask the question again
	consentRefused = "refused" // the user said no
	consentExpired = "expired" // the link is of no use any more
)

// consent tells the page whether the question that waits can be asked again. It looks at the same authorization session
// every time and begins none.
func (s *server) consent(w http.ResponseWriter, r *http.Request, user *oidcdata.Claims) *refusal {
	conv, no := s.own(r, user)
	if no != nil {
		return no
	}
	status := consentNone
	if conv.Pending != nil {
		ctx, err := s.withWorkloadToken(r.Context(), r, user)
		if err != nil {
			return s.noWorkloadToken(r, err)
		}
		if status, err = s.poll(ctx, conv.Pending); err != nil {
			s.log.ErrorContext(ctx, "a consent cannot be looked at", "error", err)
			return &refusal{http.StatusBadGateway, "The identity service does not answer; the log says why."}
		}
	}
	return writeJSON(w, map[string]string{"status": status})
}

// poll asks for the token only to learn whether there is one: it is dropped here.
func (s *server) poll(ctx context.Context, p *pending) (string, error) {
	_, err := s.lanyard.ResourceToken(ctx, client.TokenRequest{
		Provider: p.Provider, Scopes: p.Scopes, Flow: api.FlowUserFederation, ReturnURL: s.config.SessionBindingURL, SessionURI: p.SessionURI,
	})
	var waiting *client.AuthorizationRequiredError
	switch {
	case err == nil:
		return consentGranted, nil
	case errors.As(err, &waiting):
		return consentWaiting, nil
	case errors.Is(err, client.ErrConsentRefused):
		return consentRefused, nil
	case client.Is(err, api.AccessDeniedException), client.Is(err, api.ValidationException), client.Is(err, api.ResourceNotFoundException):
		s.log.WarnContext(ctx, "a consent has ended without a grant", "provider", p.Provider, "error", err)
		return consentExpired, nil // the session failed, ended or is gone; or the agent's permissions are, which only the log tells
	}
	return "", err
}

// shown is a message as the page shows it: calls of tools and their results stay inside.
type shown struct {
	Role chat.Role `json:"role"`
	Text string    `json:"text"`
}

// showConversation lets the page show a conversation again after it was loaded anew.
func (s *server) showConversation(w http.ResponseWriter, r *http.Request, user *oidcdata.Claims) *refusal {
	conv, no := s.own(r, user)
	if no != nil {
		return no
	}
	var out struct {
		Messages []shown `json:"messages"`
		Question string  `json:"question,omitempty"`
		Pending  *event  `json:"pending,omitempty"`
	}
	out.Messages = []shown{}
	for _, m := range conv.Messages {
		if m.Text != "" {
			out.Messages = append(out.Messages, shown{m.Role, m.Text})
		}
	}
	if p := conv.Pending; p != nil {
		out.Question = p.Question
		out.Pending = &event{Type: eventAuthorization, Provider: p.Provider, Scopes: p.Scopes, URL: p.URL}
	}
	return writeJSON(w, out)
}

// own is the conversation of the verified user under the session id of the query. There is no other way to one.
func (s *server) own(r *http.Request, user *oidcdata.Claims) (*conversation, *refusal) {
	id := r.URL.Query().Get("sessionId")
	if badSessionID(id) {
		return nil, &refusal{http.StatusUnprocessableEntity, "sessionId has to be a text of 1 to 256 characters."}
	}
	conv, err := s.load(r.Context(), conversationName(user, id))
	if err != nil {
		return nil, s.noConversation(r, err)
	}
	return conv, nil
}
