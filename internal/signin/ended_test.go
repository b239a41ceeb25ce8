package signin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func endAll(t *testing.T, e EndedSessions, until time.Time, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := e.End(t.Context(), id, until); err != nil {
			t.Fatal(err)
		}
	}
}

func isEnded(t *testing.T, e EndedSessions, id string) bool {
	t.Helper()
	ended, err := e.Ended(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

func openEnded(t *testing.T, path string, c *clock) *EndedFile {
	t.Helper()
	f, err := OpenEndedFile(path, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEndedSessions(t *testing.T) {
	c := newClock()
	for name, e := range map[string]EndedSessions{"memory": NewEndedMemory(c.now), "file": openEnded(t, filepath.Join(t.TempDir(), "ended"), c)} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					if err := e.End(t.Context(), strconv.Itoa(i), c.now().Add(time.Hour)); err != nil {
						t.Error(err)
					}
					if ended, err := e.Ended(t.Context(), strconv.Itoa(i)); !ended || err != nil {
						t.Errorf("%d: %v, %v", i, ended, err)
					}
				})
			}
			wg.Wait()
			if isEnded(t, e, "20") || isEnded(t, e, "") {
				t.Error("a session counts as ended that is not")
			}
			endAll(t, e, c.now(), "3") // an earlier end does not shorten what is remembered
			endAll(t, e, c.now().Add(time.Minute), "3")
			if !isEnded(t, e, "3") {
				t.Error("forgotten")
			}
		})
	}
}

func TestEndedMemoryForgetsWhatEndedByItself(t *testing.T) {
	c := newClock()
	m := NewEndedMemory(c.now)
	for i := range 5000 {
		endAll(t, m, c.now().Add(time.Minute), strconv.Itoa(i))
		c.advance(time.Second)
	}
	if n := len(m.ended.until); n > 1500 {
		t.Fatalf("%d entries, of which 60 matter", n)
	}
	if !isEnded(t, m, "4999") || !isEnded(t, m, "4941") {
		t.Fatal("one that matters was forgotten")
	}
}

func TestA50_EndedIsBounded(t *testing.T) {
	c := newClock()
	m := NewEndedMemory(c.now)
	for i := range maxEnded {
		m.ended.until[endedID{byte(i), byte(i >> 8), byte(i >> 16)}] = c.now().Unix()
	}
	if err := m.End(t.Context(), "one more", c.now()); err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("End = %v: a sign-out that is not remembered must fail", err)
	}
	c.advance(time.Second)
	endAll(t, m, c.now(), "one more")
}

func TestEndedFileSurvivesRestart(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a", "b")
	endAll(t, f, c.now().Add(time.Minute), "short")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	c.advance(2*time.Minute + time.Second) // a minute more for clocks that differ
	f = openEnded(t, path, c)
	if !isEnded(t, f, "a") || !isEnded(t, f, "b") || isEnded(t, f, "short") {
		t.Fatal("another record after a restart")
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Count(string(data), "\n") != 3 {
		t.Fatalf("file after its compaction: %q, %v", data, err)
	}
}

func TestA63_EndedFileHasNoSessionID(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	endAll(t, openEnded(t, path, c), c.now().Add(time.Hour), "the-session-id")
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 || strings.Contains(string(data), "the-session") {
		t.Fatalf("file = %q, %v", data, err)
	}
}

// A crash in the middle of a line loses that line alone, and what is written afterwards begins on a line of its own.
func TestEndedFileAfterACrash(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a", "b")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second := len(whole) - len(line(endedID{}, c.now().Unix()))
	for cut := second; cut < len(whole); cut += 6 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		f := openEnded(t, path, c)
		if !isEnded(t, f, "a") || isEnded(t, f, "b") {
			t.Fatalf("cut at %d: another record", cut)
		}
		endAll(t, f, c.now().Add(time.Hour), "c")
		f = openEnded(t, path, c)
		if !isEnded(t, f, "a") || !isEnded(t, f, "c") {
			t.Fatalf("cut at %d: lost after the next one", cut)
		}
	}
}

func TestEndedFileThatCannotBeTrusted(t *testing.T) {
	c := newClock()
	good := string(line(endedID{1}, c.now().Add(time.Hour).Unix()))
	head := newHeader(strings.Repeat("A", 26))
	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		says    string
	}{
		"broken line":      {head + good + "garbage\n" + good, 0o600, "line 3"},
		"broken hash":      {head + strings.Repeat("x", 64) + " 1\n", 0o600, "line 2"},
		"short hash":       {head + "00 1\n", 0o600, "line 2"},
		"broken time":      {head + strings.Replace(good, " ", " x", 1), 0o600, "line 2"},
		"empty line":       {head + "\n", 0o600, "line 2"},
		"endless line":     {head + strings.Repeat("0", 1<<16), 0o600, "line 2"},
		"no header":        {good, 0o600, "line 1"},
		"empty":            {"", 0o600, "line 1"},
		"cut off header":   {head[:20], 0o600, "line 1"},
		"longer header":    {newHeader(strings.Repeat("A", 27)), 0o600, "line 1"},
		"written by all":   {head + good, 0o666, "chmod 600"},
		"read by the rest": {head + good, 0o604, "chmod 600"},
	} {
		path := filepath.Join(t.TempDir(), "ended")
		if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tc.mode); err != nil {
			t.Fatal(err)
		}
		f, err := OpenEndedFile(path, c.now)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if again := CheckEndedFile(path, c.now); again == nil || !strings.Contains(again.Error(), tc.says) {
			t.Errorf("%s: checking it: %v", name, again)
		}
	}
	if _, err := OpenEndedFile(t.TempDir(), c.now); err == nil {
		t.Error("a directory was opened as a file")
	}
	if _, err := OpenEndedFile(filepath.Join(t.TempDir(), "no", "ended"), c.now); err == nil {
		t.Error("a file in a directory that is not there was opened")
	}
}

// A disk that fails in the middle must not pass for the end of the file.
func TestEndedFileThatCannotBeRead(t *testing.T) {
	c := newClock()
	f := newEndedFile("", c.now)
	good := string(line(endedID{1}, c.now().Add(time.Hour).Unix()))
	err := f.read(bufio.NewReader(io.MultiReader(strings.NewReader(good), iotest.ErrReader(errDisk))))
	if !errors.Is(err, errDisk) {
		t.Fatalf("read = %v", err)
	}
}

func TestEndedFileIsCompactedWhileItRuns(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a")
	f.lines = 5000 // as after many sign-outs that no longer matter
	endAll(t, f, c.now().Add(time.Hour), "b")
	endAll(t, f, c.now().Add(time.Hour), "c")
	if f.lines > 3 || !isEnded(t, openEnded(t, path, c), "a") {
		t.Fatalf("%d lines", f.lines)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := f.End(t.Context(), "d", c.now().Add(time.Hour)); err == nil {
		t.Fatal("a sign-out into a file that is gone succeeded")
	}
}

func FuzzEndedFile(f *testing.F) {
	c := newClock()
	head := []byte(newHeader(strings.Repeat("A", 26)))
	good := slices.Concat(head, line(endedID{7}, c.now().Add(time.Hour).Unix()))
	for _, s := range [][]byte{good, head, good[:30], slices.Concat(good, good), []byte("\n"), fmt.Appendf(slices.Clone(head), "%064d 5\n", 0)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "ended")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := OpenEndedFile(path, c.now)
		if err != nil {
			return
		}
		n := len(e.ended.until)
		endAll(t, e, c.now().Add(time.Hour), "x")
		if e = openEnded(t, path, c); !isEnded(t, e, "x") || len(e.ended.until) != n+1 {
			t.Fatalf("%q: %d entries, then %d", data, n, len(e.ended.until))
		}
	})
}
