// Package converse is a language model that needs none: it answers the Converse and ConverseStream operations of Amazon
// Bedrock by a rule, so that an agent's way to its tools can be shown without an account anywhere.
//
// The rule: where the last message holds the result of a tool, it repeats that result; else it calls the one tool that it
// is offered, or of several the one with most words in common with what it was asked; else it repeats what it was asked. It
// believes every caller, and remembers how each signed.
package converse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Model is an http.Handler.
type Model struct {
	mu    sync.Mutex
	calls []Call
}

// Call is one request that was answered.
type Call struct {
	Operation string // Converse or ConverseStream
	ModelID   string
	KeyID     string // the access key id of the signature, "" without one
	Service   string // the signature's
	Answer    string // the text, or "tool NAME"
	Required  string // the parameters that the tool requires, separated by commas
}

// Calls are all that were answered, in their order.
func (m *Model) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Call(nil), m.calls...)
}

const maxBody = 1 << 20

var (
	signature = regexp.MustCompile(`Credential=([^/]+)/[0-9]{8}/[^/]+/([^/]+)/aws4_request`)
	path      = regexp.MustCompile(`^/model/([^/]+)/(converse|converse-stream)$`)
)

func (m *Model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := path.FindStringSubmatch(r.URL.Path)
	if at == nil || r.Method != http.MethodPost {
		refuse(w, http.StatusNotFound, "UnknownOperationException", fmt.Sprintf("this model answers Converse and ConverseStream only, not %s %s", r.Method, r.URL.Path))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, "ValidationException", "the request broke off: "+err.Error())
		return
	}
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, http.StatusBadRequest, "ValidationException", "the request is no JSON: "+err.Error())
		return
	}
	turn, err := in.answer()
	if err != nil {
		refuse(w, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	m.note(r, at, turn)
	if at[2] == "converse" {
		turn.whole(w)
		return
	}
	turn.stream(w)
}

func (m *Model) note(r *http.Request, at []string, t turn) {
	c := Call{Operation: map[string]string{"converse": "Converse", "converse-stream": "ConverseStream"}[at[2]], ModelID: at[1], Answer: t.text,
		Required: strings.Join(t.required, ",")}
	if t.tool != "" {
		c.Answer = "tool " + t.tool
	}
	if s := signature.FindStringSubmatch(r.Header.Get("Authorization")); s != nil {
		c.KeyID, c.Service = s[1], s[2]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, c)
}

func refuse(w http.ResponseWriter, status int, name, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", name)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// request is the part of a request on which the answer depends.
type request struct {
	Messages []struct {
		Role    string  `json:"role"`
		Content []block `json:"content"`
	} `json:"messages"`
	Tools struct {
		Tools []struct {
			Spec struct {
				Name   string `json:"name"`
				Schema struct {
					JSON struct {
						Required []string `json:"required"`
					} `json:"json"`
				} `json:"inputSchema"`
			} `json:"toolSpec"`
		} `json:"tools"`
	} `json:"toolConfig"`
}

type block struct {
	Text   string `json:"text"`
	Result *struct {
		Content []struct {
			Text string          `json:"text"`
			JSON json.RawMessage `json:"json"`
		} `json:"content"`
	} `json:"toolResult"`
}

// turn is what the model says: a text, or a call of a tool, whose parameters it leaves out.
type turn struct {
	text, tool string
	id         string // of the tool's use
	required   []string
}

func (r *request) answer() (turn, error) {
	if len(r.Messages) == 0 {
		return turn{}, errors.New("a conversation has at least one message")
	}
	last := r.Messages[len(r.Messages)-1]
	if last.Role != "user" {
		return turn{}, fmt.Errorf("the last message of a conversation is the user's, and this one's is of %q", last.Role)
	}
	var asked []string
	for _, b := range last.Content {
		if b.Result != nil {
			return turn{text: b.result(len(r.Tools.Tools) > 1)}, nil
		}
		asked = append(asked, b.Text)
	}
	question := strings.Join(asked, "\n")
	best, most := turn{text: question, id: r.id()}, 0
	for _, tool := range r.Tools.Tools {
		common := wordsInCommon(tool.Spec.Name, question)
		if len(r.Tools.Tools) == 1 || common > most {
			best, most = turn{tool: tool.Spec.Name, required: tool.Spec.Schema.JSON.Required, id: r.id()}, common
		}
	}
	return best, nil
}

// id names the tool's use, once in a conversation.
func (r *request) id() string { return fmt.Sprintf("tooluse_%d", len(r.Messages)) }

// wordsInCommon counts the words of a tool's name that stand in a question.
func wordsInCommon(tool, question string) (n int) {
	question = strings.ToLower(question)
	for word := range strings.SplitSeq(strings.ToLower(tool), "_") {
		if strings.Contains(question, word) {
			n++
		}
	}
	return n
}

// result is what a tool answered: its words as they are, or, of one tool among several, JSON in prose.
func (b block) result(several bool) string {
	var parts []string
	for _, c := range b.Result.Content {
		text := json.RawMessage(c.Text)
		if c.Text == "" {
			text = c.JSON
		}
		if c.Text == "" || several && json.Valid(text) {
			c.Text = prose(text)
		}
		parts = append(parts, c.Text)
	}
	return strings.Join(parts, "\n")
}

// prose says a JSON value in lines that a person can read: one for each member, and a list's items beneath each other.
func prose(value json.RawMessage) string {
	var members map[string]json.RawMessage
	var items []json.RawMessage
	var text string
	var lines []string
	switch {
	case json.Unmarshal(value, &text) == nil:
		return text
	case json.Unmarshal(value, &items) == nil:
		for _, item := range items {
			lines = append(lines, "- "+strings.ReplaceAll(prose(item), "\n", "\n  "))
		}
	case json.Unmarshal(value, &members) == nil:
		for _, name := range slices.Sorted(maps.Keys(members)) {
			separator := " "
			if said := prose(members[name]); strings.Contains(said, "\n") || strings.HasPrefix(said, "- ") {
				separator = "\n"
			}
			lines = append(lines, name+":"+separator+prose(members[name]))
		}
	default:
		return string(value)
	}
	return strings.Join(lines, "\n")
}
