package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The conformance tables pin the evaluator to the IAM User Guide (UG): each
// case names the page and the rule, in our words, that decides it.

// noon is when the requests of the tables are made.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)

// conditionCase is a condition and whether it holds for a request. It is
// tried in an Allow, which then decides, and in a Deny, which then does too.
type conditionCase struct {
	rule      string
	condition string
	request   []string // see ctx
	want      bool
}

// ctx reads "key=value|value"; a key without = is present and has no value.
func ctx(pairs ...string) Context {
	c := Context{}
	for _, p := range pairs {
		key, values, found := strings.Cut(p, "=")
		if !found {
			c.Set(key)
			continue
		}
		c.Set(key, strings.Split(values, "|")...)
	}
	return c
}

// known is a user and a request with something in every key that the
// evaluator answers itself.
func known(docs ...*Document) (*Caller, *Request) {
	c := user(docs...)
	c.SourceIP, c.SecureTransport = "203.0.113.7", true
	c.Tags = map[string]string{"Team": "blue", "Level": "7", "Empty": "", "Star": "*", "Home": "10.0.0.0/8"}
	r := ask(workload)
	r.Now = noon
	r.ResourceTags = map[string]map[string]string{workload: {"Team": "blue", "Owner": "alice"}}
	return c, r
}

func checkConditions(t *testing.T, tests []conditionCase) {
	t.Helper()
	everything := mustParse(t, documentText(statementText("Allow", "*", "*")))
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%02d %s", i, tt.rule), func(t *testing.T) {
			c, r := known(mustParse(t, conditionText("Allow", tt.condition)))
			r.Context = ctx(tt.request...)
			if got := Evaluate(c, r); got.Allowed != tt.want {
				t.Errorf("Allow under %s with %v: %+v, want %v", tt.condition, r.Context, got, tt.want)
			}
			c.Policies = []*Document{everything, mustParse(t, conditionText("Deny", tt.condition))}
			if got := Evaluate(c, r); got.Explicit != tt.want {
				t.Errorf("Deny under %s with %v: %+v, want %v", tt.condition, r.Context, got, tt.want)
			}
		})
	}
}

// statementCase is a policy of one statement and whether it allows a request.
type statementCase struct {
	rule      string
	statement string // without braces and Effect
	action    string // empty for tokenAction
	resource  string // empty for workload
	want      bool
}

func checkStatements(t *testing.T, tests []statementCase) {
	t.Helper()
	everything := mustParse(t, documentText(statementText("Allow", "*", "*")))
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%02d %s", i, tt.rule), func(t *testing.T) {
			c, r := known(mustParse(t, documentText(`{"Effect":"Allow",`+tt.statement+`}`)))
			if tt.action != "" {
				r.Action = tt.action
			}
			if tt.resource != "" {
				r.Resources = []string{tt.resource}
			}
			if got := Evaluate(c, r); got.Allowed != tt.want {
				t.Errorf("Allow %s: %+v, want %v", tt.statement, got, tt.want)
			}
			c.Policies = []*Document{everything, mustParse(t, documentText(`{"Effect":"Deny",`+tt.statement+`}`))}
			if got := Evaluate(c, r); got.Explicit != tt.want {
				t.Errorf("Deny %s: %+v, want %v", tt.statement, got, tt.want)
			}
		})
	}
}
