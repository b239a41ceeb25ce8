package identity_test

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestSimulatedAssumeRoleAgreesWithTheDecision: what a simulation says of taking on a role is what AssumeRole does, the
// role's trust policy included.
func TestSimulatedAssumeRoleAgreesWithTheDecision(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	may, mayNot := b.user("may", assumer()), b.user("maynot", "")
	denied := b.user("denied", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}`)
	externalID := `{"StringEquals":{"sts:ExternalId":"x1"}}`
	for name, trust := range map[string]string{
		"account": trusting(accountRoot, ""), "external": trusting(accountRoot, externalID),
		"byname": trusting(mayNot.ARN, ""), "other": trusting(denied.ARN, ""),
		"nobody": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"idp.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}`,
		"shut":   strings.Replace(trusting(may.ARN, ""), `"Allow"`, `"Deny"`, 1),
	} {
		_, err := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: name, Trust: trust, Tags: map[string]string{"kind": name}})
		check(t, err)
	}
	allowed := 0
	for _, c := range []*policy.Caller{may, mayNot, denied} {
		for _, role := range []string{"account", "external", "byname", "other", "nobody", "shut", "absent"} {
			for _, id := range []string{"", "x1"} {
				arn := "arn:aws:iam::" + b.Account + ":role/" + role
				_, err := b.Identity.AssumeRole(t.Context(), c, identity.AssumeRoleRequest{RoleARN: arn, SessionName: "session", ExternalID: id})
				in := identity.Simulation{Actions: []string{"sts:AssumeRole"}, Resources: []string{arn}}
				if id != "" {
					in.Context = []identity.ContextEntry{{Key: "sts:ExternalId", Values: []string{id}}}
				}
				got := b.simulate(c.ARN, in)[0]
				if got.Allowed != (err == nil) {
					t.Errorf("%s on %s with %q: simulated %v, done: %v", c.Name, role, id, got.Allowed, err)
				}
				if got.Allowed {
					allowed++
				}
				if !got.Allowed && !got.Explicit && got.Note == "" && got.Suggestion == "" {
					t.Errorf("%s on %s: nothing says why it is denied", c.Name, role)
				}
			}
		}
	}
	if allowed != 5 {
		t.Errorf("%d were allowed, want 5", allowed)
	}
}

// TestSimulationExplainsTrust: a denial by the trust policy names its statement, the key that it asks for, and no policy
// that would not help.
func TestSimulationExplainsTrust(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	may, mayNot := b.user("may", assumer()), b.user("maynot", "")
	role, err := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "agent", Trust: trusting("*", `{"StringEquals":{"sts:ExternalId":"x1"}}`)})
	check(t, err)
	ask := func(arn string, action string, entries ...identity.ContextEntry) identity.SimulationResult {
		t.Helper()
		return b.simulate(arn, identity.Simulation{Actions: []string{action}, Resources: []string{role.ARN()}, Context: entries})[0]
	}
	r := ask(may.ARN, "STS:assumerole")
	if r.Allowed || r.Suggestion != "" || !strings.Contains(r.Note, "trust policy must let the principal in") || len(r.Missing) != 1 || r.Missing[0] != "sts:ExternalId" {
		t.Errorf("without the external id: %+v", r)
	}
	given := identity.ContextEntry{Key: "sts:ExternalId", Values: []string{"x1"}}
	r = ask(may.ARN, "sts:AssumeRole", given)
	if !r.Allowed || len(r.Matched) != 2 || r.Matched[1].PolicyType != "resource" || r.Matched[1].PolicyID != "trust policy of role agent" {
		t.Errorf("with it: %+v", r)
	}
	traps := names(r.Warnings, func(w identity.PolicyWarning) string { return w.Policy + ": " + w.Message })
	if !strings.Contains(traps, "trust policy of role agent: the Principal * lets in everybody") {
		t.Errorf("the warnings are %s", traps)
	}
	r = ask(mayNot.ARN, "sts:AssumeRole", given)
	if r.Allowed || !strings.Contains(r.Suggestion, `"sts:AssumeRole"`) || r.Note != "" {
		t.Errorf("a caller without a policy of its own: %+v", r)
	}
	if r = ask(mayNot.ARN, "iam:GetRole"); r.Note != "" || len(r.Statements) != 0 {
		t.Errorf("the trust policy has a part in another action: %+v", r)
	}
}

// TestA59_SimulationKnowsWhoIsMeant: a user made again under a name that a role trusts is another.
func TestA59_SimulationKnowsWhoIsMeant(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", assumer())
	role, err := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "agent", Trust: trusting(alice.ARN, "")})
	check(t, err)
	in := identity.Simulation{Actions: []string{"sts:AssumeRole"}, Resources: []string{role.ARN()}}
	if r := b.simulate(alice.ARN, in)[0]; !r.Allowed {
		t.Fatalf("alice herself: %+v", r)
	}
	check(t, b.Identity.DeleteUserWithAll(t.Context(), b.Account, "alice"))
	b.User(t, "alice", assumer())
	if r := b.simulate(alice.ARN, in)[0]; r.Allowed || !strings.Contains(r.Note, "trusts an earlier") {
		t.Errorf("another alice: %+v", r)
	}
}

// TestSimulationWarnsOfTraps: what a policy says and its author hardly means is said with its place.
func TestSimulationWarnsOfTraps(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	u := b.user("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}`)
	r := b.simulate(u.ARN, identity.Simulation{Actions: []string{"a:B"}})[0]
	if len(r.Warnings) == 0 || r.Warnings[0].Line != 1 || !strings.Contains(r.Warnings[0].Message, "NotAction") {
		t.Errorf("the warnings are %+v", r.Warnings)
	}
	u = b.user("bob", servertest.Allow("*", "a:B"))
	if r = b.simulate(u.ARN, identity.Simulation{Actions: []string{"a:B"}})[0]; len(r.Warnings) != 0 {
		t.Errorf("a plain policy has the warnings %+v", r.Warnings)
	}
}
