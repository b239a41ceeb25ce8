package policy

import "strings"

// glob reports whether text matches pattern, in which * stands for any run of
// bytes and ? for exactly one character. It goes back to the last star only,
// which is enough because a later star can absorb whatever an earlier one
// could have: the cost is at most len(pattern) times len(text), never more.
func glob[T string | []byte](pattern string, text T) bool {
	p, t := 0, 0
	star, mark := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += runeLen(text[t:])
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark += runeLen(text[mark:])
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// runeLen is the length of the character that text begins with: the byte and
// the continuation bytes behind it, so that ? never splits a character.
func runeLen[T string | []byte](text T) int {
	n := 1
	for n < len(text) && n < 4 && text[n]&0xC0 == 0x80 {
		n++
	}
	return n
}

// actionPattern is an action in lower case, for actions compare without case.
type actionPattern struct {
	text    string
	literal int  // length of text before its first wildcard
	tail    bool // the only wildcard is a star at the end
}

func compileAction(folded string) actionPattern {
	literal, tail := literalPrefix(folded)
	return actionPattern{text: folded, literal: literal, tail: tail}
}

func (a *actionPattern) match(folded []byte) bool {
	switch {
	case len(folded) < a.literal || string(folded[:a.literal]) != a.text[:a.literal]:
		return false
	case a.literal == len(a.text):
		return len(folded) == a.literal
	case a.tail:
		return true
	}
	return glob(a.text[a.literal:], folded[a.literal:])
}

// literalPrefix is the length of a pattern up to its first wildcard, and
// whether that is a star with nothing behind it: most patterns are decided by
// one comparison.
func literalPrefix(pattern string) (n int, tail bool) {
	n = strings.IndexAny(pattern, "*?")
	if n < 0 {
		return len(pattern), false
	}
	return n, pattern[n:] == "*"
}

// resourcePattern is a compiled ARN pattern.
//
// A star or question mark stands for characters within one segment, the text
// between two colons. A star that ends its segment may in addition run on
// beyond colons, so arn:aws:bedrock-agentcore:* covers the whole service. The
// partition and the service are exceptions: a wildcard never reaches the
// service, which must be spelled out (Parse sees to that) and must be equal.
// Resources compare with case.
type resourcePattern struct {
	any       bool   // the pattern is *
	text      string // the whole pattern
	literal   int    // length of text before its first wildcard
	tail      bool   // the only wildcard is a star at the end
	partition string
	service   string
	rest      []string // the segments behind the service
}

// compileResource takes a pattern other than * and its parts, of which there
// are four at least.
func compileResource(pattern string, part []string) resourcePattern {
	literal, tail := literalPrefix(pattern)
	return resourcePattern{text: pattern, literal: literal, tail: tail, partition: part[1], service: part[2], rest: part[3:]}
}

func (r *resourcePattern) match(arn string) bool {
	switch {
	case r.any:
		return true
	case !strings.HasPrefix(arn, r.text[:r.literal]):
		return false
	case r.literal == len(r.text):
		return len(arn) == r.literal
	case r.tail: // it lies behind the service, so it may take all the rest
		return true
	}
	return r.matchSegments(arn)
}

func (r *resourcePattern) matchSegments(arn string) bool {
	prefix, arn, _ := strings.Cut(arn, ":")
	partition, arn, _ := strings.Cut(arn, ":")
	service, arn, ok := strings.Cut(arn, ":")
	return ok && prefix == "arn" && service == r.service && glob(r.partition, partition) &&
		matchSegments(r.rest, arn)
}

// matchSegments matches segment patterns against the segments of text. A
// segment that ends in a star ends a group; what its star takes runs up to
// some later colon, where the next group begins. Taking the earliest place at
// which each group fits is exact, because every later place that a group could
// begin at stays reachable from the earliest end of the one before. So no
// group is tried again, and the cost stays within pattern times text.
func matchSegments(pattern []string, text string) bool {
	fixed := true // the first group begins at the beginning of text
	for {
		n := groupLen(pattern)
		open := strings.HasSuffix(pattern[n-1], "*")
		if !open {
			if fixed {
				return matchExactly(pattern, text)
			}
			return matchTail(pattern, text)
		}
		after, last, ok := findGroup(pattern[:n], text, fixed)
		switch {
		case !ok:
			return false
		case n == len(pattern):
			return true // the star takes all that is left
		case last:
			return false // segments are wanted but text has ended
		}
		pattern, text, fixed = pattern[n:], after, false
	}
}

// groupLen counts the segments up to and including the first that ends in a
// star, or all of them.
func groupLen(pattern []string) int {
	for i, p := range pattern {
		if strings.HasSuffix(p, "*") {
			return i + 1
		}
	}
	return len(pattern)
}

// findGroup finds the earliest place where a group fits whole segments of
// text; only the beginning counts if fixed. It returns the text behind the
// group's last segment, and whether that segment was text's last.
func findGroup(group []string, text string, fixed bool) (after string, last, ok bool) {
	for {
		if after, last, ok = fitGroup(group, text); ok || fixed {
			return after, last, ok
		}
		var more bool
		if _, text, more = strings.Cut(text, ":"); !more {
			return "", false, false
		}
	}
}

func fitGroup(group []string, text string) (after string, last, ok bool) {
	more := true
	for _, p := range group {
		if !more {
			return "", false, false
		}
		var segment string
		segment, text, more = strings.Cut(text, ":")
		if !glob(p, segment) {
			return "", false, false
		}
	}
	return text, !more, true
}

// matchExactly matches segment by segment, to the end of both.
func matchExactly(pattern []string, text string) bool {
	_, last, ok := fitGroup(pattern, text)
	return ok && last
}

// matchTail matches the pattern with as many segments at the end of text.
func matchTail(pattern []string, text string) bool {
	at := len(text)
	for range pattern {
		if at < 0 {
			return false
		}
		at = strings.LastIndexByte(text[:at], ':')
	}
	return matchExactly(pattern, text[at+1:])
}
