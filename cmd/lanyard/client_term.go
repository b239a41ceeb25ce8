package main

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal draws what the verbs say. Text that came from elsewhere passes through clean, whatever draws it: a name must
// not be able to move the cursor or change what was printed before (A48).
type terminal struct {
	w      io.Writer
	colour bool
	live   bool // a line may be drawn over
	width  int  // 0: no terminal, nothing is shortened
	now    func() time.Time
	err    error // the first failed write
}

// newTerminal looks at where env.stdout leads.
func newTerminal(env *environment) *terminal {
	t := &terminal{w: env.stdout, now: env.now}
	if f, ok := env.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.live = env.getenv("TERM") != "dumb"
		t.colour = t.live && env.getenv("NO_COLOR") == ""
		t.width = 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			t.width = w
		}
	}
	if w, err := strconv.Atoi(env.getenv("COLUMNS")); err == nil && w >= 20 {
		t.width = w
	}
	return t
}

// style is what a piece of text is, not how it looks.
type style string

// Styles, by their codes (ECMA-48 section 8.3.117).
const (
	normal style = ""
	bold   style = "1"
	dim    style = "2"
	good   style = "32"
	bad    style = "31"
	warn   style = "33"
	accent style = "36"
)

// span is text in one style.
type span struct {
	style style
	text  string
}

func plainly(s string) span { return span{normal, s} }

// line writes one line.
func (t *terminal) line(spans ...span) { t.write(t.drawn(spans) + "\n") }

func (t *terminal) write(s string) {
	if t.err == nil {
		_, t.err = io.WriteString(t.w, s)
	}
}

func (t *terminal) drawn(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		text := clean(s.text)
		if t.colour && s.style != normal && text != "" {
			b.WriteString("\x1b[" + string(s.style) + "m" + text + "\x1b[0m")
			continue
		}
		b.WriteString(text)
	}
	return b.String()
}

// clean replaces what would command the terminal: control characters, and marks that turn the direction of the text.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// paragraph writes text in lines that fit, each after an indent.
func (t *terminal) paragraph(indent int, s style, text string) {
	for _, l := range wrap(text, t.room(indent)) {
		t.line(plainly(strings.Repeat(" ", indent)), span{s, l})
	}
}

// room is how many columns remain after an indent; 0 for no limit.
func (t *terminal) room(indent int) int {
	if t.width == 0 {
		return 0
	}
	return max(min(t.width, 100)-indent, 20)
}

// wrap breaks text at spaces. A word that is longer than a line, such as a URL, stays whole: it is there to be copied.
func wrap(text string, width int) []string {
	words := strings.Fields(text)
	if width == 0 || len(words) == 0 {
		return []string{strings.Join(words, " ")}
	}
	lines := []string{words[0]}
	for _, w := range words[1:] {
		last := &lines[len(lines)-1]
		if runes(*last)+1+runes(w) > width {
			lines = append(lines, w)
			continue
		}
		*last += " " + w
	}
	return lines
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// cut shortens to n columns; 0 for no limit.
func cut(s string, n int) string {
	if n == 0 || runes(s) <= n {
		return s
	}
	if n <= 1 {
		return "…"
	}
	return string([]rune(s)[:n-1]) + "…"
}

// pad fills to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-runes(s), 0)) }

// columns writes one line for other programs, which split it at tabs.
func (t *terminal) columns(cells ...string) {
	for i, c := range cells {
		cells[i] = clean(c)
	}
	t.write(strings.Join(cells, "\t") + "\n")
}

const gap = "  "

// table writes rows under a dim heading, every column as wide as its widest cell. When they do not fit, the column named
// soft is cut first, then whichever is widest.
func (t *terminal) table(head []string, rows [][]span, soft string) {
	widths := make([]int, len(head))
	for i, h := range head {
		widths[i] = runes(h)
		for _, r := range rows {
			widths[i] = max(widths[i], runes(clean(r[i].text)))
		}
	}
	t.fit(widths, slices.Index(head, soft))
	first := make([]span, len(head))
	for i, h := range head {
		first[i] = span{dim, h}
	}
	for _, r := range append([][]span{first}, rows...) {
		t.row(widths, r)
	}
}

// fit narrows columns until the row fits.
func (t *terminal) fit(widths []int, soft int) {
	const enough = 10
	if t.width == 0 {
		return
	}
	total := len(gap) * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > t.width; total-- {
		widest := 0
		if soft >= 0 && widths[soft] > enough {
			widths[soft]--
			continue
		}
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= 4 {
			return
		}
		widths[widest]--
	}
}

func (t *terminal) row(widths []int, cells []span) {
	line := make([]span, 0, 2*len(cells))
	for i, c := range cells {
		text := cut(clean(c.text), widths[i])
		line = append(line, span{c.style, text})
		if i < len(cells)-1 {
			line = append(line, plainly(strings.Repeat(" ", widths[i]-runes(text))+gap))
		}
	}
	t.line(line...)
}

// ago and until say a time as people do.
func (t *terminal) ago(at time.Time) string {
	if d := t.now().Sub(at); d >= time.Second {
		return inWords(d) + " ago"
	}
	return "now"
}

func (t *terminal) until(at time.Time) string {
	if d := at.Sub(t.now()); d > 0 {
		return "in " + inWords(d)
	}
	return "over"
}

// inWords gives a duration in its largest unit.
func inWords(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
}
