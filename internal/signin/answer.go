package signin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// Bounds of any document that an issuer sends; the guarded client bounds its bytes.
const (
	maxDepth   = 32
	maxMembers = 1024
)

var (
	errNotObject = errors.New("it is not one JSON object")
	errTooDeep   = errors.New("it is nested too deeply")
	errRepeated  = errors.New("it has a member twice, or too many")
)

// parseObject reads one JSON object in the only way it can be read: UTF-8, names compared exactly and each once, numbers
// kept as they are written, nothing after it.
func parseObject(data []byte) (map[string]any, error) {
	switch {
	case !utf8.Valid(data):
		return nil, errNotObject
	case deeper(data, maxDepth):
		return nil, errTooDeep
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	members, err := parseMembers(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errNotObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotObject
	}
	return members, nil
}

func parseMembers(dec *json.Decoder) (map[string]any, error) {
	members := map[string]any{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errNotObject
		}
		if _, twice := members[name]; twice || len(members) == maxMembers {
			return nil, errRepeated
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return nil, errNotObject
		}
		members[name] = value
	}
	return members, nil
}

// deeper counts brackets outside of strings before anything is built of them.
func deeper(data []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++ // the escaped character
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// text is a member that must be a string when it is there.
func text(members map[string]any, name string) (string, bool) {
	v, present := members[name]
	if !present || v == nil {
		return "", true
	}
	s, ok := v.(string)
	return s, ok
}

// whole is a number of seconds, written as a number or as some issuers do, as a string; 0 when there is none.
func whole(v any) int64 {
	switch n := v.(type) {
	case json.Number:
		return wholeText(n.String())
	case string:
		return wholeText(n)
	}
	return 0
}

func wholeText(s string) int64 {
	f, err := json.Number(s).Float64()
	if err != nil || !(f > 0 && f < 1e10) {
		return 0
	}
	return int64(f)
}
