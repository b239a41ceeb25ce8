package api

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rule is one struct tag, parsed: what a value must meet.
type rule struct {
	required, secret bool
	hasLen           bool
	min, max         int // length in characters, or number of items
	hasRange         bool
	low, high        int64
	pattern          *regexp.Regexp
	characters       *characters // of the pattern; nil for none
	enum             []string
}

// Shape is the compiled constraints of one input shape. It is safe for concurrent use.
type Shape struct{ fields []field }

type field struct {
	name        string
	index       int
	rule        rule
	each, keys  *rule
	nested      *Shape // of a struct, or of a list's items
	nestedUnion bool
	unserved    string // why the member is refused whenever it is sent
}

// Compile reads the constraints declared beside the shape's members. It panics on a malformed declaration: shapes are
// compiled when a server starts, never from input.
func Compile(t reflect.Type) *Shape {
	s := &Shape{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Name == "_" || name == "" || name == "-" {
			continue
		}
		fd := field{name: name, index: i, rule: parseRule(f.Tag.Get("v"), f.Type), unserved: f.Tag.Get("unserved")}
		if tag, ok := f.Tag.Lookup("each"); ok {
			r := parseRule(tag, f.Type.Elem())
			fd.each = &r
		}
		if tag, ok := f.Tag.Lookup("keys"); ok {
			r := parseRule(tag, f.Type.Key())
			fd.keys = &r
		}
		if n := deref(f.Type); n.Kind() == reflect.Struct && !isScalar(n) {
			fd.nested = Compile(n)
			fd.nestedUnion = isUnion(n)
		}
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			fd.nested = Compile(f.Type.Elem())
		}
		s.fields = append(s.fields, fd)
	}
	return s
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func isScalar(t reflect.Type) bool {
	return t == reflect.TypeFor[Timestamp]() || t == reflect.TypeFor[Unserved]() || t == reflect.TypeFor[Payload]()
}

func isUnion(t reflect.Type) bool {
	f, ok := t.FieldByName("_")
	return ok && f.Tag.Get("v") == "union"
}

func parseRule(tag string, t reflect.Type) rule {
	r := rule{secret: deref(t) == reflect.TypeFor[Sensitive]()}
	for part := range strings.SplitSeq(tag, ";") {
		key, val, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "required":
			r.required = true
		case "secret": // of a member that opens something and is no Sensitive: never repeated in a message
			r.secret = true
		case "len", "items":
			r.hasLen = true
			low, high := bounds(val)
			r.min, r.max = int(low), int(high)
		case "range":
			r.hasRange = true
			r.low, r.high = bounds(val)
		case "pattern":
			if r.pattern = patterns[val]; r.pattern == nil {
				panic("api: no such pattern: " + val)
			}
			r.characters = patternCharacters[r.pattern]
		case "enum":
			if r.enum = enums[val]; r.enum == nil {
				panic("api: no such enum: " + val)
			}
		default:
			panic("api: no such constraint: " + part)
		}
	}
	return r
}

func bounds(s string) (low, high int64) {
	a, b, ok := strings.Cut(s, "..")
	low, err1 := strconv.ParseInt(a, 10, 64)
	high, err2 := strconv.ParseInt(b, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		panic("api: malformed bounds: " + s)
	}
	return low, high
}

// Validate walks the value (a pointer to the shape's struct) and returns every constraint it breaks, as one
// ValidationException; nil when there is none.
func (s *Shape) Validate(v any) *Exception {
	var w walker
	w.shape(s, reflect.ValueOf(v).Elem(), "")
	if len(w.problems) == 0 {
		return nil
	}
	return w.exception()
}

// walker collects problems. Paths are built only once something is wrong: valid requests pay for no strings.
type walker struct{ problems []FieldProblem }

func (w *walker) add(path, shown, constraint string) {
	w.problems = append(w.problems, FieldProblem{Name: path, Message: "Value " + shown + " at '" + path + "' failed to satisfy constraint: " + constraint})
}

func (w *walker) exception() *Exception {
	msgs := make([]string, len(w.problems))
	for i, p := range w.problems {
		msgs[i] = p.Message
	}
	n, plural := len(msgs), "s"
	if n == 1 {
		plural = ""
	}
	return &Exception{Name: ValidationException, Reason: ReasonFieldValidation, Fields: w.problems,
		Message: fmt.Sprintf("%d validation error%s detected: %s", n, plural, strings.Join(msgs, "; "))}
}

func (w *walker) shape(s *Shape, v reflect.Value, prefix string) {
	for i := range s.fields {
		f := &s.fields[i]
		w.member(f, v.Field(f.index), prefix)
	}
}

func (w *walker) member(f *field, v reflect.Value, prefix string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			if f.rule.required {
				w.add(prefix+f.name, "null", "Member must not be null")
			}
			return
		}
		v = v.Elem()
		w.present(f, v, prefix)
		return
	}
	if absent(v) {
		if f.rule.required {
			w.add(prefix+f.name, "null", "Member must not be null")
		}
		return
	}
	w.present(f, v, prefix)
}

// absent tells members that were not sent. A struct is judged by its own members; an empty string held without a
// pointer counts as not sent, which only members that may be empty or are required use.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() == 0
	case reflect.Slice, reflect.Map:
		return v.IsNil()
	default:
		return false
	}
}

func (w *walker) present(f *field, v reflect.Value, prefix string) {
	if f.unserved != "" {
		w.add(prefix+f.name, "sent", "Member must be left out: "+f.unserved)
		return
	}
	switch v.Kind() {
	case reflect.String:
		w.text(&f.rule, v.String(), prefix+f.name)
	case reflect.Int32, reflect.Int64:
		w.number(&f.rule, v.Int(), prefix+f.name)
	case reflect.Slice:
		w.items(f, v, prefix+f.name)
	case reflect.Map:
		w.entries(f, v, prefix+f.name)
	case reflect.Struct:
		w.nested(f, v, prefix+f.name)
	default: // booleans have no constraints
	}
}

func (w *walker) nested(f *field, v reflect.Value, path string) {
	if f.nested == nil {
		return
	}
	if f.nestedUnion {
		set := 0
		for i := range f.nested.fields {
			if !v.Field(f.nested.fields[i].index).IsNil() {
				set++
			}
		}
		if set != 1 {
			names := make([]string, len(f.nested.fields))
			for i := range f.nested.fields {
				names[i] = f.nested.fields[i].name
			}
			w.add(path, fmt.Sprintf("with %d members", set), "Exactly one of these members must be set: "+strings.Join(names, ", "))
			return
		}
	}
	w.shape(f.nested, v, path+".")
}

func (w *walker) number(r *rule, n int64, path string) {
	if !r.hasRange {
		return
	}
	shown := "'" + strconv.FormatInt(n, 10) + "'"
	if n < r.low {
		w.add(path, shown, fmt.Sprintf("Member must have value greater than or equal to %d", r.low))
	}
	if n > r.high {
		w.add(path, shown, fmt.Sprintf("Member must have value less than or equal to %d", r.high))
	}
}

func (w *walker) text(r *rule, s, path string) {
	if r.hasLen {
		n := len(s)
		if n > r.max || n < r.min { // bytes bound characters from above; count only when it matters
			n = utf8.RuneCountInString(s)
		}
		if n < r.min {
			w.add(path, shown(r, s), fmt.Sprintf("Member must have length greater than or equal to %d", r.min))
		}
		if n > r.max {
			w.add(path, shown(r, s), fmt.Sprintf("Member must have length less than or equal to %d", r.max))
			return // no pattern is run over input that is too long
		}
	}
	if !utf8.ValidString(s) {
		w.add(path, shown(r, s), "Member must be valid UTF-8")
		return
	}
	if r.pattern != nil && !r.characters.accept(s) && !r.pattern.MatchString(s) {
		p := strings.TrimSuffix(strings.TrimPrefix(r.pattern.String(), "^"), "$")
		w.add(path, shown(r, s), "Member must satisfy regular expression pattern: "+p)
	}
	if r.enum != nil && !contains(r.enum, s) {
		w.add(path, shown(r, s), "Member must satisfy enum value set: ["+strings.Join(r.enum, ", ")+"]")
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// shown quotes a value for the message: shortened, with control characters escaped, and never a secret.
func shown(r *rule, s string) string {
	if r.secret {
		return redacted
	}
	const most = 120
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	q := strconv.Quote(s)
	return "'" + q[1:len(q)-1] + "'"
}

func (w *walker) size(r *rule, n int, path string) {
	if !r.hasLen {
		return
	}
	if n < r.min {
		w.add(path, fmt.Sprintf("with %d items", n), fmt.Sprintf("Member must have length greater than or equal to %d", r.min))
	}
	if n > r.max {
		w.add(path, fmt.Sprintf("with %d items", n), fmt.Sprintf("Member must have length less than or equal to %d", r.max))
	}
}

func (w *walker) items(f *field, v reflect.Value, path string) {
	before := len(w.problems)
	w.size(&f.rule, v.Len(), path)
	if len(w.problems) > before {
		return
	}
	if f.nested != nil {
		for i := range v.Len() {
			w.shape(f.nested, v.Index(i), path+"."+strconv.Itoa(i+1)+".member.")
		}
		return
	}
	if f.each == nil {
		return
	}
	for i := range v.Len() {
		s := v.Index(i).String()
		if ok(f.each, s) {
			continue
		}
		w.text(f.each, s, path+"."+strconv.Itoa(i+1)+".member")
	}
}

func (w *walker) entries(f *field, v reflect.Value, path string) {
	before := len(w.problems)
	w.size(&f.rule, v.Len(), path)
	if len(w.problems) > before {
		return
	}
	for it := v.MapRange(); it.Next(); {
		if k := it.Key().String(); f.keys != nil {
			w.text(f.keys, k, path+" key")
		}
		if e := it.Value().String(); f.each != nil {
			w.text(f.each, e, path+" value")
		}
	}
}

// ok spares valid list items the building of a path.
func ok(r *rule, s string) bool {
	var w walker
	w.text(r, s, "")
	return len(w.problems) == 0
}
