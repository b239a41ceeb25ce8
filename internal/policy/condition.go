package policy

import "strings"

// condition is one operator on one key.
type condition struct {
	op       *operator
	set      quantifier
	ifExists bool
	key      key
	values   []value
	written  string // the operator with its prefix and suffix
	at       place
}

// conditionsHold reports whether all conditions hold, for the resource that
// tags are asked of.
func (e *eval) conditionsHold(s *statement) bool {
	for i := range s.conditions {
		if !e.holds(&s.conditions[i]) {
			return false
		}
	}
	return true
}

// holds decides one condition. An absent key fails it, except where the
// operator is negated, has IfExists, or speaks for all values of which there
// are none. A negated operator is true when none of its values match.
func (e *eval) holds(c *condition) bool {
	if c.op.kind == opDate && c.key.timed() {
		return e.dateHolds(c)
	}
	var buf [1]string
	got := e.lookup(&c.key, &buf)
	if c.op.kind == opNull {
		return c.isNull(len(got) == 0)
	}
	if c.set != anyValue && len(got) == 1 && got[0] == "" {
		got = nil // of a set, one empty string is as good as nothing
	}
	if len(got) == 0 {
		return c.absent()
	}
	switch {
	case c.set == forAllValues:
		return e.allMatch(c, got)
	case c.set == forAnyValue:
		return e.oneMatches(c, got, c.op.negated)
	case len(got) == 1:
		return e.matchesOne(c, got[0]) != c.op.negated
	}
	return e.oneMatches(c, got, false) != c.op.negated
}

// absent is what a condition says of a key without values.
func (c *condition) absent() bool {
	switch {
	case c.ifExists || c.set == forAllValues:
		return true
	case c.set == forAnyValue:
		return false
	}
	return c.op.negated
}

func (c *condition) isNull(null bool) bool {
	for i := range c.values {
		if c.values[i].yes == null {
			return true
		}
	}
	return false
}

func (e *eval) allMatch(c *condition, got []string) bool {
	for _, g := range got {
		if e.matchesOne(c, g) == c.op.negated {
			return false
		}
	}
	return true
}

// oneMatches reports whether one of got matches one of the condition's values,
// or, if not is set, none of them.
func (e *eval) oneMatches(c *condition, got []string, not bool) bool {
	for _, g := range got {
		if e.matchesOne(c, g) != not {
			return true
		}
	}
	return false
}

func (e *eval) matchesOne(c *condition, got string) bool {
	for i := range c.values {
		if e.matchesValue(c, &c.values[i], got) {
			return true
		}
	}
	return false
}

// dateHolds compares a time that is known as such, without writing it out.
func (e *eval) dateHolds(c *condition) bool {
	at, ok := e.moment(&c.key)
	if !ok {
		return c.absent()
	}
	for i := range c.values {
		if c.op.rel.holds(at.Compare(c.values[i].at)) {
			return !c.op.negated
		}
	}
	return c.op.negated
}

// matchesValue compares one value of the request with one of the policy; a
// value of the wrong form matches nothing.
func (e *eval) matchesValue(c *condition, v *value, got string) bool {
	switch c.op.kind {
	case opString, opStringFold, opStringLike:
		return e.matchesText(c.op.kind, &v.template, got)
	case opARN:
		return e.matchesARN(v, got)
	case opNumeric:
		n, ok := parseNumber(got)
		return ok && c.op.rel.holds(n.compare(v.num))
	case opDate:
		t, ok := ParseDate(got)
		return ok && c.op.rel.holds(t.Compare(v.at))
	case opBool:
		yes, ok := parseBool(got)
		return ok && yes == v.yes
	case opBinary:
		return got == v.text
	case opIP:
		a, ok := e.parseAddr(got)
		return ok && v.net.Contains(a)
	}
	return false
}

func (e *eval) matchesText(kind opKind, t *template, got string) bool {
	if len(t.vars) == 0 {
		switch kind {
		case opString:
			return got == t.text
		case opStringFold:
			return strings.EqualFold(got, t.text)
		}
		return glob(t.text, got)
	}
	want, ok := e.expand(t, t.text)
	switch {
	case !ok:
		return false
	case kind == opStringFold:
		return strings.EqualFold(got, string(want))
	case kind == opString:
		return string(want) == got
	}
	return glob(want, got)
}

// matchesARN matches the six parts one by one, so that no wildcard and no
// value of a variable reaches from one part into the next.
func (e *eval) matchesARN(v *value, got string) bool {
	parts, ok := splitARN(got)
	if !ok {
		return false
	}
	if v.parts == nil {
		return e.matchesText(opString, &v.template, got)
	}
	for i := range parts {
		if !e.matchesText(opStringLike, &v.parts[i], parts[i]) {
			return false
		}
	}
	return true
}
