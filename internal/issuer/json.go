package issuer

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	josejson "github.com/go-jose/go-jose/v4/json"
)

const maxDepth = 32

var (
	errNotBase64 = errors.New("it is not base64url without padding")
	errNotUTF8   = errors.New("it is not UTF-8")
	errNotJSON   = errors.New("it is not a JSON object with unique member names")
	errTooDeep   = errors.New("it is nested too deeply")
)

// unmarshalStrict reads an object that two parsers could not read differently:
// UTF-8, no duplicate member, member names compared with their case (RFC 8725
// section 2.4 and 3.7). The depth is checked first because the JOSE decoder
// recurses without a limit.
func unmarshalStrict(data []byte, v any) error {
	switch {
	case !utf8.Valid(data):
		return errNotUTF8
	case tooDeep(data):
		return errTooDeep
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return errNotJSON
	}
	if err := josejson.Unmarshal(data, v); err != nil {
		return errNotJSON
	}
	return nil
}

// unmarshalObject is unmarshalStrict into a map that keeps numbers exact: a
// rounded number could make two users' claims equal.
func unmarshalObject(data []byte) (map[string]any, error) {
	var object map[string]any
	if err := unmarshalStrict(data, &object); err != nil {
		return nil, err
	}
	clear(object)
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, errNotJSON
	}
	return object, nil
}

func tooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++ // the escaped character
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
