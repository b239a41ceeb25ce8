package server

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// reader fills a value from its node. A member that no shape has is refused: a newer client that sends one means something
// by it, and leaving it out in silence could change what is protected.
type reader func(n node, v reflect.Value) *api.Exception

// compileReader makes the reader of a shape. It panics on a type that AWS Query has no form for: shapes are compiled
// when the server starts, never from input.
func compileReader(t reflect.Type) reader {
	if t == reflect.TypeFor[api.Unserved]() {
		return func(node, reflect.Value) *api.Exception { return nil } // refused by its constraint
	}
	switch t.Kind() {
	case reflect.Pointer:
		return pointerReader(compileReader(t.Elem()))
	case reflect.Struct:
		return structReader(t)
	case reflect.Slice:
		return listReader(compileReader(t.Elem()))
	case reflect.String:
		return scalarReader("a text", func(s string, v reflect.Value) bool { v.SetString(s); return true })
	case reflect.Int32:
		return scalarReader("a whole number", setInt)
	case reflect.Bool:
		return scalarReader("true or false", setBool)
	default:
		panic("server: AWS Query has no form for " + t.String())
	}
}

func pointerReader(elem reader) reader {
	return func(n node, v reflect.Value) *api.Exception {
		v.Set(reflect.New(v.Type().Elem()))
		return elem(n, v.Elem())
	}
}

func setInt(s string, v reflect.Value) bool {
	i, err := strconv.ParseInt(s, 10, 32)
	if err == nil {
		v.SetInt(i)
	}
	return err == nil
}

func setBool(s string, v reflect.Value) bool {
	v.SetBool(s == "true")
	return s == "true" || s == "false"
}

func scalarReader(what string, set func(string, reflect.Value) bool) reader {
	return func(n node, v reflect.Value) *api.Exception {
		for kid := range n.kids {
			return unreadable("parameter '%s' is one value, but '%s' was sent", n.path(), clip(kid.path()))
		}
		if !set(n.value(), v) {
			return unreadable("parameter '%s' must be %s", n.path(), what)
		}
		return nil
	}
}

// structReader reads members by their wire names.
func structReader(t reflect.Type) reader {
	type member struct {
		index int
		read  reader
	}
	members := map[string]member{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			members[name] = member{i, compileReader(t.Field(i).Type)}
		}
	}
	return func(n node, v reflect.Value) *api.Exception {
		if n.sent() {
			return unreadable("parameter '%s' has members and is no value itself", n.path())
		}
		for kid := range n.kids {
			m, ok := members[kid.name()]
			if !ok {
				return unreadable("unknown parameter '%s'. Check its spelling, or update Lanyard if your client is newer", clip(kid.path()))
			}
			if ex := m.read(kid, v.Field(m.index)); ex != nil {
				return ex
			}
		}
		return nil
	}
}

// listReader reads Name.member.1, Name.member.2 and so on, without a gap; Name alone and empty is the empty list.
func listReader(elem reader) reader {
	return func(n node, v reflect.Value) *api.Exception {
		items, ex := listItems(n)
		if ex != nil {
			return ex
		}
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			if ex := elem(item, v.Index(i)); ex != nil {
				return ex
			}
		}
		return nil
	}
}

func listItems(n node) ([]node, *api.Exception) {
	if n.sent() && (n.value() != "" || !n.childless()) {
		return nil, unreadable("parameter '%s' is a list; send its items as '%s.member.1' and so on", n.path(), n.path())
	}
	if n.sent() {
		return nil, nil
	}
	var items []node
	for kid := range n.kids {
		if kid.name() != "member" || kid.sent() {
			return nil, unreadable("parameter '%s' is a list; send its items as '%s.member.1' and so on, and nothing beside them", n.path(), n.path())
		}
		items = slices.AppendSeq(items, kid.kids)
	}
	return inOrder(n, items)
}

// inOrder sorts items by their numbers, which must be 1, 2 and so on, each spelled as numbers are.
func inOrder(n node, items []node) ([]node, *api.Exception) {
	ordered := make([]node, len(items))
	for _, item := range items {
		if i, err := strconv.Atoi(item.name()); err == nil && i >= 1 && i <= len(items) && strconv.Itoa(i) == item.name() {
			ordered[i-1] = item
		}
	}
	for i := range ordered {
		if ordered[i].parameters == nil {
			return nil, unreadable("parameter '%s' has %d items, but none is '%s.member.%d': count from 1 without a gap", n.path(), len(items), n.path(), i+1)
		}
	}
	return ordered, nil
}
