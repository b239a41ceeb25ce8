//go:build linux && conformance

package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// pythonAgent is an agent of the Python SDK as its documentation shows one: it runs itself when it is a main program.
const pythonAgent = `
import asyncio, os
from bedrock_agentcore import BedrockAgentCoreApp
from bedrock_agentcore.runtime.context import BedrockAgentCoreContext

app = BedrockAgentCoreApp()
print("imported as", __name__, flush=True)

@app.entrypoint
async def invoke(payload, context):
    what = payload.get("do")
    if what == "stream":
        return events(payload["n"])
    if what == "fail":
        raise RuntimeError("no such tool")
    if what == "fail-midway":
        return failing()
    if what == "busy":
        app.add_async_task("work")
    return {"session": context.session_id, "wat": BedrockAgentCoreContext.get_workload_access_token(), "uid": os.getuid(), "path": os.environ.get("VIRTUAL_ENV", "")}

async def events(n):
    for i in range(n):
        yield {"i": i}
        await asyncio.sleep(0.01)

async def failing():
    yield {"i": 0}
    raise RuntimeError("the tool broke")

if __name__ == "__main__":
    app.run()
`

func pythonFixture(t *testing.T, agent, requirements string) (*fixture, *hostlink.Spec) {
	t.Helper()
	f := start(t, func(c *Config) {
		c.Path = os.Getenv("PATH")
		c.Times.Start = 60 * time.Second
		c.InstallerVariables = map[string]string{}
		for _, v := range os.Environ() {
			if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "PIP_") || name == "SSL_CERT_FILE" {
				c.InstallerVariables[name] = value
			}
		}
	})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "agent.py"), agent)
	write(t, filepath.Join(dir, "requirements.txt"), requirements)
	return f, f.spec("", func(s *hostlink.Spec) {
		s.Source.Directory, s.EntryPoint, s.Language = dir, []string{"agent.py"}, "PYTHON_3_11"
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPythonAgentOfTheSDK(t *testing.T) {
	f, spec := pythonFixture(t, pythonAgent, "bedrock-agentcore\n")
	in := f.invocation(spec, sessionA, "alice", ask{})
	in.Inject = map[string][]string{hostlink.HeaderWorkloadAccessToken: {"wat-1"}, hostlink.HeaderSessionID: {sessionA}}
	began := time.Now()
	out, err := f.do(in)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, hostlink.AsError(err).Log, f.logged)
	}
	t.Logf("built, started and answered in %s: %s", time.Since(began), out)
	if !strings.Contains(out, sessionA) || !strings.Contains(out, "wat-1") {
		t.Fatalf("the agent was told %s", out)
	}
	if out := f.must(spec, sessionA, "alice", ask{Do: "stream", N: 3}); strings.Count(out, "data: ") != 3 {
		t.Fatalf("stream: %q", out)
	}
	if out := f.must(spec, sessionA, "alice", ask{Do: "fail-midway"}); !strings.Contains(out, "the tool broke") {
		t.Fatalf("an error inside a stream: %q", out)
	}
	began = time.Now()
	f.must(spec, sessionB, "alice", ask{})
	t.Logf("a second session started in %s", time.Since(began))
	f.must(spec, sessionA, "alice", ask{Do: "busy"})
	f.move(time.Hour)
	f.host.Tick(t.Context())
	var left []string
	all, err := f.client.Sessions(t.Context(), spec.RuntimeID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.State == hostlink.SessionReady {
			left = append(left, s.SessionID)
		}
	}
	if len(left) != 1 || left[0] != sessionA {
		t.Fatalf("after an idle hour these still run: %v; want only the busy one", left)
	}
}

func TestPythonEnvironmentThatCannotBeBuilt(t *testing.T) {
	f, spec := pythonFixture(t, pythonAgent, "no-such-package-of-lanyard-tests==99.99\n")
	_, err := f.call(spec, sessionA, "alice", ask{})
	if e := f.wants(err, hostlink.CodeBuild); !strings.Contains(e.Log, "no-such-package-of-lanyard-tests") {
		t.Fatalf("the installer's last lines are %q", e.Log)
	}
}

func TestPythonAgentThatFailsToImport(t *testing.T) {
	f, spec := pythonFixture(t, "import bedrock_agentcore\nimport nothing_of_this_name\n", "bedrock-agentcore\n")
	_, err := f.call(spec, sessionA, "alice", ask{})
	if e := f.wants(err, hostlink.CodeNotHealthy); !strings.Contains(e.Log, "nothing_of_this_name") {
		t.Fatalf("the log's tail is %q", e.Log)
	}
}
