package policy

import "strings"

// These bytes, which no UTF-8 text contains, stand in a compiled pattern for
// its wildcards and for the place of a policy variable. So a star that a
// policy means literally, or that a value of the request brought along, is an
// ordinary character.
const (
	anyRun = 0xFF // *
	anyOne = 0xFE // ?
	hole   = 0xFD // a policy variable
)

// text is what patterns and the texts they are matched with come as.
type text interface{ string | []byte }

// glob reports whether t matches pattern, in which anyRun stands for any run
// of bytes and anyOne for exactly one character. It goes back to the last star
// only, which is enough because a later star can absorb whatever an earlier
// one could have: the cost is at most len(pattern) times len(t), never more.
func glob[P, T text](pattern P, t T) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(t) {
		switch {
		case p < len(pattern) && pattern[p] == anyRun:
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == anyOne:
			p++
			i += runeLen(t[i:])
		case p < len(pattern) && pattern[p] == t[i]:
			p++
			i++
		case star >= 0:
			mark += runeLen(t[mark:])
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyRun {
		p++
	}
	return p == len(pattern)
}

// runeLen is the length of the character that t begins with: the byte and the
// continuation bytes behind it, so that ? never splits a character.
func runeLen[T text](t T) int {
	n := 1
	for n < len(t) && n < 4 && t[n]&0xC0 == 0x80 {
		n++
	}
	return n
}

// actionPattern is an action in lower case, for actions compare without case.
type actionPattern struct {
	text    string // compiled
	literal int    // length of text before its first wildcard
	tail    bool   // the only wildcard is a star at the end
	written string
}

func compileAction(folded, written string) actionPattern {
	t := encodeWildcards(folded)
	literal, tail := literalPrefix(t)
	return actionPattern{text: t, literal: literal, tail: tail, written: written}
}

// encodeWildcards compiles text in which every * and ? is a wildcard. Several
// stars beside each other mean the same as one and cost more.
func encodeWildcards(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		b = appendPattern(b, s[i], true)
	}
	return string(b)
}

func appendPattern(b []byte, c byte, wild bool) []byte {
	switch {
	case wild && c == '*':
		if len(b) > 0 && b[len(b)-1] == anyRun {
			return b
		}
		return append(b, anyRun)
	case wild && c == '?':
		return append(b, anyOne)
	}
	return append(b, c)
}

func (a *actionPattern) match(folded []byte) bool {
	switch {
	case !startsWith(folded, a.text[:a.literal]):
		return false
	case a.literal == len(a.text):
		return len(folded) == a.literal
	case a.tail:
		return true
	}
	return glob(a.text[a.literal:], folded[a.literal:])
}

// startsWith is strings.HasPrefix for names that are long and alike: where
// they differ, their last byte mostly does.
func startsWith[T text](t T, prefix string) bool {
	n := len(prefix)
	return len(t) >= n && (n == 0 || t[n-1] == prefix[n-1] && string(t[:n]) == prefix)
}

// literalPrefix is the length of a compiled pattern up to its first special
// byte, and whether that is a star with nothing behind it: most patterns are
// decided by one comparison.
func literalPrefix(pattern string) (n int, tail bool) {
	for n < len(pattern) && pattern[n] < hole {
		n++
	}
	return n, n == len(pattern)-1 && pattern[n] == anyRun
}

// fold lowers ASCII letters alone: Unicode has letters outside ASCII whose
// lower case lies in it, and they must not become part of a name.
func fold(s string) string {
	if isFolded(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// foldsTo reports whether s in lower case is folded.
func foldsTo[T text](s string, folded T) bool {
	if len(s) != len(folded) {
		return false
	}
	for i := range len(s) {
		if lower(s[i]) != folded[i] {
			return false
		}
	}
	return true
}

func isFolded(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func hasWildcard(s string) bool { return strings.ContainsAny(s, "*?") }
