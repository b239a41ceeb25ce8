package server

import (
	"bytes"
	"encoding"
	"encoding/xml"
	"reflect"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// writer writes a value as the content of its element. Whatever a stored name holds, the document stays well-formed:
// characters that XML has no form for are replaced (A48).
type writer func(b *bytes.Buffer, v reflect.Value)

// compileResult makes the writer of an operation's result element. The shape Empty has none at all.
func compileResult(t reflect.Type) func(b *bytes.Buffer, name string, out any) {
	if t == reflect.TypeFor[api.Empty]() {
		return func(*bytes.Buffer, string, any) {}
	}
	write := compileWriter(t)
	return func(b *bytes.Buffer, name string, out any) {
		begin(b, name)
		if v := reflect.ValueOf(out); v.IsValid() && !v.IsNil() {
			write(b, v.Elem())
		}
		end(b, name)
	}
}

func compileWriter(t reflect.Type) writer {
	switch {
	case t == reflect.TypeFor[api.PolicyDocument]():
		return func(b *bytes.Buffer, v reflect.Value) { percentEncode(b, v.String()) }
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return writeMarshaled
	}
	switch t.Kind() {
	case reflect.Pointer:
		elem := compileWriter(t.Elem())
		return func(b *bytes.Buffer, v reflect.Value) {
			if !v.IsNil() {
				elem(b, v.Elem())
			}
		}
	case reflect.Struct:
		return structWriter(t)
	case reflect.Slice:
		return listWriter(compileWriter(t.Elem()))
	case reflect.String:
		return func(b *bytes.Buffer, v reflect.Value) { text(b, v.String()) }
	case reflect.Int32, reflect.Int64:
		return func(b *bytes.Buffer, v reflect.Value) { b.WriteString(strconv.FormatInt(v.Int(), 10)) }
	case reflect.Bool:
		return func(b *bytes.Buffer, v reflect.Value) { b.WriteString(strconv.FormatBool(v.Bool())) }
	default:
		panic("server: AWS Query has no form for " + t.String())
	}
}

func writeMarshaled(b *bytes.Buffer, v reflect.Value) {
	if s, err := v.Interface().(encoding.TextMarshaler).MarshalText(); err == nil {
		text(b, string(s))
	}
}

func structWriter(t reflect.Type) writer {
	type member struct {
		name      string
		index     int
		omitEmpty bool
		write     writer
	}
	var members []member
	for i := range t.NumField() {
		name, opts, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			panic("server: a member of " + t.String() + " has no wire name")
		}
		members = append(members, member{name, i, opts == "omitempty", compileWriter(t.Field(i).Type)})
	}
	return func(b *bytes.Buffer, v reflect.Value) {
		for i := range members {
			m, f := &members[i], v.Field(members[i].index)
			if m.omitEmpty && isEmpty(f) {
				continue
			}
			begin(b, m.name)
			m.write(b, f)
			end(b, m.name)
		}
	}
}

func isEmpty(v reflect.Value) bool {
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

func listWriter(item writer) writer {
	return func(b *bytes.Buffer, v reflect.Value) {
		for i := range v.Len() {
			begin(b, "member")
			item(b, v.Index(i))
			end(b, "member")
		}
	}
}

func begin(b *bytes.Buffer, name string) {
	b.WriteByte('<')
	b.WriteString(name)
	b.WriteByte('>')
}

func end(b *bytes.Buffer, name string) {
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
}

func element(b *bytes.Buffer, name, value string) {
	begin(b, name)
	text(b, value)
	end(b, name)
}

// text escapes; what XML 1.0 section 2.2 has no form for becomes U+FFFD. Nearly all texts need no escape and are copied as
// they are. Writing to a buffer cannot fail.
func text(b *bytes.Buffer, s string) {
	for i := range len(s) {
		if !asItIs[s[i]] {
			_ = xml.EscapeText(b, []byte(s))
			return
		}
	}
	b.WriteString(s)
}

// asItIs are the bytes of printable ASCII that text and attributes hold without an escape.
var asItIs = func() (plain [256]bool) {
	for c := byte(' '); c <= '~'; c++ {
		plain[c] = strings.IndexByte(`"'&<>`, c) < 0
	}
	return plain
}()

// percentEncode writes RFC 3986 section 2.1 encoding: all but the unreserved characters.
func percentEncode(b *bytes.Buffer, s string) {
	const hexDigits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
	}
}
