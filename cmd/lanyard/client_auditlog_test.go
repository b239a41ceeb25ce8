package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// The story is told at cliNow: 13:55 sign-in, 13:57 a token, 13:58 a call with it.
func logFiles(t *testing.T) (door, agent string) {
	t.Helper()
	write := func(name string, lines ...string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	stamp := func(d time.Duration) string { return cliNow.Add(d).Format(time.RFC3339Nano) }
	door = write("front-door.log",
		`2026/11/22 14:00:00 http: TLS handshake error from 127.0.0.1:1: EOF`,
		`{"time":"`+stamp(-5*time.Minute)+`","level":"INFO","msg":"signed in","issuer":"https://idp.example.com","subject":"alice"}`,
		`{"time":"`+stamp(-4*time.Minute)+`","level":"INFO","msg":"signed in","issuer":"https://idp.example.com","subject":"bob"}`,
		`{"time":"`+stamp(-time.Minute)+`","type":"h2","request":"GET https://agents.example.com/ HTTP/2.0","trace_id":"Root=1"}`)
	agent = write("agent.log",
		`{"time":"`+stamp(-2*time.Minute)+`","level":"INFO","msg":"called an API","provider":"github","method":"GET","url":"https://api.github.com/user","status":200,"issuer":"https://idp.example.com","subject":"alice","trace_id":"Root=1"}`,
		`{"time":"`+stamp(-2*time.Minute)+`","level":"INFO","msg":"called an API","provider":"github","method":"GET","url":"https://api.github.com/user/repos","status":200,"issuer":"https://other.example.com","subject":"alice"}`,
		`{"time":"`+stamp(-time.Second)+`","level":"INFO","msg":"\u001b[2Jcalled","issuer":"https://idp.example.com","subject":"alice"}`)
	return door, agent
}

func TestAuditFindWithLogs(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.FindAuditRecords, auditOf(record("1", "bedrock-agentcore:GetResourceOauth2Token", "allowed", -3*time.Minute)))
	door, agent := logFiles(t)
	find := func(args ...string) string {
		t.Helper()
		code, out, errOut := cli(t, f.shell("COLUMNS", "120"), append([]string{"audit", "find", "--log", agent, "--log", door}, args...)...)
		if code != 0 {
			t.Fatal(code, errOut)
		}
		return out
	}
	inOrder := func(text string, words ...string) {
		t.Helper()
		rest := text
		for _, w := range words {
			_, after, ok := strings.Cut(rest, w)
			if !ok {
				t.Fatalf("%q does not come in its place:\n%s", w, text)
			}
			rest = after
		}
	}
	out := find("--user", "alice")
	inOrder(out, "signed in", "https://idp.example.com", "GetResourceOauth2Token", "called an API", "GET https://api.github.com/user 200", "/user/repos")
	saysNot(t, out, "\x1b", "bob", "agents.example.com", "handshake")
	if strings.Count(out, "signed in") != 1 {
		t.Errorf("another user's sign-in is shown:\n%s", out)
	}
	// A user of a JWT is one of an issuer.
	out = find("--user", "jwt:https:%2F%2Fidp.example.com|alice")
	says(t, out, "api.github.com/user 200")
	saysNot(t, out, "/user/repos")
	out = find("--user", "alice", "--since", "4m")
	saysNot(t, out, "signed in")
	// For another program, each is a line of its own: what was logged as it was.
	var messages []string
	for line := range strings.Lines(find("--user", "alice", "--json")) {
		var l struct{ Msg, Action string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		messages = append(messages, l.Msg+l.Action)
	}
	inOrder(strings.Join(messages, "\n"), "signed in", "GetResourceOauth2Token", "called an API")
}

// TestAuditFindWithLogsOfMore: where the list of records was cut, what was logged before it is left out, and that is said.
func TestAuditFindWithLogsOfMore(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.FindAuditRecords, auditOf(record("1", "bedrock-agentcore:GetResourceOauth2Token", "allowed", -3*time.Minute)))
	door, agent := logFiles(t)
	code, out, errOut := cli(t, f.shell("COLUMNS", "120"), "audit", "find", "-n", "1", "--user", "alice", "--log", agent, "--log", door)
	if code != 0 || strings.Contains(out, "signed in") || !strings.Contains(out, "called an API") || !strings.Contains(errOut, "-n shows more") {
		t.Errorf("%d %s\n%s", code, out, errOut)
	}
	f = newFakeLanyard(t)
	f.always(api.FindAuditRecords, auditOf())
	if _, out, _ := cli(t, f.shell("COLUMNS", "120"), "audit", "find", "--user", "alice", "--log", door); !strings.Contains(out, "signed in") || strings.Contains(out, "No record") {
		t.Errorf("lines without a record: %s", out)
	}
}

func TestAuditFindWithLogsThatCannotBeRead(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.FindAuditRecords, auditOf())
	_, agent := logFiles(t)
	if code, _, errOut := cli(t, f.shell(), "audit", "find", "--log", agent); code != 2 || !strings.Contains(errOut, "--log needs --user") {
		t.Errorf("without a user: %d %s", code, errOut)
	}
	if code, _, errOut := cli(t, f.shell(), "audit", "find", "--user", "alice", "--log", agent+".none"); code != 1 || !strings.Contains(errOut, "--log") {
		t.Errorf("no such file: %d %s", code, errOut)
	}
	long := filepath.Join(t.TempDir(), "long.log")
	line := `{"time":"` + cliNow.Format(time.RFC3339) + `","msg":"odd ` + "\u009b \u202e \U000E0041" + `","subject":"alice"}`
	odd := `{"time":"` + cliNow.Format(time.RFC3339) + `","msg":"broken` + "\xff" + `","subject":"alice"}`
	for _, size := range []int{maxUserLine, maxUserLine + 1, 3*maxUserLine - 1, 3 * maxUserLine} {
		text := strings.Repeat("a", size) + "\n" + odd + "\n" + line // without an end
		if err := os.WriteFile(long, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, _ := cli(t, f.shell(), "audit", "find", "--user", "alice", "--json", "--log", long)
		if want := `"msg":"odd \u009b \u202e \udb40\udc41"`; code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, want) {
			t.Errorf("after a line of %d bytes: %d %q", size, code, out)
		}
	}
	if code, _, errOut := cli(t, f.shell(), "audit", "find", "--user", "alice", "--result", "denied", "--log", agent); code != 2 || !strings.Contains(errOut, "alone") {
		t.Errorf("beside some of the records: %d %s", code, errOut)
	}
}
