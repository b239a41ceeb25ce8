package policy

import (
	"encoding/json"
	"slices"
	"strings"
)

func (p *parser) document(d *Document) error {
	if err := p.open("the document", '{'); err != nil {
		return err
	}
	start := p.at
	err := p.object(func(key string) (err error) {
		switch key {
		case "Version":
			return p.version()
		case "Id":
			_, err = p.str("Id") // a label, which decides nothing
			return err
		case "Statement":
			return p.statements(d)
		}
		return p.unknown(key, "Version", "Id", "Statement")
	})
	if err == nil && len(d.statements) == 0 {
		p.at = start
		return p.fail("the document has no Statement")
	}
	return err
}

// version accepts the two versions of the language. They differ in policy
// variables alone: the older one, which also holds for a document that names
// none, reads them as plain text.
func (p *parser) version() error {
	v, err := p.str("Version")
	if err != nil {
		return err
	}
	if v != "2012-10-17" && v != "2008-10-17" {
		return p.fail("Version is %s and must be 2012-10-17 or 2008-10-17", quote(v))
	}
	if p.variables != (v == "2012-10-17") {
		return p.fail("Version must be written without escapes")
	}
	return nil
}

// statements reads one statement or a list of them.
func (p *parser) statements(d *Document) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	switch tok {
	case json.Delim('{'):
		return p.statement(d)
	case json.Delim('['):
	default:
		return p.fail("Statement must be an object or a list of objects")
	}
	return p.list("Statement", func() error {
		if err := p.open("a statement", '{'); err != nil {
			return err
		}
		return p.statement(d)
	})
}

// statement reads the statement whose brace was read.
func (p *parser) statement(d *Document) error {
	p.stmt = len(d.statements) + 1
	start := p.at
	s := statement{start: p.place()}
	var effect string
	var has []string
	err := p.object(func(key string) error {
		has = append(has, key)
		return p.element(&s, &effect, key)
	})
	if err != nil {
		return err
	}
	s.end = p.place()
	s.deny = effect == "Deny"
	p.at = start
	if err := p.complete(has); err != nil {
		return err
	}
	d.statements = append(d.statements, s)
	p.stmt = 0
	return nil
}

func (p *parser) element(s *statement, effect *string, key string) (err error) {
	switch key {
	case "Sid":
		s.sid, err = p.sid()
	case "Effect":
		*effect, err = p.effect()
	case "Condition":
		err = p.conditions(s)
	case "Action":
		err = p.strs(key, func(v string) error { return p.action(s, key, v) })
	case "NotAction", "Resource", "NotResource":
		if p.trust {
			return p.fail("Has prohibited field %s: a trust policy holds for the role that it hangs on, and names the Action", key)
		}
		err = p.identityElement(s, key)
	case "Principal":
		if !p.trust {
			return p.fail("Has prohibited field Principal: this policy speaks for whom it is attached to; only a role's trust policy names others")
		}
		err = p.principal(s)
	case "NotPrincipal":
		err = p.fail("Has prohibited field NotPrincipal: whoever it leaves out would have to be listed completely. Name a Principal, and conditions on aws:PrincipalArn")
	default:
		err = p.unknown(key, p.elements()...)
	}
	return err
}

func (p *parser) elements() []string {
	if p.trust {
		return []string{"Sid", "Effect", "Principal", "Action", "Condition"}
	}
	return []string{"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
}

func (p *parser) identityElement(s *statement, key string) error {
	if key == "NotAction" {
		s.notAction = true
		return p.strs(key, func(v string) error { return p.action(s, key, v) })
	}
	s.notResource = s.notResource || key == "NotResource"
	return p.strs(key, func(v string) error { return p.resource(s, key, v) })
}

// complete refuses a statement that lacks an element, or has one together with
// its opposite.
func (p *parser) complete(has []string) error {
	needed := [][]string{{"Effect"}, {"Action", "NotAction"}, {"Resource", "NotResource"}}
	if p.trust {
		needed = [][]string{{"Effect"}, {"Principal"}, {"Action"}}
	}
	for _, names := range needed {
		n := 0
		for _, name := range names {
			if slices.Contains(has, name) {
				n++
			}
		}
		switch {
		case n == 0:
			return p.fail("%s is missing", names[0])
		case n > 1:
			return p.fail("%s cannot stand beside each other in one statement", strings.Join(names, " and "))
		}
	}
	return nil
}

func (p *parser) unknown(key string, known ...string) error {
	for _, k := range known {
		if strings.EqualFold(k, key) {
			return p.fail("the element %s must be spelled %s", quote(key), k)
		}
	}
	return p.fail("the element %s is unknown here: there are %s", quote(key), strings.Join(known, ", "))
}

// sid reads a statement id. It ends up in audit records, and two statements
// under one id could not be told apart there.
func (p *parser) sid() (string, error) {
	s, err := p.str("Sid")
	if err != nil {
		return "", err
	}
	if !all(s, isAlnum) {
		return "", p.fail("the Sid %s must be letters and digits alone", quote(s))
	}
	if s != "" && p.sids[s] {
		return "", p.fail("the Sid %s is present twice in the document", quote(s))
	}
	p.sids[s] = true
	return s, nil
}

func (p *parser) effect() (string, error) {
	s, err := p.str("Effect")
	if err != nil {
		return "", err
	}
	if s != "Allow" && s != "Deny" {
		return "", p.fail("Effect is %s and must be Allow or Deny, spelled so", quote(s))
	}
	return s, nil
}
