package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
)

const (
	longSession  = "ALongThirtyThreeCharacterMinimumSessionId"
	otherSession = "AnotherThirtyThreeCharacterMinimumSessionId"
)

// says makes every agent answer so.
func (h *playedHost) says(kind, body string) {
	h.answer = func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) {
		return agentAnswers(kind, body), nil
	}
}

func TestInvoke(t *testing.T) {
	w := launched(t)
	out := w.must("invoke", `{"prompt": "Please"}`)
	in, body := w.host.lastInvocation(t)
	if body != `{"prompt": "Please"}` || in.Caller.Get("Content-Type") != "application/json" {
		t.Errorf("the agent got %s %q", in.Caller.Get("Content-Type"), body)
	}
	says(t, out, " aws_jwt_demo ", "Session: "+in.SessionID, "Request ID: ", "ARN: "+w.agent().arn(), "agentcore logs -f --session-id "+in.SessionID, "\nResponse:\nhello\n")
	if len(in.SessionID) < minSessionID || w.agent().session() != in.SessionID {
		t.Errorf("session %q, kept %q", in.SessionID, w.agent().session())
	}

	// A payload that is no JSON is a prompt, in the same session.
	w.must("invoke", `TestPayload "x"`)
	again, body := w.host.lastInvocation(t)
	if body != `{"prompt":"TestPayload \"x\""}` || again.SessionID != in.SessionID {
		t.Errorf("%q in session %s", body, again.SessionID)
	}
	w.must("invoke", "[1]", "--agent", "aws_jwt_demo", "--session-id", longSession, "--headers", "A:1, X-Amzn-Bedrock-AgentCore-Runtime-Custom-B: two")
	named, _ := w.host.lastInvocation(t)
	if named.SessionID != longSession || named.Caller.Get(customPrefix+"A") != "1" || named.Caller.Get(customPrefix+"B") != "two" {
		t.Errorf("session %s with %v", named.SessionID, named.Caller)
	}
}

// TestInvokeForUsers: a session belongs to its first user, so another one gets another.
func TestInvokeForUsers(t *testing.T) {
	w := launched(t)
	w.vars["LANYARD_DEV_ISSUER"] = "http://127.0.0.1/devidp"
	session := func(args ...string) string {
		w.must(append([]string{"invoke", "{}"}, args...)...)
		in, _ := w.host.lastInvocation(t)
		return in.SessionID
	}
	alice := session("--user-id", "alice")
	in, _ := w.host.lastInvocation(t)
	if in.Inject.Get(hostlink.HeaderUserID) != "alice" && in.Inject.Get(api.HeaderRuntimeUser) != "alice" {
		t.Errorf("the agent is told %v", in.Inject)
	}
	if again := session("-u", "alice"); again != alice {
		t.Errorf("alice's session %s became %s", alice, again)
	}
	bob := session("-u", "bob")
	if bob == alice {
		t.Error("bob is in alice's session")
	}
	if nobody := session(); nobody == bob || nobody == alice {
		t.Error("nobody's session is somebody's")
	}
}

func TestInvokeStreams(t *testing.T) {
	w := launched(t)
	w.host.says("text/event-stream", "data: \"Authorization URL: https://x\"\n\n: a comment\nevent: x\ndata: {\"message\": \"done\",\r\ndata:  \"n\": 1}\r\n\r\ndata: \"one \"\n\ndata: \"two\"\n\ndata: bare words\n\n")
	out := w.must("invoke", "{}")
	_, answer, _ := strings.Cut(out, "Response:\n")
	equal(t, answer, "Authorization URL: https://x\n{\n  \"message\": \"done\",\n  \"n\": 1\n}\none twobare words\n")
	out = w.must("invoke", "{}", "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], `{"agent":"aws_jwt_demo","runtimeSessionId":"`) || lines[1] != `{"event":"Authorization URL: https://x"}` || lines[5] != `{"event":"bare words"}` {
		t.Errorf("--json says\n%s", out)
	}
}

// TestInvokePrintsAsItComes: an event is on the screen before the next one exists.
func TestInvokePrintsAsItComes(t *testing.T) {
	r, agentWrites := io.Pipe()
	seen, screen := io.Pipe()
	a := newAnswer(&terminal{w: screen}, false, screen)
	done := make(chan error, 1)
	go func() {
		done <- a.read(&http.Response{Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r})
	}()
	buf := make([]byte, 64)
	for _, word := range []string{"one", "two", "three"} {
		if _, err := io.WriteString(agentWrites, "data: \""+word+"\"\n\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := seen.Read(buf); err != nil || string(buf[:n]) != word {
			t.Fatalf("saw %q, %v", buf[:n], err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, seen) }()
	agentWrites.CloseWithError(errors.New("the agent died"))
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the answer broke off: the agent died") {
		t.Errorf("the end is %v", err)
	}
}

func TestInvokeKindsOfAnswers(t *testing.T) {
	w := launched(t)
	for _, tc := range []struct{ kind, body, want string }{
		{"application/json", `"a text\nof lines"`, "a text\nof lines\n"},
		{"application/json; charset=utf-8", `{"a":[1,"é"]}`, "{\n  \"a\": [\n    1,\n    \"é\"\n  ]\n}\n"},
		{"application/json", `{"response":{"x":1}}`, "{\n  \"x\": 1\n}\n"},
		{"application/json", `{"response":null}`, "{\n  \"response\": null\n}\n"},
		{"application/json", `no json`, "no json\n"},
		{"text/plain", "plain\nwords", "plain\nwords\n"},
		{"application/octet-stream", "\x00\x01", "\x00\x01"},
		{"text/event-stream", "", ""},
	} {
		w.host.says(tc.kind, tc.body)
		_, answer, _ := strings.Cut(w.must("invoke", "{}"), "Response:\n")
		if answer != tc.want {
			t.Errorf("%s %q: %q, want %q", tc.kind, tc.body, answer, tc.want)
		}
	}
}

// TestA48_AnAgentCannotCommandTheTerminal: what an agent read on the web ends up on somebody's screen.
func TestA48_AnAgentCannotCommandTheTerminal(t *testing.T) {
	const hostile = "a\x1b[2J\x1b]52;c;AAAA\x07b\u202ec\rd"
	for kind, body := range map[string]string{
		"text/event-stream": "data: \"a\\u001b[2J\\u202e\\rb\"\n\ndata: {\"k\": \"" + hostile + "\"}\n\ndata: " + hostile + "\n\n",
		"application/json":  `{"response":"a\u001b[2J\u202e\rb"}`,
		"text/plain":        hostile + "\n" + hostile,
	} {
		var b bytes.Buffer
		resp := &http.Response{Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
		if err := newAnswer(&terminal{w: &b}, false, &b).read(resp); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\x07\u202e\r") || b.Len() == 0 {
			t.Errorf("%s: %q", kind, b.String())
		}
	}
}

// TestInvokeFailures: the agent's own error, the server's, and what to do.
func TestInvokeFailures(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	w.fails(1, "agent is configured but not launched. Launch it with: agentcore launch", "invoke", "{}")
	w.must("launch")
	w.host.says("text/event-stream", "data: \"half\"\n\ndata: {\"error\": \"no key\\u001b[2J\", \"error_type\": \"KeyError\", \"message\": \"An error occurred during streaming\"}\n\n")
	code, out, errOut := w.run("invoke", "{}")
	if code != 1 || !strings.Contains(out, "half") || !strings.Contains(errOut, "the agent failed while it answered: KeyError: no key") || strings.Contains(errOut, "\x1b") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	w.host.answer = func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) {
		return nil, &hostlink.Error{Code: hostlink.CodeBuild, Message: "the agent's Python environment could not be built", Log: "line 1\nline 2"}
	}
	says(t, w.fails(1, "RuntimeClientError", "invoke", "{}"), "could not be built")
	a := w.agent()
	a.set("bedrock_agentcore.agent_arn", strings.Replace(a.arn(), "agent-", "gone-", 1))
	if err := a.project.save(); err != nil {
		t.Fatal(err)
	}
	w.fails(1, "Launch the agent again with: agentcore launch", "invoke", "{}")
	w.vars["LANYARD_ENDPOINT"] = "http://127.0.0.1:1"
	w.fails(1, "Is it running?", "invoke", "{}")
}

func TestInvokeMisuse(t *testing.T) {
	w := newWorkshop(t)
	short := strings.Repeat("s", 32)
	errOut := w.fails(2, "--session-id has 32 characters, and a session's id has 33 to 256, so that nobody guesses it; leave it out for a new one, or take for instance", "invoke", "{}", "-s", short)
	suggested := strings.Fields(errOut[strings.Index(errOut, "for instance ")+13:])[0]
	if n := len(strings.TrimRight(suggested, ";")); n != 36 {
		t.Errorf("%q is suggested", suggested)
	}
	for says, args := range map[string][]string{
		"accepts 1 arg(s), received 0":    {},
		"has 257 characters":              {"{}", "-s", strings.Repeat("s", 257)},
		"must be visible ASCII":           {"{}", "-s", strings.Repeat("s ", 20)},
		"is not Name:value":               {"{}", "--headers", "novalue"},
		`--headers: "a b:c" is not`:       {"{}", "--headers", "a b:c"},
		"choose one of --local and --dev": {"{}", "-l", "-d"},
		"--port 0 is no port":             {"{}", "-d", "--port", "0"},
	} {
		w.fails(2, says, append([]string{"invoke"}, args...)...)
	}
}

// TestInvokeWithJWT: a runtime with an authorizer gets the JWT, and no AWS signature beside it.
func TestInvokeWithJWT(t *testing.T) {
	w := launched(t)
	w.vars["BEDROCK_AGENTCORE_BEARER_TOKEN"] = "a.b.c"
	_, _, errOut := w.run("invoke", "{}")
	says(t, errOut, "The bearer token is not used: aws_jwt_demo has no JWT authorizer")
	delete(w.vars, "BEDROCK_AGENTCORE_BEARER_TOKEN")
	a := w.agent()
	a.set("authorizer_configuration", ordered("customJWTAuthorizer", ordered("discoveryUrl", "https://idp.example.com/.well-known/openid-configuration", "allowedClients", anyList([]string{"c"}))))
	if err := a.project.save(); err != nil {
		t.Fatal(err)
	}
	w.fails(1, "takes JWTs of https://idp.example.com/.well-known/openid-configuration in place of AWS credentials: give one with --bearer-token", "invoke", "{}")
	w.fails(1, "--user-id does not go with a bearer token", "invoke", "{}", "-bt", "a.b.c", "-u", "alice")

	var got http.Header
	edge := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got = r.Header
		rw.Header().Set("X-Amzn-ErrorType", "UnauthorizedException")
		rw.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(rw, `{"message":"the token has expired"}`)
	}))
	defer edge.Close()
	w.vars["LANYARD_ENDPOINT"] = edge.URL
	errOut = w.fails(1, "the token has expired", "invoke", "{}", "-bt", "MARKER.JWT.x")
	says(t, errOut, "The JWT may have expired, or not be one that aws_jwt_demo takes")
	saysNot(t, errOut, "MARKER")
	if got.Get("Authorization") != "Bearer MARKER.JWT.x" || got.Get("X-Amz-Date") != "" || got.Get(api.HeaderRuntimeUser) != "" {
		t.Errorf("sent %v", got)
	}
}

// TestInvokeOnThisMachine: --dev and --local talk to an agent that somebody started by hand.
func TestInvokeOnThisMachine(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	var got http.Header
	agent := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got = r.Header
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: \"hi\"\n\n")
	}))
	port := agent.URL[strings.LastIndexByte(agent.URL, ':')+1:]
	if out := w.must("invoke", "{}", "--dev", "--port", port); out != "hi\n" || len(got.Get(api.HeaderRuntimeSession)) != 36 || got.Get("Authorization") != "" {
		t.Errorf("%q with %v", out, got)
	}
	w.must("invoke", "{}", "--local", "--port", port, "-u", "alice", "-s", longSession)
	if got.Get("WorkloadAccessToken") == "" || got.Get("X-Amz-Bedrock-AgentCore-Identity-WAT") != got.Get("WorkloadAccessToken") || got.Get(api.HeaderRuntimeSession) != longSession {
		t.Errorf("the agent got %v", got)
	}
	name := textAt(mapAt(w.agent().doc(), "oauth_configuration"), "workload_name")
	w.must("invoke", "{}", "-l", "--port", port)
	if again := textAt(mapAt(w.agent().doc(), "oauth_configuration"), "workload_name"); name == "" || again != name {
		t.Errorf("workload %q, then %q", name, again)
	}
	agent.Close()
	w.fails(1, "Start it first, for instance with: python agent.py", "invoke", "{}", "-d", "--port", port)
}
