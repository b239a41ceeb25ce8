package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

func TestWhyDenied(t *testing.T) {
	f := newFakeLanyard(t)
	r := record("2", "bedrock-agentcore:GetResourceApiKey", "denied", 0)
	r.Code, r.SourceIP, r.AccessKeyID, r.Decision = "Denied", "127.0.0.1", "AKID", "no statement"
	r.Resources = []string{"arn:one", "arn:two"}
	r.Reason = "User: arn:aws:iam::000000000000:user/dev is not authorized to perform: x because no identity-based policy allows the x action. Allow it with: lanyard admin policy put --user dev --name allow-x --allow x --data-dir somewhere/that/is/long"
	f.always(api.FindAuditRecords, auditOf(r))
	code, out, errOut := cli(t, f.shell("COLUMNS", "80"), "why", "req-2")
	if code != 0 {
		t.Fatal(errOut)
	}
	says(t, out, "✗ GetResourceApiKey was denied", "user/dev", "access key AKID", "127.0.0.1", "arn:one", "arn:two", "alice",
		"no policy statement allows it", "How to mend it", "Allow it with:", "       lanyard admin policy put --user dev --name allow-x --allow x --data-dir somewhere/that/is/long\n")
	if got := f.calls(api.FindAuditRecords)[0]["requestId"]; got != "req-2" {
		t.Errorf("asked for %v", got)
	}
	_, out, _ = cli(t, f.shell(), "why", "req-2", "--json")
	says(t, out, `"requestId":"req-2"`)
}

// TestWhyShowsTheOutcome: the intent of an outside effect is recorded with a later time than the outcome that follows it.
func TestWhyShowsTheOutcome(t *testing.T) {
	f := newFakeLanyard(t)
	outcome, intent := record("1", "bedrock-agentcore:CompleteResourceTokenAuth", "allowed", 0), record("2", "bedrock-agentcore:CompleteResourceTokenAuth", "intent", time.Millisecond)
	outcome.SessionID, outcome.GrantID, outcome.Decision = "s", "gr-new", "AgentPolicy#consent"
	intent.RequestID, intent.Reason = outcome.RequestID, "exchange a code"
	begun := record("0", "bedrock-agentcore:GetResourceOauth2Token", "allowed", -time.Minute)
	begun.SessionID, begun.GrantID = "s", "gr-old"
	used := record("9", "bedrock-agentcore:GetResourceOauth2Token", "allowed", time.Minute)
	used.GrantID = "gr-new"
	f.on(api.FindAuditRecords, func(in map[string]any) any {
		switch {
		case in["requestId"] != nil:
			return auditOf(intent, outcome)
		case in["sessionId"] == "s":
			return auditOf(intent, outcome, begun)
		case in["grantId"] == "gr-new":
			return auditOf(used, outcome)
		default:
			return auditOf(begun)
		}
	})
	code, out, errOut := cli(t, f.shell(), "why", "req-1")
	if code != 0 {
		t.Fatal(errOut)
	}
	says(t, out, "✓ CompleteResourceTokenAuth was done", "statement consent of policy AgentPolicy allows it", "exchange a code", "Around the same consent", " ▸ 15:00:00", "lanyard audit find --grant gr-new")
	chain := out[strings.Index(out, "Around"):]
	if n := strings.Count(chain, "→ github"); n != 4 {
		t.Errorf("%d records in the chain, want each of the 4 once:\n%s", n, chain)
	}
	if strings.Index(chain, "·") > strings.Index(chain, "✓ CompleteResourceTokenAuth") {
		t.Errorf("the intent does not come before its outcome:\n%s", chain)
	}
}

func TestWhyUnknown(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.FindAuditRecords, auditOf())
	code, _, errOut := cli(t, f.shell(), "why", "no-such\x1b[2J")
	if code != 1 {
		t.Error(code)
	}
	says(t, errOut, "has no request no-such", "lanyard audit tail")
	saysNot(t, errOut, "\x1b")
}

func TestDecisionInWords(t *testing.T) {
	for _, tc := range []struct {
		decision, caller, result, reason, want string
	}{
		{"", "", "denied", "", "could not be authenticated"},
		{"", "arn:x", "denied", "", "before any policy was asked"},
		{"root", "arn:x", "allowed", "", "root of the account"},
		{"P#S", "arn:x", "denied", "User: arn:x is not authorized", "statement S of policy P denies it"},
		{"P#S", "arn:x", "denied", "Invalid or expired session", "a rule of the operation refused"},
		{"P", "arn:x", "failed", "", "policy P allows it"},
	} {
		r := api.AuditRecord{Decision: tc.decision, Caller: tc.caller, Result: tc.result, Reason: tc.reason}
		if got := decision(&r); !strings.Contains(got, tc.want) {
			t.Errorf("%+v: %q, want %q", tc, got, tc.want)
		}
	}
}

func TestSplitRemedy(t *testing.T) {
	for _, tc := range []struct{ reason, cause, remedy string }{
		{"It is wrong. Mend it with: lanyard x", "It is wrong", "Mend it with: lanyard x"},
		{"expired at 15:00; ask for a new one", "expired at 15:00", "Ask for a new one"},
		{"it failed", "it failed", ""},
		{"", "", ""},
		{"see example.com. And then", "see example.com", "And then"},
	} {
		if cause, remedy := splitRemedy(tc.reason); cause != tc.cause || remedy != tc.remedy {
			t.Errorf("%q: %q, %q", tc.reason, cause, remedy)
		}
	}
}
