package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestFailuresAreToldWell: every way in which an agent or its host fails has its exception, with the reason.
func TestFailuresAreToldWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		err  error
		want api.ExceptionName
		says string
	}{
		"never healthy":     {&hostlink.Error{Code: hostlink.CodeNotHealthy, Message: "the agent did not become healthy", Log: "ImportError: no module"}, api.RuntimeClientError, "ImportError: no module"},
		"build failed":      {&hostlink.Error{Code: hostlink.CodeBuild, Message: "requirements", Log: "pip said no"}, api.RuntimeClientError, "pip said no"},
		"crashed":           {hostlink.Errorf(hostlink.CodeCrashed, "the agent ended"), api.RuntimeClientError, "lanyard logs"},
		"garbage":           {hostlink.Errorf(hostlink.CodeGarbage, "the agent did not answer with HTTP"), api.RuntimeClientError, "HTTP"},
		"stopped":           {hostlink.Errorf(hostlink.CodeSessionEnded, "the session was stopped"), api.RuntimeClientError, "stopped"},
		"archive is gone":   {hostlink.Errorf(hostlink.CodeUnknownArchive, "no archive"), api.RuntimeClientError, "lanyard launch"},
		"another's session": {hostlink.Errorf(hostlink.CodeSessionOwner, "not yours"), api.AccessDeniedException, "not yours"},
		"too many":          {hostlink.Errorf(hostlink.CodeLimit, "500 sessions"), api.ThrottlingException, "500 sessions"},
		"too large":         {hostlink.Errorf(hostlink.CodeTooLarge, "too large"), api.RequestEntityTooLarge, "too large"},
		"host stops":        {hostlink.Errorf(hostlink.CodeStopping, "shutting down"), api.InternalServerException, "shutting down"},
		"host is gone":      {&hostlink.UnreachableError{URL: "https://host", Err: errors.New("refused")}, api.InternalServerException, "lanyard host"},
		"something else":    {errors.New("MARKER"), api.InternalServerException, "request id"},
	} {
		w.host.says(func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) { return nil, c.err })
		a := w.invoke(t, w.Root, map[string]any{"runtimeSessionId": sessionA})
		refused(t, a, c.want)
		if !strings.Contains(a.Exception.Message, c.says) || strings.Contains(string(a.Body), "MARKER") {
			t.Errorf("%s: %s", name, a.Exception.Message)
		}
		if a.Header.Get(api.HeaderRuntimeSession) != sessionA {
			t.Errorf("%s: the answer does not name the session", name)
		}
	}
	w.host.says(func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) {
		return nil, &hostlink.Error{Code: hostlink.CodeBackoff, Message: "crashed lately", RetryAfter: 1500 * time.Millisecond}
	})
	if a := w.invoke(t, w.Root, nil); a.Status != 424 || a.Header.Get("Retry-After") != "2" {
		t.Errorf("backing off: %d %v", a.Status, a.Header)
	}
}

// TestLogsAreForThoseWhoMayReadThem: the end of an agent's log may hold what other users sent.
func TestLogsAreForThoseWhoMayReadThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.says(func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) {
		return nil, &hostlink.Error{Code: hostlink.CodeCrashed, Message: "the agent ended", Log: strings.Repeat("x", 20<<10) + "\nMARKER-log\n"}
	})
	invoker := w.User(t, "invoker", servertest.Allow("*", "bedrock-agentcore:InvokeAgentRuntime"))
	reader := w.User(t, "reader", servertest.Allow("*", "bedrock-agentcore:InvokeAgentRuntime", "lanyard:GetRuntimeLogs"))
	a := w.invoke(t, invoker, nil)
	refused(t, a, api.RuntimeClientError)
	if strings.Contains(string(a.Body), "MARKER") || !strings.Contains(a.Exception.Message, "lanyard logs") {
		t.Errorf("who may not read logs is told %s", a.Exception.Message)
	}
	if a := w.invoke(t, reader, nil); !strings.Contains(a.Exception.Message, "MARKER-log") || len(a.Exception.Message) > 10<<10 {
		t.Errorf("who may read logs is told %d bytes", len(a.Exception.Message))
	}
}

// TestAgentsOwnErrors: an agent's own refusal is a 424 with what the agent said.
func TestAgentsOwnErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for status, body := range map[int]string{400: `{"error":"Invalid JSON"}`, 500: `{"error":"boom"}`, 302: "elsewhere", 503: strings.Repeat("y", 100<<10)} {
		w.host.says(func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) {
			return agentSays(status, "application/json", body), nil
		})
		a := w.invoke(t, w.Root, nil)
		refused(t, a, api.RuntimeClientError)
		if !strings.Contains(a.Exception.Message, body[:5]) || len(a.Body) > 80<<10 {
			t.Errorf("%d: %.200s", status, a.Body)
		}
	}
}

// pipe is an agent's answer that a test writes piece by piece.
func pipe(w *world, header http.Header) *io.PipeWriter {
	r, out := io.Pipe()
	w.host.says(func(context.Context, *hostlink.Invocation) (*hostlink.Response, error) {
		return &hostlink.Response{Status: 200, Header: header, Body: r}, nil
	})
	return out
}

// TestAnswersStream: each piece reaches the client before the next one exists, and headers of an agent take no effect on
// this origin.
func TestAnswersStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agent := pipe(w, http.Header{"Content-Type": {"text/event-stream"}, "Mcp-Session-Id": {"m"}})
	resp, err := http.DefaultTransport.RoundTrip(w.invocation(t, w.Root, nil))
	check(t, err)
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Mcp-Session-Id") != "m" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("headers are %v", resp.Header)
	}
	buf := make([]byte, 64)
	for _, piece := range []string{"data: 1\n\n", "data: 2\n\n"} {
		go func() { _, _ = agent.Write([]byte(piece)) }()
		n, err := io.ReadAtLeast(resp.Body, buf, len(piece))
		if err != nil || string(buf[:n]) != piece {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
	}
	check(t, agent.Close())
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("the end is %q, %v", rest, err)
	}
}

// TestBrokenAnswersLookBroken: an answer that broke off never looks complete; a stream of events says why.
func TestBrokenAnswersLookBroken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for contentType, says := range map[string]string{"text/event-stream": "the agent ended in the middle", "application/json": ""} {
		agent := pipe(w, http.Header{"Content-Type": {contentType}})
		resp, err := http.DefaultTransport.RoundTrip(w.invocation(t, w.Root, nil))
		check(t, err)
		go func() {
			_, _ = agent.Write([]byte("half"))
			agent.CloseWithError(hostlink.Errorf(hostlink.CodeCrashed, "the agent ended in the middle of its answer"))
		}()
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil || !strings.HasPrefix(string(body), "half") || !strings.Contains(string(body), says) || says == "" && string(body) != "half" {
			t.Errorf("%s: read %q, %v", contentType, body, err)
		}
	}
}

// TestGoneClientsAreNoticed: whoever goes away ends their invocation at the agent host.
func TestGoneClientsAreNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began, ended := make(chan struct{}), make(chan struct{})
	w.host.says(func(ctx context.Context, _ *hostlink.Invocation) (*hostlink.Response, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	r := w.invocation(t, w.Root, nil).WithContext(ctx)
	go func() {
		if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}()
	<-began
	cancel()
	<-ended
}

// TestPayloadsOfBearersStream: a payload that needs no signature goes to the agent while it comes, and the agent's answer
// back before it has ended.
func TestPayloadsOfBearersStream(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, forLanyard)
	w.host.echo.Store(true)
	in, client := io.Pipe()
	r := w.Request(t, api.InvokeAgentRuntime, map[string]any{"agentRuntimeArn": w.runtimeARN()})
	r.Header.Set("Authorization", "Bearer "+w.issuer.Mint(t, "alice", time.Minute, nil))
	r.Body, r.GetBody, r.ContentLength = in, nil, -1
	go func() { _, _ = client.Write([]byte("first")) }()
	resp, err := http.DefaultTransport.RoundTrip(r)
	check(t, err)
	defer resp.Body.Close()
	buf := make([]byte, 16)
	for _, piece := range []string{"first", "second"} {
		if piece != "first" {
			go func() { _, _ = client.Write([]byte(piece)) }()
		}
		n, err := io.ReadAtLeast(resp.Body, buf, len(piece))
		if err != nil || string(buf[:n]) != piece {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
	}
	check(t, client.Close())
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("the end is %q, %v", rest, err)
	}
}
