package api

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// Place is the part of a request where a member is.
type Place int

// Places beside the body.
const (
	InPath Place = iota + 1
	InQuery
	InHeader
	InPayload // the body itself, which then is no JSON
)

// Member is a member of an input shape that is not in the JSON body.
type Member struct {
	Name  string // in the shape, and of a label
	Place Place
	Key   string // of the query or header
	Index int    // of the field
}

// Located returns the members of an input shape that are not in the JSON body, as the in tags beside them say: in:"path",
// in:"query=KEY", in:"header=NAME", in:"payload". It panics on a malformed tag: shapes are compiled when a program
// starts, never from input.
func Located(t reflect.Type) []Member {
	var out []Member
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("in")
		if !ok {
			continue
		}
		m := Member{Name: wireName(t.Field(i)), Index: i}
		place, key, _ := strings.Cut(tag, "=")
		m.Key = key
		switch place {
		case "path":
			m.Place = InPath
		case "query":
			m.Place = InQuery
		case "header":
			m.Place = InHeader
		case "payload":
			m.Place = InPayload
		default:
			panic("api: no such place: " + tag)
		}
		out = append(out, m)
	}
	return out
}

func wireName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// Set gives a located member its value. The field must be nil or zero before: a body has no such member.
func (m *Member) Set(shape reflect.Value, text string) *Exception {
	f := shape.Field(m.Index)
	if f.Kind() == reflect.Pointer {
		f.Set(reflect.New(f.Type().Elem()))
		f = f.Elem()
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString(text)
	case reflect.Int32:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return &Exception{Name: ValidationException, Reason: ReasonFieldValidation, Message: m.Name + " must be a number",
				Fields: []FieldProblem{{Name: m.Name, Message: "Member must be a number"}}}
		}
		f.SetInt(n)
	default:
		panic("api: a member of this type is in the body alone: " + f.Type().String())
	}
	return nil
}

// Sent reports whether a located member has a value already.
func (m *Member) Sent(shape reflect.Value) bool { return !shape.Field(m.Index).IsZero() }

// text is the member's value as it is sent, and whether there is one.
func (m *Member) text(shape reflect.Value) (string, bool) {
	f := shape.Field(m.Index)
	if f.Kind() == reflect.Pointer {
		if f.IsNil() {
			return "", false
		}
		f = f.Elem()
	}
	switch f.Kind() {
	case reflect.String:
		return f.String(), f.Len() > 0
	case reflect.Int32:
		return strconv.FormatInt(f.Int(), 10), true
	default:
		return "", false
	}
}

// Locate returns the path with its labels filled, the query and the headers of a request with this input, which is a
// struct. The members that it places must not be sent in the body, too.
func (o Operation) Locate(in any) (path string, query url.Values, header http.Header, err error) {
	v := reflect.Indirect(reflect.ValueOf(in))
	path, query, header = o.Path, url.Values{}, http.Header{}
	for _, m := range Located(v.Type()) {
		text, sent := m.text(v)
		switch {
		case m.Place == InPath && !sent:
			return "", nil, nil, fmt.Errorf("%s: %s is missing", o.Name, m.Name)
		case m.Place == InPath:
			path = strings.Replace(path, "{"+m.Name+"}", EscapeLabel(text), 1)
		case m.Place == InQuery && sent:
			query.Set(m.Key, text)
		case m.Place == InHeader && sent:
			header.Set(m.Key, text)
		}
	}
	return path, query, header, nil
}

// EscapeLabel writes a value as AWS clients write labels: everything but unreserved characters (RFC 3986 section 2.3) is
// percent-encoded.
func EscapeLabel(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
