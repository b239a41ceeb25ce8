package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestConformanceSessionPolicies: UG, Evaluation logic: the permissions of a
// session are the intersection of its identity-based and session policies, and
// an explicit Deny in either wins.
func TestConformanceSessionPolicies(t *testing.T) {
	named := func(name, effect, resource string) *Document {
		d, err := Parse(name, []byte(`{"Statement":{"Sid":"`+name+`","Effect":"`+effect+`","Action":"*","Resource":"`+resource+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	allow, allowAll := named("allow", "Allow", workload), named("all", "Allow", "*")
	limit, deny, elsewhere := named("limit", "Allow", directory+"*"), named("deny", "Deny", workload), named("elsewhere", "Allow", vaultARN)
	docs := func(d ...*Document) []*Document { return d }
	allowed := Decision{Allowed: true, Policy: "allow", StatementID: "allow", Source: SourceIdentity}
	tests := []struct {
		rule        string
		own, limits []*Document
		want        Decision
	}{
		{"no session policy", docs(allow), nil, allowed},
		{"both allow", docs(allow), docs(limit), allowed},
		{"one of several session policies allows", docs(allow), docs(elsewhere, limit), allowed},
		{"session policies grant nothing", nil, docs(allowAll), Decision{Resource: workload, Source: SourceIdentity}},
		{"only the session policy allows", docs(elsewhere), docs(allowAll), Decision{Resource: workload, Source: SourceIdentity}},
		{"the session policy does not allow", docs(allow), docs(elsewhere), Decision{Resource: workload, Source: SourceSession}},
		{"neither allows", docs(elsewhere), docs(elsewhere), Decision{Resource: workload, Source: SourceIdentity}},
		{"a Deny of the session", docs(allow), docs(allowAll, deny), Decision{Explicit: true, Policy: "deny", StatementID: "deny", Resource: workload, Source: SourceSession}},
		{"a Deny of the session, and no Allow", nil, docs(deny), Decision{Explicit: true, Policy: "deny", StatementID: "deny", Resource: workload, Source: SourceSession}},
		{"a Deny of the role", docs(allow, deny), docs(allowAll), Decision{Explicit: true, Policy: "deny", StatementID: "deny", Resource: workload, Source: SourceIdentity}},
		{"a Deny of the role, and no Allow of the session", docs(deny), docs(elsewhere), Decision{Explicit: true, Policy: "deny", StatementID: "deny", Resource: workload, Source: SourceIdentity}},
		{"a session policy that failed to load", docs(allow), docs(allowAll, nil), Decision{Resource: workload, Source: SourceIdentity}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			for _, c := range []*Caller{session(tt.own...), user(tt.own...)} {
				c.Limits = tt.limits
				if diff := cmp.Diff(tt.want, Evaluate(c, ask(workload))); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestConformanceRootSession: root is held to nothing but session policies.
func TestConformanceRootSession(t *testing.T) {
	root := &Caller{Account: account, ARN: "arn:aws:iam::000000000000:root", Kind: KindRoot}
	if !Evaluate(root, ask(workload)).Allowed {
		t.Error("root is denied")
	}
	root.Limits = []*Document{mustParse(t, documentText(statementText("Allow", "*", vaultARN)))}
	if d := Evaluate(root, ask(workload)); d.Allowed || d.Source != SourceSession {
		t.Errorf("%+v", d)
	}
	if !Evaluate(root, ask(vaultARN)).Allowed {
		t.Error("root is denied what its session may")
	}
	root.Limits = append(root.Limits, nil)
	if Evaluate(root, ask(vaultARN)).Allowed {
		t.Error("allowed despite a session policy that failed to load")
	}
}

// TestConformanceCallerKeys: UG, Global condition keys: what each kind of
// principal answers.
func TestConformanceCallerKeys(t *testing.T) {
	s := session()
	s.Tags = map[string]string{"Team": "blue"}
	s.Session.SourceIdentity, s.Session.FederatedProvider = "alice@example.com", issuerARN
	u := user()
	u.Tags = map[string]string{"Team": "red"}
	getSession := user()
	getSession.Session = &Session{IssuedAt: noon.Add(-time.Hour), SourceIdentity: "carol"}
	root := &Caller{Account: account, ARN: "arn:aws:iam::000000000000:root", UserID: account, Kind: KindRoot}
	tests := []struct {
		caller *Caller
		key    string
		want   string // empty: absent
	}{
		{u, "aws:username", "alice"}, {s, "aws:username", ""}, {root, "aws:username", ""},
		{u, "aws:userid", "AIDAEXAMPLEALICE"}, {s, "aws:userid", "AROAEXAMPLE:run-1"}, {root, "aws:userid", account},
		{u, "aws:PrincipalArn", aliceARN}, {s, "aws:PrincipalArn", roleARN}, {root, "aws:PrincipalArn", "arn:aws:iam::000000000000:root"},
		{u, "aws:PrincipalAccount", account}, {s, "aws:PrincipalAccount", account},
		{u, "aws:PrincipalType", "User"}, {s, "aws:PrincipalType", "AssumedRole"}, {root, "aws:PrincipalType", "Account"},
		{u, "aws:PrincipalTag/team", "red"}, {s, "aws:PrincipalTag/team", "blue"}, {root, "aws:PrincipalTag/team", ""},
		{u, "aws:TokenIssueTime", ""}, {s, "aws:TokenIssueTime", "2026-03-01T09:00:00Z"}, {getSession, "aws:TokenIssueTime", "2026-03-01T11:00:00Z"},
		{u, "aws:SourceIdentity", ""}, {s, "aws:SourceIdentity", "alice@example.com"}, {getSession, "aws:SourceIdentity", "carol"},
		{u, "aws:FederatedProvider", ""}, {s, "aws:FederatedProvider", issuerARN},
		{u, "sts:RoleSessionName", ""}, {s, "sts:RoleSessionName", "run-1"},
		{u, "aws:SourceIp", ""}, {u, "aws:SecureTransport", "false"},
		{u, "aws:CurrentTime", "2026-03-01T12:00:00Z"}, {u, "aws:EpochTime", "1772366400"},
	}
	for _, tt := range tests {
		condition := `{"StringEquals":{"` + tt.key + `":"` + tt.want + `"}}`
		if tt.want == "" {
			condition = `{"Null":{"` + tt.key + `":"true"}}`
		}
		c := *tt.caller
		c.Policies = []*Document{mustParse(t, conditionText("Allow", condition))}
		c.Limits = c.Policies // root as well
		r := ask(workload)
		r.Now = noon
		if !Evaluate(&c, r).Allowed {
			t.Errorf("%s of a %v is not %q", tt.key, c.Kind, tt.want)
		}
	}
}

// TestConformanceResourceTags: UG, Global condition keys, aws:ResourceTag: the
// tags of the resource in question, one by one.
func TestConformanceResourceTags(t *testing.T) {
	c := user(mustParse(t, conditionText("Allow", `{"StringEquals":{"aws:ResourceTag/Team":"blue"}}`)))
	r := ask(workload, vaultARN)
	tests := []struct {
		rule string
		tags map[string]map[string]string
		want Decision
	}{
		{"both tagged", map[string]map[string]string{workload: {"team": "blue"}, vaultARN: {"TEAM": "blue"}}, Decision{Allowed: true, Policy: "test", Source: SourceIdentity}},
		{"one tagged", map[string]map[string]string{workload: {"Team": "blue"}}, Decision{Resource: vaultARN, Source: SourceIdentity}},
		{"one tagged otherwise", map[string]map[string]string{workload: {"Team": "blue"}, vaultARN: {"Team": "red"}}, Decision{Resource: vaultARN, Source: SourceIdentity}},
		{"the other tagged", map[string]map[string]string{vaultARN: {"Team": "blue"}}, Decision{Resource: workload, Source: SourceIdentity}},
		{"none tagged", nil, Decision{Resource: workload, Source: SourceIdentity}},
	}
	for _, tt := range tests {
		r.ResourceTags = tt.tags
		if diff := cmp.Diff(tt.want, Evaluate(c, r)); diff != "" {
			t.Errorf("%s: %s", tt.rule, diff)
		}
	}
	deny := mustParse(t, conditionText("Deny", `{"StringNotEquals":{"iam:ResourceTag/Team":"${aws:ResourceTag/Owner}"}}`))
	c = user(mustParse(t, documentText(statementText("Allow", "*", "*"))), deny)
	r.ResourceTags = map[string]map[string]string{workload: {"Team": "a", "Owner": "a"}, vaultARN: {"Team": "a", "Owner": "b"}}
	if d := Evaluate(c, r); !d.Explicit || d.Resource != vaultARN {
		t.Errorf("a variable of the resource's tags: %+v", d)
	}
}
