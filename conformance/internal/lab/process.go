package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 3 * time.Minute // Keycloak on an empty database, on a machine that does other things too
	patience     = 90 * time.Second
	stopTimeout  = 20 * time.Second
	pollInterval = 25 * time.Millisecond
)

// process is a child in a process group of its own, so that ending it ends what it started too.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// startProcess starts cmd with its output in a log file.
func startProcess(name, logFile string, cmd *exec.Cmd) (*process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, log: logFile, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// stop asks the process to end, and kills its group if it does not.
func (p *process) stop() error {
	_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
		p.kill()
		return nil
	case <-time.After(stopTimeout):
		p.kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM\n%s", p.name, stopTimeout, p.tail())
	}
}

// kill ends the whole group at once, as a power cut would.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// waitFor polls until ready answers true. It ends early, with the log, when the process ends.
func (p *process) waitFor(ctx context.Context, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%v) before %s\n%s", p.name, p.cmd.ProcessState, what, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s: no %s: %w\n%s", p.name, what, context.Cause(ctx), p.tail())
		case <-tick.C:
		}
	}
	return nil
}

// Eventually polls until a condition holds, for as long as most programs may take to start.
func Eventually(what string, holds func() bool) error {
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain until %s", patience, what)
		}
		time.Sleep(pollInterval)
	}
	return nil
}

// ExitCode is the one of a program that ended with an error, -1 when it did not end by itself.
func ExitCode(err error) int {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// readyLine waits for a log line with the prefix and returns the rest of it.
func (p *process) readyLine(ctx context.Context, prefix string) (string, error) {
	var rest string
	err := p.waitFor(ctx, "line that starts with "+prefix, func() bool {
		f, err := os.Open(p.log)
		if err != nil {
			return false
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if after, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				rest = after
				return true
			}
		}
		return false
	})
	return rest, err
}

// tail returns the end of the log.
func (p *process) tail() string {
	const most = 4 << 10
	f, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if _, err := f.Seek(-most, io.SeekEnd); err != nil {
		_, err = f.Seek(0, io.SeekStart)
		if err != nil {
			return err.Error()
		}
	}
	b, err := io.ReadAll(f)
	return strings.TrimSpace(string(b)) + errorText(err)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return "\n" + err.Error()
}

// portsTaken are those that freePort has given away in this process.
var portsTaken sync.Map

// freePort returns a port that nobody listens on, and never the same one twice to one process. The tests need a fixed one where a
// program must come back at the same address after it was killed. It lies below the ports that systems give to
// whoever asks for any: no connection that another test opens in the meantime gets it.
func freePort() (int, error) {
	const first, last = 12_000, 32_000
	err := errors.New("every one tried was given away")
	for range 100 {
		port := first + rand.IntN(last-first)
		if _, taken := portsTaken.LoadOrStore(port, true); taken {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port from %d to %d: %w", first, last, err)
}

// cleanEnv is the environment of every program here: nothing of the developer's own AWS set-up, proxies or
// configuration gets in.
func cleanEnv(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"TMPDIR=" + os.TempDir(),
		"LANG=C.UTF-8",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
	}
}

// copyFile copies a file that is small enough to be read at once.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600))
}
