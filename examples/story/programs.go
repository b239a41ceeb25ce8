package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// programs are those that run beside this one and end with it.
type programs struct {
	ctx   context.Context
	dir   string
	ended chan error
	group sync.WaitGroup
}

// start runs a program with its output in a log, and with nothing of AWS's own settings beside env. GitHub's client secret
// is for Lanyard's vault alone.
func (p *programs) start(name string, env []string, program string, args ...string) error {
	logFile := filepath.Join(p.dir, name+".log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(p.ctx, program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	for _, assignment := range os.Environ() {
		if !strings.HasPrefix(assignment, "AWS_") && !strings.HasPrefix(assignment, "GITHUB_CLIENT_") {
			cmd.Env = append(cmd.Env, assignment)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: run `make story`, which builds it", err)
	}
	p.group.Go(func() {
		defer log.Close()
		err := cmd.Wait()
		p.ended <- fmt.Errorf("%s ended: %w; its log is %s", name, cmp.Or(err, errors.New("by itself")), logFile)
	})
	return nil
}

// first waits until a program ends by itself, which none should, or all are told to.
func (p *programs) first() error {
	select {
	case <-p.ctx.Done():
		return nil
	case err := <-p.ended:
		return err
	}
}

func (p *programs) wait() { p.group.Wait() }

// exports waits for the file that `lanyard dev` writes when it is ready, and reads its assignments.
func (p *programs) exports(file string) (map[string]string, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if f, err := os.Open(file); err == nil {
			defer f.Close()
			return readExports(f)
		}
		select {
		case <-p.ctx.Done():
			return nil, p.ctx.Err()
		case err := <-p.ended:
			return nil, err
		case <-tick.C:
		}
	}
}

func readExports(f *os.File) (map[string]string, error) {
	env := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		if ok {
			env[name] = strings.Trim(value, "'")
		}
	}
	return env, lines.Err()
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
