package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/converse"
)

// scriptedModel speaks ConverseStream. It calls a tool for each word that it knows in the question, in its order, and
// then repeats what the tools said.
type scriptedModel struct {
	*httptest.Server

	mu       sync.Mutex
	requests []string // bodies
	answer   string   // instead of the rule, where set
	always   string   // a tool that is called whatever came before
}

var toolWords = []struct{ word, tool, input string }{
	{"who am i", "get_github_user", ``},
	{"projects", "list_github_projects", `{"limit":5}`},
	{"calendar", "list_calendar_events", `{"limit":3}`},
}

func newScriptedModel(t testing.TB) *scriptedModel {
	t.Helper()
	m := &scriptedModel{}
	m.Server = httptest.NewServer(http.HandlerFunc(m.serve))
	t.Cleanup(m.Close)
	return m
}

// says has the model answer this text, whatever it is asked; "" ends it.
func (m *scriptedModel) says(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = text
}

// calls has the model call this tool for ever.
func (m *scriptedModel) calls(tool string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.always = tool
}

// seen is everything that the model was ever sent.
func (m *scriptedModel) seen() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.requests, "\n")
}

type modelMessage struct {
	Role    string `json:"role"`
	Content []struct {
		Text   string `json:"text"`
		Result *struct {
			Status  string `json:"status"`
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"toolResult"`
	} `json:"content"`
}

func (m *scriptedModel) serve(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Messages []modelMessage `json:"messages"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.requests = append(m.requests, string(body))
	answer, always := m.answer, m.always
	m.mu.Unlock()
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	switch question, results := lastQuestion(in.Messages); {
	case always != "":
		writeCall(w, "again", always, "{}")
	case answer != "":
		writeText(w, answer)
	case nextTool(question, len(results)) != nil:
		next := nextTool(question, len(results))
		writeCall(w, "call-"+next.tool, next.tool, next.input)
	case len(results) > 0:
		writeText(w, strings.Join(results, " "))
	default:
		writeText(w, "You said: "+question)
	}
}

// lastQuestion is the last question and what tools said since.
func lastQuestion(messages []modelMessage) (question string, results []string) {
	for _, m := range messages {
		for _, b := range m.Content {
			switch {
			case b.Result != nil:
				results = append(results, b.Result.Status+": "+b.Result.Content[0].Text)
			case m.Role == "user":
				question, results = b.Text, nil
			}
		}
	}
	return question, results
}

func nextTool(question string, after int) *struct{ word, tool, input string } {
	for i := range toolWords {
		if strings.Contains(strings.ToLower(question), toolWords[i].word) {
			if after == 0 {
				return &toolWords[i]
			}
			after--
		}
	}
	return nil
}

func writeText(w http.ResponseWriter, text string) {
	half := len(text) / 2
	for half > 0 && text[half]&0xC0 == 0x80 { // not within a character
		half--
	}
	writeEvents(w, [][2]any{
		{"messageStart", map[string]any{"role": "assistant"}},
		{"contentBlockDelta", map[string]any{"contentBlockIndex": 0, "delta": map[string]any{"text": text[:half]}}},
		{"contentBlockDelta", map[string]any{"contentBlockIndex": 0, "delta": map[string]any{"text": text[half:]}}},
		{"contentBlockStop", map[string]any{"contentBlockIndex": 0}},
		{"messageStop", map[string]any{"stopReason": "end_turn"}},
		{"metadata", map[string]any{"usage": map[string]any{"inputTokens": 5, "outputTokens": 5, "totalTokens": 10}, "metrics": map[string]any{"latencyMs": 1}}},
	})
}

func writeCall(w http.ResponseWriter, id, tool, input string) {
	half := len(input) / 2
	delta := func(piece string) [2]any {
		return [2]any{"contentBlockDelta", map[string]any{"contentBlockIndex": 1, "delta": map[string]any{"toolUse": map[string]any{"input": piece}}}}
	}
	writeEvents(w, [][2]any{
		{"messageStart", map[string]any{"role": "assistant"}},
		{"contentBlockDelta", map[string]any{"contentBlockIndex": 0, "delta": map[string]any{"text": "Let me look."}}},
		{"contentBlockStop", map[string]any{"contentBlockIndex": 0}},
		{"contentBlockStart", map[string]any{"contentBlockIndex": 1, "start": map[string]any{"toolUse": map[string]any{"toolUseId": id, "name": tool}}}},
		delta(input[:half]), delta(input[half:]),
		{"contentBlockStop", map[string]any{"contentBlockIndex": 1}},
		{"messageStop", map[string]any{"stopReason": "tool_use"}},
		{"metadata", map[string]any{"usage": map[string]any{"inputTokens": 5, "outputTokens": 5, "totalTokens": 10}, "metrics": map[string]any{"latencyMs": 1}}},
	})
}

func writeEvents(w http.ResponseWriter, events [][2]any) {
	for _, e := range events {
		payload, err := json.Marshal(e[1])
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(converse.Frame(e[0].(string), payload))
		w.(http.Flusher).Flush()
	}
}
