package policy

import "strings"

// resourcePattern is a compiled ARN pattern of Resource or NotResource.
//
// A star or question mark stands for characters within one segment, the text
// between two colons. A star that ends its segment may in addition run on
// beyond colons, so arn:aws:bedrock-agentcore:* covers the whole service. The
// partition and the service are exceptions: a wildcard never reaches the
// service, which must be spelled out (Parse sees to that) and must be equal.
// Variables stand behind the fifth colon alone. Resources compare with case.
type resourcePattern struct {
	any bool // the pattern is *
	template
	literal   int      // length of text before its first special byte
	tail      bool     // the only special byte is a star at the end
	rest      int      // where the segments behind the service begin in text
	pieces    []string // what stands between stars, behind the literal prefix; nil if that does not tell all
	partition string
	service   string
	written   string
}

func compileResource(t template, written string) resourcePattern {
	literal, tail := literalPrefix(t.text)
	_, after, _ := strings.Cut(t.text, ":")
	partition, after, _ := strings.Cut(after, ":")
	service, after, _ := strings.Cut(after, ":")
	p := resourcePattern{
		template: t, literal: literal, tail: tail, rest: len(t.text) - len(after),
		partition: partition, service: service, written: written,
	}
	if literal >= p.rest && literal < len(t.text) {
		p.pieces = piecesOf(t.text[literal:])
	}
	return p
}

// piecesOf cuts a pattern at its stars, if it has no other special byte and
// each star ends its segment; nil if not. Such a star stands for anything at
// all, for it may run on beyond colons: no segments need to be told apart.
func piecesOf(pattern string) []string {
	for i := range len(pattern) {
		switch c := pattern[i]; {
		case c == anyOne || c == hole:
			return nil
		case c == anyRun && i+1 < len(pattern) && pattern[i+1] != ':':
			return nil
		}
	}
	return strings.Split(pattern, string([]byte{anyRun}))
}

// matchPieces matches what follows a literal prefix: the pieces in their order,
// and the last one at the end.
func matchPieces(pieces []string, t string) bool {
	last := len(pieces) - 1
	for _, piece := range pieces[1:last] {
		_, after, found := strings.Cut(t, piece)
		if !found {
			return false
		}
		t = after
	}
	return strings.HasSuffix(t, pieces[last])
}

// match also reports whether it is known what the pattern stands for: without
// its variables' values, one that might match does not, and is unresolved.
func (p *resourcePattern) match(e *eval, arn string) (matched, resolved bool) {
	switch {
	case p.any:
		return true, true
	case !startsWith(arn, p.text[:p.literal]):
		return false, true
	case p.literal == len(p.text):
		return len(arn) == p.literal, true
	case p.tail: // it lies behind the service, so it may take all the rest
		return true, true
	case p.pieces != nil:
		return matchPieces(p.pieces, arn[p.literal:]), true
	}
	from := p.literal // what was compared need not be again
	if from < p.rest {
		from = p.rest
		if !p.matchService(arn) {
			return false, true
		}
		arn = behindService(arn)
	} else {
		arn = arn[from:]
	}
	if len(p.vars) == 0 {
		return matchSegments(p.text[from:], arn), true
	}
	return p.matchExpanded(e, p.text[from:], arn)
}

func (p *resourcePattern) matchExpanded(e *eval, text, arn string) (matched, resolved bool) {
	if text[0] == hole { // mostly the value decides alone
		value, ok := e.resolve(&p.vars[0])
		if !ok || !startsWith(arn, value) {
			return false, ok
		}
	}
	pattern, ok := e.expand(&p.template, text)
	return ok && matchSegments(pattern, arn), ok
}

func (p *resourcePattern) matchService(arn string) bool {
	prefix, arn, _ := strings.Cut(arn, ":")
	partition, arn, _ := strings.Cut(arn, ":")
	service, _, ok := strings.Cut(arn, ":")
	return ok && prefix == "arn" && service == p.service && glob(p.partition, partition)
}

func behindService(arn string) string {
	for range 3 {
		_, arn, _ = strings.Cut(arn, ":")
	}
	return arn
}

// matchSegments matches segment patterns against the segments of t. A segment
// that ends in a star ends a group; what its star takes runs up to some later
// colon, where the next group begins. Taking the earliest place at which each
// group fits is exact, because every later place that a group could begin at
// stays reachable from the earliest end of the one before. So no group is
// tried again, and the cost stays within pattern times text.
func matchSegments[P text](pattern P, t string) bool {
	fixed := true // the first group begins at the beginning of t
	for {
		n := groupLen(pattern)
		if n < 0 {
			if fixed {
				return matchExactly(pattern, t)
			}
			return matchTail(pattern, t)
		}
		after, last, ok := findGroup(pattern[:n], t, fixed)
		switch {
		case !ok:
			return false
		case n == len(pattern):
			return true // the star takes all that is left
		case last:
			return false // segments are wanted but t has ended
		}
		pattern, t, fixed = pattern[n+1:], after, false
	}
}

// groupLen is the length of the segments up to and including the first that
// ends in a star; -1 if none does.
func groupLen[P text](pattern P) int {
	for i := range len(pattern) {
		if pattern[i] == anyRun && (i+1 == len(pattern) || pattern[i+1] == ':') {
			return i + 1
		}
	}
	return -1
}

// findGroup finds the earliest place where a group fits whole segments of t;
// only the beginning counts if fixed. It returns the text behind the group's
// last segment, and whether that segment was the last of t.
func findGroup[P text](group P, t string, fixed bool) (after string, last, ok bool) {
	for {
		if after, last, ok = fitGroup(group, t); ok || fixed {
			return after, last, ok
		}
		var more bool
		if _, t, more = strings.Cut(t, ":"); !more {
			return "", false, false
		}
	}
}

func fitGroup[P text](group P, t string) (after string, last, ok bool) {
	for {
		head, rest, morePattern := cut(group)
		segment, left, moreText := strings.Cut(t, ":")
		if !glob(head, segment) {
			return "", false, false
		}
		if !morePattern {
			return left, !moreText, true
		}
		if !moreText {
			return "", false, false
		}
		group, t = rest, left
	}
}

// cut is strings.Cut at a colon.
func cut[P text](s P) (before, after P, found bool) {
	for i := range len(s) {
		if s[i] == ':' {
			return s[:i], s[i+1:], true
		}
	}
	return s, s[:0], false
}

// matchExactly matches segment by segment, to the end of both.
func matchExactly[P text](pattern P, t string) bool {
	_, last, ok := fitGroup(pattern, t)
	return ok && last
}

// matchTail matches the pattern with as many segments at the end of t.
func matchTail[P text](pattern P, t string) bool {
	at := len(t)
	for range colons(pattern) + 1 {
		if at < 0 {
			return false
		}
		at = strings.LastIndexByte(t[:at], ':')
	}
	return matchExactly(pattern, t[at+1:])
}

func colons[P text](s P) (n int) {
	for i := range len(s) {
		if s[i] == ':' {
			n++
		}
	}
	return n
}

// arnParts are the six parts of an ARN; the last holds whatever colons follow.
const arnParts = 6

// splitARN returns the parts, and false for what is no ARN.
func splitARN(s string) (parts [arnParts]string, ok bool) {
	for i := range arnParts - 1 {
		if parts[i], s, ok = strings.Cut(s, ":"); !ok {
			return parts, false
		}
	}
	parts[arnParts-1] = s
	return parts, parts[0] == "arn"
}
