package policy

import "strings"

// opKind is what an operator compares.
type opKind uint8

const (
	opString opKind = iota
	opStringFold
	opStringLike
	opNumeric
	opDate
	opBool
	opBinary
	opIP
	opARN
	opNull
)

// relation is how an ordered operator compares.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// holds takes the order of the request's value against the policy's.
func (r relation) holds(order int) bool {
	switch r {
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterOrEqual:
		return order >= 0
	}
	return order == 0
}

// operator is one of the language's. A negated one is true where its opposite
// is not, an absent key included.
type operator struct {
	name    string
	kind    opKind
	rel     relation
	negated bool
}

// operators is a table and never changes.
var operators = [...]operator{
	{name: "StringEquals", kind: opString},
	{name: "StringNotEquals", kind: opString, negated: true},
	{name: "StringEqualsIgnoreCase", kind: opStringFold},
	{name: "StringNotEqualsIgnoreCase", kind: opStringFold, negated: true},
	{name: "StringLike", kind: opStringLike},
	{name: "StringNotLike", kind: opStringLike, negated: true},
	{name: "NumericEquals", kind: opNumeric},
	{name: "NumericNotEquals", kind: opNumeric, negated: true},
	{name: "NumericLessThan", kind: opNumeric, rel: less},
	{name: "NumericLessThanEquals", kind: opNumeric, rel: lessOrEqual},
	{name: "NumericGreaterThan", kind: opNumeric, rel: greater},
	{name: "NumericGreaterThanEquals", kind: opNumeric, rel: greaterOrEqual},
	{name: "DateEquals", kind: opDate},
	{name: "DateNotEquals", kind: opDate, negated: true},
	{name: "DateLessThan", kind: opDate, rel: less},
	{name: "DateLessThanEquals", kind: opDate, rel: lessOrEqual},
	{name: "DateGreaterThan", kind: opDate, rel: greater},
	{name: "DateGreaterThanEquals", kind: opDate, rel: greaterOrEqual},
	{name: "Bool", kind: opBool},
	{name: "BinaryEquals", kind: opBinary},
	{name: "IpAddress", kind: opIP},
	{name: "NotIpAddress", kind: opIP, negated: true},
	{name: "ArnEquals", kind: opARN},
	{name: "ArnLike", kind: opARN},
	{name: "ArnNotEquals", kind: opARN, negated: true},
	{name: "ArnNotLike", kind: opARN, negated: true},
	{name: "Null", kind: opNull},
}

// quantifier says which of a key's several values must match.
type quantifier uint8

const (
	anyValue quantifier = iota // no prefix
	forAllValues
	forAnyValue
)

// operator compiles an operator with its prefix and suffix.
func (p *parser) operator(written string) (c condition, err error) {
	c.written = written
	name := written
	switch prefix, rest, found := strings.Cut(name, ":"); {
	case found && prefix == "ForAllValues":
		c.set, name = forAllValues, rest
	case found && prefix == "ForAnyValue":
		c.set, name = forAnyValue, rest
	case found:
		return c, p.fail("the operator %s must begin with ForAllValues: or ForAnyValue:, or have no colon", quote(written))
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	for i := range operators {
		if operators[i].name == name {
			c.op = &operators[i]
		}
	}
	switch {
	case c.op == nil:
		return c, p.fail("the operator %s is unknown. Is %s meant?", quote(written), nearestOperator(name))
	case c.op.kind == opNull && (c.ifExists || c.set != anyValue):
		return c, p.fail("the operator %s must be Null alone: it asks whether a key is there", quote(written))
	}
	return c, nil
}

func nearestOperator(name string) string {
	best, least := "", len(name)+100
	for i := range operators {
		if d := distance(fold(operators[i].name), fold(name)); d < least {
			best, least = operators[i].name, d
		}
	}
	return best
}
