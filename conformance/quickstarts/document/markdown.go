// Package document finds the shell blocks and the files in a quickstart, so that they can be run as they stand.
//
// A document comes as Markdown, whose fences say where a block begins and ends, or as text that was copied from a page,
// where only the first and the last line tell. Nothing is changed on the way: a block is exactly the document's bytes.
package document

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Block is a part of a document that is meant to be typed, saved, or seen.
type Block struct {
	Name     string // a Markdown block's heading, or the name of its Span
	Language string // of a fence
	Text     string // its lines, the last one with its line end
	Line     int    // number of its first line, from 1
}

// Lines is a document as lines without their ends.
type Lines []string

// Read reads a document.
func Read(file string) (Lines, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(string(text)), nil
}

// Parse splits a text into lines.
func Parse(text string) Lines { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

var (
	fence   = regexp.MustCompile("^```([a-z]*)$")
	heading = regexp.MustCompile(`^#+ (.+)$`)
)

// Fenced returns every block between fences, in the order of the document.
func (l Lines) Fenced() ([]Block, error) {
	var list []Block
	var title string
	for i := 0; i < len(l); i++ {
		if m := heading.FindStringSubmatch(l[i]); m != nil {
			title = m[1]
		}
		m := fence.FindStringSubmatch(l[i])
		if m == nil {
			continue
		}
		end := i + 1
		for end < len(l) && l[end] != "```" {
			end++
		}
		if end == len(l) {
			return nil, fmt.Errorf("line %d opens a block that nothing closes", i+1)
		}
		list = append(list, Block{title, m[1], text(l[i+1 : end]), i + 2})
		i = end
	}
	return list, nil
}

// Rows returns the rows of all Markdown tables, without their heads.
func (l Lines) Rows() []string {
	var rows []string
	inside := false
	for _, line := range l {
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case strings.HasPrefix(line, "|-"):
			inside = true
		case inside:
			rows = append(rows, line)
		}
	}
	return rows
}

// Headings returns the headings of a level that stand below the one with this text.
func (l Lines) Headings(below string, level int) []string {
	var list []string
	inside := false
	for _, line := range l {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		depth := strings.Index(line, " ")
		switch {
		case depth < level:
			inside = m[1] == below
		case inside && depth == level:
			list = append(list, m[1])
		}
	}
	return list
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }
