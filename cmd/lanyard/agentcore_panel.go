package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// panel is a framed text: what was done, and what comes next. A line that cannot be broken to fit, such as a URL that is
// there to be copied, leaves the frame's right side open beside it: it is neither cut nor split.
type panel struct {
	title string
	style style
	lines [][]span
}

func newPanel(title string, s style) *panel { return &panel{title: title, style: s} }

func (p *panel) add(spans ...span) *panel {
	p.lines = append(p.lines, spans)
	return p
}

func (p *panel) head(text string) *panel { return p.add(span{bold, text}) }
func (p *panel) gap() *panel             { return p.add() }

// field adds a name and a value. An empty value adds nothing.
func (p *panel) field(name, value string) *panel {
	if value == "" {
		return p
	}
	return p.add(plainly(name+": "), span{accent, value})
}

// widest is the most columns a panel takes: longer lines are hard to read.
const widest = 100

// panel draws it.
func (t *terminal) panel(p *panel) {
	lines, need := p.broken(t.inner(4)), columnsOf(p.title)+6
	for _, l := range lines {
		need = max(need, widthOf(l)+4)
	}
	full := max(need, 60)
	if t.width > 0 {
		full = min(t.width, widest)
	}
	edge := func(s string) span { return span{p.style, s} }
	title := " " + p.title + " "
	left := max((full-2-columnsOf(title))/2, 1)
	t.line(edge("╭"+strings.Repeat("─", left)), span{bold, title}, edge(strings.Repeat("─", max(full-2-left-columnsOf(title), 1))+"╮"))
	for _, l := range lines {
		row := append([]span{edge("│"), plainly(" ")}, l...)
		if n := widthOf(l); n <= full-4 {
			row = append(row, plainly(strings.Repeat(" ", full-4-n+1)), edge("│"))
		}
		t.line(row...)
	}
	t.line(edge("╰" + strings.Repeat("─", full-2) + "╯"))
}

// inner is the room inside a frame; 0 for no limit.
func (t *terminal) inner(frame int) int {
	if t.width == 0 {
		return 0
	}
	return max(min(t.width, widest)-frame, 20)
}

// broken wraps lines of plain sentences. Lines with a value in a style of its own stay whole where they can.
func (p *panel) broken(room int) [][]span {
	var out [][]span
	for _, l := range p.lines {
		if room == 0 || widthOf(l) <= room || len(l) == 0 {
			out = append(out, l)
			continue
		}
		out = append(out, breakLine(l, room)...)
	}
	return out
}

// breakLine breaks between words, and keeps each word's style. What follows the first line is set in by two.
func breakLine(spans []span, room int) [][]span {
	type word struct {
		span
		space bool // before it
	}
	var words []word
	for _, s := range spans {
		for i, w := range strings.Split(s.text, " ") {
			words = append(words, word{span{s.style, w}, i > 0})
		}
	}
	lines, line, used := [][]span{}, []span{}, 0
	for _, w := range words {
		n := columnsOf(w.text)
		if w.space && used > 2 && used+1+n > room {
			lines, line, used = append(lines, line), []span{plainly("  ")}, 2
		} else if w.space {
			line, used = append(line, plainly(" ")), used+1
		}
		line, used = append(line, w.span), used+n
	}
	return append(lines, line)
}

// columnsOf is how many columns a text takes: wide characters take two, marks that combine none.
func columnsOf(s string) int {
	n := 0
	for _, r := range clean(s) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case width.LookupRune(r).Kind() == width.EastAsianWide || width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func widthOf(spans []span) int {
	n := 0
	for _, s := range spans {
		n += columnsOf(s.text)
	}
	return n
}

// sheet draws a framed table of names and values, whose values may have several lines. A value that is wider than the
// terminal leaves the right side open beside it.
func (t *terminal) sheet(title string, head [2]string, rows [][2]string) {
	var lines [][2]string
	for _, r := range rows {
		for i, v := range strings.Split(r[1], "\n") {
			if i > 0 {
				r[0] = ""
			}
			lines = append(lines, [2]string{r[0], v})
		}
	}
	a, b := columnsOf(head[0]), columnsOf(head[1])
	for _, l := range lines {
		a, b = max(a, columnsOf(l[0])), max(b, columnsOf(l[1]))
	}
	if t.width > 0 && a+b+7 > t.width {
		b = max(t.width-a-7, columnsOf(head[1]))
	}
	rule := func(l, h, m, r string) {
		t.line(span{dim, l + strings.Repeat(h, a+2) + m + strings.Repeat(h, b+2) + r})
	}
	row := func(bar string, s style, x, y string) {
		cells := []span{{dim, bar}, {s, " " + padTo(x, a) + " "}, {dim, bar}, {s, " " + padTo(y, b)}}
		if columnsOf(y) <= b {
			cells = append(cells, plainly(" "), span{dim, bar})
		}
		t.line(cells...)
	}
	t.line(plainly(strings.Repeat(" ", max((a+b+7-columnsOf(title))/2, 0))), span{bold, title})
	rule("┏", "━", "┳", "┓")
	row("┃", bold, head[0], head[1])
	rule("┡", "━", "╇", "┩")
	for _, l := range lines {
		row("│", normal, l[0], l[1])
	}
	rule("└", "─", "┴", "┘")
}

func padTo(s string, n int) string { return s + strings.Repeat(" ", max(n-columnsOf(s), 0)) }

// tick, warning and under are lines outside of a frame.
func (t *terminal) tick(text string)    { t.line(span{good, "✓ "}, plainly(text)) }
func (t *terminal) warning(text string) { t.line(span{warn, "! "}, plainly(text)) }
func (t *terminal) under(text string)   { t.paragraph(2, dim, text) }
