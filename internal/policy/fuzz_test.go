package policy

import (
	"encoding/json"
	"regexp"
	"slices"
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
		if got := glob(encodeWildcards(pattern), text); got != want {
			t.Errorf("glob(%q, %q) = %v", pattern, text, got)
		}
		if got := glob(encodeWildcards(pattern), []byte(text)); got != want {
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
		if (&parser{}).resource(&s, "Resource", pattern) != nil {
			return
		}
		if got, _ := s.resources[0].match(&eval{}, text); got != referenceMatch(pattern, text) {
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
	f.Add([]byte(documentText(benchStatement(0), benchStatement(1))))
	f.Add([]byte(conditionText("Deny", `{"ForAllValues:StringNotLikeIfExists":{"aws:TagKeys":["${aws:PrincipalTag/x, 'y'}",true,1.5]},"Null":{"a.b:c":false}}`)))
	f.Add([]byte(conditionText("Deny", `{"IpAddress":{"aws:SourceIp":["::/0","10.0.0.1"]},"DateLessThan":{"aws:EpochTime":["2026-01",1]},"ArnLike":{"aws:PrincipalArn":"arn:*:*:*:*:${*}"}}`)))
	f.Fuzz(func(t *testing.T, doc []byte) { checkParse(t, doc, Parse) })
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte(trustText(`{"AWS":["000000000000","`+roleARN+`"],"Federated":"`+issuerARN+`","Service":"a.b"}`, "sts:*", `{"StringEquals":{"`+issuerHost+`:sub":"x"}}`)))
	f.Add([]byte(trustText(`"*"`, "sts:AssumeRole", "")))
	f.Add([]byte(trustText(`{"Federated":"gitlab.com"}`, "sts:AssumeRole*", `{"StringLike":{"gitlab.com:sub":"a:b*"}}`)))
	f.Fuzz(func(t *testing.T, doc []byte) { checkParse(t, doc, ParseTrust) })
}

func checkParse(t *testing.T, doc []byte, parse func(string, []byte) (*Document, error)) {
	t.Helper()
	d, err := parse("p", doc)
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
	for _, w := range Lint(d) {
		if strings.ContainsAny(w.Message, "\r\n\x00") || w.Line < 1 || w.Statement < 1 {
			t.Errorf("%+v", w)
		}
	}
}

// FuzzEvaluate throws requests at documents: no panic, no allowance without an
// Allow, and the explanation is of the decision.
func FuzzEvaluate(f *testing.F) {
	f.Add([]byte(documentText(benchStatement(0), benchStatement(1), benchStatement(3))), tokenAction, workload, "aws:TagKeys", "a\xff", "alice")
	f.Add([]byte(conditionText("Allow", `{"StringLike":{"sts:ExternalId":"${aws:PrincipalTag/t}*"}}`)), "a:b", "*", "sts:ExternalId", "alice-1", "alice")
	f.Add([]byte(conditionText("Deny", `{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::${aws:PrincipalTag/t}:*"},"IpAddress":{"sts:ExternalId":"::/0"}}`)), "a:b", "arn:a:b:c:d:e", "iam:PolicyARN", "arn:aws:iam::*:x", "*")
	f.Add([]byte(conditionText("Allow", `{"NumericLessThan":{"sts:ExternalId":5},"DateGreaterThan":{"aws:CurrentTime":"2026"}}`)), "a:b", "x", "sts:ExternalId", "1e400", "")
	f.Fuzz(func(t *testing.T, doc []byte, action, resource, key, value, tag string) {
		r := &Request{Action: action, Resources: []string{resource, workload}, Now: noon, Context: Context{}}
		r.Context.Set(key, value, value+tag)
		r.ResourceTags = map[string]map[string]string{resource: {"t": tag}}
		if d, err := Parse("p", doc); err == nil {
			c := session(d)
			c.Tags = map[string]string{"t": tag, value: tag}
			got, x := Evaluate(c, r), Explain(c, r)
			if got != x.Decision || got.Allowed && !hasAllow(d) {
				t.Errorf("%+v, %+v", got, x)
			}
			Suggest(c, r)
		}
		if d, err := ParseTrust("p", doc); err == nil {
			for _, c := range []*Caller{user(), session(), webIdentity(value)} {
				if got, x := EvaluateTrust(d, c, r), ExplainTrust(d, c, r); got.Decision != x.Decision || got.Allowed && !hasAllow(d) {
					t.Errorf("%+v, %+v", got, x)
				}
			}
		}
	})
}

func hasAllow(d *Document) bool {
	return slices.ContainsFunc(d.statements, func(s statement) bool { return !s.deny })
}

// checkStatement compares what was compiled with what JSON says: an element
// that was ignored would show.
func checkStatement(t *testing.T, s statement, want map[string]any) {
	t.Helper()
	if s.deny != (want["Effect"] == "Deny") || s.notAction != (want["NotAction"] != nil) || s.notResource != (want["NotResource"] != nil) {
		t.Errorf("compiled to %+v from %v", s, want)
	}
	if len(s.actions) != count(want["Action"])+count(want["NotAction"]) || len(s.resources) != count(want["Resource"])+count(want["NotResource"]) {
		t.Errorf("compiled to %+v from %v", s, want)
	}
	conditions := 0
	operators, _ := want["Condition"].(map[string]any)
	for _, keys := range operators {
		conditions += len(keys.(map[string]any))
	}
	if len(s.conditions) != conditions {
		t.Errorf("%d conditions of %d", len(s.conditions), conditions)
	}
	for key := range want {
		if !slices.Contains([]string{"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"}, key) {
			t.Errorf("the element %q was ignored", key)
		}
	}
}

func count(v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case []any:
		return len(v)
	}
	return 1
}
