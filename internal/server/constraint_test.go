package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// mutation is a request that breaks one constraint, and the member that must be blamed.
type mutation struct {
	name, field string
	body        map[string]any
}

// TestEveryConstraintIsEnforced breaks, over the wire, each constraint that the shapes declare, one at a time. The tags
// are read here on their own, so that a constraint which the validator forgets is found.
func TestEveryConstraintIsEnforced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := 0
	for _, op := range api.Operations() {
		shape, ok := inputs[op.Name]
		if !ok {
			shape, ok = queryInputs[op.Name]
		}
		if !ok {
			shape = api.RuntimeInput(op)
			ok = shape != nil
		}
		if !ok {
			t.Errorf("%s has no input shape here", op.Name)
			continue
		}
		for _, m := range mutate(shape, w.sample(op), "") {
			broken++
			a := w.Call(t, w.Root, op, m.body)
			if op.Service.Version() != "" {
				if a.Exception.Name != api.ValidationError || a.Status != 400 || !strings.Contains(a.Exception.Message, "at '"+m.field+"'") {
					t.Errorf("%s, %s: %d %.300s does not name %s", op.Name, m.name, a.Status, a.Body, m.field)
				}
				continue
			}
			if a.Exception.Name != api.ValidationException || a.Status != 400 || a.Exception.Reason != api.ReasonFieldValidation {
				t.Errorf("%s, %s: %d %s", op.Name, m.name, a.Status, a.Body)
				continue
			}
			if !slices.ContainsFunc(a.Exception.Fields, func(f api.FieldProblem) bool { return f.Name == m.field && f.Message != "" }) {
				t.Errorf("%s, %s: fields %v do not name %s", op.Name, m.name, a.Exception.Fields, m.field)
			}
		}
	}
	if broken < 600 {
		t.Errorf("only %d constraints were broken", broken)
	}
}

// mutate returns the body broken in every way that the shape forbids.
func mutate(shape reflect.Type, body map[string]any, prefix string) []mutation {
	var out []mutation
	for i := range shape.NumField() {
		f := shape.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Name == "_" || name == "-" {
			continue
		}
		base := body
		if u, ok := shape.FieldByName("_"); ok && u.Tag.Get("v") == "union" && body[name] == nil {
			base = nil // of a union, one member alone
		}
		for _, b := range breaks(f) {
			if strings.HasPrefix(f.Tag.Get("in"), "header") && strings.Contains(b.what, "pattern") {
				continue // no client can send it: HTTP has no line break in a header, the signature nothing but ASCII
			}
			out = append(out, mutation{b.what + " " + prefix + name, prefix + name + b.at, with(base, name, b.value)})
		}
		out = append(out, nested(f, name, body, prefix)...)
	}
	return out
}

// nested breaks the members of a member.
func nested(f reflect.StructField, name string, body map[string]any, prefix string) []mutation {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if items, ok := body[name].([]any); ok && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		return nestedItem(t.Elem(), name, items[0].(map[string]any), body, prefix)
	}
	inner, ok := body[name].(map[string]any)
	if t.Kind() != reflect.Struct || !ok {
		return nil
	}
	var out []mutation
	for _, m := range mutate(t, inner, prefix+name+".") {
		m.body = with(body, name, m.body)
		out = append(out, m)
	}
	if u, ok := t.FieldByName("_"); ok && u.Tag.Get("v") == "union" {
		out = append(out, mutation{"union of none " + name, prefix + name, with(body, name, map[string]any{})})
		both := maps.Clone(inner)
		for i := range t.NumField() { // any second member will do
			if other, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); other != "" && inner[other] == nil {
				both[other] = zero(t.Field(i).Type)
				break
			}
		}
		if len(both) > len(inner) { // of a union of one there is no second
			out = append(out, mutation{"union of two " + name, prefix + name, with(body, name, both)})
		}
	}
	return out
}

// nestedItem breaks the members of a list's only item.
func nestedItem(t reflect.Type, name string, item, body map[string]any, prefix string) []mutation {
	var out []mutation
	for _, m := range mutate(t, item, prefix+name+".1.member.") {
		if len(m.body) > 0 { // an item without any member is none in AWS Query
			m.body = with(body, name, []any{m.body})
			out = append(out, m)
		}
	}
	return out
}

func zero(t reflect.Type) any {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		return map[string]any{}
	}
	if t.Kind() == reflect.Slice {
		return []any{"x"}
	}
	return "a.b.c"
}

type broken struct {
	what, at string
	value    any
}

// breaks are the values that a member's tags forbid; nil stands for leaving it out.
func breaks(f reflect.StructField) []broken {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	tag := f.Tag.Get("v")
	var out []broken
	if f.Tag.Get("unserved") != "" {
		return []broken{{"unserved", "", "x"}}
	}
	if has(tag, "required") && t.Kind() != reflect.Struct {
		out = append(out, broken{"missing", "", nil})
	}
	switch t.Kind() {
	case reflect.String:
		for _, b := range texts(tag, f.Type.Kind() != reflect.Pointer) {
			out = append(out, broken{b.what, "", b.value})
		}
	case reflect.Int32:
		low, high := limits(tag, "range")
		out = append(out, broken{"too small", "", low - 1}, broken{"too large", "", high + 1})
	case reflect.Slice:
		out = append(out, lists(tag, f.Tag.Get("each"), t.Elem())...)
	case reflect.Map:
		out = append(out, entries(tag, f.Tag.Get("keys"), f.Tag.Get("each"))...)
	}
	return out
}

// texts are strings that the tag forbids. An empty string held without a pointer counts as not sent.
func texts(tag string, emptyIsAbsent bool) []broken {
	var out []broken
	if low, high := limits(tag, "len"); high > 0 {
		out = append(out, broken{what: "too long", value: strings.Repeat("a", high+1)})
		if low > 1 || low == 1 && !emptyIsAbsent {
			out = append(out, broken{what: "too short", value: strings.Repeat("a", low-1)})
		}
	}
	switch {
	case strings.Contains(tag, "pattern=xmlText"):
		out = append(out, broken{what: "bad pattern", value: strings.Repeat("\x01", 30)})
	case strings.Contains(tag, "pattern=policyText"), strings.Contains(tag, "pattern=description"): // have line breaks
		out = append(out, broken{what: "bad pattern", value: "\u2603"})
	case strings.Contains(tag, "pattern="):
		out = append(out, broken{what: "bad pattern", value: "\u2603 \u2603 \u2603"}, broken{what: "bad pattern, line break", value: "abc\nabc"})
	}
	if strings.Contains(tag, "enum=") {
		out = append(out, broken{what: "bad enum", value: "NONESUCH"})
	}
	return out
}

func lists(tag, each string, elem reflect.Type) []broken {
	_, most := limits(tag, "items")
	long := make([]any, most+1)
	for i := range long {
		long[i] = "x:/" + strconv.Itoa(i)
		if elem.Kind() == reflect.Struct {
			name, _, _ := strings.Cut(elem.Field(0).Tag.Get("json"), ",")
			long[i] = map[string]any{name: "x"}
		}
	}
	var out []broken
	if most > 0 {
		out = append(out, broken{"too many", "", long})
	}
	if low, _ := limits(tag, "items"); low > 0 {
		out = append(out, broken{"too few", "", []any{}})
	}
	for _, b := range texts(each, false) {
		out = append(out, broken{"item " + b.what, ".1.member", []any{b.value}})
	}
	return out
}

func entries(tag, keys, each string) []broken {
	_, most := limits(tag, "items")
	long := map[string]any{}
	for i := range most + 1 {
		long["k"+strconv.Itoa(i)] = "v"
	}
	out := []broken{{"too many", "", long}}
	for _, b := range texts(keys, false) {
		out = append(out, broken{"key " + b.what, " key", map[string]any{fmt.Sprint(b.value): "v"}})
	}
	for _, b := range texts(each, false) {
		out = append(out, broken{"value " + b.what, " value", map[string]any{"k": b.value}})
	}
	// A tag's pattern allows white space, and so the line break.
	return slices.DeleteFunc(out, func(b broken) bool {
		return strings.Contains(b.what, "line break") && strings.Contains(keys, "pattern=tag")
	})
}

func has(tag, word string) bool { return slices.Contains(strings.Split(tag, ";"), word) }

func limits(tag, name string) (low, high int) {
	for part := range strings.SplitSeq(tag, ";") {
		if v, ok := strings.CutPrefix(part, name+"="); ok {
			_, _ = fmt.Sscanf(v, "%d..%d", &low, &high)
		}
	}
	return low, high
}

// with is a deep copy of the body with one member set, or left out.
func with(body map[string]any, name string, v any) map[string]any {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	if out == nil {
		out = map[string]any{}
	}
	if v == nil {
		delete(out, name)
	} else {
		out[name] = v
	}
	return out
}
