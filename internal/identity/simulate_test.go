package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func (b *iamBench) simulate(arn string, in identity.Simulation) []identity.SimulationResult {
	b.t.Helper()
	return all(b.t, func(p identity.Page) (identity.List[identity.SimulationResult], error) {
		return b.Identity.SimulatePrincipalPolicy(b.t.Context(), b.admin, arn, in, p)
	})
}

// TestSimulationNamesTheStatement says of each pair of action and resource what would be decided, and by what.
func TestSimulationNamesTheStatement(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	role := b.role("agent")
	check(t, s.PutRolePolicy(t.Context(), b.admin, "agent", "inline", "{\"Version\":\"2012-10-17\",\"Statement\":[\n"+
		"{\"Sid\":\"Open\",\"Effect\":\"Allow\",\"Action\":\"a:Get*\",\"Resource\":\"*\"},\n"+
		"{\"Sid\":\"Shut\",\"Effect\":\"Deny\",\"Action\":\"a:GetSecret\",\"Resource\":\"*\"}]}"))
	check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", b.policy("managed", servertest.Allow("*", "a:Put")).ARN()))
	check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", "arn:aws:iam::aws:policy/LanyardAudit"))

	got := b.simulate(role.ARN(), identity.Simulation{Actions: []string{"a:GetThing", "a:GetSecret", "a:Put", "a:Delete"}, Resources: []string{"arn:aws:a:::one", "arn:aws:a:::two"}})
	lines := names(got, func(r identity.SimulationResult) string {
		out := fmt.Sprintf("%s@%s=%v,%v", r.Action, strings.TrimPrefix(r.Resource, "arn:aws:a:::"), r.Allowed, r.Explicit)
		for _, m := range r.Matched {
			out += fmt.Sprintf("|%s/%s#%s:%d", m.PolicyType, m.PolicyID, m.StatementID, m.StartLine)
		}
		return out
	})
	want(t, "the results", lines, "a:GetThing@one=true,false|role/inline#Open:2 a:GetThing@two=true,false|role/inline#Open:2 "+
		"a:GetSecret@one=false,true|role/inline#Open:2|role/inline#Shut:3 a:GetSecret@two=false,true|role/inline#Open:2|role/inline#Shut:3 "+
		"a:Put@one=true,false|user-managed/managed#:1 a:Put@two=true,false|user-managed/managed#:1 a:Delete@one=false,false a:Delete@two=false,false")
	if r := got[len(got)-1]; !strings.Contains(r.Suggestion, `"a:Delete"`) || len(r.Statements) < 4 || r.Statements[0].Why == "" {
		t.Errorf("a denial says %+v", r)
	}
	if got[2].Suggestion != "" {
		t.Errorf("what a Deny refuses has the suggestion %s", got[2].Suggestion)
	}
}

// TestSimulationAgreesWithTheDecision: what is simulated is what happens.
func TestSimulationAgreesWithTheDecision(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", servertest.Allow("arn:aws:iam::"+b.Account+":role/mine", "iam:GetRole"))
	mine, other := b.role("mine"), b.role("other")
	for _, r := range []*identity.Role{mine, other} {
		_, err := b.Identity.GetRole(t.Context(), alice, r.Name)
		got := b.simulate(alice.ARN, identity.Simulation{Actions: []string{"iam:GetRole"}, Resources: []string{r.ARN()}})
		if got[0].Allowed != (err == nil) {
			t.Errorf("%s: simulated %v, done: %v", r.Name, got[0].Allowed, err)
		}
	}
	denied := b.simulate(alice.ARN, identity.Simulation{Actions: []string{"iam:GetRole"}, Resources: []string{other.ARN()}})[0]
	check(t, b.Identity.PutUserPolicy(t.Context(), b.admin, "alice", "suggested", denied.Suggestion))
	_, err := b.Identity.GetRole(t.Context(), b.again(alice), "other")
	check(t, err)
}

func TestSimulationHearsTheContext(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	condition := func(text string) string {
		return strings.Replace(servertest.Allow("*", "a:B"), `"Resource":"*"`, `"Resource":"*","Condition":`+text, 1)
	}
	u := b.user("alice", "")
	entry := func(key, kind string, values ...string) identity.ContextEntry {
		return identity.ContextEntry{Key: key, Type: kind, Values: values}
	}
	for name, c := range map[string]struct {
		condition string
		fits, not identity.ContextEntry
	}{
		"request":       {`{"StringEquals":{"sts:ExternalId":"x"}}`, entry("sts:ExternalId", "string", "x"), entry("sts:ExternalId", "string", "y")},
		"any case":      {`{"StringEquals":{"sts:ExternalId":"x"}}`, entry("STS:externalid", "", "x"), entry("STS:externalid", "", "y")},
		"address":       {`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, entry("aws:SourceIp", "ip", "192.0.2.7"), entry("aws:SourceIp", "ip", "198.51.100.7")},
		"transport":     {`{"Bool":{"aws:SecureTransport":"true"}}`, entry("aws:SecureTransport", "boolean", "true"), entry("aws:SecureTransport", "boolean", "false")},
		"principal tag": {`{"StringEquals":{"aws:PrincipalTag/team":"red"}}`, entry("aws:PrincipalTag/Team", "string", "red"), entry("aws:PrincipalTag/team", "string", "blue")},
		"resource tag":  {`{"StringEquals":{"aws:ResourceTag/team":"red"}}`, entry("aws:ResourceTag/team", "string", "red"), entry("aws:ResourceTag/team", "string", "blue")},
		"user name":     {`{"StringEquals":{"aws:username":"zoe"}}`, entry("aws:username", "string", "zoe"), entry("aws:username", "string", "bob")},
		"time":          {`{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`, entry("aws:CurrentTime", "date", "2019-01-01T00:00:00Z"), entry("aws:CurrentTime", "date", "2021-01-01T00:00:00Z")},
		"year":          {`{"DateLessThan":{"aws:CurrentTime":"2020"}}`, entry("aws:CurrentTime", "date", "2019"), entry("aws:CurrentTime", "date", "1609459200")},
		"list":          {`{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}}`, entry("aws:TagKeys", "stringList", "b", "a"), entry("aws:TagKeys", "stringList", "b")},
	} {
		ask := func(e ...identity.ContextEntry) identity.SimulationResult {
			return b.simulate(u.ARN, identity.Simulation{Actions: []string{"a:B"}, Policies: []string{condition(c.condition)}, Context: e})[0]
		}
		yes, no := ask(c.fits), ask(c.not)
		if !yes.Allowed || no.Allowed {
			t.Errorf("%s: allowed %v and %v", name, yes.Allowed, no.Allowed)
		}
		if len(yes.Matched) != 1 || yes.Matched[0].PolicyID != "PolicyInputList.1" || yes.Matched[0].PolicyType != "none" {
			t.Errorf("%s: matched %+v", name, yes.Matched)
		}
	}
	missing := b.simulate(u.ARN, identity.Simulation{Actions: []string{"a:B"}, Policies: []string{condition(`{"StringEquals":{"sts:ExternalId":"x"}}`)}})[0]
	if missing.Allowed || len(missing.Missing) != 1 || !strings.EqualFold(missing.Missing[0], "sts:ExternalId") {
		t.Errorf("without the key: %+v", missing)
	}
}

func TestSimulationsAreHeldToTheirForm(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	u := b.user("alice", "")
	entry := func(key, kind string, values ...string) identity.Simulation {
		return identity.Simulation{Actions: []string{"a:B"}, Context: []identity.ContextEntry{{Key: key, Type: kind, Values: values}}}
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("a:B%d", i)
	}
	for name, c := range map[string]struct {
		in   identity.Simulation
		says string
	}{
		"no action":                {identity.Simulation{}, "name one action"},
		"a wildcard":               {identity.Simulation{Actions: []string{"a:*"}}, "is not an action"},
		"no service":               {identity.Simulation{Actions: []string{"Get"}}, "is not an action"},
		"too many":                 {identity.Simulation{Actions: many}, "more than the 1000"},
		"no number":                {entry("x:y", "numeric", "one"), "is no numeric"},
		"no truth":                 {entry("x:y", "boolean", "yes"), "is no boolean"},
		"no address":               {entry("x:y", "ip", "home"), "is no ip"},
		"no date":                  {entry("x:y", "date", "today"), "is no date"},
		"an unknown type":          {entry("x:y", "colour", "red"), "which there is not"},
		"two of one":               {entry("x:y", "string", "a", "b"), "has 2 values"},
		"who is simulated":         {entry("aws:PrincipalArn", "string", "arn:aws:iam::000000000000:user/root"), "cannot be given"},
		"two addresses":            {entry("aws:SourceIp", "ipList", "192.0.2.1", "192.0.2.2"), "has one value"},
		"a caller that is no user": {identity.Simulation{Actions: []string{"a:B"}, CallerARN: b.role("agent").ARN()}, "names a user"},
	} {
		_, err := b.Identity.SimulatePrincipalPolicy(t.Context(), b.admin, u.ARN, c.in, identity.Page{Max: 5})
		t.Run(name, func(t *testing.T) { coded(t, err, identity.Invalid, c.says) })
	}
	_, err := b.Identity.SimulateCustomPolicy(t.Context(), b.admin, identity.Simulation{Actions: []string{"a:B"}, Policies: []string{"{"}}, identity.Page{Max: 5})
	coded(t, err, identity.MalformedPolicy, "PolicyInputList.1")
	_, err = b.Identity.SimulatePrincipalPolicy(t.Context(), b.admin, "arn:aws:iam::"+b.Account+":root", identity.Simulation{Actions: []string{"a:B"}}, identity.Page{Max: 5})
	coded(t, err, identity.NotFound, "no user or role")
}

func TestContextKeysThatPoliciesAskFor(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	u := b.user("alice", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:B","Resource":"arn:aws:a:::${aws:username}/*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}}`)
	keys, err := b.Identity.ContextKeys(t.Context(), b.admin, u.ARN, []string{strings.Replace(servertest.Allow("*", "a:B"), `"Resource":"*"`, `"Resource":"*","Condition":{"StringEquals":{"sts:ExternalId":"${aws:PrincipalTag/team, 'none'}"}}`, 1)})
	check(t, err)
	want(t, "keys", strings.Join(keys, " "), "aws:PrincipalTag/team aws:SourceIp aws:username sts:ExternalId")
}
