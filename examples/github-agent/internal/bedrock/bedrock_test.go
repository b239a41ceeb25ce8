package bedrock_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/conformance/converse"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/bedrock"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// service answers every request by h.
func service(t *testing.T, h http.HandlerFunc) *bedrock.Model {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return bedrock.New(aws.Config{Region: "us-west-2", BaseEndpoint: aws.String(s.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}, "arn:aws:bedrock:us-west-2:000000000000:inference-profile/eu.model-1:0")
}

func frames(w http.ResponseWriter, events ...[2]string) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	for _, e := range events {
		_, _ = w.Write(converse.Frame(e[0], []byte(e[1])))
	}
}

var conversation = chat.Conversation{
	System: "be kind", MaxTokens: 100,
	Tools: []chat.Tool{{Name: "double", Description: "doubles", Schema: json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer","maximum":50}}}`)}},
	Messages: []chat.Message{
		{Role: chat.User, Text: "21 twice?"},
		{Role: chat.Assistant, Text: "Let me see.", Calls: []chat.Call{{ID: "c1", Tool: "double", Input: json.RawMessage(`{"n":21000000}`)}, {ID: "c2", Tool: "double", Input: json.RawMessage(`"{\"n\":"`)}}},
		{Role: chat.User, Results: []chat.Result{{ID: "c1", Content: `{"double":42}`}, {ID: "c2", Content: "no JSON", Failed: true}}},
	},
}

func TestRequest(t *testing.T) {
	var path, authorization, body string
	m := service(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		path, authorization, body = r.URL.Path, r.Header.Get("Authorization"), string(b)
		frames(w, [2]string{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"42"}}`}, [2]string{"messageStop", `{"stopReason":"end_turn"}`})
	})
	if _, err := m.Converse(t.Context(), conversation, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if path != "/model/arn:aws:bedrock:us-west-2:000000000000:inference-profile/eu.model-1:0/converse-stream" || !strings.Contains(authorization, "/us-west-2/bedrock/aws4_request") {
		t.Errorf("sent to %s with %s", path, authorization)
	}
	var got, want any
	const sent = `{"system":[{"text":"be kind"}],"inferenceConfig":{"maxTokens":100},
		"toolConfig":{"tools":[{"toolSpec":{"name":"double","description":"doubles","inputSchema":{"json":{"type":"object","properties":{"n":{"type":"integer","maximum":50}}}}}}]},
		"messages":[{"role":"user","content":[{"text":"21 twice?"}]},
		{"role":"assistant","content":[{"text":"Let me see."},{"toolUse":{"toolUseId":"c1","name":"double","input":{"n":21000000}}},{"toolUse":{"toolUseId":"c2","name":"double","input":{}}}]},
		{"role":"user","content":[{"toolResult":{"toolUseId":"c1","status":"success","content":[{"text":"{\"double\":42}"}]}},{"toolResult":{"toolUseId":"c2","status":"error","content":[{"text":"no JSON"}]}}]}]}`
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(sent), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnswer(t *testing.T) {
	m := service(t, func(w http.ResponseWriter, _ *http.Request) {
		frames(w,
			[2]string{"messageStart", `{"role":"assistant","p":"abcdef"}`},
			[2]string{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Let me "}}`},
			[2]string{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"look."}}`},
			[2]string{"contentBlockStop", `{"contentBlockIndex":0}`},
			[2]string{"contentBlockStart", `{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"c1","name":"double"}}}`},
			[2]string{"contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"n\":"}}}`},
			[2]string{"contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"1}"}}}`},
			[2]string{"contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"c2","name":"double"}}}`},
			[2]string{"contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{broken"}}}`},
			[2]string{"messageStop", `{"stopReason":"tool_use"}`},
			[2]string{"metadata", `{"usage":{"inputTokens":12,"outputTokens":6,"totalTokens":18},"metrics":{"latencyMs":321}}`})
	})
	var heard []string
	got, err := m.Converse(t.Context(), conversation, func(s string) { heard = append(heard, s) })
	if err != nil {
		t.Fatal(err)
	}
	want := chat.Turn{Stop: chat.StopTools, Tokens: 18, Message: chat.Message{Role: chat.Assistant, Text: "Let me look.", Calls: []chat.Call{
		{ID: "c1", Tool: "double", Input: json.RawMessage(`{"n":1}`)}, {ID: "c2", Tool: "double", Input: json.RawMessage(`"{broken"`)}}}}
	if diff := cmp.Diff(want, got); diff != "" || strings.Join(heard, "|") != "Let me |look." {
		t.Errorf("heard %q\n%s", heard, diff)
	}
}

func TestReasonsToStop(t *testing.T) {
	for reason, want := range map[string]chat.Stop{"end_turn": chat.StopEnd, "stop_sequence": chat.StopEnd, "max_tokens": chat.StopLength,
		"guardrail_intervened": chat.StopRefused, "content_filtered": chat.StopRefused, "something_new": chat.StopRefused} {
		m := service(t, func(w http.ResponseWriter, _ *http.Request) {
			frames(w, [2]string{"messageStop", `{"stopReason":"` + reason + `"}`})
		})
		if got, err := m.Converse(t.Context(), conversation, func(string) {}); err != nil || got.Stop != want {
			t.Errorf("%s: %v %v", reason, got.Stop, err)
		}
	}
}

func TestAnswersThatBreakOff(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
			http.Error(w, `{"message":"no access to the model"}`, http.StatusForbidden)
		},
		"ended early": func(w http.ResponseWriter, _ *http.Request) {
			frames(w, [2]string{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"half"}}`})
		},
		"a frame with a wrong checksum": func(w http.ResponseWriter, _ *http.Request) {
			f := converse.Frame("messageStop", []byte(`{"stopReason":"end_turn"}`))
			f[len(f)-1]++
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
			_, _ = w.Write(f)
		},
	} {
		if got, err := service(t, h).Converse(t.Context(), conversation, func(string) {}); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// sent is an HTTP client that keeps what it was given.
type sent struct{ body io.Reader }

func (s *sent) Do(r *http.Request) (*http.Response, error) {
	s.body = r.Body
	return nil, errors.New("nobody is there")
}

func TestBodiesAreReadToTheirEnd(t *testing.T) {
	var s sent
	m := bedrock.New(aws.Config{Region: "us-west-2", HTTPClient: &s, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}, "model-1")
	if _, err := m.Converse(t.Context(), conversation, func(string) {}); err == nil {
		t.Fatal("nobody answered, and there is an answer")
	}
	if n, err := io.Copy(io.Discard, s.body); n != 0 || err != nil { // as a transport looks for the end, after the SDK closed the body
		t.Fatalf("a closed body gives %d bytes and %v, which breaks the connection of a running answer", n, err)
	}
}
