//go:build linux

package server_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/host"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestMain lets the test binary play the agent host's child and the agent, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "host-exec" {
		fmt.Fprintln(os.Stderr, host.ExecMain())
		os.Exit(127)
	}
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		agentMain()
		return
	}
	os.Exit(m.Run())
}

// agentMain is an agent as developers write them: it knows its user by the token in the request, and has its credentials
// from where AWS SDKs look for them.
func agentMain() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"Healthy"}`) })
	mux.HandleFunc("POST /invocations", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch string(body) {
		case "headers":
			_ = json.NewEncoder(w).Encode(r.Header)
		case "key":
			fmt.Println("asked for the key")
			_, _ = io.WriteString(w, agentsKey(r))
		case "stream":
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				fmt.Fprintf(w, "data: %d\n\n", i)
				_ = http.NewResponseController(w).Flush()
			}
		case "crash":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: half\n\n")
			_ = http.NewResponseController(w).Flush()
			fmt.Println("out of ideas")
			os.Exit(3)
		case "garbage":
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(c, "SSH-2.0-nothing\r\n")
				c.Close()
			}
		default:
			http.Error(w, `{"error":"unknown"}`, http.StatusBadRequest)
		}
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
	os.Exit(1)
}

// agentsKey asks Lanyard for an API key with the token of the request.
func agentsKey(r *http.Request) string {
	cfg, err := config.LoadDefaultConfig(r.Context())
	if err != nil {
		return err.Error()
	}
	c := data.NewFromConfig(cfg, func(o *data.Options) { o.BaseEndpoint = aws.String(os.Getenv("LANYARD")) })
	out, err := c.GetResourceApiKey(r.Context(), &data.GetResourceApiKeyInput{
		WorkloadIdentityToken: aws.String(r.Header.Get("WorkloadAccessToken")), ResourceCredentialProviderName: aws.String("key")})
	if err != nil {
		return err.Error()
	}
	return *out.ApiKey
}

// laterUpstream is the server as the agent host asks it; the host is there first.
type laterUpstream struct{ hostlink.Upstream }

// startHost runs the agent host itself, with a link of its own.
func startHost(t *testing.T, up hostlink.Upstream) *hostlink.Client {
	t.Helper()
	exe, err := os.Executable()
	check(t, err)
	dir := t.TempDir()
	check(t, os.Chmod(filepath.Dir(dir), 0o755)) // agents of another user id walk through it
	h, err := host.New(t.Context(), host.Config{StateDir: filepath.Join(dir, "state"), AnyDirectory: true, Self: []string{exe, "host-exec"}, Region: "us-west-2",
		Limits: host.Limits{Memory: 1 << 46}, Times: host.Times{Start: 30 * time.Second, Stop: 2 * time.Second, Sweep: time.Hour}},
		host.Deps{Upstream: up, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	own, err := hostlink.NewKeyPair("host", time.Now())
	check(t, err)
	serverPair, err := hostlink.NewKeyPair("server", time.Now())
	check(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx, ln, own, serverPair.Fingerprint()) }()
	client, err := hostlink.Dial(hostlink.Config{URL: "https://" + ln.Addr().String(), Own: serverPair, Peer: own.Fingerprint()})
	check(t, err)
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		client.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// TestRealHost takes an agent from its archive to its user's API key, through the real agent host: uploaded, made, invoked
// for a user, streamed, crashed, stopped, deleted.
func TestRealHost(t *testing.T) {
	t.Parallel()
	up := &laterUpstream{}
	link := startHost(t, up)
	w := newWorld(t, servertest.Edge(func(c *server.Config) { c.Host = link }))
	up.Upstream = server.NewUpstream(w.Identity, authn.New(w.Identity, w.Clock.Now))
	root := identity.LocalAdmin(w.Account)
	check(t, w.Identity.PutRolePolicy(t.Context(), root, "agents", "key", servertest.Allow("*", "bedrock-agentcore:GetResourceApiKey")))

	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	f, err := z.Create("README")
	check(t, err)
	_, err = io.WriteString(f, "an agent")
	check(t, errors.Join(err, z.Close()))
	var at api.UploadAgentArchiveResponse
	w.Call(t, w.Root, api.UploadAgentArchive, map[string]any{"payload": archive.String()}).Into(t, &at)

	var made api.CreateAgentRuntimeResponse
	w.Call(t, w.Root, api.CreateAgentRuntime, map[string]any{"agentRuntimeName": "real_agent", "roleArn": runtimeRoleARN, "environmentVariables": map[string]any{"LANYARD": w.URL},
		"agentRuntimeArtifact": map[string]any{"codeConfiguration": map[string]any{"code": map[string]any{"s3": map[string]any{"bucket": at.Bucket, "prefix": at.Prefix}},
			"runtime": "EXECUTABLE", "entryPoint": []any{agentBinary(t), "agent"}}}}).Into(t, &made)
	w.runtime = made.ID

	ask := func(what, user, session string, change ...func(*http.Request)) *servertest.Answer {
		t.Helper()
		return w.invoke(t, w.Root, map[string]any{"payload": what, "runtimeUserId": user, "runtimeSessionId": session}, change...)
	}
	if a := ask("key", "alice", sessionA); a.Status != 200 || string(a.Body) != "k3y" {
		t.Fatalf("the agent's own call: %d %s", a.Status, a.Body)
	}
	refused(t, ask("key", "bob", sessionA), api.AccessDeniedException) // A52
	a := ask("headers", "alice", sessionA, func(r *http.Request) {
		r.Header.Set("Workloadaccesstoken", "MARKER")
		r.Header["X_amz_bedrock_agentcore_identity_wat"] = []string{"MARKER"}
		r.Header.Set("X-Amzn-Bedrock-AgentCore-Runtime-Custom-Team", "blue")
	})
	if text := string(a.Body); strings.Contains(text, "MARKER") || strings.Contains(text, "AWS4-HMAC") || !strings.Contains(text, "blue") || !strings.Contains(text, sessionA) {
		t.Errorf("the agent sees %s", text)
	}
	if a := ask("stream", "alice", sessionA); string(a.Body) != "data: 0\n\ndata: 1\n\ndata: 2\n\n" || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("the stream is %q", a.Body)
	}
	if a := ask("nonsense", "alice", sessionA); a.Exception.Name != api.RuntimeClientError || !strings.Contains(a.Exception.Message, "unknown") {
		t.Errorf("its own error: %d %s", a.Status, a.Body)
	}
	w.realSessions(t)
	w.realCrash(t)
	w.realGarbage(t)
	if a := w.Call(t, w.Root, api.DeleteAgentRuntime, map[string]any{"agentRuntimeId": w.runtime}); a.Status != 202 {
		t.Errorf("deleting: %d %s", a.Status, a.Body)
	}
	sessions, err := link.Sessions(t.Context(), w.runtime)
	for _, s := range sessions {
		if s.PID != 0 {
			t.Errorf("session %s outlives its runtime", s.SessionID)
		}
	}
	check(t, err)
}

// agentBinary puts this test binary where every user id may execute it, by a short name.
func agentBinary(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	check(t, err)
	dir, err := os.MkdirTemp("", "agent")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "agent")
	if os.Link(exe, path) == nil {
		return path
	}
	b, err := os.ReadFile(exe)
	check(t, errors.Join(err, os.WriteFile(path, b, 0o755)))
	return path
}

// realSessions looks at the session, at its log, and ends it.
func (w *world) realSessions(t *testing.T) {
	t.Helper()
	var all api.ListRuntimeSessionsResponse
	w.Call(t, w.Root, api.ListRuntimeSessions, map[string]any{"agentRuntimeId": w.runtime}).Into(t, &all)
	if len(all.Sessions) != 1 || all.Sessions[0].ID != sessionA || all.Sessions[0].State != "READY" || all.Sessions[0].Starts != 1 {
		t.Errorf("sessions are %+v", all.Sessions)
	}
	logs := w.Call(t, w.Root, api.GetRuntimeLogs, map[string]any{"agentRuntimeId": w.runtime, "runtimeSessionId": sessionA})
	if !strings.Contains(string(logs.Body), "asked for the key") {
		t.Errorf("the log is %q", logs.Body)
	}
	stop := map[string]any{"agentRuntimeArn": w.runtimeARN(), "runtimeSessionId": sessionA}
	if a := w.Call(t, w.Root, api.StopRuntimeSession, stop); a.Status != 200 {
		t.Errorf("stopping: %d %s", a.Status, a.Body)
	}
	refused(t, w.Call(t, w.Root, api.StopRuntimeSession, stop), api.ResourceNotFoundException)
}

// realCrash lets an agent die in the middle of its answer.
func (w *world) realCrash(t *testing.T) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(w.invocation(t, w.Root, map[string]any{"payload": "crash", "runtimeSessionId": sessionB}))
	check(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil || !strings.HasPrefix(string(body), "data: half\n\n") || !strings.Contains(string(body), "RuntimeClientError") {
		t.Errorf("a crash reads %q, %v", body, err)
	}
}
