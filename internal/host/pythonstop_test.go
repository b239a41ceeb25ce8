//go:build linux && (conformance || soak)

package host

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// waitingAgent streams what never comes, as one does that waits for its user's consent, and takes its time to close.
const waitingAgent = `
import asyncio, contextlib
from bedrock_agentcore import BedrockAgentCoreApp

@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    await asyncio.sleep(2)
    print("closed in its own time", flush=True)

app = BedrockAgentCoreApp(lifespan=lifespan)

async def forever():
    yield "waiting"
    await asyncio.Event().wait()

@app.entrypoint
async def invoke(payload, context):
    if payload.get("do") == "wait":
        return forever()
    return "done"
`

// TestPythonSessionsThatNobodyWaitsForEndAtOnce: an answer that was given up is nothing to finish.
func TestPythonSessionsThatNobodyWaitsForEndAtOnce(t *testing.T) {
	f, spec := contractFixture(t, func(c *Config) { c.Times.Stop = time.Minute })
	dir := t.TempDir()
	place(t, filepath.Join(dir, "agent.py"), waitingAgent, 0o644)
	place(t, filepath.Join(dir, "requirements.txt"), "bedrock-agentcore\n", 0o644)
	spec.Source.Directory, spec.EntryPoint = dir, []string{"agent.py"}
	ctx, cancel := context.WithCancel(t.Context())
	res, err := f.client.Invoke(ctx, f.invocation(spec, sessionA, "alice", ask{Do: "wait"}))
	if err != nil {
		t.Fatalf("%v\n%s", err, hostlink.AsError(err).Log)
	}
	if _, err := res.Body.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = res.Body.Close()
	eventually(t, "the host to notice", func() bool { return f.state(sessionA).InFlight == 0 })
	f.must(spec, sessionB, "alice", ask{})
	began := time.Now()
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the session took %s to end", took)
	}
	logs, err := f.client.Logs(t.Context(), hostlink.LogRequest{RuntimeID: spec.RuntimeID, SessionID: sessionB})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	if text, err := io.ReadAll(logs); err != nil || !strings.Contains(string(text), "closed in its own time") {
		t.Errorf("the session that nobody waited in did not close: %s, %v", text, err)
	}
	if s := f.state(sessionA); s.State != hostlink.SessionEnded {
		t.Errorf("it is %+v", s)
	}
}
