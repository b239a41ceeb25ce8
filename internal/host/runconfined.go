package host

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// runConfined runs one command to its end, confined as its order says.
func (h *Host) runConfined(ctx context.Context, o *order, out io.Writer) error {
	hold, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	defer alive.Close()
	cmd := exec.Command(h.cfg.Self[0], h.cfg.Self[1:]...) //nolint:noctx // the whole group is ended below
	cmd.Env, cmd.Dir, cmd.ExtraFiles = []string{}, "/", []*os.File{hold}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, time.Second
	cmd.SysProcAttr = h.confine.attributes(o.UID)
	err = h.starter.start(cmd)
	_ = hold.Close()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { signalGroup(cmd.Process.Pid, sigKill) })
	defer stop()
	sent := o.send(alive)
	err = cmd.Wait()
	signalGroup(cmd.Process.Pid, sigKill)
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return errors.Join(ctx.Err(), err, sent)
}

// outputTail keeps the end of what a command prints, for a message.
type outputTail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *outputTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *outputTail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(string(t.kept), "\n")
	for i := range lines {
		lines[i] = cleanLine(lines[i])
	}
	return strings.Join(lines, "\n")
}
