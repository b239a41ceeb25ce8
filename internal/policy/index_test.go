package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// plainly is Evaluate without any index: every statement of every document is
// asked, in order, for every resource.
func plainly(c *Caller, r *Request) Decision {
	if c == nil || !wellFormed(r) {
		return denied(r, SourceIdentity)
	}
	var e eval
	e.begin(c, r)
	own, limits := verdict{source: SourceIdentity}, verdict{source: SourceSession}
	if c.Kind != KindRoot {
		e.askAll(&own, c.Policies)
	}
	e.askAll(&limits, c.Limits)
	mine, session := own.decide, limits.decide
	switch {
	case c.Kind == KindRoot && len(c.Limits) == 0:
		return Decision{Allowed: true}
	case c.Kind == KindRoot && e.doubt:
		return denied(r, SourceSession)
	case c.Kind == KindRoot:
		return session(r)
	case e.doubt:
		return denied(r, SourceIdentity)
	case own.denied != 0 || len(c.Limits) == 0:
		return mine(r)
	case limits.denied != 0 || mine(r).Allowed && !session(r).Allowed:
		return session(r)
	}
	return mine(r)
}

func (e *eval) askAll(v *verdict, docs []*Document) {
	for _, d := range docs {
		for i := range d.statements {
			s := &d.statements[i]
			if !e.matchesAction(s) {
				continue
			}
			if m, direct := e.applies(s); m != 0 {
				v.add(d, s, m, direct)
			}
		}
	}
}

var (
	genActions = rapid.SliceOfN(rapid.SampledFrom([]string{"*", "a:*", "a:Get", "a:G?t", "a:Get*", "b:Get", "A:GET", "b:*t", "ab:Get", "a:P*"}), 1, 3)
	genTargets = rapid.SliceOfN(rapid.SampledFrom([]string{
		"*", "arn:aws:a:*", "arn:aws:a:r:1:x", "arn:aws:a:r:1:x/*", "arn:aws:a:r:1:x*", "arn:aws:a:*:x/y", "arn:aws:b:r:?:*", "arn:aws:a:r:1:x/y?", "arn:*:a:r:1:x",
		"arn:aws:a:r:1:x/${aws:PrincipalTag/t}", "arn:aws:a:r:1:${aws:PrincipalTag/none}*", "arn:aws:a:r:1:x/${aws:userid}", "arn:aws:a:r:1:${aws:ResourceTag/o}",
	}), 1, 3)
	genConditions = rapid.SampledFrom([]string{
		"", "", `{"StringEquals":{"aws:PrincipalTag/t":"y"}}`, `{"StringNotEquals":{"aws:PrincipalTag/t":"y"}}`, `{"StringEquals":{"aws:PrincipalTag/n":"y"}}`,
		`{"StringEquals":{"aws:PrincipalTag/t":["y","${aws:userid}"]}}`,
		`{"StringLike":{"sts:ExternalId":["${aws:PrincipalTag/t}","2*"]}}`, `{"ForAllValues:StringLike":{"aws:TagKeys":["a","${aws:PrincipalTag/T}"]}}`,
		`{"StringEqualsIfExists":{"aws:ResourceTag/o":"y"}}`, `{"StringEquals":{"aws:ResourceTag/o":"${aws:PrincipalTag/t}","aws:PrincipalTag/t":"y"}}`,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"}}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}`, `{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`,
		`{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"],"sts:ExternalId":"192.0.2.0/24"}}`, `{"StringEquals":{"aws:PrincipalTag/t":"y"},"IpAddress":{"aws:SourceIp":"10.1.2.3"}}`,
	})
)

// few draws a handful of what the generator makes, of which draws are then
// made again and again: what statements have in common is kept only once.
func few[T any](t *rapid.T, g *rapid.Generator[T], label string) *rapid.Generator[T] {
	return rapid.SampledFrom(rapid.SliceOfN(g, 1, 3).Draw(t, label))
}

// genDocument is a policy whose statements share actions, resources and
// conditions, in part or whole.
func genDocument(t *rapid.T) *Document {
	resources, conditions := few(t, genTargets, "resources"), few(t, genConditions, "conditions")
	return parseAll(t, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		s := fmt.Sprintf(`{"Effect":%q,%q:["%s"],%q:["%s"]`, rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"),
			rapid.SampledFrom([]string{"Action", "Action", "Action", "NotAction"}).Draw(t, "action"), strings.Join(genActions.Draw(t, "actions"), `","`),
			rapid.SampledFrom([]string{"Resource", "Resource", "NotResource"}).Draw(t, "resource"), strings.Join(resources.Draw(t, "named"), `","`))
		if c := conditions.Draw(t, "condition"); c != "" {
			s += `,"Condition":` + c
		}
		return s + "}"
	}), 1, 6).Draw(t, "statements"))
}

// genCaller is a caller of any kind whose record may lack what policies ask
// for, or have it twice, or in bytes that are no text.
func genCaller(t *rapid.T) *Caller {
	docs := rapid.SliceOfN(rapid.Custom(genDocument), 1, 3)
	c := session(docs.Draw(t, "policies")...)
	c.Kind = rapid.SampledFrom([]CallerKind{KindUser, KindRoleSession, KindRoleSession, KindRoot}).Draw(t, "kind")
	if rapid.Bool().Draw(t, "limited") {
		c.Limits = docs.Draw(t, "limits")
	}
	c.Session.RoleARN = rapid.SampledFrom([]string{roleARN, roleARN, roleARN, ""}).Draw(t, "role")
	c.UserID = rapid.SampledFrom([]string{"y", "x", "", "\xff"}).Draw(t, "user id")
	c.SourceIP = rapid.SampledFrom([]string{"10.1.2.3", "192.0.2.1", "::ffff:10.1.2.3", "x", ""}).Draw(t, "source")
	c.Tags = rapid.SampledFrom([]map[string]string{
		nil, {"t": "y"}, {"t": "y", "n": "x"}, {"T": "y", "n": ""}, {"t": "y", "T": "z"}, {"t": "\xff"}, {"t": "*"},
		{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "t": "y"},
	}).Draw(t, "tags")
	return c
}

// TestConditionsTextsDiffer: a value that is written like several values is not taken for them, whatever the lengths are.
func TestConditionsTextsDiffer(t *testing.T) {
	const rule = `{"Effect":%q,"Action":%q,"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/t":[%s]}}}`
	long := `"` + strings.Repeat("a", 10) + strings.Repeat("8:xxxxxxxx", 10) + `"`
	list := `"` + strings.Repeat("a", 10) + `"` + strings.Repeat(`,"xxxxxxxx"`, 10)
	d := mustParse(t, documentText(`{"Effect":"Allow","Action":"a:Get","Resource":"*"}`, fmt.Sprintf(rule, "Deny", "a:*", long), fmt.Sprintf(rule, "Deny", "a:Get", list)))
	c := tagged(d)
	c.Tags["t"] = "xxxxxxxx"
	if got := Evaluate(c, &Request{Action: "a:Get", Resources: []string{"arn:aws:a:r:1:x"}}); got.Allowed || !got.Explicit {
		t.Errorf("the denial was passed over: %+v", got)
	}
}

// TestPropertyIndexChangesNothing: no decision, no reason and no doubt is
// another than if every statement had been read.
func TestPropertyIndexChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genCaller(t)
		for range 10 {
			r := genAnyRequest(t)
			if got, want := Evaluate(c, r), plainly(c, r); got != want {
				t.Fatalf("with the index %+v, without %+v", got, want)
			}
		}
	})
}

// genAnyRequest is a request that may lack what policies ask for, too.
func genAnyRequest(t *rapid.T) *Request {
	r := genRequest(t)
	r.Now = rapid.SampledFrom([]time.Time{noon, noon, noon, {}}).Draw(t, "now")
	genTags := rapid.SampledFrom([]map[string]string{nil, {"o": "y"}, {"O": "x"}, {"o": "y", "O": "x"}, {"o": "\xff"}})
	for _, arn := range r.Resources {
		r.ResourceTags[arn] = genTags.Draw(t, "resource tags")
	}
	if rapid.Bool().Draw(t, "address") {
		r.Context.Set("sts:ExternalId", "192.0.2.7")
	}
	return r
}

// TestPropertyIndexChangesNoTrust is the same of trust policies, where the
// principals take the place of resources.
func TestPropertyIndexChangesNoTrust(t *testing.T) {
	genPrincipal := rapid.SampledFrom([]string{`"*"`, `{"AWS":"` + account + `"}`, `{"AWS":"` + roleARN + `"}`, `{"AWS":["` + aliceARN + `","` + sessionARN + `"]}`})
	genTrusted := rapid.SampledFrom([]string{"*", "sts:AssumeRole", "sts:TagSession", "sts:*", "sts:Assume*"})
	rapid.Check(t, func(t *rapid.T) {
		doc, err := ParseTrust("trust", []byte(documentText(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			s := fmt.Sprintf(`{"Effect":%q,"Principal":%s,"Action":%q`, rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"), genPrincipal.Draw(t, "principal"), genTrusted.Draw(t, "action"))
			if c := genConditions.Draw(t, "condition"); c != "" {
				s += `,"Condition":` + c
			}
			return s + "}"
		}), 1, 6).Draw(t, "statements")...)))
		if err != nil {
			t.Fatal(err)
		}
		c, r := genCaller(t), genAnyRequest(t)
		r.Action = rapid.SampledFrom([]string{"sts:AssumeRole", "sts:TagSession"}).Draw(t, "trusted action")
		var e eval
		e.begin(c, r)
		v := verdict{source: SourceTrust}
		e.askAll(&v, []*Document{doc})
		want := denied(r, SourceTrust)
		if !e.doubt {
			want = v.decide(r)
		}
		if got := EvaluateTrust(doc, c, r); got.Decision != want {
			t.Errorf("with the index %+v, without %+v", got.Decision, want)
		}
	})
}

// TestIndexOfManyStatements: a document of more statements than there is room for beside a decision is decided alike.
func TestIndexOfManyStatements(t *testing.T) {
	var d Document
	for i := range 2 * maxStatements {
		one := mustParse(t, documentText(statementText("Allow", fmt.Sprintf("a:Get%d", i), "arn:aws:a:r:1:x")))
		d.statements = append(d.statements, one.statements...)
	}
	d.index = indexOf(d.statements)
	for action, want := range map[string]bool{"a:Get0": true, fmt.Sprintf("a:get%d", 2*maxStatements-1): true, "a:Get": false, fmt.Sprintf("a:Get%d", 2*maxStatements): false} {
		if got := Evaluate(user(&d), &Request{Action: action, Resources: []string{"arn:aws:a:r:1:x"}}); got.Allowed != want {
			t.Errorf("%s: %+v", action, got)
		}
	}
}

// TestDocumentWithoutIndexDenies: statements that nobody would find might have
// denied.
func TestDocumentWithoutIndexDenies(t *testing.T) {
	d := *mustParse(t, documentText(statementText("Deny", "a:Get", "*")))
	d.index = index{}
	allow := mustParse(t, documentText(statementText("Allow", "*", "*")))
	if got := Evaluate(user(allow, &d), ask("a")); got.Allowed {
		t.Errorf("%+v", got)
	}
}

// TestIndexTellsAlikeStatementsApart: what differs in one word is not decided
// once for both.
func TestIndexTellsAlikeStatementsApart(t *testing.T) {
	const target = "arn:aws:a:r:1:x"
	statement := func(effect, resource, condition string) string {
		return fmt.Sprintf(`{"Effect":%q,"Action":"a:Get",%s,"Condition":%s}`, effect, resource, condition)
	}
	const none, here, elsewhere = `{}`, `"Resource":"` + target + `"`, `"NotResource":"` + target + `"`
	const unresolved = `"NotResource":"arn:aws:a:r:1:${aws:PrincipalTag/none}"`
	for name, tt := range map[string]struct {
		first, second string // first never matches
		denies        bool
	}{
		"negated resource":  {statement("Allow", elsewhere, none), statement("Allow", here, none), false},
		"effect":            {statement("Allow", unresolved, none), statement("Deny", unresolved, none), true},
		"operator":          {statement("Allow", here, `{"StringNotEquals":{"aws:PrincipalTag/t":"y"}}`), statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/t":"y"}}`), false},
		"key":               {statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/n":"y"}}`), statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/t":"y"}}`), false},
		"value":             {statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/t":"z"}}`), statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/t":"y"}}`), false},
		"number of values":  {statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/t":"y","aws:username":"bob"}}`), statement("Allow", here, `{"StringEquals":{"aws:PrincipalTag/t":["y","StringEquals","aws:username","bob"]}}`), false},
		"address":           {statement("Allow", here, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), statement("Allow", here, `{"IpAddress":{"sts:ExternalId":"192.0.2.0/24"}}`), false},
		"several addresses": {statement("Allow", here, `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"NotIpAddress":{"sts:ExternalId":"192.0.2.0/24"}}`), statement("Allow", here, `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8","sts:ExternalId":"192.0.2.0/24"}}`), false},
	} {
		c := tagged(mustParse(t, documentText(tt.first, tt.first, tt.second, tt.second)))
		c.SourceIP = "10.1.2.3"
		r := &Request{Action: "a:Get", Resources: []string{target}, Context: Context{"sts:externalid": {"192.0.2.7"}}}
		if got := Evaluate(c, r); got.Allowed == tt.denies || got.Explicit != tt.denies {
			t.Errorf("%s: %+v", name, got)
		}
		c.Policies = []*Document{mustParse(t, documentText(tt.first, tt.first))}
		if got := Evaluate(c, r); got.Allowed || got.Explicit {
			t.Errorf("%s: the first statement alone: %+v", name, got)
		}
	}
}
