package policy

import (
	"strings"
	"unicode/utf8"
)

// maxVariables bounds the variables of one value.
const maxVariables = 16

// template is compiled text with holes, each of which a variable's value fills
// for a request. Without variables, text is all there is.
type template struct {
	text string
	vars []variable
}

type variable struct {
	key        key
	fallback   string
	hasDefault bool
}

// expand fills the holes of text, which is t's or the end of it behind its
// literal prefix. What a value brings along is literal text: a star in it is
// no wildcard. Without a value there is nothing to compare with, so ok is
// false; an empty string in its place would match more than was meant. The
// bytes are good until the next expansion.
func (e *eval) expand(t *template, text string) (expanded []byte, ok bool) {
	b := e.scratch[:0]
	for i := range t.vars {
		n := strings.IndexByte(text, hole)
		value, ok := e.resolve(&t.vars[i])
		if n < 0 || !ok {
			return nil, false
		}
		b = append(append(b, text[:n]...), value...)
		text = text[n+1:]
	}
	return append(b, text...), true
}

// resolve is a variable's value. A key with several values has none that could
// be meant, and its default does not count, for the key is there. A value that
// is not UTF-8 could pose as a wildcard, and puts the request in doubt.
func (e *eval) resolve(v *variable) (string, bool) {
	var buf [1]string
	values := e.lookup(&v.key, &buf)
	switch {
	case len(values) > 1:
		return "", false
	case len(values) == 0:
		return v.fallback, v.hasDefault
	case !e.isText(values[0]):
		e.doubt = true
		return "", false
	}
	return values[0], true
}

// isText reports whether a value is UTF-8. The one it was asked of last need
// not be read again: policies have the same variable over and over.
func (e *eval) isText(value string) bool {
	if value == e.text {
		return true
	}
	if !utf8.ValidString(value) {
		return false
	}
	e.text = value
	return true
}

// template compiles text that may hold wildcards, and policy variables where
// the document's version knows them.
func (p *parser) template(element, v string, wild bool) (t template, err error) {
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if !p.variables || !strings.HasPrefix(v[i:], "${") {
			b = appendPattern(b, v[i], wild)
			continue
		}
		n := strings.IndexByte(v[i:], '}')
		if n < 0 {
			return t, p.fail("%s %s has a policy variable without its closing brace; a dollar sign before a brace is written ${$}{", element, quote(v))
		}
		body := v[i+2 : i+n]
		i += n
		if body == "*" || body == "?" || body == "$" {
			b = append(b, body[0])
			continue
		}
		variable, err := p.variable(element, body)
		if err != nil {
			return t, err
		}
		b, t.vars = append(b, hole), append(t.vars, variable)
	}
	if len(t.vars) > maxVariables {
		return t, p.fail("%s %s has more than %d policy variables", element, quote(v), maxVariables)
	}
	t.text = string(b)
	return t, nil
}

// variable reads what stands between the braces: a key, and perhaps a default
// in single quotes.
func (p *parser) variable(element, body string) (v variable, err error) {
	name, fallback, found := strings.Cut(body, ",")
	if found {
		fallback = strings.TrimLeft(fallback, " ")
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' || strings.Contains(fallback[1:len(fallback)-1], "'") {
			return v, p.fail("%s has the policy variable %s, whose default must stand in single quotes: ${aws:PrincipalTag/team, 'none'}", element, quote("${"+body+"}"))
		}
		v.fallback, v.hasDefault = fallback[1:len(fallback)-1], true
	}
	if v.key, err = p.key(element+" has the policy variable", name); err != nil {
		return v, err
	}
	if v.key.several {
		return v, p.fail("%s has the policy variable %s, and a key with several values cannot stand for one", element, quote(name))
	}
	return v, nil
}
