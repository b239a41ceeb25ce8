package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Explanation is a decision with what every statement had to do with it.
type Explanation struct {
	Decision   Decision
	Direct     bool // of trust policies: see TrustDecision
	Statements []StatementExplanation
	// MissingContextValues are condition keys that the policies ask for and
	// the request does not have.
	MissingContextValues []string
}

// StatementExplanation is one statement's part in a decision.
type StatementExplanation struct {
	Policy                 string
	Source                 string // the kind of the policy
	StatementID            string
	Index                  int    // from 1
	Effect                 string // Allow or Deny
	StartLine, StartColumn int
	EndLine, EndColumn     int  // of the closing brace
	Conditional            bool // it has conditions
	Applies                bool // to every resource if it allows, to one at least if it denies
	Why                    string
}

// Explain decides like Evaluate and says of every statement the first thing
// that did not match. Its answer is for whoever may read the policies: unlike
// Decision.Message, it quotes them.
func Explain(c *Caller, r *Request) Explanation {
	x := Explanation{Decision: Evaluate(c, r)}
	if c == nil || r == nil || !wellFormed(r) || c.Kind == KindWebIdentity {
		return x
	}
	var e eval
	e.begin(c, r)
	x.add(&e, SourceIdentity, c.Policies)
	x.add(&e, SourceSession, c.Limits)
	x.MissingContextValues = e.missing(append(slices.Clone(c.Policies), c.Limits...))
	return x
}

// ExplainTrust decides like EvaluateTrust and says why.
func ExplainTrust(doc *Document, c *Caller, r *Request) Explanation {
	d := EvaluateTrust(doc, c, r)
	x := Explanation{Decision: d.Decision, Direct: d.Direct}
	if c == nil || r == nil || !wellFormed(r) {
		return x
	}
	var e eval
	e.begin(c, r)
	x.add(&e, SourceTrust, []*Document{doc})
	x.MissingContextValues = e.missing([]*Document{doc})
	return x
}

func (x *Explanation) add(e *eval, source string, docs []*Document) {
	for _, d := range docs {
		if d == nil {
			continue // the decision is a denial for that
		}
		for i := range d.statements {
			s := &d.statements[i]
			e.doubt = false
			applies, why := e.explain(s)
			if e.doubt {
				applies, why = false, "the caller's record or the request lacks what this statement asks for, or has it twice, so all is denied"
			}
			x.Statements = append(x.Statements, StatementExplanation{
				Policy: d.name, Source: source, StatementID: s.sid, Index: i + 1, Effect: s.effect(),
				StartLine: s.start.line, StartColumn: s.start.column, EndLine: s.end.line, EndColumn: s.end.column,
				Conditional: len(s.conditions) > 0, Applies: applies, Why: why,
			})
		}
	}
}

// explain asks a statement in the order in which evaluation does.
func (e *eval) explain(s *statement) (applies bool, why string) {
	if !e.matchesAction(s) {
		return false, e.whyNotAction(s)
	}
	m, direct := e.applies(s)
	wanted := allOf(len(e.r.Resources))
	switch {
	case s.deny && m != 0:
		return true, "it denies " + show(e.r.Action) + " on " + show(e.r.Resources[m.first()])
	case m == wanted && direct:
		return true, "it allows " + show(e.r.Action) + " to the caller by name"
	case m == wanted:
		return true, "it allows " + show(e.r.Action)
	}
	e.res = (wanted &^ m).first()
	return false, e.whyNotResource(s)
}

func (e *eval) whyNotAction(s *statement) string {
	if s.notAction {
		return "NotAction: " + show(e.r.Action) + " is left out by " + actionList(s)
	}
	return "Action: " + show(e.r.Action) + " does not match " + actionList(s)
}

func actionList(s *statement) string {
	var list []string
	for i := range s.actions {
		list = append(list, s.actions[i].written)
	}
	return showList(list)
}

// whyNotResource says why the statement leaves one resource out.
func (e *eval) whyNotResource(s *statement) string {
	res := e.r.Resources[e.res]
	if s.principals != nil {
		if matched, _ := e.matchPrincipals(s); !matched {
			return "Principal: " + e.whom() + " is not among " + principalList(s)
		}
	} else if !e.matchesResource(s, res) {
		return e.whyNotPattern(s, res)
	}
	for i := range s.conditions {
		if c := &s.conditions[i]; !e.holds(c) {
			return e.whyNotCondition(c)
		}
	}
	return "" // it was in doubt, which is said elsewhere
}

func (e *eval) whyNotPattern(s *statement, res string) string {
	var list []string
	for i := range s.resources {
		p := &s.resources[i]
		if _, resolved := p.match(e, res); !resolved {
			return fmt.Sprintf("Resource: %s has a policy variable without a value", show(p.written))
		}
		list = append(list, p.written)
	}
	if s.notResource {
		return "NotResource: " + show(res) + " is left out by " + showList(list)
	}
	return "Resource: " + show(res) + " does not match " + showList(list)
}

func (e *eval) whom() string {
	if e.c.Kind == KindWebIdentity && e.c.Session != nil {
		return "a user of " + show(e.c.Session.FederatedProvider)
	}
	return show(e.c.ARN)
}

func principalList(s *statement) string {
	var list []string
	for i := range s.principals {
		list = append(list, s.principals[i].written)
	}
	return showList(list)
}

func (e *eval) whyNotCondition(c *condition) string {
	var list []string
	for i := range c.values {
		list = append(list, c.values[i].written)
	}
	var buf [1]string
	got := e.lookup(&c.key, &buf)
	has := "the request has no such key"
	if len(got) > 0 {
		has = "the request has " + showList(got)
	}
	return fmt.Sprintf("Condition %s on %s: the policy has %s, %s%s", c.written, show(c.key.written), showList(list), has, e.unresolved(c))
}

// unresolved names the first variable of a condition that has no value.
func (e *eval) unresolved(c *condition) string {
	for i := range c.values {
		v := &c.values[i]
		for _, vars := range append([][]variable{v.vars}, partVariables(v)...) {
			for j := range vars {
				if _, ok := e.resolve(&vars[j]); !ok {
					return ", and the policy variable " + show(vars[j].key.written) + " has no value"
				}
			}
		}
	}
	return ""
}

func partVariables(v *value) (vars [][]variable) {
	for i := range v.parts {
		vars = append(vars, v.parts[i].vars)
	}
	return vars
}

// missing are the keys that documents ask for and the request does not have,
// as the documents spell them.
func (e *eval) missing(docs []*Document) (names []string) {
	seen := make(map[string]bool)
	for _, d := range docs {
		if d == nil {
			continue
		}
		for i := range d.statements {
			for _, k := range d.statements[i].keysUsed() {
				if !seen[k.name] && e.lacks(k) {
					names = append(names, k.written)
				}
				seen[k.name] = true
			}
		}
	}
	slices.Sort(names)
	return names
}

// lacks reports whether a key has no value, for any resource.
func (e *eval) lacks(k *key) bool {
	var buf [1]string
	for e.res = range e.r.Resources {
		if len(e.lookup(k, &buf)) > 0 {
			return false
		}
	}
	return true
}

// keysUsed are the keys of a statement's conditions and variables.
func (s *statement) keysUsed() (keys []*key) {
	for i := range s.resources {
		keys = appendKeys(keys, &s.resources[i].template)
	}
	for i := range s.conditions {
		keys = append(keys, s.conditions[i].keysUsed()...)
	}
	return keys
}

const (
	maxShown     = 128 // bytes of one value
	maxShownList = 8
)

// show makes a text of a request or policy fit to be read: printable, quoted
// and short.
func show(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown-len("…")], "") + "…"
	}
	return `"` + printable(strings.ToValidUTF8(s, "?")) + `"`
}

func showList(list []string) string {
	var b strings.Builder
	for i, s := range list {
		if i == maxShownList {
			fmt.Fprintf(&b, " and %d more", len(list)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(show(s))
	}
	return b.String()
}
