package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"time"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/state"
)

// invocation is a question in a session.
type invocation struct {
	SessionID string
	Message   string
}

// Limits of an invocation.
const (
	maxBody      = 64 << 10
	maxSessionID = 256
	maxMessage   = 32 << 10
	saveTimeout  = 10 * time.Second
	readTimeout  = 30 * time.Second // of the body
)

// readInvocation reads the body under either spelling of its members. Only JSON is accepted: no page of another site can
// send that without this site's consent (A62).
func readInvocation(w http.ResponseWriter, r *http.Request) (invocation, *refusal) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return invocation{}, &refusal{http.StatusUnsupportedMediaType, "Send the invocation as JSON, with Content-Type: application/json."}
	}
	var body struct {
		SessionID      string `json:"sessionId"`
		SessionIDSnake string `json:"session_id"`
		Message        string `json:"message"`
		UserMessage    string `json:"user_message"`
	}
	raw, no := readBody(w, r)
	if no != nil {
		return invocation{}, no
	}
	if json.Unmarshal(raw, &body) != nil {
		return invocation{}, &refusal{http.StatusUnprocessableEntity, `The body has to be a JSON object such as {"sessionId": "…", "message": "…"}.`}
	}
	in := invocation{cmp.Or(body.SessionID, body.SessionIDSnake), cmp.Or(body.Message, body.UserMessage)}
	return in, in.check()
}

// readBody reads what came in time and is not too long.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(readTimeout)) // what has no connection has no slow one
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = conn.SetReadDeadline(time.Time{}) // or the answer would end with it
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &refusal{http.StatusRequestEntityTooLarge, "The invocation is larger than 64 KiB."}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{http.StatusRequestTimeout, "The invocation did not arrive in time. Send it again."}
	case err != nil:
		return nil, &refusal{http.StatusUnprocessableEntity, "The invocation ended early."}
	}
	return raw, nil
}

func (in invocation) check() *refusal {
	switch {
	case badSessionID(in.SessionID):
		return &refusal{http.StatusUnprocessableEntity, "sessionId has to be a text of 1 to 256 characters: one for each conversation."}
	case in.Message == "" || len(in.Message) > maxMessage:
		return &refusal{http.StatusUnprocessableEntity, "message has to be a text of 1 to 32768 bytes."}
	}
	return nil
}

func badSessionID(id string) bool {
	return id == "" || len(id) > 4*maxSessionID || utf8.RuneCountInString(id) > maxSessionID || !utf8.ValidString(id)
}

// invoke answers a question. Whatever can fail before the model is asked has a status of its own.
func (s *server) invoke(w http.ResponseWriter, r *http.Request, user *oidcdata.Claims) *refusal {
	in, no := readInvocation(w, r)
	if no != nil {
		return no
	}
	name := conversationName(user, in.SessionID)
	end, free := s.busy.Begin(name)
	if !free {
		return &refusal{http.StatusConflict, "Another message of this session is being answered. Wait for the answer, or begin another session."}
	}
	defer end()
	ctx, err := s.withWorkloadToken(r.Context(), r, user)
	if err != nil {
		return s.noWorkloadToken(r, err)
	}
	conv, err := s.load(ctx, name)
	if err != nil {
		return s.noConversation(r, err)
	}
	s.answer(ctx, newAnswer(w, r), conv, in.Message)
	return nil
}

// answer streams the answer and stores the conversation before it says that it is done.
func (s *server) answer(ctx context.Context, out answer, conv *conversation, question string) {
	messages, err := s.loop.Answer(ctx, conv.Messages, question, out.text)
	var consent *client.AuthorizationRequiredError
	switch {
	case errors.As(err, &consent) && linkable(consent.URL):
		conv.waitFor(question, consent)
	case err != nil:
		out.fail(s.explain(ctx, err))
		return
	default:
		conv.answered(messages)
	}
	// What was answered is kept, also where the user has closed the page by now.
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := s.save(saving, conv); err != nil {
		out.fail(s.explain(ctx, err))
		return
	}
	if consent != nil {
		out.authorization(consent)
	}
	out.done()
}

// explain says to the user why there is no answer. What is not meant for them is in the log.
func (s *server) explain(ctx context.Context, err error) string {
	for _, known := range []error{chat.ErrTurns, chat.ErrTokens, chat.ErrRefused, chat.ErrSilent} {
		if errors.Is(err, known) {
			return sentence(known.Error())
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "The answer took too long. Ask for less at once, or again."
	case errors.Is(err, context.Canceled):
		return "The connection was closed."
	case errors.Is(err, state.ErrConflict):
		return "This conversation went on elsewhere at the same time. Ask again."
	}
	s.log.ErrorContext(ctx, "there is no answer", "error", err)
	return "Something went wrong on our side; the log says what. Ask again."
}

func sentence(s string) string { return string(s[0]-'a'+'A') + s[1:] + "." }

func (s *server) noWorkloadToken(r *http.Request, err error) *refusal {
	s.log.ErrorContext(r.Context(), "no workload access token", "error", err)
	if errors.Is(err, errNoJWT) || client.Is(err, api.UnauthorizedException) {
		return &refusal{http.StatusUnauthorized, "Your sign-in was not accepted by the identity service. Sign in again; if that does not help, the log says why."}
	}
	return &refusal{http.StatusBadGateway, "The identity service did not give this agent its identity; the log says why."}
}

func (s *server) noConversation(r *http.Request, err error) *refusal {
	s.log.ErrorContext(r.Context(), "a conversation cannot be read", "error", err)
	if errors.Is(err, state.ErrSealed) {
		return &refusal{http.StatusInternalServerError, "What is stored of this conversation cannot be trusted. Begin another one."}
	}
	return &refusal{http.StatusBadGateway, "The store of conversations does not answer; the log says why."}
}
