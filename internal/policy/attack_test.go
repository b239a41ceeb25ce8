package policy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestA40_NotResourceWithoutVariable: what an unknown value leaves out is
// unknown. An Allow then reaches nothing, and a Deny everything.
func TestA40_NotResourceWithoutVariable(t *testing.T) {
	statement := `"Action":"*","NotResource":"` + directory + `/workload-identity/${aws:PrincipalTag/agent}"}`
	allow := mustParse(t, documentText(`{"Effect":"Allow",`+statement))
	deny := mustParse(t, documentText(`{"Effect":"Deny",`+statement))
	everything := mustParse(t, documentText(statementText("Allow", "*", "*")))
	if Evaluate(user(allow), ask(workload)).Allowed {
		t.Error("an Allow with NotResource reaches a resource that might be left out")
	}
	if !Evaluate(user(everything, deny), ask(workload)).Explicit {
		t.Error("a Deny with NotResource leaves out nobody knows what")
	}
	tagged := user(allow)
	tagged.Tags = map[string]string{"agent": "other"}
	if !Evaluate(tagged, ask(workload)).Allowed {
		t.Error("with the tag, the Allow does not reach the resource")
	}
}

// TestA40_ValuesAreNeverPatterns puts wildcards, variables and the bytes that
// compiled patterns use into values that a caller chooses.
func TestA40_ValuesAreNeverPatterns(t *testing.T) {
	docs := []*Document{
		mustParse(t, documentText(statementText("Allow", "*", "arn:aws:s3:::b/${bedrock-agentcore:userid}"))),
		mustParse(t, documentText(statementText("Allow", "*", "arn:aws:s3:::b/${bedrock-agentcore:userid}/*"))),
		mustParse(t, conditionText("Allow", `{"StringLike":{"sts:ExternalId":"${bedrock-agentcore:userid}"}}`)),
		mustParse(t, conditionText("Allow", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${bedrock-agentcore:userid}:user/alice"}}`)),
	}
	for _, value := range []string{"*", "?????", "**", "a*", "\xff", "a\xff", "\xfe\xfe\xfe\xfe\xfe", "\xfd", "${aws:username}", "${*}", "*/*", ""} {
		r := ask("arn:aws:s3:::b/alice")
		r.Context = ctx("sts:ExternalId=alice")
		r.Context.Set("bedrock-agentcore:userid", value)
		for _, d := range docs {
			if Evaluate(user(d), r).Allowed {
				t.Errorf("%q matches as a pattern", value)
			}
		}
	}
}

// TestA40_ValuesThatAreNoTextDeny: a Deny that would compare with one cannot
// be left out either.
func TestA40_ValuesThatAreNoTextDeny(t *testing.T) {
	deny := mustParse(t, conditionText("Deny", `{"StringLike":{"sts:ExternalId":"x-${bedrock-agentcore:userid}"}}`))
	c := user(mustParse(t, documentText(statementText("Allow", "*", "*"))), deny)
	r := ask(workload)
	r.Context = ctx("sts:ExternalId=x-alice", "bedrock-agentcore:userid=bob")
	if !Evaluate(c, r).Allowed {
		t.Fatal("denied although the Deny does not match")
	}
	r.Context.Set("bedrock-agentcore:userid", "\xffalice")
	if Evaluate(c, r).Allowed {
		t.Error("a value that is no text slipped past a Deny")
	}
}

// TestA40_ContextKeysInAnotherCase: a key that nobody folded would not be
// found, and the Deny that asks for it would not match.
func TestA40_ContextKeysInAnotherCase(t *testing.T) {
	c := user(mustParse(t, documentText(statementText("Allow", "*", "*"))), mustParse(t, conditionText("Deny", `{"StringEquals":{"sts:ExternalId":"x"}}`)))
	r := ask(workload)
	r.Context = Context{"sts:ExternalId": {"x"}}
	if Evaluate(c, r).Allowed {
		t.Error("allowed")
	}
	r.Context = Context{}
	r.Context.Set("STS:externalID", "x")
	if !Evaluate(c, r).Explicit {
		t.Error("Set does not fold")
	}
}

// TestA41_ContextNeverAnswersForTheCaller tries to override every key that the
// caller's record answers, or leaves absent.
func TestA41_ContextNeverAnswersForTheCaller(t *testing.T) {
	for _, k := range knownKeys {
		if k.kind == keyContext {
			continue
		}
		name := k.name
		if k.tags {
			name += "/admin"
		}
		for _, c := range []*Caller{user(), session()} {
			c.Policies = []*Document{mustParse(t, conditionText("Allow", `{"StringEquals":{"`+name+`":"forged"}}`))}
			r := ask(workload)
			r.Now = noon
			r.Context = ctx(name + "=forged")
			if Evaluate(c, r).Allowed {
				t.Errorf("%s of a %v comes from the request", name, c.Kind)
			}
		}
	}
}

// TestA41_RequestTagsAreNotPrincipalTags: who may choose the tags of a request
// does not thereby change who it is, nor what the resource is.
func TestA41_RequestTagsAreNotPrincipalTags(t *testing.T) {
	for _, key := range []string{"aws:PrincipalTag/team", "aws:ResourceTag/team", "iam:ResourceTag/team"} {
		c := user(mustParse(t, conditionText("Allow", `{"StringEquals":{"`+key+`":"blue"}}`)))
		c.Tags = map[string]string{"team": "red"}
		r := ask(workload)
		r.ResourceTags = map[string]map[string]string{workload: {"team": "red"}, vaultARN: {"team": "blue"}}
		r.Context = ctx("aws:RequestTag/team=blue", "aws:TagKeys=team", key+"=blue")
		if Evaluate(c, r).Allowed {
			t.Errorf("%s is answered by what the request chose", key)
		}
	}
	c := user(mustParse(t, conditionText("Allow", `{"StringEquals":{"aws:RequestTag/team":"${aws:PrincipalTag/team}"}}`)))
	c.Tags = map[string]string{"team": "red"}
	r := ask(workload)
	r.Context = ctx("aws:RequestTag/team=blue")
	if Evaluate(c, r).Allowed {
		t.Error("a principal gives away tags that are not its own")
	}
}

// TestA41_TagsThatDifferInCaseAlone leave open which is meant.
func TestA41_TagsThatDifferInCaseAlone(t *testing.T) {
	c := user(mustParse(t, conditionText("Allow", `{"StringEquals":{"aws:PrincipalTag/Team":["red","blue"]}}`)))
	r := ask(workload)
	for _, more := range []int{0, maxListed} {
		c.Tags = map[string]string{"Team": "red"}
		for i := range more {
			c.Tags[strings.Repeat("x", i+1)] = ""
		}
		if !Evaluate(c, r).Allowed {
			t.Errorf("%d tags: denied", len(c.Tags))
		}
		c.Tags["team"] = "blue"
		if d := Evaluate(c, r); d.Allowed {
			t.Errorf("%d tags: %+v", len(c.Tags), d)
		}
	}
}

// TestA41_TrustAndIdentityPoliciesDoNotMix: each kind of document answers its
// own question alone.
func TestA41_TrustAndIdentityPoliciesDoNotMix(t *testing.T) {
	trust := mustParseTrust(t, trustText(`"*"`, "sts:*", ""))
	own := mustParse(t, documentText(statementText("Allow", "*", "*")))
	r := &Request{Action: "sts:AssumeRole", Resources: []string{targetARN}}
	if Evaluate(user(trust), r).Allowed || Evaluate(user(own, trust), r).Allowed {
		t.Error("a trust policy speaks for a caller")
	}
	if EvaluateTrust(own, user(), r).Allowed {
		t.Error("an identity-based policy lets callers into a role")
	}
	if !EvaluateTrust(trust, user(), r).Allowed || !Evaluate(user(own), r).Allowed {
		t.Fatal("or the test shows nothing")
	}
}

// TestA31_RevokedSessions: the Deny of sessions issued before a moment.
func TestA31_RevokedSessions(t *testing.T) {
	docs := []*Document{
		mustParse(t, documentText(statementText("Allow", "*", "*"))),
		mustParse(t, conditionText("Deny", `{"DateLessThan":{"aws:TokenIssueTime":"2026-03-01T09:00:00.500Z"}}`)),
	}
	c := session(docs...)
	for issued, denied := range map[string]bool{"2026-03-01T08:59:59Z": true, "2026-03-01T09:00:00Z": true, "2026-03-01T09:00:01Z": false} {
		c.Session.IssuedAt, _ = time.Parse(time.RFC3339, issued)
		if got := Evaluate(c, ask(workload)); got.Explicit != denied {
			t.Errorf("issued at %s: %+v", issued, got)
		}
	}
	c.Session.IssuedAt = time.Time{}
	if Evaluate(c, ask(workload)).Allowed {
		t.Error("a session of unknown age slipped past the revocation")
	}
}

// TestIncompleteRecordsAreDenied: what a condition asks for and the domain
// forgot to fill in must not read as absent.
func TestIncompleteRecordsAreDenied(t *testing.T) {
	everything := mustParse(t, documentText(statementText("Allow", "*", "*")))
	outside := mustParse(t, conditionText("Deny", `{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}`))
	role := mustParse(t, conditionText("Deny", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/agents"}}`))
	if Evaluate(user(everything, outside), ask(workload)).Allowed {
		t.Error("a request without its time slipped past a Deny")
	}
	c := session(everything, role)
	c.Session.RoleARN = ""
	if Evaluate(c, ask(workload)).Allowed {
		t.Error("a session without its role slipped past a Deny")
	}
	c.Session = nil
	if Evaluate(c, ask(workload)).Allowed {
		t.Error("a role session without its session slipped past a Deny")
	}
}

// TestA61_WebIdentityHasNoPolicies: a token of an identity provider is good
// for assuming a role and nothing else.
func TestA61_WebIdentityHasNoPolicies(t *testing.T) {
	c := webIdentity(issuerARN)
	c.Policies = []*Document{mustParse(t, documentText(statementText("Allow", "*", "*")))}
	if d := Evaluate(c, ask(workload)); d.Allowed {
		t.Errorf("%+v", d)
	}
}

// TestA50_ManyVariablesAreCheap: values of the request times the document.
func TestA50_ManyVariablesAreCheap(t *testing.T) {
	value := strings.Repeat("a", 1<<16)
	pattern := strings.Repeat("${bedrock-agentcore:userid}*", maxVariables)
	c := user(mustParse(t, conditionText("Deny", `{"StringLike":{"sts:ExternalId":"`+pattern+`b"}}`)))
	r := ask(workload)
	r.Context = ctx("bedrock-agentcore:userid="+value, "sts:ExternalId="+value)
	start := time.Now()
	if Evaluate(c, r).Explicit {
		t.Error("matched")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestA40_EmptySets: where the request has no values, ForAllValues holds, as
// IAM has it. So Lint must name each Allow that rests on it, and Null must
// close it.
func TestA40_EmptySets(t *testing.T) {
	open := mustParse(t, conditionText("Allow", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`))
	closed := mustParse(t, conditionText("Allow", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]},"Null":{"aws:TagKeys":"false"}}`))
	for name, context := range map[string]Context{"absent": nil, "no value": ctx("aws:TagKeys"), "an empty string": ctx("aws:TagKeys=")} {
		r := ask(workload)
		r.Context = context
		if !Evaluate(user(open), r).Allowed {
			t.Errorf("%s: ForAllValues does not hold", name)
		}
		if got := Evaluate(user(closed), r).Allowed; got != (name == "an empty string") {
			t.Errorf("%s: with Null, allowed is %v", name, got)
		}
	}
	if !slices.ContainsFunc(Lint(open), func(w Warning) bool { return strings.Contains(w.Message, "ForAllValues is true where") }) {
		t.Error("Lint does not name it")
	}
}

// TestEvaluateTrustFailsClosed has what forgotten fields look like, with a
// trust policy that lets everybody in.
func TestEvaluateTrustFailsClosed(t *testing.T) {
	doc := mustParseTrust(t, trustText(`{"AWS":["*","000000000000","`+aliceARN+`"],"Federated":"`+issuerARN+`"}`, "sts:*", ""))
	r := &Request{Action: "sts:AssumeRole", Resources: []string{targetARN}}
	if !EvaluateTrust(doc, user(), r).Allowed {
		t.Fatal("or the table shows nothing")
	}
	tests := map[string]struct {
		doc *Document
		c   *Caller
		r   *Request
	}{
		"no document":       {nil, user(), r},
		"no caller":         {doc, nil, r},
		"no request":        {doc, user(), nil},
		"no kind":           {doc, &Caller{Account: account, ARN: aliceARN}, r},
		"unknown kind":      {doc, &Caller{Account: account, ARN: aliceARN, Kind: 99}, r},
		"no resource":       {doc, user(), &Request{Action: "sts:AssumeRole"}},
		"no action":         {doc, user(), &Request{Resources: []string{targetARN}}},
		"identity document": {mustParse(t, documentText(statementText("Allow", "*", "*"))), user(), r},
		"no provider":       {doc, &Caller{Account: account, Kind: KindWebIdentity}, r},
	}
	for name, tt := range tests {
		if d := EvaluateTrust(tt.doc, tt.c, tt.r); d.Allowed || d.Direct || d.Explicit {
			t.Errorf("%s: %+v", name, d)
		}
	}
	nobody := mustParseTrust(t, trustText(`{"AWS":"000000000000"}`, "sts:*", ""))
	if EvaluateTrust(nobody, &Caller{Kind: KindUser}, r).Allowed {
		t.Error("a caller without an account is of every account")
	}
}
