package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxNonSpace is IAM's largest document, white space not counted.
	maxNonSpace = 10240
	// maxBytes bounds the white space too.
	maxBytes = 64 << 10
)

// Error is a document that was refused, with the place to look at. Its text is
// safe to show to whoever may write the policy.
type Error struct {
	Policy  string
	Line    int // 1 for the first line; 0 when no one place is at fault
	Column  int // in bytes, 1 for the first
	Message string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("policy %s: %s", quote(e.Policy), e.Message)
	}
	return fmt.Sprintf("policy %s, line %d, column %d: %s", quote(e.Policy), e.Line, e.Column, e.Message)
}

// quote makes text from a document harmless in messages and logs.
func quote(s string) string {
	const limit = 128
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// Parse reads and compiles an identity-based policy or a session policy. It is
// strict where the language leaves no doubt: elements are spelled exactly,
// appear once, and have the right type; whatever is not served is refused by
// name, and never ignored.
func Parse(name string, doc []byte) (*Document, error) { return parse(name, doc, false) }

// ParseTrust reads and compiles a role's trust policy, which says who may
// assume the role. The role is the one that the policy hangs on, so there is
// no Resource.
func ParseTrust(name string, doc []byte) (*Document, error) { return parse(name, doc, true) }

func parse(name string, doc []byte, trust bool) (*Document, error) {
	p := &parser{name: name, src: doc, trust: trust, sids: make(map[string]bool)}
	if err := p.checkText(); err != nil {
		return nil, err
	}
	p.variables = hasVariables(doc)
	p.dec = json.NewDecoder(bytes.NewReader(doc))
	p.dec.UseNumber()
	d := &Document{name: name, trust: trust, variables: p.variables}
	if err := p.document(d); err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	d.index = indexOf(d.statements)
	return d, nil
}

// hasVariables looks ahead for the version, which may stand behind the
// statements that it decides about. What this lenient reading gets wrong, the
// strict one refuses.
func hasVariables(doc []byte) bool {
	var d struct{ Version json.RawMessage }
	return json.Unmarshal(doc, &d) == nil && string(d.Version) == `"2012-10-17"`
}

// parser walks the JSON tokens itself: decoding into a struct would accept a
// key twice, in another case, or one that nobody knows.
type parser struct {
	name      string
	src       []byte
	dec       *json.Decoder
	at        int // where the token read last begins
	stmt      int // the statement being read, from 1; 0 outside
	sids      map[string]bool
	trust     bool
	variables bool
}

func (p *parser) checkText() error {
	if len(p.src) > maxBytes {
		return p.failWhole("the document is %d bytes long, more than %d", len(p.src), maxBytes)
	}
	n := 0
	for _, c := range p.src {
		if !isSpace(c) {
			n++
		}
	}
	if n > maxNonSpace {
		return p.failWhole("the document has %d characters besides white space, more than %d: split it into several policies", n, maxNonSpace)
	}
	if !utf8.Valid(p.src) {
		return p.failWhole("the document is not valid UTF-8")
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (p *parser) failWhole(format string, args ...any) error {
	return &Error{Policy: p.name, Message: fmt.Sprintf(format, args...)}
}

// fail refuses at the token read last.
func (p *parser) fail(format string, args ...any) error {
	msg := fmt.Sprintf(format, args...)
	if p.stmt > 0 {
		msg = fmt.Sprintf("statement %d: %s", p.stmt, msg)
	}
	at := p.place()
	return &Error{Policy: p.name, Line: at.line, Column: at.column, Message: msg}
}

// place is where the token read last begins.
func (p *parser) place() place {
	before := p.src[:min(p.at, len(p.src))]
	return place{line: bytes.Count(before, []byte{'\n'}) + 1, column: len(before) - bytes.LastIndexByte(before, '\n')}
}

// next reads one token and remembers where it begins.
func (p *parser) next() (json.Token, error) {
	p.at = int(p.dec.InputOffset())
	for p.at < len(p.src) && (isSpace(p.src[p.at]) || p.src[p.at] == ',' || p.src[p.at] == ':') {
		p.at++
	}
	tok, err := p.dec.Token()
	// The decoder tells the end in one way or another, as GOEXPERIMENT has it: that nothing is left is what counts.
	if err != nil && p.at >= len(p.src) {
		return nil, p.fail("the document ends too early")
	}
	if err != nil {
		return nil, p.fail("this is not JSON: %s", printable(err.Error()))
	}
	return tok, nil
}

// end refuses whatever follows the document.
func (p *parser) end() error {
	p.stmt = 0
	p.at = int(p.dec.InputOffset())
	for ; p.at < len(p.src); p.at++ {
		if !isSpace(p.src[p.at]) {
			return p.fail("the document goes on after its closing brace")
		}
	}
	return nil
}

// object reads the members of an object whose opening brace was read. Each
// key must be new and is given to member, which reads the value.
func (p *parser) object(member func(key string) error) error {
	seen := make(map[string]bool)
	for p.dec.More() {
		tok, err := p.next()
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		if !ok {
			return p.fail("a key must be a string")
		}
		if seen[key] {
			return p.fail("the element %s is present twice", quote(key))
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	_, err := p.next()
	return err
}

func (p *parser) open(what string, want json.Delim) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	if tok != want {
		return p.fail("%s must begin with %s", what, want)
	}
	return nil
}

func (p *parser) str(element string) (string, error) {
	tok, err := p.next()
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", p.fail("%s must be a string", element)
	}
	return s, p.checkString(element, s)
}

// checkString refuses text that readers may disagree about. The replacement
// character is what the JSON decoder makes of a broken escape.
func (p *parser) checkString(element, s string) error {
	for _, r := range s {
		if r == utf8.RuneError || r < ' ' || r == 0x7f {
			return p.fail("%s contains a control character or a broken escape", element)
		}
	}
	return nil
}

// strs reads a string or a list of strings and gives each to add; a list must
// not be empty.
func (p *parser) strs(element string, add func(string) error) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	if tok != json.Delim('[') {
		s, ok := tok.(string)
		if !ok {
			return p.fail("%s must be a string or a list of strings", element)
		}
		return p.addString(element, s, add)
	}
	return p.list(element, func() error {
		s, err := p.str(element)
		if err != nil {
			return err
		}
		return add(s)
	})
}

// list reads the items of a list whose bracket was read; there must be one.
func (p *parser) list(element string, item func() error) error {
	if !p.dec.More() {
		return p.fail("%s is an empty list: name at least one", element)
	}
	for p.dec.More() {
		if err := item(); err != nil {
			return err
		}
	}
	_, err := p.next()
	return err
}

func (p *parser) addString(element, s string, add func(string) error) error {
	if err := p.checkString(element, s); err != nil {
		return err
	}
	return add(s)
}
