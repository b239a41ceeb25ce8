package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func TestStatus(t *testing.T) {
	w := newWorkshop(t)
	w.fails(1, "there is no .bedrock_agentcore.yaml here", "status")
	w.must("configure", "-e", "agent.py")
	says(t, w.must("status"), "Configured - not launched", "Launch it with: agentcore launch")
	w.must("launch", "--env", "TOKEN=MARKER-SECRET")
	w.host.sessions = []hostlink.Session{{RuntimeID: w.agent().id(), Version: "1", SessionID: longSession, State: "ready"}}
	out := w.must("status")
	says(t, out, "Ready - Agent deployed and endpoint available", "Agent ARN: "+w.agent().arn(), "Version: 1", "Endpoint: DEFAULT READY", "Network: PUBLIC", "Session "+longSession)
	for _, flag := range []string{"-v", "--json"} {
		var s struct {
			Config   map[string]any
			Agent    struct{ Status string }
			Endpoint struct{ Name string }
			Sessions []any
		}
		out := w.must("status", flag)
		if err := json.Unmarshal([]byte(out), &s); err != nil || s.Agent.Status != "READY" || s.Endpoint.Name != "DEFAULT" || s.Config["name"] != "agent" || len(s.Sessions) != 1 {
			t.Errorf("%s says %s: %v", flag, out, err)
		}
		saysNot(t, out, "MARKER")
	}
}

func TestAgentLogs(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	w.fails(1, "configured but not launched", "logs")
	w.must("launch")
	w.host.log = "2026-11-22T10:00:00Z one\x1b[2J\n2026-11-22T10:00:01Z two"
	out := w.must("logs", "-n", "5")
	if strings.Contains(out, "\x1b") || !strings.HasPrefix(out, "2026-11-22T10:00:00Z one") || !strings.HasSuffix(out, "Z two\n") {
		t.Errorf("%q", out)
	}
	if out := w.must("logs", "-f", "--json", "-s", longSession); !strings.HasPrefix(out, `{"line":"2026-`) || strings.Count(out, "\n") != 2 {
		t.Errorf("%q", out)
	}
	w.fails(2, "--tail 0 is not between", "logs", "--tail", "0")
}

func TestStopSession(t *testing.T) {
	w := launched(t)
	w.fails(1, "has no session that is known here", "stop-session")
	w.must("invoke", "{}", "-s", longSession)
	says(t, w.must("stop-session"), "✓ Session "+longSession+" of aws_jwt_demo stopped")
	if w.agent().session() != "" || len(w.host.stopped) != 1 || w.host.stopped[0] != longSession {
		t.Errorf("stopped %v, kept %q", w.host.stopped, w.agent().session())
	}
	w.must("invoke", "{}", "-s", longSession)
	if out := w.must("stop-session", "--session-id", otherSession, "--json"); out != `{"agent":"aws_jwt_demo","runtimeSessionId":"`+otherSession+`","stopped":true}`+"\n" || w.agent().session() != longSession {
		t.Errorf("%s, kept %q", out, w.agent().session())
	}
}
