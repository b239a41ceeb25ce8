//go:build linux

package terminal_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/conformance/quickstarts/terminal"
)

const soon = 20 * time.Second

func open(t *testing.T) *terminal.Terminal {
	t.Helper()
	term, err := terminal.Start(t.TempDir(), t.TempDir(), []string{"PATH=" + os.Getenv("PATH"), "GREETING=hello"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := term.Close(); err != nil {
			t.Error(err)
		}
	})
	return term
}

func run(t *testing.T, term *terminal.Terminal, block string) terminal.Result {
	t.Helper()
	r, err := term.Run(block, soon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBlocksShareOneShell(t *testing.T) {
	term := open(t)
	run(t, term, "mkdir here\ncd here\nNAME='a  b'\nPS1='(here) '\n") // as an activated environment does
	if r := run(t, term, "echo \"$GREETING $NAME\"\nbasename \"$PWD\"\n"); r.Output != "hello a  b\nhere\n" || r.Status != 0 || r.Failed != nil {
		t.Errorf("%+v", r)
	}
}

func TestFailuresAreSeenThoughTheBlockGoesOn(t *testing.T) {
	r := run(t, open(t), "echo one\nfalse \"x  y\"\n(exit 3)\nif false; then :; fi\necho two\n")
	if r.Output != "one\ntwo\n" || r.Status != 0 || len(r.Failed) != 2 || !strings.HasPrefix(r.Failed[0], "1 false") || !strings.HasPrefix(r.Failed[1], "3 ") {
		t.Errorf("%+v", r)
	}
	if r := run(t, open(t), "false\n"); r.Status != 1 {
		t.Errorf("%+v", r)
	}
}

func TestQuestionsAreAnsweredAtATerminal(t *testing.T) {
	term := open(t)
	r, err := term.Begin("test -t 0 && test -t 1 && printf '\\033[1mName?\\033[0m '\nread name\necho \"I am $name\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := r.Until(regexp.MustCompile(`(Name)\?`), soon); err != nil || m[1] != "Name" {
		t.Fatal(m, err)
	}
	if err := r.Type("Ann\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Wait(soon); err != nil || got.Output != "Name? I am Ann\n" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Until(regexp.MustCompile("Bob"), soon); err == nil || !strings.Contains(err.Error(), "I am Ann") {
		t.Errorf("a pattern that never comes: %v", err)
	}
}

func TestControlCInterruptsTheCommandAndNotTheShell(t *testing.T) {
	term := open(t)
	r, err := term.Begin("echo started\nsleep 100\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Until(regexp.MustCompile("started"), soon); err != nil {
		t.Fatal(err)
	}
	if err := r.Interrupt(soon); err != nil {
		t.Fatal(err)
	}
	if got := run(t, term, "echo still here\n"); !strings.HasSuffix(got.Output, "still here\n") {
		t.Errorf("%+v", got)
	}
}

func TestAShellThatEndsIsSeen(t *testing.T) {
	if _, err := open(t).Run("echo bye\nexit 4\n", soon); err == nil || !strings.Contains(err.Error(), "bye") {
		t.Errorf("got %v", err)
	}
}

func TestWaitingHasAnEnd(t *testing.T) {
	if _, err := open(t).Run("sleep 100\n", time.Millisecond); err == nil || !strings.Contains(err.Error(), "in vain") {
		t.Errorf("got %v", err)
	}
}
