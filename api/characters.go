package api

import (
	"regexp"
	"regexp/syntax"
)

// characters are the ASCII characters of a pattern that is nothing but one or more of them, as those of names are. Nearly
// every name of every request is checked by them alone; what they do not accept, the regular expression decides on.
type characters [128]bool

// charactersOf returns nil for a pattern of any other form.
func charactersOf(pattern *regexp.Regexp) *characters {
	tree, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil || tree.Op != syntax.OpConcat || len(tree.Sub) != 3 {
		return nil
	}
	begin, repeated, end := tree.Sub[0], tree.Sub[1], tree.Sub[2]
	if begin.Op != syntax.OpBeginText || end.Op != syntax.OpEndText || repeated.Op != syntax.OpPlus || repeated.Sub[0].Op != syntax.OpCharClass {
		return nil
	}
	var c characters
	for ranges := repeated.Sub[0].Rune; len(ranges) > 0; ranges = ranges[2:] { // pairs of the first and the last of a range
		for r := ranges[0]; r <= min(ranges[1], rune(len(c)-1)); r++ {
			c[r] = true
		}
	}
	return &c
}

// accept tells whether there are such characters and the text is made of them; false says nothing.
func (c *characters) accept(s string) bool {
	if c == nil || s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] >= byte(len(c)) || !c[s[i]] {
			return false
		}
	}
	return true
}

// patternCharacters are those of the patterns that have them.
var patternCharacters = func() map[*regexp.Regexp]*characters {
	m := map[*regexp.Regexp]*characters{}
	for _, p := range patterns {
		if c := charactersOf(p); c != nil {
			m[p] = c
		}
	}
	return m
}()
