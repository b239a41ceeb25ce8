package server

import (
	"bytes"
	"reflect"

	"github.com/lanyard-id/lanyard/internal/jsontext"
)

// read fills a struct from a body. False means that the body is spelled in a way that the plan does not know, and says
// nothing of whether it is valid; the struct is then as it was, which must be zero.
func (p *flatPlan) read(body []byte, into reflect.Value) bool {
	if p == nil {
		return false
	}
	r := flatReader{rest: body}
	if p.readObject(&r, into) && r.end() {
		return true
	}
	into.SetZero()
	return false
}

func (p *flatPlan) readObject(r *flatReader, into reflect.Value) bool {
	if !r.take('{') {
		return false
	}
	if r.take('}') {
		return true
	}
	seen := uint64(0)
	for {
		name, ok := r.text()
		m := p.byName[string(name)]
		if !ok || m == nil || seen&(1<<m.index) != 0 || !r.take(':') || !m.read(r, into.Field(m.index)) {
			return false
		}
		seen |= 1 << m.index
		if !r.take(',') {
			return r.take('}')
		}
	}
}

func (m *flatMember) read(r *flatReader, into reflect.Value) bool {
	switch m.kind {
	case flatText:
		b, ok := r.text()
		into.SetString(string(b))
		return ok
	case flatOptional:
		b, ok := r.text()
		into.Set(reflect.New(into.Type().Elem()))
		into.Elem().SetString(string(b))
		return ok
	case flatTexts:
		return r.texts(into)
	case flatSwitch:
		on := r.word("true")
		into.SetBool(on)
		return on || r.word("false")
	}
	return false
}

// flatReader walks over a body.
type flatReader struct{ rest []byte }

// space skips white space (RFC 8259 section 2).
func (r *flatReader) space() {
	for len(r.rest) > 0 {
		switch r.rest[0] {
		case ' ', '\t', '\r', '\n':
			r.rest = r.rest[1:]
		default:
			return
		}
	}
}

func (r *flatReader) take(c byte) bool {
	r.space()
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *flatReader) word(w string) bool {
	r.space()
	rest, ok := bytes.CutPrefix(r.rest, []byte(w))
	if ok {
		r.rest = rest
	}
	return ok
}

// text is a string without any escape. It stays part of the body.
func (r *flatReader) text() ([]byte, bool) {
	if !r.take('"') {
		return nil, false
	}
	n := bytes.IndexByte(r.rest, '"')
	if n < 0 || !jsontext.Plain(r.rest[:n]) {
		return nil, false
	}
	b := r.rest[:n]
	r.rest = r.rest[n+1:]
	return b, true
}

func (r *flatReader) texts(into reflect.Value) bool {
	if !r.take('[') {
		return false
	}
	found := make([]string, 0, 8) // mostly on the stack
	for more := !r.take(']'); more; {
		b, ok := r.text()
		if !ok {
			return false
		}
		found = append(found, string(b))
		if more = r.take(','); !more && !r.take(']') {
			return false
		}
	}
	list := reflect.MakeSlice(into.Type(), len(found), len(found))
	for i, text := range found {
		list.Index(i).SetString(text)
	}
	into.Set(list)
	return true
}

// end tells that nothing but white space is left.
func (r *flatReader) end() bool {
	r.space()
	return len(r.rest) == 0
}
