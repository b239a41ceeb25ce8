package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Span tells where a block is in a text without fences: from the first line that matches First to the next one that
// matches Last. Without Last it is one line; a group in First takes only that part of it.
type Span struct {
	Name        string
	First, Last *regexp.Regexp
}

// Pasted returns the blocks of the spans, each of which is looked for behind the one before.
func (l Lines) Pasted(spans []Span) ([]Block, error) {
	var list []Block
	at := 0
	for _, s := range spans {
		first := l.index(s.First, at)
		if first < 0 {
			return nil, fmt.Errorf("%s: no line behind line %d begins it: %s", s.Name, at, s.First)
		}
		if s.Last == nil {
			list = append(list, inLine(s, l[first], first)...)
			at = first + 1
			continue
		}
		last := l.index(s.Last, first)
		if last < 0 {
			return nil, fmt.Errorf("%s begins in line %d, and no line ends it: %s", s.Name, first+1, s.Last)
		}
		list = append(list, Block{Name: s.Name, Text: text(l[first : last+1]), Line: first + 1})
		at = last + 1
	}
	return list, nil
}

func (l Lines) index(pattern *regexp.Regexp, from int) int {
	i := slices.IndexFunc(l[from:], pattern.MatchString)
	if i < 0 {
		return -1
	}
	return from + i
}

// inLine is a block for each group of the pattern, or the whole line where it has none.
func inLine(s Span, line string, at int) []Block {
	parts := s.First.FindStringSubmatch(line)
	if len(parts) > 1 {
		parts = parts[1:]
	} else {
		parts = []string{line}
	}
	var list []Block
	for _, part := range parts {
		list = append(list, Block{Name: s.Name, Text: part + "\n", Line: at + 1})
	}
	return list
}

// command is what a line of a shell or of Python begins with. Prose does not.
var command = regexp.MustCompile(`^\s*(#!|"""$|(aws|agentcore|pip|mkdir|cd|source|python3?|export|echo|import|from|def|async|class|rm|grep) [-a-z"$.{_/]\S*)`)

// Left returns the lines outside all blocks that look like commands or code: a span that was forgotten.
func (l Lines) Left(blocks []Block) []string {
	var left []string
	for i, line := range l {
		if !within(blocks, i+1) && command.MatchString(line) {
			left = append(left, fmt.Sprintf("%d: %s", i+1, line))
		}
	}
	return left
}

// Items returns the points of all lists outside the blocks.
func (l Lines) Items(blocks []Block) []string {
	var list []string
	for i, line := range l {
		if m := item.FindStringSubmatch(line); m != nil && !within(blocks, i+1) {
			list = append(list, m[1])
		}
	}
	return list
}

var item = regexp.MustCompile(`^\s*(?:•|-|\d+\.) (.+)$`)

func within(blocks []Block, line int) bool {
	return slices.ContainsFunc(blocks, func(b Block) bool {
		return line >= b.Line && line < b.Line+strings.Count(b.Text, "\n")
	})
}
