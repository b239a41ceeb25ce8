package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a running lanyard. It comes back at the same address with the same data after Kill or Stop and Start.
type Server struct {
	URL     string
	DataDir string

	binary  string
	args    []string
	config  string // of serve
	envFile string // of dev; without, readiness is an open port
	env     []string
	dir     string
	running *process
}

// Dev starts `lanyard dev` with a data directory of its own, and ends it with the test.
func (l *Lab) Dev(t testing.TB, args ...string) *Server {
	t.Helper()
	s := l.newServer(t)
	s.envFile = filepath.Join(s.dir, "env")
	s.args = append([]string{"dev", "--listen", s.host(), "--data-dir", s.DataDir, "--env-file", s.envFile}, args...)
	s.Start(t)
	return s
}

// DevIn starts `lanyard dev` on the directory data below dir. The caller ends it.
func (l *Lab) DevIn(dir string, args ...string) (*Server, error) {
	binary, err := l.binary()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{
		URL: fmt.Sprintf("http://127.0.0.1:%d", port), DataDir: filepath.Join(dir, "data"), binary: binary, dir: dir,
		envFile: filepath.Join(dir, "env"),
	}
	s.args = append([]string{"dev", "--listen", s.host(), "--data-dir", s.DataDir, "--env-file", s.envFile}, args...)
	return s, s.start(l.ctx)
}

// SharedDev is a `lanyard dev` for tests that only keep to names of their own.
func (l *Lab) SharedDev(t testing.TB) *Server {
	t.Helper()
	s, err := l.dev()
	return must(t, s, err)
}

func (l *Lab) startSharedDev() (*Server, error) {
	dir, err := os.MkdirTemp(l.tmp, "dev-")
	if err != nil {
		return nil, err
	}
	s, err := l.DevIn(dir)
	if err != nil {
		return nil, err
	}
	l.onClose(func() { _ = s.End() }) // the run is over; what it left is removed
	return s, nil
}

// End is Stop for a server that no test owns.
func (s *Server) End() error { return s.running.stop() }

// Serve starts `lanyard serve` with https and a configuration that may use {{listen}}, the address to listen on, and
// {{dir}}, a directory of its own that holds root-key.
func (l *Lab) Serve(t testing.TB, config string) *Server {
	t.Helper()
	s := l.newServer(t)
	ca, err := l.ca()
	ca = must(t, ca, err)
	s.URL = "https://" + s.host()
	s.Admin(t, "root-key", "create", filepath.Join(s.dir, "root-key"))
	s.configure(t, config+ca.serverConfig())
	s.env = ca.clientEnv(s.URL)
	s.Start(t)
	return s
}

// Replica starts `lanyard serve` by http with exactly this configuration, in which {{listen}} is the address to listen
// on. The root key is the test's affair, since replicas share it.
func (l *Lab) Replica(t testing.TB, config string) *Server {
	t.Helper()
	s := l.newServer(t)
	s.configure(t, config)
	s.env = clientEnv(s.URL)
	s.Start(t)
	return s
}

// RootKey makes a root key file and returns its path.
func (l *Lab) RootKey(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root-key")
	l.newServer(t).Admin(t, "root-key", "create", file)
	return file
}

func (s *Server) configure(t testing.TB, config string) {
	t.Helper()
	s.config = filepath.Join(s.dir, "lanyard.yaml")
	s.args = []string{"serve", "--config", s.config}
	config = strings.NewReplacer("{{listen}}", s.host(), "{{dir}}", s.dir).Replace(config)
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Setenv adds to what Env and Getenv return, such as the credentials that an administrator made.
func (s *Server) Setenv(assignments ...string) { s.env = append(s.env, assignments...) }

// Admin runs `lanyard admin` on the server's machine and returns what it printed.
func (s *Server) Admin(t testing.TB, args ...string) string {
	t.Helper()
	return s.Lanyard(t, append([]string{"admin"}, args...)...)
}

// Lanyard runs any command of lanyard there.
func (s *Server) Lanyard(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.binary, args...)
	if _, err := os.Stat(s.config); err == nil {
		cmd.Args = append(cmd.Args, "--config", s.config)
	}
	cmd.Dir = s.dir
	cmd.Env = cleanEnv(s.dir)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("lanyard %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func (l *Lab) newServer(t testing.TB) *Server {
	t.Helper()
	binary, err := l.binary()
	binary = must(t, binary, err)
	port, err := freePort()
	port = must(t, port, err)
	dir := t.TempDir()
	s := &Server{
		URL:     fmt.Sprintf("http://127.0.0.1:%d", port),
		DataDir: filepath.Join(dir, "data"),
		binary:  binary,
		dir:     dir,
	}
	t.Cleanup(func() {
		if s.running != nil {
			s.Stop(t)
		}
		if t.Failed() {
			t.Logf("lanyard's log ends:\n%s", (&process{log: s.LogFile()}).tail())
		}
	})
	return s
}

func (s *Server) host() string {
	_, host, _ := strings.Cut(s.URL, "://")
	return host
}

// LogFile holds what the server printed, over all its starts.
func (s *Server) LogFile() string { return filepath.Join(s.dir, "lanyard.log") }

// Keyless is the server as programs see it that have no keys: its addresses, and what env adds.
func (s *Server) Keyless(env ...string) *Server {
	seen := *s
	seen.env = slices.DeleteFunc(slices.Clone(s.env), func(assignment string) bool {
		name, _, _ := strings.Cut(assignment, "=")
		return name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN"
	})
	seen.env = append(seen.env, env...)
	return &seen
}

// Env returns what lanyard exported for its clients (NAME=value).
func (s *Server) Env() []string { return s.env }

// Getenv returns one of the exported values.
func (s *Server) Getenv(name string) string {
	for _, assignment := range s.env {
		if value, ok := strings.CutPrefix(assignment, name+"="); ok {
			return value
		}
	}
	return ""
}

// Start starts the server and returns when clients can call it.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) start(ctx context.Context) error {
	if s.envFile != "" {
		_ = os.Remove(s.envFile) // an old one would tell readiness too early
	}
	cmd := exec.Command(s.binary, s.args...)
	cmd.Dir = s.dir
	cmd.Env = cleanEnv(s.dir)
	p, err := startProcess("lanyard "+s.args[0], s.LogFile(), cmd)
	if err != nil {
		return err
	}
	s.running = p
	return s.waitReady(ctx)
}

func (s *Server) waitReady(ctx context.Context) error {
	if s.envFile == "" {
		return s.running.waitFor(ctx, "open port "+s.host(), s.listening)
	}
	err := s.running.waitFor(ctx, "environment file", func() bool {
		text, err := os.ReadFile(s.envFile)
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.envFile)
	if err != nil {
		return err
	}
	s.env, err = parseEnvFile(string(text))
	return err
}

func (s *Server) listening() bool {
	conn, err := net.DialTimeout("tcp", s.host(), time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// Stop ends the server in an orderly way.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	p := s.running
	s.running = nil
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// Terminate asks the server to end, and returns while it does.
func (s *Server) Terminate(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(s.running.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// Wait waits until the server has ended, and returns its exit code.
func (s *Server) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-s.running.done:
	case <-time.After(stopTimeout):
		t.Fatalf("lanyard did not end within %v\n%s", stopTimeout, s.running.tail())
	}
	code := s.running.cmd.ProcessState.ExitCode()
	s.running = nil
	return code
}

// Pid is the process id of the running server.
func (s *Server) Pid() int { return s.running.cmd.Process.Pid }

// Listening reports whether the server takes connections.
func (s *Server) Listening() bool { return s.listening() }

// Kill ends the server with SIGKILL.
func (s *Server) Kill() {
	s.running.kill()
	s.running = nil
}

// Restart stops the server and starts it again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}
