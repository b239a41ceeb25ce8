package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ask(resources ...string) *Request { return &Request{Action: tokenAction, Resources: resources} }

func TestEvaluate(t *testing.T) {
	allow := mustParse(t, `{"Version":"2012-10-17","Statement":{"Sid":"A","Effect":"Allow","Action":"bedrock-agentcore:*","Resource":"`+directory+`*"}}`)
	allow.name = "allow"
	deny := mustParse(t, `{"Statement":[{"Sid":"D","Effect":"Deny","Action":["x:y","bedrock-agentcore:getWorkload*"],"Resource":["`+directory+`/workload-identity/secret"]}]}`)
	deny.name = "deny"
	secret := directory + "/workload-identity/secret"
	tests := []struct {
		name string
		c    *Caller
		r    *Request
		want Decision
	}{
		{"root", &Caller{Kind: KindRoot}, ask(workload), Decision{Allowed: true}},
		{"root despite a Deny", &Caller{Kind: KindRoot, Policies: []*Document{deny}}, ask(secret), Decision{Allowed: true}},
		{"no policy", user(), ask(workload), Decision{Resource: workload, Source: SourceIdentity}},
		{"allowed", user(allow), ask(workload), Decision{Allowed: true, Policy: "allow", StatementID: "A", Source: SourceIdentity}},
		{"allowed on all", user(allow), ask(workload, directory), Decision{Allowed: true, Policy: "allow", StatementID: "A", Source: SourceIdentity}},
		{"one resource missing", user(allow), ask(workload, vaultARN, directory), Decision{Resource: vaultARN, Source: SourceIdentity}},
		{"explicit deny", user(allow, deny), ask(secret), Decision{Explicit: true, Policy: "deny", StatementID: "D", Resource: secret, Source: SourceIdentity}},
		{"deny of one resource", user(allow, deny), ask(vaultARN, workload, secret), Decision{Explicit: true, Policy: "deny", StatementID: "D", Resource: secret, Source: SourceIdentity}},
		{"deny in front", user(deny, allow), ask(secret), Decision{Explicit: true, Policy: "deny", StatementID: "D", Resource: secret, Source: SourceIdentity}},
		{"deny of something else", user(deny, allow), ask(workload), Decision{Allowed: true, Policy: "allow", StatementID: "A", Source: SourceIdentity}},
		{"other action", user(allow), &Request{Action: "sts:GetCallerIdentity", Resources: []string{workload}}, Decision{Resource: workload, Source: SourceIdentity}},
		{"no resource in the ARN form", user(allow), ask("*"), Decision{Resource: "*", Source: SourceIdentity}},
		{"role session", &Caller{Kind: KindRoleSession, Policies: []*Document{allow}}, ask(workload), Decision{Allowed: true, Policy: "allow", StatementID: "A", Source: SourceIdentity}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Evaluate(tt.c, tt.r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEvaluateFailsClosed has what forgotten fields and broken records look
// like, with a policy that would allow everything.
func TestEvaluateFailsClosed(t *testing.T) {
	all := mustParse(t, documentText(statementText("Allow", "*", "*")))
	many := make([]string, maxResources+1)
	for i := range many {
		many[i] = workload
	}
	tests := map[string]struct {
		c *Caller
		r *Request
	}{
		"no caller":        {nil, ask(workload)},
		"no request":       {user(all), nil},
		"no kind":          {&Caller{Policies: []*Document{all}}, ask(workload)},
		"unknown kind":     {&Caller{Kind: 99, Policies: []*Document{all}}, ask(workload)},
		"no resource":      {user(all), ask()},
		"empty resource":   {user(all), ask(workload, "")},
		"no action":        {user(all), &Request{Resources: []string{workload}}},
		"long action":      {user(all), &Request{Action: strings.Repeat("a", maxAction+1), Resources: []string{workload}}},
		"long resource":    {user(all), ask(strings.Repeat("a", maxResource+1))},
		"many resources":   {user(all), ask(many...)},
		"policy missing":   {user(all, nil), ask(workload)},
		"root, no request": {&Caller{Kind: KindRoot}, nil},
		"root, no action":  {&Caller{Kind: KindRoot}, &Request{Resources: []string{workload}}},
	}
	for name, tt := range tests {
		if d := Evaluate(tt.c, tt.r); d.Allowed || d.Explicit {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	if !Evaluate(user(all), ask(many[:maxResources]...)).Allowed {
		t.Error("as many resources as may be are refused")
	}
}

func TestMessage(t *testing.T) {
	c := user()
	implicit := Evaluate(c, ask(workload)).Message(c, tokenAction)
	want := "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: " + tokenAction + " on resource: " + workload +
		" because no identity-based policy allows the " + tokenAction + " action"
	if implicit != want {
		t.Errorf("got  %s\nwant %s", implicit, want)
	}
	c = user(mustParse(t, documentText(statementText("Deny", "*", "*"))))
	explicit := Evaluate(c, ask(workload)).Message(c, tokenAction)
	want = "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: " + tokenAction + " on resource: " + workload +
		" with an explicit deny in an identity-based policy"
	if explicit != want {
		t.Errorf("got  %s\nwant %s", explicit, want)
	}
}

// TestMessageNamesTheKindOfPolicy has the texts that AWS's clients know.
func TestMessageNamesTheKindOfPolicy(t *testing.T) {
	limited := user(mustParse(t, documentText(statementText("Allow", "*", "*"))))
	limited.Limits = []*Document{mustParse(t, documentText(statementText("Allow", "sts:*", "*")))}
	forbidden := user(limited.Policies...)
	forbidden.Limits = []*Document{mustParse(t, documentText(statementText("Deny", "*", "*")))}
	trust := mustParseTrust(t, trustText(`{"AWS":"111111111111"}`, "sts:AssumeRole", ""))
	assume := &Request{Action: "sts:AssumeRole", Resources: []string{targetARN}}
	const who = "User: " + aliceARN + " is not authorized to perform: "
	for got, want := range map[string]string{
		Evaluate(limited, ask(workload)).Message(limited, tokenAction):               who + tokenAction + " on resource: " + workload + " because no session policy allows the " + tokenAction + " action",
		Evaluate(forbidden, ask(workload)).Message(forbidden, tokenAction):           who + tokenAction + " on resource: " + workload + " with an explicit deny in a session policy",
		EvaluateTrust(trust, user(), assume).Message(user(), assume.Action):          who + "sts:AssumeRole on resource: " + targetARN,
		Decision{Explicit: true, Source: SourceTrust}.Message(user(), assume.Action): who + "sts:AssumeRole",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestA48_MessageIsOneLine plants control characters in everything a message
// repeats.
func TestA48_MessageIsOneLine(t *testing.T) {
	c := &Caller{ARN: "arn:\r\nx\x1b[2J", Kind: KindUser}
	m := Decision{Resource: "r\nX-Injected: y\u202e"}.Message(c, "a\x00b")
	if strings.ContainsAny(m, "\r\n\x1b\x00\u202e") || !strings.Contains(m, "X-Injected") {
		t.Errorf("%q", m)
	}
	if m := (Decision{}).Message(nil, "a:b"); !strings.Contains(m, "not authorized to perform: a:b because") {
		t.Errorf("%q", m)
	}
}

// TestA49_MessageTellsNothingOfPolicies: which policy denied is for the audit.
func TestA49_MessageTellsNothingOfPolicies(t *testing.T) {
	d, err := Parse("secret-policy", []byte(`{"Statement":{"Sid":"SecretSid","Effect":"Deny","Action":"*","Resource":"*"}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := Evaluate(user(d), ask(workload))
	if got.Policy != "secret-policy" || got.StatementID != "SecretSid" {
		t.Errorf("the audit does not learn who decided: %+v", got)
	}
	if m := got.Message(user(d), tokenAction); strings.Contains(m, "ecret") {
		t.Error(m)
	}
}

func TestCallerKindString(t *testing.T) {
	for k, want := range map[CallerKind]string{0: "unknown", KindRoot: "root", KindUser: "user", KindRoleSession: "role-session", KindWebIdentity: "web-identity"} {
		if k.String() != want {
			t.Errorf("%d is %s", k, k)
		}
	}
}
