package api

import (
	"strings"
	"testing"
)

// FuzzCharacters: what the characters of a pattern accept, the pattern matches.
func FuzzCharacters(f *testing.F) {
	for _, s := range []string{"", "bench-agent", "a b", "ünïcödé", "\x00", "\x7f", "a\n", strings.Repeat("x", 300), "a/b:c=d@e", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, p := range patterns {
			c := patternCharacters[p]
			if c.accept(s) && !p.MatchString(s) {
				t.Errorf("%s: %q is accepted and does not match", name, s)
			}
			ascii := s != "" && strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) < 0
			if c != nil && ascii && !c.accept(s) && p.MatchString(s) {
				t.Errorf("%s: %q matches and is not accepted", name, s)
			}
		}
	})
}

// TestCharactersOfNames: the patterns of names are of the form that is checked without a regular expression, and those of
// another form are not taken for it.
func TestCharactersOfNames(t *testing.T) {
	for name, want := range map[string]bool{
		"workloadName": true, "providerName": true, "parameterName": true, "iamName": true,
		"jwt": false, "tag": false, "sessionURI": false, "account": false, "runtimeName": false, "noSpace": true,
	} {
		if got := patternCharacters[patterns[name]] != nil; got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
