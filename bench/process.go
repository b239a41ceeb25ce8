package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server under test.
type process struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer
	addr string
	// ready is how long it took from exec to the first success of /readyz.
	ready time.Duration
}

// start runs a server and waits until it is ready.
func start(ctx context.Context, addr, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), log: &bytes.Buffer{}, addr: addr} //nolint:gosec,noctx // our own programs; stop ends them gently
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = dieWithParent()
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.await(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s %s: %w; it said:\n%s", program, strings.Join(args, " "), err, p.log)
	}
	p.ready = time.Since(began)
	return p, nil
}

// startLimit bounds how long a server may take to be ready; floor fills its table meanwhile.
const startLimit = time.Minute

// await asks for readiness as often as it can without taking the processor from the server.
func (p *process) await(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := pause(ctx, 500*time.Microsecond); err != nil {
			return err
		}
	}
	return errors.New("it was not ready within a minute")
}

// stop asks the server to end, and makes it if it will not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait() // it was told to end, so how it ended says nothing
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// residentMB is the memory that a process holds, in millions of bytes.
func residentMB(pid int) (float64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("the server's memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) * 1024 / 1e6, err
		}
	}
	return 0, errors.New("/proc/PID/status has no VmRSS")
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
