package policy

import (
	"slices"
	"strings"
)

// What others may ask of a document, beside its decisions. They ask here and
// never read the JSON again: two readers of one policy disagree in the end.

// Principals are the ARNs of the users, roles and role sessions that a trust
// policy names.
func (d *Document) Principals() []string {
	var arns []string
	for i := range d.statements {
		for _, p := range d.statements[i].principals {
			if p.kind == principalARN {
				arns = append(arns, p.name)
			}
		}
	}
	return arns
}

// Keys are the condition keys that conditions and policy variables ask for,
// each once and as it is spelled first.
func (d *Document) Keys() []string {
	var names []string
	for i := range d.statements {
		for _, k := range d.statements[i].keysUsed() {
			if !slices.ContainsFunc(names, func(n string) bool { return fold(n) == k.name }) {
				names = append(names, k.written)
			}
		}
	}
	return names
}

// Federation is an Allow of a trust policy for whom an OIDC provider vouches.
type Federation struct {
	Statement int    // from 1
	Issuer    string // the provider's address without the scheme
	statement *statement
}

// Federations are all that a trust policy has, one for each statement and
// provider.
func (d *Document) Federations() []Federation {
	var all []Federation
	for i := range d.statements {
		s := &d.statements[i]
		for _, p := range s.principals {
			if !s.deny && p.kind == principalFederated && p.host != "" {
				all = append(all, Federation{Statement: i + 1, Issuer: p.host, statement: s})
			}
		}
	}
	return all
}

// Pin is what a condition fixes of a value: all of it, or how it begins.
type Pin struct {
	Prefix string
	Whole  bool
}

// Pins are, for each condition that lets only some values of the issuer's
// claim through and never its absence, what it fixes of them. One of the
// conditions is enough to hold callers to its values, for all must be true.
func (f *Federation) Pins(claim string) [][]Pin { return f.statement.pins(f.Issuer, claim) }

func (s *statement) pins(issuer, claim string) [][]Pin {
	var all [][]Pin
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.key.name == fold(issuer+":"+claim) && c.demandsValues() {
			all = append(all, c.pins())
		}
	}
	return all
}

// demandsValues reports whether the condition is true only for a request that
// has one of its values.
func (c *condition) demandsValues() bool {
	switch c.op.kind {
	case opString, opStringFold, opStringLike:
		return !c.op.negated && !c.ifExists && c.set != forAllValues
	}
	return false
}

func (c *condition) pins() []Pin {
	pins := make([]Pin, len(c.values))
	for i := range c.values {
		text := c.values[i].text
		n, _ := literalPrefix(text)
		pins[i] = Pin{Prefix: text[:n], Whole: n == len(text)}
	}
	return pins
}

// pinned reports whether a condition holds the issuer's claim to values that
// each fix something. How an issuer's subjects are made up nobody knows here,
// so a pattern must fix more than the kind of subject, which is what stands
// before the first colon: repo:acme/*, but not repo:*.
func (s *statement) pinned(issuer, claim string) bool {
	open := func(p Pin) bool {
		_, fixed, _ := strings.Cut(p.Prefix, ":")
		return p.Prefix == "" || !p.Whole && fixed == ""
	}
	return slices.ContainsFunc(s.pins(issuer, claim), func(pins []Pin) bool { return !slices.ContainsFunc(pins, open) })
}
