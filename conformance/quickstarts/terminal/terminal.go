//go:build linux

// Package terminal is a person's terminal: a shell behind a pseudo terminal, into which blocks of commands are pasted and
// questions are answered, and whose screen is read.
package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is one shell. Its methods are for one caller.
type Terminal struct {
	dir    string // of the blocks' files
	master *os.File
	shell  *exec.Cmd
	blocks int

	mu     sync.Mutex
	screen strings.Builder
	news   chan struct{} // has a value when the screen grew, and is closed when it ends
}

// Result is what became of a block.
type Result struct {
	Output string
	Status int      // of its last command
	Failed []string // commands that failed, with their statuses
}

const (
	columns      = 120
	rows         = 500 // nothing is shown page by page
	closeTimeout = 5 * time.Second
	pressAgain   = time.Second
)

// Start starts bash in a directory with this environment. Files of the terminal's own are kept in another one.
func Start(dir, own string, env []string) (*Terminal, error) {
	master, slave, err := openPTY()
	if err != nil {
		return nil, fmt.Errorf("a pseudo terminal: %w", err)
	}
	defer slave.Close()
	t := &Terminal{dir: own, master: master, news: make(chan struct{}, 1)}
	t.shell = exec.Command("bash", "--noprofile", "--norc", "--noediting", "-i")
	t.shell.Dir, t.shell.Env = dir, append(env, "TERM=xterm", "PS1=", "PS2=", "PROMPT_COMMAND="+prompt, "HISTFILE=")
	t.shell.Stdin, t.shell.Stdout, t.shell.Stderr = slave, slave, slave
	t.shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := t.shell.Start(); err != nil {
		return nil, errors.Join(err, master.Close())
	}
	go t.read()
	return t, t.write(setup)
}

// The shell prints a character that nothing else prints where a prompt would be.
const prompt = `PS1=; printf '\037'`

// The trap tells which commands of a block failed.
const setup = `set +o history; trap 'printf "\035%s %s\035" "$?" "${BASH_COMMAND//[[:cntrl:]]/ }"' ERR` + "\n"

func (t *Terminal) read() {
	defer close(t.news)
	b := make([]byte, 32<<10)
	for {
		n, err := t.master.Read(b)
		t.mu.Lock()
		t.screen.Write(b[:n])
		t.mu.Unlock()
		if err != nil { // the last process that had the terminal is gone
			return
		}
		select {
		case t.news <- struct{}{}:
		default:
		}
	}
}

func (t *Terminal) write(text string) error {
	_, err := t.master.WriteString(text)
	return err
}

func (t *Terminal) since(offset int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.String()[offset:]
}

func (t *Terminal) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.Len()
}

// Running is a block that was pasted and may not have ended.
type Running struct {
	t    *Terminal
	from int
	seen int // what was there when something was typed last
}

// Begin pastes a block. The shell reads it from a file, as it stands, so that what it asks is not answered by its own
// next line.
func (t *Terminal) Begin(block string) (*Running, error) {
	t.blocks++
	file := filepath.Join(t.dir, "block-"+strconv.Itoa(t.blocks))
	if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
		return nil, err
	}
	r := &Running{t: t, from: t.size(), seen: t.size()}
	return r, t.write(". " + file + `; printf '\036%d\036' "$?"` + "\n")
}

// Run pastes a block and waits for its end.
func (t *Terminal) Run(block string, timeout time.Duration) (Result, error) {
	r, err := t.Begin(block)
	if err != nil {
		return Result{}, err
	}
	return r.Wait(timeout)
}

var (
	ending      = regexp.MustCompile("\036(\\d+)\036")
	failure     = regexp.MustCompile("\035(\\d+ [^\035]*)\035")
	overwritten = regexp.MustCompile(`[^\n]*\r`) // such as progress
	control     = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b\\][^\x07]*\x07|\x1b[=>]|\x1b[()][0-9A-Z]|\x1f")
)

// Screen is what the block printed so far, without colours.
func (r *Running) Screen() string { return plain(r.t.since(r.from)) }

func plain(s string) string {
	s = ending.ReplaceAllString(failure.ReplaceAllString(s, ""), "")
	s = strings.ReplaceAll(control.ReplaceAllString(s, ""), "\r\n", "\n")
	return overwritten.ReplaceAllString(s, "")
}

// Until waits until what the block printed since the last answer matches, and returns the match's groups.
func (r *Running) Until(pattern *regexp.Regexp, timeout time.Duration) ([]string, error) {
	var m []string
	err := r.t.wait(timeout, "the screen matches "+pattern.String(), r, func() (bool, error) {
		if m = pattern.FindStringSubmatch(plain(r.t.since(r.seen))); m != nil {
			return true, nil
		}
		if ending.MatchString(r.t.since(r.from)) {
			return false, fmt.Errorf("the block ended, and its output does not match %s:\n%s", pattern, r.Screen())
		}
		return false, nil
	})
	return m, err
}

// Type answers a question.
func (r *Running) Type(answer string) error {
	r.seen = r.t.size()
	return r.t.write(answer)
}

// Interrupt presses Ctrl-C until the shell is back. One may come between the shell and the command that it starts; and
// what is typed before the prompt is there would be forgotten.
func (r *Running) Interrupt(timeout time.Duration) error {
	before, end := r.t.size(), time.Now().Add(timeout)
	for {
		if err := r.t.write("\x03"); err != nil {
			return err
		}
		err := r.t.wait(pressAgain, "the shell is back", r, func() (bool, error) {
			return strings.Contains(r.t.since(before), "\x1f"), nil
		})
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// Wait waits for the block's end.
func (r *Running) Wait(timeout time.Duration) (Result, error) {
	var result Result
	err := r.t.wait(timeout, "the block ends", r, func() (bool, error) {
		text := r.t.since(r.from)
		m := ending.FindStringSubmatch(text)
		if m == nil {
			return false, nil
		}
		result.Output = plain(text)
		for _, f := range failure.FindAllStringSubmatch(text, -1) {
			result.Failed = append(result.Failed, f[1])
		}
		var err error
		result.Status, err = strconv.Atoi(m[1])
		return true, err
	})
	return result, err
}

func (t *Terminal) wait(timeout time.Duration, what string, r *Running, holds func() (bool, error)) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		if done, err := holds(); done || err != nil {
			return err
		}
		select {
		case _, open := <-t.news:
			if open {
				continue
			}
			if done, err := holds(); done || err != nil {
				return err
			}
			return fmt.Errorf("the shell ended before %s:\n%s", what, r.Screen())
		case <-deadline.C:
			return fmt.Errorf("waited %v in vain until %s:\n%s", timeout, what, r.Screen())
		}
	}
}

// Close closes the window: everything that still runs in it gets a hangup.
func (t *Terminal) Close() error {
	_ = syscall.Kill(-t.shell.Process.Pid, syscall.SIGHUP)
	done := make(chan struct{})
	go func() { _ = t.shell.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(closeTimeout):
		_ = syscall.Kill(-t.shell.Process.Pid, syscall.SIGKILL)
		<-done
	}
	return t.master.Close()
}

// openPTY returns both ends of a pseudo terminal that echoes nothing.
func openPTY() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err == nil {
		err = quiet(int(slave.Fd()))
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}

func quiet(fd int) error {
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	mode.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, mode); err != nil {
		return err
	}
	return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
}
