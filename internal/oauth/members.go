package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/url"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/internal/egress"
)

// Bounds of any document a provider sends. They are far above what real ones
// need and keep the work for one answer small.
const (
	maxBody    = 1 << 20
	maxDepth   = 16
	maxMembers = 256
)

var (
	errTooLarge     = errors.New("it is larger than 1 MiB")
	errTooDeep      = errors.New("it is nested deeper than 16 levels")
	errTooMany      = errors.New("it has more than 256 members")
	errRepeated     = errors.New("it has a member twice")
	errNotObject    = errors.New("it is not a JSON object")
	errNotForm      = errors.New("it is neither JSON nor form-encoded")
	errTrailingData = errors.New("it has data after the JSON object")
)

// tokenMembers reads a token or revocation answer. JSON is what was asked for;
// the form encoding is what some vendors send all the same.
func tokenMembers(resp *egress.Response) (map[string]any, error) {
	body := bytes.TrimSpace(resp.Body)
	if len(body) > 0 && body[0] == '{' {
		return objectMembers(body)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || (media != "application/x-www-form-urlencoded" && media != "text/plain") {
		return nil, errNotForm
	}
	return formMembers(body)
}

func formMembers(body []byte) (map[string]any, error) {
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	if bytes.Count(body, []byte("&")) >= maxMembers {
		return nil, errTooMany
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || len(body) == 0 {
		return nil, errNotForm
	}
	members := make(map[string]any, len(values))
	for name, list := range values {
		if len(list) > 1 {
			return nil, errRepeated
		}
		members[name] = list[0]
	}
	return members, nil
}

// objectMembers reads one JSON object. Its names are compared exactly and a name
// may come once, so that no two readers see different values.
func objectMembers(body []byte) (map[string]any, error) {
	switch {
	case len(body) > maxBody:
		return nil, errTooLarge
	case !utf8.Valid(body):
		return nil, errNotObject
	case deeperThan(body, maxDepth):
		return nil, errTooDeep
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	members, err := readMembers(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errNotObject
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errTrailingData
	}
	return members, nil
}

func readMembers(dec *json.Decoder) (map[string]any, error) {
	members := map[string]any{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errNotObject
		}
		if _, twice := members[name]; twice {
			return nil, errRepeated
		}
		if len(members) == maxMembers {
			return nil, errTooMany
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return nil, errNotObject
		}
		members[name] = value
	}
	return members, nil
}

// deeperThan counts brackets outside of strings, before the decoder builds
// anything of them.
func deeperThan(body []byte, limit int) bool {
	depth, inString, escaped := 0, false, false
	for _, c := range body {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
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
