package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

func record(id, action, result string, since time.Duration) api.AuditRecord {
	return api.AuditRecord{ID: id, RequestID: "req-" + id, Time: at(since), Action: action, Result: result, Workload: "agent", Provider: "github", User: "userid:alice", Caller: "arn:aws:iam::000000000000:user/dev"}
}

func auditOf(newestFirst ...api.AuditRecord) api.FindAuditRecordsResponse {
	return api.FindAuditRecordsResponse{Records: newestFirst}
}

func TestAuditTail(t *testing.T) {
	f := newFakeLanyard(t)
	denied := record("3", "bedrock-agentcore:GetResourceOauth2Token", "denied", -time.Minute)
	denied.Reason = "Invalid or expired session: it was begun for another user than the one named here, at great length. Ask for a new one"
	f.always(api.FindAuditRecords, auditOf(record("4", "lanyard:FindAuditRecords", "allowed", -time.Second), denied,
		record("2", "bedrock-agentcore:CreateWorkloadIdentity", "allowed", -2*time.Minute), record("1", "bedrock-agentcore:ListWorkloadIdentities", "failed", -25*time.Hour)))
	code, out, errOut := cli(t, f.shell("COLUMNS", "80"), "audit", "tail")
	if code != 0 {
		t.Fatal(code, errOut)
	}
	fits(t, out, 80)
	says(t, out, "Saturday, 21 November 2026", "14:59:00  ✗ GetResourceOauth2Token", "agent → github", "alice", "Invalid or expired session", "lanyard why req-3")
	saysNot(t, out, "FindAuditRecords", "lanyard why req-2", "\x1b")
	if strings.Index(out, "ListWorkloadIdentities") > strings.Index(out, "CreateWorkloadIdentity") {
		t.Error("records are not in order of time")
	}
	_, out, _ = cli(t, f.shell(), "audit", "tail", "--all")
	says(t, out, "FindAuditRecords\t")
	_, out, _ = cli(t, f.shell(), "audit", "tail", "-n", "1")
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, "\treq-3\t") {
		t.Errorf("-n 1 shows %q", out)
	}
}

func TestAuditTailAsJSON(t *testing.T) {
	f := newFakeLanyard(t)
	hostile := record("1", "a", "allowed", 0)
	hostile.User = "userid:\x1b[2J"
	f.always(api.FindAuditRecords, auditOf(hostile))
	code, out, _ := cli(t, f.shell("COLUMNS", "40"), "audit", "tail", "--json")
	var r api.AuditRecord
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.RequestID != "req-1" || strings.Contains(out, "\x1b") {
		t.Errorf("code %d, %v, %q", code, err, out)
	}
}

// TestAuditTailFollows: what is new is printed once, reads of the audit never, and stopping is no failure.
func TestAuditTailFollows(t *testing.T) {
	f := newFakeLanyard(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	polls := 0
	first := record("1", "bedrock-agentcore:GetWorkloadIdentity", "allowed", 0)
	f.on(api.FindAuditRecords, func(in map[string]any) any {
		polls++
		switch polls {
		case 1:
			return auditOf(first)
		case 2:
			return auditOf(record("3", "lanyard:FindAuditRecords", "allowed", time.Second), record("2", "bedrock-agentcore:GetResourceApiKey", "allowed", time.Second), first)
		default:
			cancel()
			return auditOf(record("2", "bedrock-agentcore:GetResourceApiKey", "allowed", time.Second), first)
		}
	})
	var out bytes.Buffer
	env := testEnvironment(f.shell(), &out, &out)
	c, err := connect(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	if err := tail(ctx, env, c, tailOptions{count: 20, follow: true, every: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "GetResourceApiKey"); n != 1 {
		t.Errorf("the new record is printed %d times", n)
	}
	if n := strings.Count(out.String(), "GetWorkloadIdentity"); n != 1 {
		t.Errorf("the old record is printed %d times", n)
	}
	saysNot(t, out.String(), "FindAuditRecords")
	if since, ok := f.calls(api.FindAuditRecords)[1]["since"].(float64); !ok || since != float64(cliNow.Add(-lookBack).Unix()) {
		t.Errorf("polled since %v", f.calls(api.FindAuditRecords)[1]["since"])
	}
}

func TestSeenForgets(t *testing.T) {
	s := newSeen(nil, cliNow)
	for i := range 1000 {
		r := record(time.Duration(i).String(), "a", "allowed", time.Duration(i)*time.Second)
		if !s.add(&r) || s.add(&r) {
			t.Fatalf("record %d", i)
		}
	}
	if len(s.ids) > 20 {
		t.Errorf("%d ids are remembered", len(s.ids))
	}
}

func TestAuditFindSendsItsFilter(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.FindAuditRecords, auditOf())
	f.always(api.ListGrants, api.ListGrantsResponse{Grants: []api.GrantItem{{ID: "gr-0f1e2d3c"}, {ID: "gr-0f1e9999"}, {ID: "gr-77"}}})
	f.always(api.ListAuthorizationSessions, api.ListAuthorizationSessionsResponse{Sessions: []api.AuthorizationSession{{ID: "abcdef"}, {ID: "aaaa"}}})
	code, out, errOut := cli(t, f.shell(), "audit", "find", "--grant", "gr-0f1e2", "--session", "abc", "--request", "r", "--user", "alice", "--action", "getresourceoauth2token", "--result", "denied", "--since", "2h")
	if code != 0 {
		t.Fatal(errOut)
	}
	says(t, out, "No record matches")
	want := map[string]any{"grantId": "gr-0f1e2d3c", "sessionId": "abcdef", "requestId": "r", "user": "userid:alice", "action": "bedrock-agentcore:GetResourceOauth2Token", "result": "denied", "since": float64(cliNow.Add(-2 * time.Hour).Unix())}
	got := f.calls(api.FindAuditRecords)[0]
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: sent %v, want %v", k, got[k], v)
		}
	}
	for args, complaint := range map[string]string{"--grant gr-0f1e": "more than one grant", "--grant gr-8": "no grant has an id", "--session zz": "no authorization session"} {
		if code, _, errOut := cli(t, f.shell(), append([]string{"audit", "find"}, strings.Fields(args)...)...); code != 1 || !strings.Contains(errOut, complaint) {
			t.Errorf("%s: code %d, %s", args, code, errOut)
		}
	}
}

func TestAuditUsage(t *testing.T) {
	f := newFakeLanyard(t)
	for _, args := range [][]string{
		{"audit", "tail", "-n", "-1"}, {"audit", "tail", "extra"}, {"audit", "find", "--result", "refused"}, {"audit", "find", "-n", "0"},
		{"audit", "find", "--since", "yesterday"}, {"audit", "find", "--since", "-1h"}, {"audit", "find", "--session", "urn:ietf:params:oauth:request_uri:x"}, {"audit", "find", "--no-such-flag"},
		{"why"}, {"why", "a", "b"}, {"sessions", "x"}, {"keys", "rotate", "x"}, {"token"}, {"token", "--provider", "p", "--flow", "x"}, {"token", "--provider", "p", "--raw", "--json"}, {"demo", "x"}, {"doctor", "x"},
	} {
		code, out, errOut := cli(t, f.shell(), args...)
		if code != 2 || out != "" || !strings.Contains(errOut, "--help") {
			t.Errorf("%v: code %d, said %q", args, code, errOut)
		}
	}
	if len(f.asked) != 0 {
		t.Errorf("a command line that was not understood called the instance: %v", f.asked)
	}
}

func TestParseSince(t *testing.T) {
	for s, want := range map[string]time.Time{
		"90s": cliNow.Add(-90 * time.Second), "7d": cliNow.AddDate(0, 0, -7), "24h": cliNow.Add(-24 * time.Hour),
		"2026-11-01T10:00:00Z": time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), "2026-11-01": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(s, cliNow); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v; want %s", s, got, err, want)
		}
	}
}

func TestShownUser(t *testing.T) {
	for key, want := range map[string]string{
		"": "", "userid:alice": "alice", "userid:cognito+1|2": "cognito+1|2", "jwt:https:%2F%2Fidp.example%2Fpool|u-1": "u-1 (idp.example)", "jwt:odd": "jwt:odd", "jwt:%zz|x": "jwt:%zz|x",
	} {
		if got := shownUser(key); got != want {
			t.Errorf("%q is shown as %q, want %q", key, got, want)
		}
	}
}
