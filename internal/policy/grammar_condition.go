package policy

import (
	"encoding/json"
	"strconv"
)

// conditions reads the operators. An empty object is no condition at all, as
// IAM has it; Lint says so.
func (p *parser) conditions(s *statement) error {
	if err := p.open("Condition", '{'); err != nil {
		return err
	}
	s.hollow = !p.dec.More()
	return p.object(func(written string) error {
		c, err := p.operator(written)
		if err != nil {
			return err
		}
		if err := p.open(quote(written), '{'); err != nil {
			return err
		}
		s.hollow = s.hollow || !p.dec.More()
		return p.keys(s, c)
	})
}

// keys reads one operator's keys and their values.
func (p *parser) keys(s *statement, c condition) error {
	seen := make(map[string]bool)
	return p.object(func(name string) (err error) {
		c := c
		c.at = p.place()
		if c.key, err = p.key("the operator "+c.written+" asks for", name); err != nil {
			return err
		}
		if seen[c.key.name] {
			return p.fail("the condition key %s is present twice under %s, in another case", quote(name), c.written)
		}
		seen[c.key.name] = true
		if err := p.values(&c); err != nil {
			return err
		}
		s.perResource = s.perResource || c.asksResource()
		s.conditions = append(s.conditions, c)
		return nil
	})
}

// values reads a value or a list of them. Numbers and truth values count as
// the text that they are written as.
func (p *parser) values(c *condition) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	if tok != json.Delim('[') {
		return p.addValue(c, tok)
	}
	return p.list("the condition on "+quote(c.key.written), func() error {
		tok, err := p.next()
		if err != nil {
			return err
		}
		return p.addValue(c, tok)
	})
}

func (p *parser) addValue(c *condition, tok json.Token) error {
	text, ok := scalar(tok)
	if !ok {
		return p.fail("the condition on %s must have strings, numbers or truth values, or a list of them", quote(c.key.written))
	}
	if err := p.checkString("the condition value", text); err != nil {
		return err
	}
	v, err := p.value(c, text)
	if err != nil {
		return err
	}
	c.values = append(c.values, v)
	return nil
}

// scalar is a value as text.
func scalar(tok json.Token) (text string, ok bool) {
	switch t := tok.(type) {
	case string:
		return t, true
	case json.Number:
		return t.String(), true
	case bool:
		return strconv.FormatBool(t), true
	}
	return "", false
}

// asksResource reports whether the answer depends on the resource.
func (c *condition) asksResource() bool {
	for _, k := range c.keysUsed() {
		if k.kind == keyResourceTag {
			return true
		}
	}
	return false
}

// keysUsed are the condition's key and those of the variables in its values.
func (c *condition) keysUsed() []*key {
	keys := []*key{&c.key}
	for i := range c.values {
		v := &c.values[i]
		keys = appendKeys(keys, &v.template)
		for j := range v.parts {
			keys = appendKeys(keys, &v.parts[j])
		}
	}
	return keys
}

func appendKeys(keys []*key, t *template) []*key {
	for i := range t.vars {
		keys = append(keys, &t.vars[i].key)
	}
	return keys
}
