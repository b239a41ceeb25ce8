package policy

import (
	"encoding/json"
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
// variables alone, which are refused in both, so a document without a version
// means the same as with either.
func (p *parser) version() error {
	v, err := p.str("Version")
	if err != nil {
		return err
	}
	if v != "2012-10-17" && v != "2008-10-17" {
		return p.fail("Version is %s and must be 2012-10-17 or 2008-10-17", quote(v))
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
	if !p.dec.More() {
		return p.fail("Statement is an empty list")
	}
	for p.dec.More() {
		if err := p.open("a statement", '{'); err != nil {
			return err
		}
		if err := p.statement(d); err != nil {
			return err
		}
	}
	_, err = p.next()
	return err
}

// statement reads the statement whose brace was read.
func (p *parser) statement(d *Document) error {
	p.stmt = len(d.statements) + 1
	start := p.at
	var s statement
	var effect string
	err := p.object(func(key string) (err error) {
		switch key {
		case "Sid":
			s.sid, err = p.sid()
		case "Effect":
			effect, err = p.effect()
		case "Action":
			err = p.strs("Action", func(v string) error { return p.action(&s, v) })
		case "Resource":
			err = p.strs("Resource", func(v string) error { return p.resource(&s, v) })
		default:
			err = p.unknown(key, "Sid", "Effect", "Action", "Resource")
		}
		return err
	})
	if err != nil {
		return err
	}
	if lacking := lacking(effect, &s); lacking != "" {
		p.at = start
		return p.fail("%s is missing", lacking)
	}
	s.deny = effect == "Deny"
	d.statements = append(d.statements, s)
	p.stmt = 0
	return nil
}

func lacking(effect string, s *statement) string {
	switch {
	case effect == "":
		return "Effect"
	case len(s.actions) == 0:
		return "Action"
	case len(s.resources) == 0:
		return "Resource"
	}
	return ""
}

// unserved are elements of the IAM language that widen access when ignored.
func unserved(key string) bool {
	switch key {
	case "NotAction", "NotResource", "Condition", "Principal", "NotPrincipal":
		return true
	}
	return false
}

func (p *parser) unknown(key string, known ...string) error {
	if p.stmt > 0 && unserved(key) {
		return p.fail("the element %s is not served here, and without it the statement would mean something else: rewrite the statement with Action and Resource alone", key)
	}
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

// noVariable refuses policy variables: read as plain text they would never
// match, which turns a Deny into nothing.
func (p *parser) noVariable(element, v string) error {
	if strings.Contains(v, "${") {
		return p.fail("%s %s uses a policy variable, which is not served here: write the value out", element, quote(v))
	}
	return nil
}

// action compiles *, or service:name with wildcards in the name.
func (p *parser) action(s *statement, v string) error {
	if err := p.noVariable("Action", v); err != nil {
		return err
	}
	folded := collapseStars(fold(v))
	if folded != "*" && folded != "*:*" {
		service, name, _ := strings.Cut(folded, ":")
		if service == "" || !all(service, func(c byte) bool { return isAlnum(c) || c == '-' }) {
			return p.fail("Action %s must be * or begin with a service's prefix, spelled without wildcards, and a colon: for instance bedrock-agentcore:Get*", quote(v))
		}
		if name == "" || !all(name, isActionByte) {
			return p.fail("Action %s must name an action behind the colon, in letters, digits, * and ?", quote(v))
		}
	}
	if len(v) > maxAction {
		return p.fail("Action %s is longer than %d characters", quote(v), maxAction)
	}
	s.actions = append(s.actions, compileAction(folded))
	return nil
}

// fold lowers ASCII letters alone: Unicode has letters outside ASCII whose
// lower case lies in it, and they must not become part of an action's name.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}

func isActionByte(c byte) bool {
	return isAlnum(c) || c == '*' || c == '?' || c == '-' || c == '_' || c == '.'
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// collapseStars makes one star of several beside each other; they mean the
// same and cost more.
func collapseStars(s string) string {
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return s
}

// resource compiles *, or an ARN with wildcards behind the service.
func (p *parser) resource(s *statement, v string) error {
	if err := p.noVariable("Resource", v); err != nil {
		return err
	}
	if len(v) > maxResource {
		return p.fail("Resource %s is longer than %d bytes", quote(v), maxResource)
	}
	pattern := collapseStars(v)
	if pattern == "*" {
		s.resources = append(s.resources, resourcePattern{any: true, text: pattern})
		return nil
	}
	part := strings.Split(pattern, ":")
	switch {
	case len(part) < 4 || part[0] != "arn" || part[1] == "":
		return p.fail("Resource %s must be * or an ARN, arn:partition:service:region:account:resource", quote(v))
	case part[2] == "" || !all(part[2], func(c byte) bool { return isAlnum(c) || c == '-' }):
		return p.fail("Resource %s must spell the service out, without wildcards: a pattern for all services is *", quote(v))
	case !complete(part):
		return p.fail("Resource %s has fewer than the six parts of an ARN and no * that could stand for the rest, so it would match nothing", quote(v))
	}
	s.resources = append(s.resources, compileResource(pattern, part))
	return nil
}

// complete reports whether the parts can make up an ARN's six: each star that
// ends a part may take more than one.
func complete(part []string) bool {
	if len(part) >= 6 {
		return true
	}
	for _, p := range part[3:] {
		if strings.HasSuffix(p, "*") {
			return true
		}
	}
	return false
}
