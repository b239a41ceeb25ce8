package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// panel is a framed text: what was done, and what comes next. Its lines are broken between words; a word that is wider
// than the terminal, such as an ARN, is broken too, where it has a mark: a frame with a gap reads as a fault.
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
	room := t.inner(4, p.longestWord())
	lines, need := p.broken(room), columnsOf(p.title)+6
	for _, l := range lines {
		need = max(need, widthOf(l)+4)
	}
	full, title := max(need, 60), p.title
	if t.width > 0 {
		full = room + 4
		title = cutTo(title, full-6)
	}
	edge := func(s string) span { return span{p.style, s} }
	title = " " + title + " "
	left := max((full-2-columnsOf(title))/2, 1)
	t.line(edge("╭"+strings.Repeat("─", left)), span{bold, title}, edge(strings.Repeat("─", max(full-2-left-columnsOf(title), 1))+"╮"))
	for _, l := range lines {
		row := append([]span{edge("│"), plainly(" ")}, l...)
		t.line(append(row, plainly(strings.Repeat(" ", full-4-widthOf(l)+1)), edge("│"))...)
	}
	t.line(edge("╰" + strings.Repeat("─", full-2) + "╯"))
}

// inner is the room inside a frame; 0 for no limit. A long word widens it as far as the terminal goes.
func (t *terminal) inner(frame, word int) int {
	if t.width == 0 {
		return 0
	}
	return max(min(t.width, max(widest, word+frame))-frame, 16)
}

func (p *panel) longestWord() int {
	n := 0
	for _, l := range p.lines {
		for _, s := range l {
			for w := range strings.SplitSeq(s.text, " ") {
				n = max(n, columnsOf(w)+len(setIn))
			}
		}
	}
	return n
}

func (p *panel) broken(room int) [][]span {
	var out [][]span
	for _, l := range p.lines {
		if room == 0 || widthOf(l) <= room {
			out = append(out, l)
			continue
		}
		out = append(out, breakLine(l, room)...)
	}
	return out
}

// setIn is before what follows the first line of a broken one.
const setIn = "  "

// breakLine breaks between words, and words that do not fit a line; each piece keeps its style.
func breakLine(spans []span, room int) [][]span {
	lines, line, used := [][]span{}, []span{}, 0
	next := func() { lines, line, used = append(lines, line), []span{plainly(setIn)}, len(setIn) }
	for _, s := range spans {
		for i, w := range strings.Split(s.text, " ") {
			n, space := columnsOf(w), i > 0
			switch {
			case used > len(setIn) && used+count(space)+n > room:
				next()
			case space:
				line, used = append(line, plainly(" ")), used+1
			}
			for used+columnsOf(w) > room {
				var piece string
				piece, w = splitWord(w, room-used)
				line = append(line, span{s.style, piece})
				next()
			}
			line, used = append(line, span{s.style, w}), used+columnsOf(w)
		}
	}
	return append(lines, line)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// splitWord takes the beginning of a word, at most n columns: up to its last mark, if there is one in the second half.
func splitWord(w string, n int) (head, tail string) {
	end, mark, used := 0, 0, 0
	for i, r := range w {
		size := i + utf8.RuneLen(r)
		if used += columnsOf(string(r)); used > n && end > 0 {
			break
		}
		end = size
		if strings.ContainsRune("/:-_.?&=,", r) && used > n/2 {
			mark = size
		}
	}
	if mark > 0 {
		end = mark
	}
	return w[:end], w[end:]
}

// cutTo shortens to n columns.
func cutTo(s string, n int) string {
	if columnsOf(s) <= n {
		return s
	}
	for s != "" && columnsOf(s) > n-1 {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s + "…"
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

// again writes a value that is there to be copied, if no frame on this terminal has it in one piece.
func (t *terminal) again(name, value string) {
	if t.width > 0 && columnsOf(value)+len(setIn)+4 > t.width {
		t.line(plainly(name+": "), span{accent, value})
	}
}

// sheet draws a framed table of names and values, whose values may have several lines. A value that is wider than the
// terminal is broken.
func (t *terminal) sheet(title string, head [2]string, rows [][2]string) {
	a, b := columnsOf(head[0]), columnsOf(head[1])
	for _, r := range rows {
		a = max(a, columnsOf(r[0]))
		for v := range strings.SplitSeq(r[1], "\n") {
			b = max(b, columnsOf(v))
		}
	}
	if t.width > 0 {
		b = max(min(b, t.width-a-7), columnsOf(head[1]))
	}
	rule := func(l, h, m, r string) {
		t.line(span{dim, l + strings.Repeat(h, a+2) + m + strings.Repeat(h, b+2) + r})
	}
	row := func(bar string, s style, x, y string) {
		t.line(span{dim, bar}, span{s, " " + padTo(x, a) + " "}, span{dim, bar}, span{s, " " + padTo(y, b) + " "}, span{dim, bar})
	}
	t.line(plainly(strings.Repeat(" ", max((a+b+7-columnsOf(title))/2, 0))), span{bold, title})
	rule("┏", "━", "┳", "┓")
	row("┃", bold, head[0], head[1])
	rule("┡", "━", "╇", "┩")
	for _, r := range rows {
		name := r[0]
		for v := range strings.SplitSeq(r[1], "\n") {
			for _, l := range breakLine([]span{plainly(v)}, b) {
				row("│", normal, name, textOf(l))
				name = ""
			}
		}
	}
	rule("└", "─", "┴", "┘")
}

func textOf(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.text)
	}
	return b.String()
}

func padTo(s string, n int) string { return s + strings.Repeat(" ", max(n-columnsOf(s), 0)) }

// tick, warning and under are lines outside of a frame.
func (t *terminal) tick(text string)    { t.line(span{good, "✓ "}, plainly(text)) }
func (t *terminal) warning(text string) { t.line(span{warn, "! "}, plainly(text)) }
func (t *terminal) under(text string)   { t.paragraph(2, dim, text) }
