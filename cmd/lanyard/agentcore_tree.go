package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// The file is handled as a tree of ordered maps, because half of its members are another program's.

func asMap(v any) yaml.MapSlice {
	m, _ := v.(yaml.MapSlice)
	return m
}

func lookup(m yaml.MapSlice, key string) (any, bool) {
	for _, item := range m {
		if item.Key == key {
			return item.Value, true
		}
	}
	return nil, false
}

// mapAt follows keys down; the map is empty where one is missing.
func mapAt(m yaml.MapSlice, keys ...string) yaml.MapSlice {
	for _, key := range keys {
		v, _ := lookup(m, key)
		m = asMap(v)
	}
	return m
}

// textAt is a text, or a scalar as it would be written: an account without quotes was read as a number.
func textAt(m yaml.MapSlice, key string) string {
	switch v, _ := lookup(m, key); v := v.(type) {
	case nil, yaml.MapSlice, []any:
		return ""
	case singleQuoted:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}

func boolAt(m yaml.MapSlice, key string) bool { return textAt(m, key) == "true" }

func intAt(m yaml.MapSlice, key string) int {
	var n int
	if _, err := fmt.Sscanf(textAt(m, key), "%d", &n); err != nil {
		return 0
	}
	return n
}

func listAt(m yaml.MapSlice, key string) []any {
	v, _ := lookup(m, key)
	list, _ := v.([]any)
	return list
}

func textsAt(m yaml.MapSlice, key string) []string {
	var out []string
	for _, v := range listAt(m, key) {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

// set changes a member in its place, or adds it at the end.
func set(m *yaml.MapSlice, key string, value any) {
	for i := range *m {
		if (*m)[i].Key == key {
			(*m)[i].Value = value
			return
		}
	}
	*m = append(*m, yaml.MapItem{Key: key, Value: value})
}

// setAt changes a member of a map further down, and makes the maps on the way.
func setAt(m *yaml.MapSlice, path string, value any) {
	key, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		set(m, key, value)
		return
	}
	sub := mapAt(*m, key)
	setAt(&sub, rest, value)
	set(m, key, sub)
}

// ordered makes a map of keys and values in turn.
func ordered(kv ...any) yaml.MapSlice {
	m := make(yaml.MapSlice, 0, len(kv)/2)
	for pair := range slices.Chunk(kv, 2) {
		m = append(m, yaml.MapItem{Key: pair[0], Value: pair[1]})
	}
	return m
}

// orNull is a text, or YAML's null for none.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// fromJSON turns decoded JSON into the tree's form.
func fromJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := yaml.MapSlice{}
		for _, k := range sortedKeys(v) {
			m = append(m, yaml.MapItem{Key: k, Value: fromJSON(v[k])})
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = fromJSON(v[i])
		}
		return list
	default:
		return v
	}
}

// toJSON turns a tree into what encodes as JSON.
func toJSON(v any) any {
	switch v := v.(type) {
	case yaml.MapSlice:
		m := make(map[string]any, len(v))
		for _, item := range v {
			m[fmt.Sprint(item.Key)] = toJSON(item.Value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = toJSON(v[i])
		}
		return list
	case singleQuoted:
		return string(v)
	default:
		return v
	}
}
