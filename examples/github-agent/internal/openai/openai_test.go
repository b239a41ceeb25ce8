package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/openai"
)

// service answers every request by these events and notes the last request.
func service(t *testing.T, events ...string) (*openai.Model, *http.Request, *map[string]any) {
	t.Helper()
	var seen http.Request
	body := map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = *r
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			_, _ = io.WriteString(w, "data: "+e+"\n\n")
		}
	}))
	t.Cleanup(s.Close)
	return openai.New(s.URL+"/v1/", "the-key", "model-1", s.Client().Transport), &seen, &body
}

var conversation = chat.Conversation{
	System: "be kind", MaxTokens: 100,
	Tools: []chat.Tool{{Name: "double", Description: "doubles", Schema: json.RawMessage(`{"type":"object"}`)}},
	Messages: []chat.Message{
		{Role: chat.User, Text: "21 twice?"},
		{Role: chat.Assistant, Text: "Let me see.", Calls: []chat.Call{{ID: "c1", Tool: "double", Input: json.RawMessage(`{"n":21}`)}, {ID: "c2", Tool: "double", Input: json.RawMessage(`{}`)}}},
		{Role: chat.User, Results: []chat.Result{{ID: "c1", Content: `{"double":42}`}, {ID: "c2", Content: "no n", Failed: true}}},
	},
}

func TestConverse(t *testing.T) {
	m, seen, body := service(t,
		`{"choices":[{"delta":{"role":"assistant","content":"It is "}}]}`, `{"choices":[{"delta":{"content":"42."}}]}`,
		`{"choices":[{"delta":{},"finish_reason":"stop"}]}`, `{"choices":[],"usage":{"total_tokens":17}}`, `[DONE]`)
	var heard []string
	got, err := m.Converse(t.Context(), conversation, func(s string) { heard = append(heard, s) })
	if err != nil {
		t.Fatal(err)
	}
	want := chat.Turn{Message: chat.Message{Role: chat.Assistant, Text: "It is 42."}, Stop: chat.StopEnd, Tokens: 17}
	if diff := cmp.Diff(want, got); diff != "" || len(heard) != 2 {
		t.Errorf("heard %q\n%s", heard, diff)
	}
	if seen.URL.Path != "/v1/chat/completions" || seen.Header.Get("Authorization") != "Bearer the-key" {
		t.Errorf("sent to %s with %v", seen.URL, seen.Header)
	}
	messages, err := json.Marshal((*body)["messages"])
	if err != nil {
		t.Fatal(err)
	}
	const sent = `[{"content":"be kind","role":"system"},{"content":"21 twice?","role":"user"},{"content":"Let me see.","role":"assistant","tool_calls":[` +
		`{"function":{"arguments":"{\"n\":21}","name":"double"},"id":"c1","index":0,"type":"function"},{"function":{"arguments":"{}","name":"double"},"id":"c2","index":1,"type":"function"}]},` +
		`{"content":"{\"double\":42}","role":"tool","tool_call_id":"c1"},{"content":"Error: no n","role":"tool","tool_call_id":"c2"}]`
	if string(messages) != sent {
		t.Errorf("sent %s", messages)
	}
}

func TestCallsArriveInPieces(t *testing.T) {
	m, _, _ := service(t,
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"double","arguments":""}}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"n\""}}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"id":"b","function":{"name":"double"}}]}}]}`,
		`{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`, `[DONE]`)
	got, err := m.Converse(t.Context(), conversation, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	want := []chat.Call{{ID: "a", Tool: "double", Input: json.RawMessage(`{"n":1}`)}, {ID: "b", Tool: "double", Input: json.RawMessage(`{}`)}}
	if diff := cmp.Diff(want, got.Message.Calls); diff != "" || got.Stop != chat.StopTools {
		t.Errorf("%s %s", got.Stop, diff)
	}
}

// TestCallsOfOneTurnStayApart: services leave out the index, or have the same in all calls.
func TestCallsOfOneTurnStayApart(t *testing.T) {
	want := []chat.Call{{ID: "a", Tool: "double", Input: json.RawMessage(`{"n":1}`)}, {ID: "b", Tool: "double", Input: json.RawMessage(`{"n":2}`)}}
	for name, pieces := range map[string][]string{
		"no index, whole":     {`{"id":"a","function":{"name":"double","arguments":"{\"n\":1}"}},{"id":"b","function":{"name":"double","arguments":"{\"n\":2}"}}`},
		"no index, in pieces": {`{"id":"a","function":{"name":"double","arguments":"{\"n\""}}`, `{"function":{"arguments":":1}"}}`, `{"id":"b","function":{"name":"double","arguments":"{\"n\""}}`, `{"function":{"arguments":":2}"}}`},
		"one index, whole":    {`{"index":0,"id":"a","function":{"name":"double","arguments":"{\"n\":1}"}}`, `{"index":0,"id":"b","function":{"name":"double","arguments":"{\"n\":2}"}}`},
		"one index, pieces":   {`{"index":0,"id":"a","function":{"name":"double","arguments":"{\"n\":1}"}}`, `{"index":0,"id":"b","function":{"name":"double","arguments":"{\"n\":"}}`, `{"index":0,"function":{"arguments":"2}"}}`},
		"the id every time":   {`{"index":0,"id":"a","function":{"name":"double","arguments":"{\"n\""}}`, `{"index":1,"id":"b","function":{"name":"double","arguments":"{\"n\""}}`, `{"index":0,"id":"a","function":{"arguments":":1}"}},{"index":1,"id":"b","function":{"arguments":":2}"}}`},
	} {
		var events []string
		for _, p := range pieces {
			events = append(events, `{"choices":[{"delta":{"tool_calls":[`+p+`]}}]}`)
		}
		m, _, _ := service(t, append(events, `{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`, `[DONE]`)...)
		got, err := m.Converse(t.Context(), conversation, func(string) {})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got.Message.Calls); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestTheLimitHasANewerName: the model is asked once more under it, and from then on under it alone.
func TestTheLimitHasANewerName(t *testing.T) {
	var limits []string
	refuse := func(limit string) bool { return limit == "max_tokens" }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		for _, limit := range []string{"max_tokens", "max_completion_tokens"} {
			if body[limit] == nil {
				continue
			}
			limits = append(limits, limit)
			if body[limit] != 100.0 {
				t.Errorf("%s is %v", limit, body[limit])
			}
			if refuse(limit) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.","param":"max_tokens"}}`)
				return
			}
		}
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\n\n")
	}))
	t.Cleanup(s.Close)
	m := openai.New(s.URL, "", "model-1", nil)
	for range 2 {
		if got, err := m.Converse(t.Context(), conversation, func(string) {}); err != nil || got.Message.Text != "hello" {
			t.Fatalf("%+v %v", got, err)
		}
	}
	if diff := cmp.Diff([]string{"max_tokens", "max_completion_tokens", "max_completion_tokens"}, limits); diff != "" {
		t.Error(diff)
	}
	limits, refuse = nil, func(string) bool { return true }
	if _, err := openai.New(s.URL, "", "model-1", nil).Converse(t.Context(), conversation, func(string) {}); err == nil || len(limits) != 2 {
		t.Errorf("a model that takes neither was asked %d times: %v", len(limits), err)
	}
}

func manyCalls() string {
	var calls []string
	for i := range 33 {
		calls = append(calls, fmt.Sprintf(`{"id":"c%d","function":{"name":"double"}}`, i))
	}
	return strings.Join(calls, ",")
}

func TestStreamsThatCannotBeBelieved(t *testing.T) {
	for name, event := range map[string]string{
		"ended early":    `{"choices":[{"delta":{"content":"half"}}]}`,
		"no JSON":        `{`,
		"an error":       `{"error":{"message":"overloaded"}}`,
		"a far index":    `{"choices":[{"delta":{"tool_calls":[{"index":7}]},"finish_reason":"tool_calls"}]}`,
		"too many":       `{"choices":[{"delta":{"tool_calls":[` + manyCalls() + `]},"finish_reason":"tool_calls"}]}`,
		"below zero":     `{"choices":[{"delta":{"tool_calls":[{"index":-1}]},"finish_reason":"tool_calls"}]}`,
		"an endless one": `"` + strings.Repeat("a", 2<<20) + `"`,
	} {
		m, _, _ := service(t, event)
		if got, err := m.Converse(t.Context(), conversation, func(string) {}); err == nil || len(err.Error()) > 300 {
			t.Errorf("%s: %+v %.300v", name, got, err)
		}
	}
}

func TestReasonsToStop(t *testing.T) {
	for reason, want := range map[string]chat.Stop{"stop": chat.StopEnd, "length": chat.StopLength, "content_filter": chat.StopRefused, "new": chat.StopRefused} {
		m, _, _ := service(t, `{"choices":[{"delta":{},"finish_reason":"`+reason+`"}]}`, `[DONE]`)
		if got, err := m.Converse(t.Context(), conversation, func(string) {}); err != nil || got.Stop != want {
			t.Errorf("%s: %v %v", reason, got.Stop, err)
		}
	}
}

func TestTheKeyGoesNowhereElse(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(other.Close)
	for status, body := range map[int]string{http.StatusTemporaryRedirect: "", http.StatusUnauthorized: `{"error":{"message":"bad key"}}`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		_, err := openai.New(s.URL, "the-key", "model-1", nil).Converse(t.Context(), conversation, func(string) {})
		if err == nil || strings.Contains(err.Error(), "the-key") || asked != 0 {
			t.Errorf("%d: %v, the other host was asked %d times", status, err, asked)
		}
	}
}
