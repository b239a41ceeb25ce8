package server

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// reader fills a value from its node; path names the node in messages. A member that no shape has is refused: a newer
// client that sends one means something by it, and leaving it out in silence could change what is protected.
type reader func(n *node, v reflect.Value, path string) *api.Exception

// compileReader makes the reader of a shape. It panics on a type that AWS Query has no form for: shapes are compiled
// when the server starts, never from input.
func compileReader(t reflect.Type) reader {
	if t == reflect.TypeFor[api.Unserved]() {
		return func(*node, reflect.Value, string) *api.Exception { return nil } // refused by its constraint
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
	return func(n *node, v reflect.Value, path string) *api.Exception {
		v.Set(reflect.New(v.Type().Elem()))
		return elem(n, v.Elem(), path)
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
	return func(n *node, v reflect.Value, path string) *api.Exception {
		if len(n.kids) > 0 {
			return unreadable("parameter '%s' is one value, but '%s.%s' was sent", path, path, clip(firstKid(n)))
		}
		if !set(n.value, v) {
			return unreadable("parameter '%s' must be %s", path, what)
		}
		return nil
	}
}

func firstKid(n *node) string { return slices.Min(slices.Collect(maps.Keys(n.kids))) }

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
	return func(n *node, v reflect.Value, path string) *api.Exception {
		if n.sent {
			return unreadable("parameter '%s' has members and is no value itself", path)
		}
		for _, name := range slices.Sorted(maps.Keys(n.kids)) {
			m, ok := members[name]
			if !ok {
				return unreadable("unknown parameter '%s'. Check its spelling, or update Lanyard if your client is newer", clip(join(path, name)))
			}
			if ex := m.read(n.kids[name], v.Field(m.index), join(path, name)); ex != nil {
				return ex
			}
		}
		return nil
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// listReader reads Name.member.1, Name.member.2 and so on, without a gap; Name alone and empty is the empty list.
func listReader(elem reader) reader {
	return func(n *node, v reflect.Value, path string) *api.Exception {
		items, ex := listItems(n, path)
		if ex != nil {
			return ex
		}
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			if ex := elem(item, v.Index(i), path+".member."+strconv.Itoa(i+1)); ex != nil {
				return ex
			}
		}
		return nil
	}
}

func listItems(n *node, path string) ([]*node, *api.Exception) {
	member := n.kids["member"]
	switch {
	case n.sent && (n.value != "" || len(n.kids) > 0):
		return nil, unreadable("parameter '%s' is a list; send its items as '%s.member.1' and so on", path, path)
	case n.sent:
		return nil, nil
	case member == nil || len(n.kids) > 1 || member.sent:
		return nil, unreadable("parameter '%s' is a list; send its items as '%s.member.1' and so on, and nothing beside them", path, path)
	}
	items := make([]*node, len(member.kids))
	for i := range items {
		if items[i] = member.kids[strconv.Itoa(i+1)]; items[i] == nil {
			return nil, unreadable("parameter '%s' has %d items, but none is '%s.member.%d': count from 1 without a gap", path, len(items), path, i+1)
		}
	}
	return items, nil
}
