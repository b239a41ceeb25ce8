package server

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/jsontext"
)

// Most requests and answers are flat: an object of texts, lists of texts and switches. A plan made of the shape when the
// server starts reads and writes those in one pass. A plan knows one plain spelling of JSON and no other; whatever is
// spelled otherwise (escapes, nulls, members that are unknown, repeated or in another case) is left to encoding/json,
// which alone decides what is refused. So a plan can make nothing valid that is not.

// flatKind is how a member is spelled.
type flatKind int

const (
	flatText flatKind = iota
	flatTexts
	flatSwitch
	flatOptional // a pointer to a text
)

// flatMember is one member of a shape.
type flatMember struct {
	name      string
	index     int
	kind      flatKind
	omitEmpty bool
}

// flatPlan has the members of a flat shape by name, and in order.
type flatPlan struct {
	members []flatMember
	byName  map[string]*flatMember
}

// maxFlat is how many members a plan has at most: what has been read is a set in one word.
const maxFlat = 64

// flatten makes the plan of a struct; nil when no member is flat. Members of other kinds are left out: a value that has
// one is not written by the plan, and a request that sends one is not read by it.
func flatten(t reflect.Type) *flatPlan {
	if t.Kind() != reflect.Struct || t.NumField() > maxFlat {
		return nil
	}
	p := &flatPlan{byName: map[string]*flatMember{}}
	for i := range t.NumField() {
		if m, ok := flatField(t.Field(i), i); ok {
			p.members = append(p.members, m)
		}
	}
	for i := range p.members {
		p.byName[p.members[i].name] = &p.members[i]
	}
	if len(p.byName) == 0 || len(p.byName) != len(p.members) {
		return nil
	}
	return p
}

func flatField(f reflect.StructField, index int) (flatMember, bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	m := flatMember{name: name, index: index, omitEmpty: options == "omitempty"}
	if !f.IsExported() || f.Anonymous || name == "" || name == "-" || !jsontext.Plain(name) || options != "" && !m.omitEmpty {
		return m, false
	}
	switch t := f.Type; {
	case isText(t):
		m.kind = flatText
	case t.Kind() == reflect.Bool && !speaksForItself(t):
		m.kind = flatSwitch
	case t.Kind() == reflect.Slice && isText(t.Elem()) && !speaksForItself(t):
		m.kind = flatTexts
	case t.Kind() == reflect.Pointer && isText(t.Elem()):
		m.kind = flatOptional
	default:
		return m, false
	}
	return m, true
}

func isText(t reflect.Type) bool { return t.Kind() == reflect.String && !speaksForItself(t) }

// speaksForItself tells a type that spells its own JSON. It does not look methods up by their names: the linker would
// keep every method of the program for that.
func speaksForItself(t reflect.Type) bool {
	return slices.ContainsFunc([]reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[encoding.TextAppender](),
	}, reflect.PointerTo(t).Implements) // a pointer has its value's methods too
}
