package policy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The generators draw from few words, so that statements often meet requests.
var (
	genAction   = rapid.SampledFrom([]string{"*", "a:*", "a:Get", "a:G?t", "b:Get", "A:GET", "b:*t"})
	genResource = rapid.SampledFrom([]string{"*", "arn:aws:a:*", "arn:aws:a:r:1:x", "arn:aws:a:r:1:x/*", "arn:aws:a:*:x/y", "arn:aws:b:r:?:*"})
	genAsked    = rapid.SampledFrom([]string{"arn:aws:a:r:1:x", "arn:aws:a:r:1:x/y", "arn:aws:b:r:2:z", "*"})
)

func genStatement(t *rapid.T, effects ...string) string {
	return statementText(rapid.SampledFrom(effects).Draw(t, "effect"), genAction.Draw(t, "action"), genResource.Draw(t, "resource"))
}

func genStatements(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return genStatement(t, "Allow", "Allow", "Deny") }), 1, 8).Draw(t, "statements")
}

func genRequest(t *rapid.T) *Request {
	return &Request{
		Action:    rapid.SampledFrom([]string{"a:Get", "b:Get", "a:Put"}).Draw(t, "asked action"),
		Resources: rapid.SliceOfN(genAsked, 1, 3).Draw(t, "asked resources"),
	}
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
		want := Evaluate(user(parseAll(t, statements)), r)
		shuffled := rapid.Permutation(statements).Draw(t, "shuffled")
		if got := Evaluate(user(parseAll(t, shuffled)), r); !same(got, want) {
			t.Errorf("%+v, shuffled %+v", want, got)
		}
		var docs []*Document
		for _, s := range shuffled {
			docs = append(docs, parseAll(t, []string{s}))
		}
		if got := Evaluate(user(docs...), r); !same(got, want) {
			t.Errorf("%+v, as documents of their own %+v", want, got)
		}
	})
}

func TestPropertyDenyAlwaysWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		deny := statementText("Deny", r.Action, rapid.SampledFrom(r.Resources).Draw(t, "denied"))
		at := rapid.IntRange(0, len(statements)).Draw(t, "at")
		d := Evaluate(user(parseAll(t, slices.Insert(slices.Clone(statements), at, deny))), r)
		if d.Allowed || !d.Explicit {
			t.Errorf("%+v despite %s", d, deny)
		}
	})
}

func TestPropertyAddingDenyNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := Evaluate(user(parseAll(t, statements)), r)
		after := Evaluate(user(parseAll(t, append(slices.Clone(statements), genStatement(t, "Deny")))), r)
		if after.Allowed && !before.Allowed || before.Explicit && !after.Explicit {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}

func TestPropertyAddingAllowNeverLiftsDeny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := Evaluate(user(parseAll(t, statements)), r)
		after := Evaluate(user(parseAll(t, append(slices.Clone(statements), genStatement(t, "Allow")))), r)
		if before.Explicit && !same(before, after) || before.Allowed && !after.Allowed {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}

func TestPropertyAllMeansEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := user(parseAll(t, genStatements(t))), genRequest(t)
		each := true
		for _, res := range r.Resources {
			each = each && Evaluate(c, &Request{Action: r.Action, Resources: []string{res}}).Allowed
		}
		if got := Evaluate(c, r); got.Allowed != each {
			t.Errorf("%+v for all of %v, one by one %v", got, r.Resources, each)
		}
	})
}
