package policy

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// reference translates a pattern into a regular expression, character by
// character and knowing nothing of groups: a star that ends a segment becomes
// end, any other star inner, a question mark one.
func reference(pattern, inner, end, one string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	runes := []rune(pattern)
	for i, r := range runes {
		switch {
		case r == '*' && (i+1 == len(runes) || runes[i+1] == ':'):
			b.WriteString(end)
		case r == '*':
			b.WriteString(inner)
		case r == '?':
			b.WriteString(one)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*ü?*", "aüüb")
	f.Add("**a*?*a", "aaaa")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) || len(pattern) > 100 || len(text) > 500 {
			return
		}
		want := reference(pattern, `.*`, `.*`, `.`).MatchString(text)
		if got := glob(pattern, text); got != want {
			t.Errorf("glob(%q, %q) = %v", pattern, text, got)
		}
		if got := glob(pattern, []byte(text)); got != want {
			t.Errorf("on bytes, glob(%q, %q) = %v", pattern, text, got)
		}
	})
}

func FuzzResourcePattern(f *testing.F) {
	f.Add("arn:aws:logs:*:group:*:stream", "arn:aws:logs:r:1:group:a:b:stream")
	f.Add("arn:a*s?:logs:*a:*b*:c:d*", "arn:aws:logs:r:1a:b:c:d")
	f.Add("arn:aws:x:*:*:*", "arn:aws:x:::")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) || len(pattern) > 100 || len(text) > 500 {
			return
		}
		var s statement
		if (&parser{}).resource(&s, pattern) != nil {
			return
		}
		if got, want := s.resources[0].match(text), referenceMatch(pattern, text); got != want {
			t.Errorf("%q against %q: %v", pattern, text, got)
		}
	})
}

// referenceMatch follows the rule in resourcePattern's comment.
func referenceMatch(pattern, text string) bool {
	if strings.Trim(pattern, "*") == "" {
		return true
	}
	p, s := strings.SplitN(pattern, ":", 4), strings.SplitN(text, ":", 4)
	return len(s) == 4 && s[0] == "arn" && s[2] == p[2] &&
		reference(p[1], `[^:]*`, `[^:]*`, `[^:]`).MatchString(s[1]) &&
		reference(p[3], `[^:]*`, `.*`, `[^:]`).MatchString(s[3])
}

// FuzzParse compares with a plain decoder: an accepted document is JSON, and
// has the statements and effects that JSON says.
func FuzzParse(f *testing.F) {
	f.Add([]byte(documentText(statementText("Allow", "*", "*"), statementText("Deny", "iam:*", "arn:aws:iam::*"))))
	f.Add([]byte(`{"Version":"2008-10-17","Id":"x","Statement":{"Sid":"A","Effect":"Deny","Action":["a:b"],"Resource":["*"]}}`))
	f.Add([]byte(`{"Statement":[{"Effect":"Allow","NotAction":"a:b","Resource":"*","Condition":{"Bool":{"a":"b"}}}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := Parse("p", doc)
		if err != nil {
			if d != nil || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%v, %q", d, err)
			}
			return
		}
		var plain struct{ Statement json.RawMessage }
		if err := json.Unmarshal(doc, &plain); err != nil {
			t.Fatalf("accepted, but not JSON: %v", err)
		}
		if plain.Statement[0] == '{' {
			plain.Statement = []byte("[" + string(plain.Statement) + "]")
		}
		var want []map[string]any
		if err := json.Unmarshal(plain.Statement, &want); err != nil || len(want) != len(d.statements) {
			t.Fatalf("%d statements, want %d, %v", len(d.statements), len(want), err)
		}
		for i, s := range d.statements {
			checkStatement(t, s, want[i])
		}
	})
}

func checkStatement(t *testing.T, s statement, want map[string]any) {
	t.Helper()
	if s.deny != (want["Effect"] == "Deny") || len(s.actions) != count(want["Action"]) || len(s.resources) != count(want["Resource"]) {
		t.Errorf("compiled to %+v from %v", s, want)
	}
	for key := range want {
		if key != "Sid" && key != "Effect" && key != "Action" && key != "Resource" {
			t.Errorf("the element %q was ignored", key)
		}
	}
}

func count(v any) int {
	if list, ok := v.([]any); ok {
		return len(list)
	}
	return 1
}
