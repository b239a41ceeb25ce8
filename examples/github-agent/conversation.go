package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/state"
)

// conversation is what is stored of a user's session.
type conversation struct {
	Messages []chat.Message `json:"messages"`
	Pending  *pending       `json:"pending,omitempty"`

	name, version string // where it rests, and which version was read
}

// pending is a question that waits for the user's consent.
type pending struct {
	Question   string   `json:"question"`
	Provider   string   `json:"provider"`
	Scopes     []string `json:"scopes"`
	URL        string   `json:"url"`
	SessionURI string   `json:"session_uri"`
}

// maxHistory is how much of a conversation the model is reminded of, in bytes.
const maxHistory = 200 << 10

// conversationName is where a session of a user rests. The user is the verified one; what the request says counts
// within that user's place only.
func conversationName(user *oidcdata.Claims, sessionID string) string {
	return state.Name(user.Issuer, user.Subject, sessionID)
}

func (s *server) load(ctx context.Context, name string) (*conversation, error) {
	c := &conversation{name: name}
	data, version, err := s.store.Get(ctx, name)
	if errors.Is(err, state.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.version = version
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("a stored conversation is no JSON: %w", err)
	}
	return c, nil
}

func (s *server) save(ctx context.Context, c *conversation) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.store.Put(ctx, c.name, data, c.version)
}

// waitFor notes that a question waits for consent. The half answer is forgotten: it is given anew.
func (c *conversation) waitFor(question string, e *client.AuthorizationRequiredError) {
	c.Pending = &pending{Question: question, Provider: e.Provider, Scopes: e.Scopes, URL: e.URL, SessionURI: e.SessionURI}
}

// answered takes the history with the answer.
func (c *conversation) answered(messages []chat.Message) {
	c.Messages, c.Pending = chat.Trim(messages, maxHistory), nil
}
