package policy

import (
	"fmt"
	"testing"
)

// hundred has a hundred statements that all speak of the action; the last one
// allows.
func hundred(tb testing.TB) *Caller {
	tb.Helper()
	var docs []*Document
	for i := range 4 {
		var statements []string
		for j := range 25 {
			statements = append(statements, statementText("Allow", "bedrock-agentcore:Get*", fmt.Sprintf("%s/workload-identity/other%d-*", directory, 25*i+j)))
		}
		docs = append(docs, mustParse(tb, documentText(statements...)))
	}
	return user(append(docs, mustParse(tb, documentText(statementText("Allow", "bedrock-agentcore:Get*", directory+"*"))))...)
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	c, r := hundred(t), ask(workload, directory)
	if n := testing.AllocsPerRun(100, func() {
		if !Evaluate(c, r).Allowed {
			t.Fatal("denied")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	c, r := hundred(b), ask(workload, directory)
	b.ReportAllocs()
	for b.Loop() {
		if !Evaluate(c, r).Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	doc := []byte(documentText(statementText("Allow", "bedrock-agentcore:Get*", directory+"*")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("p", doc); err != nil {
			b.Fatal(err)
		}
	}
}
