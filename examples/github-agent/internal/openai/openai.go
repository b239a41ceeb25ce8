// Package openai is a language model behind the chat completions interface that many services and local programs offer.
//
// It sends the conversation and its key to the base URL that was configured and nowhere else: a redirect is refused.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// Model is one model of a service.
type Model struct {
	http      *http.Client
	base, key string
	name      string
	newer     atomic.Bool // the model has said that it takes the newer name of its limit
}

// New returns a model. The key may be empty, as for a program on the same machine. The transport is http.DefaultTransport
// when nil.
func New(base, key, name string, transport http.RoundTripper) *Model {
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Model{http: &http.Client{Transport: transport, CheckRedirect: refuse}, base: strings.TrimSuffix(base, "/"), key: key, name: name}
}

// Converse implements chat.Model.
func (m *Model) Converse(ctx context.Context, c chat.Conversation, emit func(string)) (chat.Turn, error) {
	resp, err := m.ask(ctx, m.request(c))
	if err != nil {
		return chat.Turn{}, err
	}
	defer resp.Body.Close()
	t, err := read(resp.Body, emit)
	if err != nil {
		return chat.Turn{}, fmt.Errorf("the answer of the model %s: %w", m.name, errors.Join(err, ctx.Err()))
	}
	return t, nil
}

// ask sends a request, and once more where the model knows its limit under the newer name alone. Which name it knows is kept.
func (m *Model) ask(ctx context.Context, r request) (*http.Response, error) {
	if m.newer.Load() {
		r = r.newer()
	}
	resp, err := m.send(ctx, r)
	if refused, ok := errors.AsType[*refusal](err); !ok || r.MaxTokens == 0 || !refused.wantsNewer() {
		return resp, err
	}
	m.newer.Store(true)
	return m.send(ctx, r.newer())
}

// send returns an answer that has begun well.
func (m *Model) send(ctx context.Context, in request) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.base+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	if m.key != "" {
		r.Header.Set("Authorization", "Bearer "+m.key)
	}
	resp, err := m.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the model %s: %w", m.name, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, fmt.Errorf("the model %s at %s answered %w", m.name, m.base, refusalOf(resp))
	}
	return resp, nil
}

// refusal is an answer that is none.
type refusal struct {
	status  int
	message string
}

func (e *refusal) Error() string { return fmt.Sprintf("%d: %s", e.status, e.message) }

// wantsNewer tells the one refusal that another name of the limit mends.
func (e *refusal) wantsNewer() bool {
	return e.status == http.StatusBadRequest && strings.Contains(e.message, "max_completion_tokens")
}

const maxError = 4 << 10

func refusalOf(resp *http.Response) *refusal {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxError)) // whatever arrived is better than nothing
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error.Message == "" {
		said.Error.Message = http.StatusText(resp.StatusCode)
	}
	return &refusal{resp.StatusCode, said.Error.Message}
}

type request struct {
	Model         string        `json:"model"`
	Messages      []message     `json:"messages"`
	Tools         []tool        `json:"tools,omitempty"`
	MaxTokens     int           `json:"max_tokens,omitempty"`
	MaxCompletion int           `json:"max_completion_tokens,omitempty"` // the same for newer models, which refuse the other
	Stream        bool          `json:"stream"`
	StreamOptions streamOptions `json:"stream_options"`
}

func (r request) newer() request {
	r.MaxCompletion, r.MaxTokens = r.MaxTokens, 0
	return r
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role       string `json:"role"`
	Content    string `json:"content"`
	ToolCalls  []call `json:"tool_calls,omitempty"`
	ToolCallID string `json:"tool_call_id,omitempty"`
}

type call struct {
	Index    int      `json:"index"`
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type tool struct {
	Type     string   `json:"type"`
	Function toolSpec `json:"function"`
}

type toolSpec struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

func (m *Model) request(c chat.Conversation) request {
	r := request{Model: m.name, MaxTokens: c.MaxTokens, Stream: true, StreamOptions: streamOptions{true},
		Messages: []message{{Role: "system", Content: c.System}}}
	for _, said := range c.Messages {
		r.Messages = append(r.Messages, messagesOf(said)...)
	}
	for _, t := range c.Tools {
		r.Tools = append(r.Tools, tool{"function", toolSpec{t.Name, t.Description, t.Schema}})
	}
	return r
}

// messagesOf is one message, or one for each result of a tool. The wire has no word for a failed call: the text says it.
func messagesOf(m chat.Message) []message {
	if len(m.Results) == 0 {
		out := message{Role: string(m.Role), Content: m.Text}
		for i, c := range m.Calls {
			out.ToolCalls = append(out.ToolCalls, call{i, c.ID, "function", function{c.Tool, string(c.Input)}})
		}
		return []message{out}
	}
	var out []message
	for _, r := range m.Results {
		content := r.Content
		if r.Failed {
			content = "Error: " + content
		}
		out = append(out, message{Role: "tool", Content: content, ToolCallID: r.ID})
	}
	return out
}
