package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplainSaysWhatDidNotMatch(t *testing.T) {
	tests := []struct{ statement, want string }{
		{`"Action":"sts:*","Resource":"*"`, `Action: "` + tokenAction + `" does not match "sts:*"`},
		{`"Action":["sts:*","iam:Get?ser"],"Resource":"*"`, `does not match "sts:*", "iam:Get?ser"`},
		{`"NotAction":"bedrock-agentcore:Get*","Resource":"*"`, `NotAction: "` + tokenAction + `" is left out by "bedrock-agentcore:Get*"`},
		{`"Action":"*","Resource":["` + vaultARN + `","arn:aws:s3:*"]`, `Resource: "` + workload + `" does not match "` + vaultARN + `", "arn:aws:s3:*"`},
		{`"Action":"*","NotResource":"` + directory + `*"`, `NotResource: "` + workload + `" is left out by`},
		{`"Action":"*","Resource":"` + directory + `/workload-identity/${aws:PrincipalTag/agent}"`, `${aws:PrincipalTag/agent}" has a policy variable without a value`},
		{`"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":["red","green"]}}`, `Condition StringEquals on "aws:PrincipalTag/Team": the policy has "red", "green", the request has "blue"`},
		{`"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"alice","sts:ExternalId":"x"}}`, `Condition StringEquals on "sts:ExternalId": the policy has "x", the request has no such key`},
		{`"Action":"*","Resource":"*","Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":"x*"}}`, `Condition ForAnyValue:StringLike on "aws:TagKeys": the policy has "x*", the request has "a", "b"`},
		{`"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:PrincipalTag/Nothing}"}}`, `and the policy variable "aws:PrincipalTag/Nothing" has no value`},
		{`"Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:PrincipalTag/Nothing}"}}`, `and the policy variable "aws:PrincipalTag/Nothing" has no value`},
		{`"Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}`, `the request has "2026-03-01T12:00:00Z"`},
		{`"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Team":"red"}}`, `the request has "blue"`},
		{`"Action":"*","Resource":"*"`, `it allows "` + tokenAction + `"`},
	}
	for _, tt := range tests {
		c, r := known(mustParse(t, documentText(`{"Effect":"Allow",`+tt.statement+`}`)))
		r.Context = ctx("aws:TagKeys=a|b")
		x := Explain(c, r)
		if len(x.Statements) != 1 || !strings.Contains(x.Statements[0].Why, tt.want) || x.Statements[0].Applies != x.Decision.Allowed {
			t.Errorf("%s: %+v, want %q", tt.statement, x, tt.want)
		}
	}
}

func TestExplainNamesPlaces(t *testing.T) {
	own, err := Parse("own", []byte("{\"Version\":\"2012-10-17\",\"Statement\":[\n  {\"Sid\":\"A\",\"Effect\":\"Allow\",\n   \"Action\":\"*\",\"Resource\":\"*\"},\n  {\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":[\"*\"]}]}"))
	if err != nil {
		t.Fatal(err)
	}
	limit, err := Parse("limit", []byte(documentText(statementText("Allow", "sts:*", "*"))))
	if err != nil {
		t.Fatal(err)
	}
	c := session(own)
	c.Limits = []*Document{limit}
	got := Explain(c, ask(workload, vaultARN))
	want := Explanation{
		Decision: Evaluate(c, ask(workload, vaultARN)),
		Statements: []StatementExplanation{
			{Policy: "own", Source: SourceIdentity, StatementID: "A", Index: 1, Effect: "Allow", StartLine: 2, StartColumn: 3, EndLine: 3, EndColumn: 31, Applies: true, Why: `it allows "` + tokenAction + `"`},
			{Policy: "own", Source: SourceIdentity, Index: 2, Effect: "Deny", StartLine: 4, StartColumn: 3, EndLine: 4, EndColumn: 49, Applies: true, Why: `it denies "` + tokenAction + `" on "` + workload + `"`},
			{Policy: "limit", Source: SourceSession, Index: 1, Effect: "Allow", StartLine: 1, StartColumn: 38, EndLine: 1, EndColumn: 87, Why: `Action: "` + tokenAction + `" does not match "sts:*"`},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Decision.Explicit {
		t.Error("the Deny did not decide")
	}
}

func TestExplainTrust(t *testing.T) {
	doc := mustParseTrust(t, trustText(`{"AWS":["111111111111","`+roleARN+`"]}`, "sts:AssumeRole", `{"StringEquals":{"sts:ExternalId":"x"}}`))
	r := &Request{Action: "sts:AssumeRole", Resources: []string{targetARN}}
	if got := ExplainTrust(doc, user(), r).Statements[0]; got.Applies || got.Why != `Principal: "`+aliceARN+`" is not among "111111111111", "`+roleARN+`"` {
		t.Errorf("%+v", got)
	}
	x := ExplainTrust(doc, session(), r)
	if got := x.Statements[0]; got.Applies || !strings.Contains(got.Why, `Condition StringEquals on "sts:ExternalId"`) || got.Source != SourceTrust {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]string{"sts:ExternalId"}, x.MissingContextValues); diff != "" {
		t.Error(diff)
	}
	r.Context = ctx("sts:ExternalId=x")
	if x := ExplainTrust(doc, session(), r); !x.Decision.Allowed || !x.Direct || !x.Statements[0].Applies || !strings.Contains(x.Statements[0].Why, "by name") {
		t.Errorf("%+v", x)
	}
	r.Action = "sts:AssumeRoleWithWebIdentity"
	doc = mustParseTrust(t, trustText(`{"AWS":"000000000000"}`, "sts:*", ""))
	if got := ExplainTrust(doc, webIdentity(issuerARN), r).Statements[0]; !strings.Contains(got.Why, `a user of "`+issuerARN+`" is not among`) {
		t.Errorf("%+v", got)
	}
}

func TestExplainMissingContextValues(t *testing.T) {
	c := session(
		mustParse(t, conditionText("Allow", `{"StringEquals":{"aws:username":"x","sts:ExternalId":"x"},"Null":{"AWS:PrincipalTag/Team":"true"}}`)),
		mustParse(t, documentText(statementText("Allow", "iam:*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/${aws:PrincipalTag/Home}"))))
	c.Limits = []*Document{mustParse(t, conditionText("Allow", `{"StringEquals":{"aws:ResourceTag/Team":"x","aws:ResourceTag/Other":"x","aws:SourceIp":"x"}}`))}
	c.SourceIP = "203.0.113.7"
	r := ask(workload, vaultARN)
	r.ResourceTags = map[string]map[string]string{vaultARN: {"team": "x"}}
	r.Context = ctx("sts:ExternalId=y")
	want := []string{"AWS:PrincipalTag/Team", "aws:PrincipalTag/Home", "aws:ResourceTag/Other", "aws:username"}
	if diff := cmp.Diff(want, Explain(c, r).MissingContextValues); diff != "" {
		t.Error(diff)
	}
}

// TestExplainOfDoubt: what puts a request in doubt is said of the statement
// that found it.
func TestExplainOfDoubt(t *testing.T) {
	c := user(mustParse(t, documentText(statementText("Allow", "*", "*"))), mustParse(t, conditionText("Deny", `{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"}}`)))
	x := Explain(c, ask(workload))
	if x.Decision.Allowed || x.Statements[1].Applies || !strings.Contains(x.Statements[1].Why, "all is denied") {
		t.Errorf("%+v", x)
	}
	for _, x := range []Explanation{Explain(nil, ask(workload)), Explain(c, nil), Explain(c, ask()), Explain(webIdentity(issuerARN), ask(workload)), ExplainTrust(nil, c, ask(workload)), ExplainTrust(nil, nil, nil)} {
		if x.Decision.Allowed || len(x.Statements) != 0 {
			t.Errorf("%+v", x)
		}
	}
}

// TestA48_ExplanationsAreShortAndPrintable plants control characters and
// giants in everything that an explanation repeats.
func TestA48_ExplanationsAreShortAndPrintable(t *testing.T) {
	nasty := "x\r\n\x1b[2J\u202e\xff" + strings.Repeat("ü", 5000)
	c := user(
		mustParse(t, conditionText("Allow", `{"ForAnyValue:StringEquals":{"sts:ExternalId":"`+strings.Repeat("y", 5000)+`"}}`)),
		mustParse(t, documentText(statementText("Allow", "*", "arn:aws:s3:::"+strings.Repeat("z", 1000)))))
	c.ARN = nasty
	r := ask(workload + nasty[:100])
	r.Context = Context{}
	r.Context.Set("sts:ExternalId", slicesOf(nasty, 100)...)
	for _, s := range Explain(c, r).Statements {
		if strings.ContainsAny(s.Why, "\r\n\x1b\u202e\xff") || len(s.Why) > (maxShownList+4)*(maxShown+8) {
			t.Errorf("%d bytes: %q", len(s.Why), s.Why)
		}
	}
}

func slicesOf(s string, n int) (list []string) {
	for range n {
		list = append(list, s)
	}
	return list
}

func TestSuggest(t *testing.T) {
	want := `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "bedrock-agentcore:GetWorkloadAccessToken",
      "Resource": [
        "` + workload + `",
        "` + directory + `"
      ]
    }
  ]
}
`
	if diff := cmp.Diff(want, Suggest(user(), ask(workload, directory))); diff != "" {
		t.Error(diff)
	}
	c := session(mustParse(t, documentText(statementText("Allow", "*", "*"))))
	c.Limits = []*Document{mustParse(t, documentText(statementText("Allow", "sts:*", "*")))}
	if Suggest(c, ask(workload)) == "" {
		t.Error("nothing for a session policy")
	}
	everything := mustParse(t, documentText(statementText("Allow", "*", "*")))
	for name, got := range map[string]string{
		"allowed":       Suggest(user(everything), ask(workload)),
		"explicit deny": Suggest(user(mustParse(t, documentText(statementText("Deny", "*", "*")))), ask(workload)),
		"no caller":     Suggest(nil, ask(workload)),
		"no request":    Suggest(user(), nil),
		"no resource":   Suggest(user(), ask()),
		"web identity":  Suggest(webIdentity(issuerARN), ask(workload)),
		"no ARN":        Suggest(user(), ask("workload")),
		"wild action":   Suggest(user(), &Request{Action: "iam:*", Resources: []string{"*"}}),
		"no text":       Suggest(user(), ask("arn:aws:s3:::\xff")),
	} {
		if got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
