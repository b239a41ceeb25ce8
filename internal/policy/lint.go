package policy

import (
	"fmt"
	"strings"
)

// Warning is something that a document may say and its author hardly means.
type Warning struct {
	Statement    int    // from 1
	StatementID  string // its Sid
	Line, Column int
	Message      string
}

// Lint names the traps in a document: what the language allows, evaluates as
// it says, and surprises its authors with. No warning changes a decision.
func Lint(doc *Document) []Warning {
	if doc == nil {
		return nil
	}
	l := &linter{doc: doc}
	for i := range doc.statements {
		l.index, l.s = i+1, &doc.statements[i]
		l.statement()
		for j := range l.s.conditions {
			l.condition(&l.s.conditions[j])
		}
		l.variables()
	}
	return l.warnings
}

type linter struct {
	doc      *Document
	index    int
	s        *statement
	warnings []Warning
}

func (l *linter) warn(at place, format string, args ...any) {
	l.warnings = append(l.warnings, Warning{
		Statement: l.index, StatementID: l.s.sid, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...),
	})
}

func (l *linter) statement() {
	s := l.s
	if s.hollow {
		l.warn(s.start, "an empty Condition narrows nothing: leave it out, or say what was meant")
	}
	if s.deny {
		return
	}
	if s.notAction {
		l.warn(s.start, "NotAction with Allow allows every action but those listed, also those of services to come: list what is needed under Action")
	}
	if s.notResource {
		l.warn(s.start, "NotResource with Allow allows every resource but those listed, also those made later: list what is needed under Resource")
	}
	if l.doc.trust {
		l.trust()
		return
	}
	l.powers()
}

// trust looks at whom an Allow lets in.
func (l *linter) trust() {
	for i := range l.s.principals {
		switch p := &l.s.principals[i]; p.kind {
		case principalEverybody:
			l.warn(l.s.start, "the Principal * lets in everybody of every account whose own policies allow it: name accounts, users or roles")
		case principalFederated:
			if p.host != "" && !l.s.pinned(p.host, "sub") && !l.s.pinned(p.host, "aud") {
				l.warn(l.s.start, "every user and application of %s may assume the role: add conditions on %s:sub and %s:aud", show(p.host), p.host, p.host)
			}
		case principalService:
			l.warn(l.s.start, "no service signs requests here, so the Principal %s matches nobody", show(p.written))
		}
	}
}

// powers looks for powers that one principal should not have, or not without
// a condition.
func (l *linter) powers() {
	if l.grants("bedrock-agentcore:GetWorkloadAccessTokenForUserId") && !l.asks("bedrock-agentcore:userid") {
		l.warn(l.s.start, "this allows to act for any user id: add a condition on bedrock-agentcore:userid, or use verified users (GetWorkloadAccessTokenForJWT)")
	}
	if l.grants("bedrock-agentcore:GetResourceOauth2Token") && l.grants("bedrock-agentcore:CompleteResourceTokenAuth") {
		l.warn(l.s.start, "whoever has both GetResourceOauth2Token and CompleteResourceTokenAuth can finish a consent that it began itself: give them to different principals")
	}
}

func (l *linter) grants(action string) bool {
	folded := []byte(fold(action))
	for i := range l.s.actions {
		if l.s.actions[i].match(folded) {
			return !l.s.notAction
		}
	}
	return l.s.notAction
}

func (l *linter) asks(key string) bool {
	for i := range l.s.conditions {
		if l.s.conditions[i].key.name == key {
			return true
		}
	}
	return false
}

func (l *linter) condition(c *condition) {
	name := show(c.key.written)
	if !l.s.deny {
		l.allowTraps(c, name)
	}
	if c.op.negated && len(c.values) > 1 {
		l.warn(c.at, "%s on %s with several values is true only where none of them matches, not where one does not", c.written, name)
	}
	if c.set == anyValue && c.key.several && c.op.kind != opNull {
		l.warn(c.at, "%s has several values: without ForAllValues: or ForAnyValue:, one matching value decides", name)
	}
	if c.op.kind == opString || c.op.kind == opStringFold {
		l.literalWildcards(c, name)
	}
	if mismatch := c.mismatch(); mismatch != "" {
		l.warn(c.at, "%s is %s, which %s does not compare as such", name, mismatch, c.written)
	}
	l.source(&c.key, c.at)
}

// allowTraps are conditions that hold for a request without the key.
func (l *linter) allowTraps(c *condition, name string) {
	switch {
	case c.op.kind == opNull || l.demands(c.key.name):
	case c.set == forAllValues:
		l.warn(c.at, "ForAllValues is true where the request has no %s at all: add {\"Null\": {%s: \"false\"}}", name, name)
	case c.ifExists:
		l.warn(c.at, "%s is true where the request has no %s: leave IfExists out, unless that is meant", c.written, name)
	case c.op.negated && c.set == anyValue:
		l.warn(c.at, "%s is true where the request has no %s: add {\"Null\": {%s: \"false\"}}", c.written, name, name)
	}
}

// demands reports whether the statement asks for the key to be there.
func (l *linter) demands(key string) bool {
	for i := range l.s.conditions {
		c := &l.s.conditions[i]
		if c.key.name == key && c.op.kind == opNull && c.isNull(false) && !c.isNull(true) {
			return true
		}
	}
	return false
}

func (l *linter) literalWildcards(c *condition, name string) {
	for i := range c.values {
		if text := c.values[i].text; hasWildcard(text) {
			l.warn(c.at, "%s on %s takes the * or ? in %s literally: wildcards are for StringLike", c.written, name, show(c.values[i].written))
		}
	}
}

// mismatch names the type of a key that the operator compares as another.
func (c *condition) mismatch() string {
	kind := c.op.kind
	switch {
	case kind == opNull:
	case c.key.typ == typeIP && kind != opIP:
		return "an IP address"
	case c.key.typ == typeDate && kind != opDate && !(kind == opNumeric && c.key.kind == keyEpochTime):
		return "a date"
	case c.key.typ == typeNumber && kind != opNumeric:
		return "a number"
	case c.key.known && c.key.typ != typeIP && kind == opIP, c.key.known && c.key.typ != typeDate && kind == opDate:
		return "something else"
	}
	return ""
}

// source warns of keys that nothing here answers.
func (l *linter) source(k *key, at place) {
	issuer := strings.ContainsAny(k.name, "./")
	switch {
	case k.nowhere || !k.known && !issuer:
		l.warn(at, "nothing here answers the key %s: it counts as absent", show(k.written))
	case strings.HasPrefix(k.name, "bedrock-agentcore:inboundjwtclaim/") && !servedClaim(k.tag):
		l.warn(at, "the key %s is none of the claims iss, sub, aud, scope and client_id: it may be absent", show(k.written))
	}
}

func servedClaim(claim string) bool {
	switch claim {
	case "iss", "sub", "aud", "scope", "client_id":
		return true
	}
	return false
}

// variables looks at policy variables and what stands in their place.
func (l *linter) variables() {
	for i := range l.s.resources {
		l.dollar(l.s.start, l.s.resources[i].written)
		l.sources(l.s.start, l.s.resources[i].vars)
	}
	for i := range l.s.conditions {
		c := &l.s.conditions[i]
		for j := range c.values {
			l.dollar(c.at, c.values[j].written)
			for _, vars := range append(partVariables(&c.values[j]), c.values[j].vars) {
				l.sources(c.at, vars)
				l.unresolved(c, vars)
			}
		}
	}
}

// dollar warns of variables in a version that does not know them.
func (l *linter) dollar(at place, written string) {
	if !l.doc.variables && strings.Contains(written, "${") {
		l.warn(at, "%s is plain text here: policy variables need \"Version\": \"2012-10-17\"", show(written))
	}
}

func (l *linter) sources(at place, vars []variable) {
	for i := range vars {
		l.source(&vars[i].key, at)
	}
}

// unresolved warns of an Allow that a variable without a value opens.
func (l *linter) unresolved(c *condition, vars []variable) {
	for i := range vars {
		if v := &vars[i]; !l.s.deny && c.op.negated && !v.hasDefault && !l.demands(v.key.name) {
			l.warn(c.at, "%s is true where %s has no value, for nothing equals it: add {\"Null\": {%s: \"false\"}}", c.written, show("${"+v.key.written+"}"), show(v.key.written))
		}
	}
}
