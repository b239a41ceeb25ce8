//go:build linux

package host

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// wholeOrder is what wholeHost is told.
type wholeOrder struct {
	Config  Config
	KeyPair []byte
	Server  hostlink.Fingerprint
}

// wholeHost is a host in a process of its own, which the test kills.
func wholeHost(path string) {
	b, err := os.ReadFile(path)
	var o wholeOrder
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err == nil {
		err = o.run()
	}
	fmt.Fprintln(os.Stderr, err)
	syscall.Exit(1)
}

func (o wholeOrder) run() error {
	own, err := hostlink.ParseKeyPair(o.KeyPair)
	if err != nil {
		return err
	}
	h, err := New(context.Background(), o.Config, Deps{Upstream: &fakeUpstream{}, Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("https://" + ln.Addr().String())
	return h.Run(context.Background(), ln, own, o.Server)
}

// startWhole starts a host in a process of its own and returns a fixture that can invoke but not look inside.
func startWhole(t *testing.T, cfg Config) (*fixture, *exec.Cmd) {
	t.Helper()
	f := &fixture{t: t, server: pair(t), own: pair(t), logged: &lockedBuffer{}}
	f.agent = placeAgent(t, cfg)
	pem, err := f.own.PEM()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(wholeOrder{cfg, pem, f.server.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "order")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testExecutable(t), "whole-host", path)
	cmd.Stderr = f.logged
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, _, err := bufio.NewReader(out).ReadLine()
	if err != nil {
		t.Fatalf("%v\n%s", err, f.logged)
	}
	f.url = string(line)
	f.client = f.dial(f.server, f.own.Fingerprint())
	return f, cmd
}

func TestNothingIsLeftOfAKilledHost(t *testing.T) {
	for name, change := range isolations() {
		t.Run(name, func(t *testing.T) {
			cfg := hostConfig(t)
			if change != nil {
				change(&cfg)
			}
			f, cmd := startWhole(t, cfg)
			spec := f.spec("ignore-term")
			f.must(spec, sessionA, "alice", ask{Do: "daemon"})
			f.must(spec, sessionB, "alice", ask{})
			id := hostID(t, cfg)
			if n := len(marks(id)); n != 3 {
				t.Fatalf("%d processes of two sessions and a daemon", n)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if cfg.InsecureNoNamespaces { // the daemon, which left the agent's group, is the next host's to find
				eventually(t, "the agents to end", func() bool { return len(marks(id)) == 1 })
				next, _ := startWhole(t, cfg)
				next.must(spec, sessionA, "alice", ask{})
				if n := len(marks(id)); n != 1 {
					t.Fatalf("%d processes, want the new agent's alone", n)
				}
				return
			}
			eventually(t, "everything to end", func() bool { return len(marks(id)) == 0 })
			next, _ := startWhole(t, cfg)
			next.must(spec, sessionA, "alice", ask{})
			if left, err := filepath.Glob(filepath.Join(cfg.StateDir, "run", "*")); err != nil || len(left) != 1 {
				t.Errorf("directories of sessions: %v %v", left, err)
			}
		})
	}
}

func hostID(t *testing.T, cfg Config) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(cfg.StateDir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOneHostForOneStateDirectory(t *testing.T) {
	f := start(t, nil)
	cfg := f.host.cfg
	_, err := New(t.Context(), cfg, Deps{Upstream: f.upstream, Now: f.now, Log: slog.Default()})
	if err == nil || f.host.lock == nil {
		t.Fatal("a second host took the directory")
	}
}

func TestOldNotesKillNobody(t *testing.T) {
	stranger := exec.Command("/bin/sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	cfg := hostConfig(t)
	dir := filepath.Join(cfg.StateDir, "run", "x")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	note := fmt.Sprintf("%d 1\n", stranger.Process.Pid) // the number is used again: it started at another time
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, func(c *Config) { *c = cfg })
	if !alive(stranger.Process.Pid) {
		t.Fatal("a process that is not ours was killed")
	}
}
