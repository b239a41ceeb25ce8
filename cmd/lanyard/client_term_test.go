package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func drawingOn(b *bytes.Buffer, width int, colour bool) *terminal {
	return &terminal{w: b, width: width, colour: colour, now: func() time.Time { return cliNow }}
}

// TestA48_TextCannotCommandTheTerminal: names and reasons come from whoever made them.
func TestA48_TextCannotCommandTheTerminal(t *testing.T) {
	for _, colour := range []bool{false, true} {
		var b bytes.Buffer
		d := drawingOn(&b, 80, colour)
		const hostile = "a\x1b[2J\x1b]8;;http://evil\x07b\r\n\u202ec\u009bd\x7f\tz"
		d.line(span{bad, hostile})
		d.paragraph(4, dim, hostile)
		d.field(hostile, hostile)
		d.table([]string{"H"}, [][]span{{{good, hostile}}}, "")
		d.columns(hostile, hostile)
		text := strings.NewReplacer("\x1b[0m", "", "\x1b[31m", "", "\x1b[2m", "", "\x1b[32m", "").Replace(b.String())
		if strings.ContainsAny(text, "\x1b\r\x07\u202e\u009b\x7f") {
			t.Errorf("colour %v: a control character came through: %q", colour, text)
		}
		if n := strings.Count(text, "\t"); n != 1 {
			t.Errorf("%d tabs, want the one that parts two columns", n)
		}
	}
}

func TestColourOnlyOnATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, out := range []interface{ Write([]byte) (int, error) }{w, &bytes.Buffer{}} {
		d := newTerminal(testEnvironment(map[string]string{"TERM": "xterm-256color"}, out, out))
		if d.colour || d.live || d.width != 0 {
			t.Errorf("%T is taken for a terminal: %+v", out, d)
		}
	}
	d := newTerminal(testEnvironment(map[string]string{"COLUMNS": "100"}, w, w))
	if d.width != 100 {
		t.Errorf("COLUMNS is not believed: %d", d.width)
	}
	for _, silly := range []string{"0", "-3", "x", "7"} {
		if d := newTerminal(testEnvironment(map[string]string{"COLUMNS": silly}, w, w)); d.width != 0 {
			t.Errorf("COLUMNS=%s makes a width of %d", silly, d.width)
		}
	}
}

func TestColour(t *testing.T) {
	var b bytes.Buffer
	drawingOn(&b, 80, true).line(span{good, "yes"}, plainly(" "), span{normal, "no"})
	drawingOn(&b, 80, false).line(span{good, "yes"})
	if want := "\x1b[32myes\x1b[0m no\nyes\n"; b.String() != want {
		t.Errorf("drew %q, want %q", b.String(), want)
	}
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 0, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"a https://example.com/very/long b", 10, []string{"a", "https://example.com/very/long", "b"}},
		{"größer größer", 6, []string{"größer", "größer"}},
	} {
		if got := wrap(tc.text, tc.width); !slices.Equal(got, tc.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", tc.text, tc.width, got, tc.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		s    string
		n    int
		want string
	}{{"abc", 0, "abc"}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abcd", 1, "…"}, {"äöüß", 3, "äö…"}} {
		if got := cut(tc.s, tc.n); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.s, tc.n, got, tc.want)
		}
	}
}

func TestTableFits(t *testing.T) {
	row := []span{plainly(strings.Repeat("a", 60)), plainly("short"), plainly(strings.Repeat("s", 60))}
	for _, width := range []int{20, 40, 80, 120} {
		var b bytes.Buffer
		drawingOn(&b, width, false).table([]string{"FIRST", "SECOND", "SOFT"}, [][]span{row, {plainly("x"), plainly("y"), plainly("z")}}, "SOFT")
		fits(t, b.String(), width)
	}
	var b bytes.Buffer
	drawingOn(&b, 80, false).table([]string{"FIRST", "SECOND", "SOFT"}, [][]span{row}, "SOFT")
	says(t, b.String(), strings.Repeat("a", 55), "sssssssss…")
	b.Reset()
	drawingOn(&b, 0, false).table([]string{"FIRST", "SECOND", "SOFT"}, [][]span{row}, "SOFT")
	says(t, b.String(), strings.Repeat("a", 60), strings.Repeat("s", 60))
}

func TestTimesInWords(t *testing.T) {
	d := drawingOn(&bytes.Buffer{}, 80, false)
	for got, want := range map[string]string{
		d.ago(cliNow): "now", d.ago(cliNow.Add(-5 * time.Second)): "5s ago", d.ago(cliNow.Add(-3 * time.Minute)): "3m ago",
		d.ago(cliNow.Add(-47 * time.Hour)): "47h ago", d.ago(cliNow.Add(-72 * time.Hour)): "3d ago",
		d.until(cliNow.Add(90 * time.Second)): "in 1m", d.until(cliNow.Add(-time.Second)): "over",
		d.clock(cliNow): "15:00:00", d.clock(cliNow.Add(-24 * time.Hour)): "2026-11-21 15:00:00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWorkingCleansUp: the turning mark leaves nothing behind, and stopping twice does no harm.
func TestWorkingCleansUp(t *testing.T) {
	var b bytes.Buffer
	d := drawingOn(&b, 80, false)
	d.live = true
	stop := d.working("waiting")
	stop()
	stop()
	says(t, b.String(), "waiting")
	if !strings.HasSuffix(b.String(), clearLine) {
		t.Errorf("it ends with %q", b.String())
	}
	b.Reset()
	d.live = false
	d.working("waiting")()
	if b.Len() != 0 {
		t.Errorf("drew %q where nothing can be drawn over", b.String())
	}
}
