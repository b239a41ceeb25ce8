//go:build linux && (conformance || soak)

package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// contractFixture is a host with the agent that shows the container contract of the Python SDK.
func contractFixture(t *testing.T, change ...func(*Config)) (*fixture, *hostlink.Spec) {
	t.Helper()
	f := start(t, func(c *Config) {
		c.Path, c.InstallerVariables, c.Times.Start = os.Getenv("PATH"), map[string]string{}, time.Minute
		for _, name := range []string{"PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT", "SSL_CERT_FILE"} {
			if v := os.Getenv(name); v != "" {
				c.InstallerVariables[name] = v
			}
		}
		for _, f := range change {
			f(c)
		}
	})
	agent, err := os.ReadFile("../../conformance/python/contract_agent.py")
	dir := t.TempDir()
	for name, text := range map[string]string{"contract_agent.py": string(agent), "requirements.txt": "bedrock-agentcore\n"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f, f.spec("", func(s *hostlink.Spec) {
		s.Source.Directory, s.EntryPoint, s.Language = dir, []string{"contract_agent.py"}, "PYTHON_3_11"
	})
}

// TestPythonContract has one environment built for what needs a clock that moves or a look at the log.
func TestPythonContract(t *testing.T) {
	f, spec := contractFixture(t)
	spec.MaxLifetime = 8 * 3600
	f.pythonWorkOutlivesTheIdleTime(spec)
	f.pythonDeathIsTold(spec)
}

// pythonWorkOutlivesTheIdleTime: while the SDK says HealthyBusy for work that goes on after its request, the session
// stays however long nobody asks; once the work is done, it idles like any other.
func (f *fixture) pythonWorkOutlivesTheIdleTime(spec *hostlink.Spec) {
	f.t.Helper()
	f.must(spec, sessionA, "alice", ask{Do: "work"})
	for range 3 {
		f.move(time.Hour)
		f.host.Tick(f.t.Context())
		if s := f.state(sessionA); s.State != hostlink.SessionReady || s.Starts != 1 {
			f.t.Fatalf("at work: %+v", s)
		}
	}
	f.must(spec, sessionA, "alice", ask{Do: "release"})
	eventually(f.t, "the work to end", func() bool {
		return strings.Contains(f.must(spec, sessionA, "alice", ask{Do: "status"}), `"status": "Healthy"`)
	})
	f.move(time.Hour)
	f.host.Tick(f.t.Context())
	if s := f.state(sessionA); s.State != hostlink.SessionEnded || !strings.HasPrefix(s.Reason, "idle for ") {
		f.t.Fatalf("after the work: %+v", s)
	}
}

// pythonDeathIsTold: the agent's last words are in the message, also of a process that replaced a dead one.
func (f *fixture) pythonDeathIsTold(spec *hostlink.Spec) {
	f.t.Helper()
	for range 2 {
		if out := f.must(spec, sessionB, "alice", ask{Do: "echo", Text: "ü"}); !strings.Contains(out, "ü") {
			f.t.Fatalf("said %s", out)
		}
		_, err := f.call(spec, sessionB, "alice", ask{Do: "die"})
		if e := f.wants(err, hostlink.CodeCrashed); !strings.Contains(e.Message, "exit status 9") || !strings.HasSuffix(e.Log, " stdout the agent gives up\n") {
			f.t.Errorf("%q, log %q", e.Message, e.Log)
		}
		eventually(f.t, "the death to be noted", func() bool { return f.state(sessionB).State == hostlink.SessionCrashed })
		f.move(time.Minute)
	}
}
