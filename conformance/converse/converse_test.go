package converse_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/converse"
)

// A frame was computed by hand from the format's description.
func TestFrame(t *testing.T) {
	want, err := hex.DecodeString("000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700" +
		"106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599")
	if err != nil {
		t.Fatal(err)
	}
	if got := converse.Frame("messageStart", []byte(`{"role":"assistant"}`)); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

const (
	question = `{"messages":[{"role":"user","content":[{"text":"please"}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"authenticate","inputSchema":{"json":{"required":["a","b"]}}}}]}}`
	result   = `{"messages":[{"role":"user","content":[{"text":"please"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"authenticate","input":{}}}]},` +
		`{"role":"user","content":[{"toolResult":{"toolUseId":"a","status":"success","content":[{"text":"äö ok"},{"json":{"projects":[{"name":"a"},{"name":"b"}],"login":"octo"}}]}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"authenticate"}}]}}`
	chat = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
)

func ask(t *testing.T, m *converse.Model, operation, body string) (*http.Response, string) {
	t.Helper()
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/model/us.model-v1%3A0/"+operation, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-west-2/bedrock/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestTheRule(t *testing.T) {
	m := &converse.Model{}
	for _, c := range []struct{ body, reason, answer string }{
		{question, "tool_use", "tool authenticate"}, {result, "end_turn", "äö ok\nlogin: octo\nprojects:\n- name: a\n- name: b"}, {chat, "end_turn", "hello"},
	} {
		_, whole := ask(t, m, "converse", c.body)
		var said struct{ StopReason string }
		if err := json.Unmarshal([]byte(whole), &said); err != nil || said.StopReason != c.reason {
			t.Errorf("%v: %s", err, whole)
		}
		resp, stream := ask(t, m, "converse-stream", c.body)
		if resp.Header.Get("Content-Type") != "application/vnd.amazon.eventstream" || !strings.Contains(stream, `{"stopReason":"`+c.reason+`"}`) {
			t.Errorf("%s: %q", resp.Status, stream)
		}
		calls := m.Calls()
		want := converse.Call{Operation: "ConverseStream", ModelID: "us.model-v1:0", KeyID: "AKIDEXAMPLE", Service: "bedrock", Answer: c.answer}
		if c.body == question {
			want.Required = "a,b"
		}
		if got := calls[len(calls)-1]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestTheToolWithMostWordsInCommonIsChosen(t *testing.T) {
	for asked, want := range map[string]string{"List my GitHub projects": "tool list_projects", "what is my user name?": "tool get_user", "please": "please"} {
		m := &converse.Model{}
		two := strings.NewReplacer(`{"toolSpec"`, `{"toolSpec":{"name":"get_user"}},{"toolSpec"`, "authenticate", "list_projects", "please", asked).Replace(question)
		ask(t, m, "converse-stream", two)
		if calls := m.Calls(); len(calls) != 1 || calls[0].Answer != want {
			t.Errorf("%s: %+v, want %s", asked, calls, want)
		}
	}
}

func TestJSONOfOneToolAmongSeveralIsSaidInProse(t *testing.T) {
	m := &converse.Model{}
	several := strings.NewReplacer(`{"toolSpec":{"name":"authenticate"}}`, `{"toolSpec":{"name":"authenticate"}},{"toolSpec":{"name":"other"}}`, `äö ok`, `{\"login\":\"octo\"}`).Replace(result)
	ask(t, m, "converse", several)
	if calls := m.Calls(); len(calls) != 1 || !strings.HasPrefix(calls[0].Answer, "login: octo\n") {
		t.Errorf("%+v", calls)
	}
}

func TestWhatTheRuleDoesNotKnowIsRefused(t *testing.T) {
	m := &converse.Model{}
	for _, body := range []string{"", "{}", strings.Replace(chat, `"user"`, `"assistant"`, 1)} {
		if resp, answer := ask(t, m, "converse-stream", body); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("X-Amzn-ErrorType") != "ValidationException" {
			t.Errorf("%s: %s %s", body, resp.Status, answer)
		}
	}
	if resp, _ := ask(t, m, "invoke", chat); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another operation: %s", resp.Status)
	}
	if calls := m.Calls(); len(calls) != 0 {
		t.Errorf("refused calls count: %+v", calls)
	}
}
