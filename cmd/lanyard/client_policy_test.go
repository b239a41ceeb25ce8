package main

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// explained is what is printed of a result.
func explained(t *testing.T, r identity.SimulationResult) string {
	t.Helper()
	var out strings.Builder
	env := &environment{stdout: &out, stderr: &out, getenv: func(string) string { return "" }}
	e := explanation{terminal: newTerminal(env), holder: holder{user: "alice"}, principal: "arn:aws:iam::000000000000:user/alice", result: r, named: map[string]bool{}}
	if err := e.print(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestExplainWarnsOfThePoliciesItNames: a trap is told of a policy that the explanation speaks of, and of no other.
func TestExplainWarnsOfThePoliciesItNames(t *testing.T) {
	t.Parallel()
	trap := func(name string) identity.PolicyWarning {
		return identity.PolicyWarning{Policy: name, Warning: policy.Warning{Line: 3, Column: 7, Message: "trap of " + name}}
	}
	out := explained(t, identity.SimulationResult{Action: "a:B", Resource: "*", Allowed: true, Warnings: []identity.PolicyWarning{trap("wide"), trap("apart")},
		Statements: []policy.StatementExplanation{{Policy: "wide", Index: 1, Effect: "Allow", Applies: true, StartLine: 3}, {Policy: "apart", Index: 1, Effect: "Allow"}}})
	says(t, out, "Allow by statement 1 of policy wide", "note", "policy wide, line 3, column 7: trap of wide")
	if strings.Contains(out, "apart") {
		t.Errorf("it speaks of a policy that had no part:\n%s", out)
	}
}

// TestExplainDoesNotCallADenialAllowed: an Allow that applies does not decide where the role's trust policy refuses.
func TestExplainDoesNotCallADenialAllowed(t *testing.T) {
	t.Parallel()
	out := explained(t, identity.SimulationResult{Action: "sts:AssumeRole", Resource: "arn:aws:iam::000000000000:role/agent", Note: "the trust policy says no",
		Statements: []policy.StatementExplanation{{Policy: "own", Index: 1, Effect: "Allow", Applies: true}, {Policy: "trust policy of role agent", Index: 2, Effect: "Allow", Why: "Condition: no such key"}}})
	says(t, out, "may not", "the trust policy says no", "statement 2 of policy trust policy of role agent, line 0: Condition: no such key")
	if strings.Contains(out, "Allow by") {
		t.Errorf("a denial names what allows it:\n%s", out)
	}
}
