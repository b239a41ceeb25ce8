package pages

import (
	"fmt"
	"strings"
)

// scan goes through a piece of the markup. What it does not know it refuses, so that it can never be of another mind than
// a browser about where a value stands: comments, single quotes, values without quotes, elements that are not listed.
func scan(at place, s string) (place, error) {
	for s != "" {
		var err error
		if at, s, err = step(at, s); err != nil {
			return at, err
		}
	}
	return at, nil
}

func step(at place, s string) (place, string, error) {
	switch at.in {
	case inText:
		_, rest, found := strings.Cut(s, "<")
		if !found {
			return at, "", nil
		}
		return scanTagName(rest)
	case inValue:
		text, rest, ends := strings.Cut(s, `"`)
		if ends {
			return place{in: inEnd}, rest, nil
		}
		at.begun = at.begun || text != ""
		return at, rest, nil
	}
	switch trimmed := strings.TrimLeft(s, " \n"); {
	case trimmed == "":
		return place{in: inTag}, "", nil
	case trimmed[0] == '>':
		return place{}, trimmed[1:], nil
	case strings.HasPrefix(trimmed, "/>"):
		return place{}, trimmed[2:], nil
	case at.in == inEnd && trimmed == s:
		return at, s, fmt.Errorf("%.20q comes where a space or the end of the tag is due", s)
	default:
		return scanAttribute(trimmed)
	}
}

func scanTagName(s string) (place, string, error) {
	name, rest := cutName(strings.TrimPrefix(s, "/"), "!")
	if !elements[name] || rest == "" {
		return place{}, s, fmt.Errorf("<%.20s: no such element may be used here", s)
	}
	return place{in: inEnd}, rest, nil
}

func scanAttribute(s string) (place, string, error) {
	name, rest := cutName(s, "-")
	switch {
	case name == "" || strings.HasPrefix(name, "on") || name == "style" || name == "srcdoc":
		return place{}, s, fmt.Errorf("%.20q: no such attribute may be used here", s)
	case strings.HasPrefix(rest, `="`):
		return place{in: inValue, attribute: name}, rest[2:], nil
	case rest != "" && strings.TrimLeft(rest[:1], " \n/>") != "":
		return place{}, s, fmt.Errorf("%.20q: write an attribute as name=\"value\"", s)
	}
	return place{in: inEnd}, rest, nil
}

// cutName cuts the letters and digits, and the further bytes, from the beginning. Names do not tell case apart in HTML.
func cutName(s, more string) (name, rest string) {
	n := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
	})
	if n < 0 {
		n = len(s)
	}
	return strings.ToLower(s[:n]), s[n:]
}
