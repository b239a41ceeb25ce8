package api

import (
	"strings"
	"testing"
)

// TestPatterns: what clients of IAM and STS may name things, and what would break a line, a path or an ARN.
func TestPatterns(t *testing.T) {
	for name, c := range map[string]struct{ good, bad []string }{
		"iamName":     {[]string{"a", "Role_1+=,.@-"}, []string{"", "a b", "a/b", "a*", "a:b", "é", "a\n"}},
		"iamPath":     {[]string{"/", "/a/", "/a/b/", "/!~/"}, []string{"", "a", "/a", "a/", "//", "/ /", "/é/", "/a/\n"}},
		"pathPrefix":  {[]string{"/", "/a", "/a/b"}, []string{"", "a", "/ ", "/a\n"}},
		"policyPath":  {[]string{"/", "/a/", "/a/b/"}, []string{"", "/a", "/a b/", "/a*/", "//"}},
		"policyText":  {[]string{"{}\t\r\n ÿ"}, []string{"", "\u0100", "\x00", "\U0001F600"}},
		"description": {[]string{"", "a\tb\r\n¡ÿ"}, []string{"\x7f", "\u00a0", "\u0100"}},
		"iamTag":      {[]string{"", "a b:c/d=e+f@g-h_é\u00a0"}, []string{"a*", "a\n", "<", "&"}},
		"iamID":       {[]string{"AKIA0123456789ABCDEF"}, []string{"", "a-b", "a\n"}},
		"externalID":  {[]string{"a:b/c-d"}, []string{"a b", "a\n"}},
		"marker":      {[]string{"a b ÿ"}, []string{"", "\n", "\u0100"}},
		"versionID":   {[]string{"v1", "v20", "v1.a-b"}, []string{"", "v0", "1", "v1 ", "v1\n"}},
		"xmlText":     {[]string{"a\t\r\n\u0085é\U0001F600"}, []string{"", "\x00", "\x1b", "\u0080", "\ufffe"}},
	} {
		p := patterns[name]
		for _, s := range c.good {
			if !p.MatchString(s) {
				t.Errorf("%s refuses %q", name, s)
			}
		}
		for _, s := range c.bad {
			if p.MatchString(s) {
				t.Errorf("%s takes %q", name, s)
			}
		}
	}
	for name, p := range patterns { // one that is not anchored would let anything stand around what it allows
		if s := p.String(); !strings.HasPrefix(s, "^") || !strings.HasSuffix(s, "$") {
			t.Errorf("%s is not anchored: %s", name, s)
		}
	}
}
