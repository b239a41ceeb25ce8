package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The generators draw from few words, so that statements often meet requests.
var (
	genAction    = rapid.SampledFrom([]string{"*", "a:*", "a:Get", "a:G?t", "b:Get", "A:GET", "b:*t"})
	genResource  = rapid.SampledFrom([]string{"*", "arn:aws:a:*", "arn:aws:a:r:1:x", "arn:aws:a:r:1:x/*", "arn:aws:a:*:x/y", "arn:aws:b:r:?:*", "arn:aws:a:r:1:x/${aws:PrincipalTag/t}", "arn:aws:a:r:1:${aws:PrincipalTag/none}*"})
	genAsked     = rapid.SampledFrom([]string{"arn:aws:a:r:1:x", "arn:aws:a:r:1:x/y", "arn:aws:a:r:1:x/*", "arn:aws:b:r:2:z", "*"})
	genCondition = rapid.SampledFrom([]string{
		"", "", "", `{"StringEquals":{"aws:PrincipalTag/t":"y"}}`, `{"StringNotEquals":{"sts:ExternalId":"1"}}`, `{"StringLike":{"sts:ExternalId":["${aws:PrincipalTag/t}","2*"]}}`,
		`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, `{"ForAnyValue:StringNotEquals":{"aws:TagKeys":"a"}}`, `{"Null":{"aws:TagKeys":"true"}}`,
		`{"NumericLessThan":{"sts:ExternalId":2}}`, `{"StringEqualsIfExists":{"aws:ResourceTag/o":"y"}}`, `{"StringEquals":{"aws:ResourceTag/o":"${aws:PrincipalTag/t}"}}`,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"}}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}`,
	})
)

func genStatement(t *rapid.T, effects ...string) string {
	action, resource := "Action", "Resource"
	if rapid.IntRange(0, 5).Draw(t, "not action") == 0 {
		action = "NotAction"
	}
	if rapid.IntRange(0, 5).Draw(t, "not resource") == 0 {
		resource = "NotResource"
	}
	s := fmt.Sprintf(`{"Effect":%q,%q:%q,%q:%q`, rapid.SampledFrom(effects).Draw(t, "effect"), action, genAction.Draw(t, "action"), resource, genResource.Draw(t, "resource"))
	if c := genCondition.Draw(t, "condition"); c != "" {
		s += `,"Condition":` + c
	}
	return s + "}"
}

func genStatements(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return genStatement(t, "Allow", "Allow", "Deny") }), 1, 8).Draw(t, "statements")
}

func genRequest(t *rapid.T) *Request {
	r := &Request{
		Action:    rapid.SampledFrom([]string{"a:Get", "b:Get", "a:Put"}).Draw(t, "asked action"),
		Resources: rapid.SliceOfN(genAsked, 1, 3).Draw(t, "asked resources"),
		Context:   Context{},
		Now:       noon,
	}
	for key, values := range map[string][]string{"sts:ExternalId": {"1", "2", "y", "*"}, "aws:TagKeys": {"a", "b", ""}} {
		if got := rapid.SliceOfN(rapid.SampledFrom(values), 0, 2).Draw(t, key); len(got) > 0 {
			r.Context.Set(key, got...)
		}
	}
	r.ResourceTags = map[string]map[string]string{r.Resources[0]: {"o": rapid.SampledFrom([]string{"y", "z"}).Draw(t, "owner")}}
	return r
}

// tagged is a user whose tag some of the policies ask for.
func tagged(docs ...*Document) *Caller {
	c := user(docs...)
	c.Tags = map[string]string{"t": "y"}
	return c
}

func parseAll(t *rapid.T, statements []string) *Document {
	d, err := Parse("p", []byte(documentText(statements...)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// same compares what must not depend on order; which of several agreeing
// statements is named may.
func same(a, b Decision) bool {
	return a.Allowed == b.Allowed && a.Explicit == b.Explicit && a.Resource == b.Resource
}

func TestPropertyOrderNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		want := Evaluate(tagged(parseAll(t, statements)), r)
		shuffled := rapid.Permutation(statements).Draw(t, "shuffled")
		if got := Evaluate(tagged(parseAll(t, shuffled)), r); !same(got, want) {
			t.Errorf("%+v, shuffled %+v", want, got)
		}
		var docs []*Document
		for _, s := range shuffled {
			docs = append(docs, parseAll(t, []string{s}))
		}
		if got := Evaluate(tagged(docs...), r); !same(got, want) {
			t.Errorf("%+v, as documents of their own %+v", want, got)
		}
	})
}

func TestPropertyDenyAlwaysWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		deny := statementText("Deny", r.Action, strings.ReplaceAll(rapid.SampledFrom(r.Resources).Draw(t, "denied"), "x/*", "x/${*}"))
		at := rapid.IntRange(0, len(statements)).Draw(t, "at")
		d := Evaluate(tagged(parseAll(t, slices.Insert(slices.Clone(statements), at, deny))), r)
		if d.Allowed || !d.Explicit {
			t.Errorf("%+v despite %s", d, deny)
		}
	})
}

func TestPropertyAddingDenyNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := Evaluate(tagged(parseAll(t, statements)), r)
		after := Evaluate(tagged(parseAll(t, append(slices.Clone(statements), genStatement(t, "Deny")))), r)
		if after.Allowed && !before.Allowed || before.Explicit && !after.Explicit {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}

func TestPropertyAddingAllowNeverLiftsDeny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := Evaluate(tagged(parseAll(t, statements)), r)
		after := Evaluate(tagged(parseAll(t, append(slices.Clone(statements), genStatement(t, "Allow")))), r)
		if before.Explicit && !same(before, after) || before.Allowed && !after.Allowed {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}

func TestPropertyAllMeansEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := tagged(parseAll(t, genStatements(t))), genRequest(t)
		each := true
		for _, res := range r.Resources {
			one := *r
			one.Resources = []string{res}
			each = each && Evaluate(c, &one).Allowed
		}
		if got := Evaluate(c, r); got.Allowed != each {
			t.Errorf("%+v for all of %v, one by one %v", got, r.Resources, each)
		}
	})
}

func TestPropertySessionPoliciesNeverWiden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own, limits, r := genStatements(t), genStatements(t), genRequest(t)
		c := tagged(parseAll(t, own))
		before := Evaluate(c, r)
		c.Limits = []*Document{parseAll(t, limits)}
		after := Evaluate(c, r)
		if after.Allowed != (before.Allowed && Evaluate(tagged(c.Limits...), r).Allowed) {
			t.Errorf("%+v, with session policies %+v", before, after)
		}
		if before.Explicit && !after.Explicit {
			t.Errorf("%+v lost its Deny: %+v", before, after)
		}
	})
}

// TestPropertySuggestAllowsExactly: what is suggested allows the request, and
// neither another action nor another resource, whatever signs their names
// have.
func TestPropertySuggestAllowsExactly(t *testing.T) {
	genName := rapid.StringMatching(`[a-z*?$/:]{1,6}(\$\{aws:username\})?`)
	rapid.Check(t, func(t *rapid.T) {
		r := genRequest(t)
		r.Resources = []string{"arn:aws:a:r:1:" + genName.Draw(t, "name")}
		c := tagged()
		text := Suggest(c, r)
		d, err := Parse("suggestion", []byte(text))
		if err != nil || !json.Valid([]byte(text)) {
			t.Fatalf("%q: %v", text, err)
		}
		c.Policies = []*Document{d}
		if !Evaluate(c, r).Allowed {
			t.Fatalf("%s does not allow %+v", text, r)
		}
		other := "arn:aws:a:r:1:" + genName.Draw(t, "other name")
		if other != r.Resources[0] && Evaluate(c, &Request{Action: r.Action, Resources: []string{other}}).Allowed {
			t.Errorf("%s also allows %s", text, other)
		}
		if Evaluate(c, &Request{Action: r.Action + "x", Resources: r.Resources}).Allowed {
			t.Errorf("%s also allows another action", text)
		}
	})
}

// TestPropertyExplainAgrees: the explanation is of the decision, and its
// statements add up to it.
func TestPropertyExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := tagged(parseAll(t, genStatements(t))), genRequest(t)
		want, x := Evaluate(c, r), Explain(c, r)
		denies, allows := false, false
		for _, s := range x.Statements {
			denies = denies || s.Applies && s.Effect == "Deny"
			allows = allows || s.Applies && s.Effect == "Allow"
			if s.Why == "" {
				t.Errorf("nothing is said of %+v", s)
			}
		}
		if x.Decision != want || denies != want.Explicit || allows && !denies && !want.Allowed {
			t.Errorf("%+v, want %+v", x, want)
		}
	})
}

// TestPropertyNegatedIsTheOpposite: without set operators and IfExists, an
// operator and its negation never agree.
func TestPropertyNegatedIsTheOpposite(t *testing.T) {
	pairs := [][2]string{{"StringEquals", "StringNotEquals"}, {"StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"}, {"StringLike", "StringNotLike"},
		{"NumericEquals", "NumericNotEquals"}, {"DateEquals", "DateNotEquals"}, {"IpAddress", "NotIpAddress"}, {"ArnLike", "ArnNotLike"}}
	genValue := rapid.SampledFrom([]string{"7", "2026-01-01", "10.0.0.1", "arn:aws:iam::1:x", "arn:aws:iam::1:*", "${aws:username}", "${aws:PrincipalTag/none}", "x*", "alice"})
	rapid.Check(t, func(t *rapid.T) {
		pair, r := rapid.SampledFrom(pairs).Draw(t, "pair"), genRequest(t)
		values := rapid.SliceOfN(genValue, 1, 3).Draw(t, "values")
		r.Context.Set("sts:ExternalId", rapid.SliceOfN(genValue, 0, 2).Draw(t, "given")...)
		list, _ := json.Marshal(values)
		var got [2]bool
		for i, operator := range pair {
			d, err := Parse("p", []byte(conditionText("Allow", `{"`+operator+`":{"sts:ExternalId":`+string(list)+`}}`)))
			if err != nil {
				return // the values are not of the operator's kind
			}
			got[i] = Evaluate(user(d), r).Allowed
		}
		if got[0] == got[1] {
			t.Errorf("%v and its opposite are both %v for %s and %v", pair, got[0], list, r.Context)
		}
	})
}

// TestPropertyPiecesMatchAsSegments: where stars alone decide, cutting the
// pattern at them decides as matching it segment by segment.
func TestPropertyPiecesMatchAsSegments(t *testing.T) {
	genPattern := rapid.StringMatching(`[*](:[ab]{0,2}[*]?){0,5}`)
	genText := rapid.StringMatching(`[ab:]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		pattern := encodeWildcards(genPattern.Draw(t, "pattern"))
		pieces := piecesOf(pattern)
		if pieces == nil {
			t.Fatalf("%q is not cut", pattern)
		}
		for range 20 {
			text := genText.Draw(t, "text")
			if got, want := matchPieces(pieces, text), matchSegments(pattern, text); got != want {
				t.Fatalf("%q and %q: %v by pieces, %v by segments", pattern, text, got, want)
			}
		}
	})
}

// TestPiecesAreForStarsAlone: what else has a meaning within one segment is
// not cut.
func TestPiecesAreForStarsAlone(t *testing.T) {
	for _, pattern := range []string{"*a:b", "*:a*b", "*:a?", "*:a*b:*"} {
		if pieces := piecesOf(encodeWildcards(pattern)); pieces != nil {
			t.Errorf("%s: %q", pattern, pieces)
		}
	}
	if pieces := piecesOf("\xff:a" + string([]byte{hole})); pieces != nil {
		t.Errorf("a variable: %q", pieces)
	}
}
