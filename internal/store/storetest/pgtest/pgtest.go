// Package pgtest runs a private PostgreSQL server for tests, from the binaries that Debian and others install. It is
// for tests alone: the server never flushes its disk, and anybody on this machine may connect.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // creates the databases
)

const missing = "PostgreSQL is not installed here, and these tests need its server: run `apt-get install -y postgresql` (or test with -tags quick to leave them out)"

// Server is a private PostgreSQL server.
type Server struct {
	bin, dir string
	port     int
	attr     *syscall.SysProcAttr
	serial   atomic.Int64

	mu  sync.Mutex
	cmd *exec.Cmd
	log bytes.Buffer
}

// shared is the one server of a test binary. Tests that share it count themselves in and out.
var shared struct {
	sync.Mutex
	users  int
	failed bool
	server *Server
}

// Start returns the URL of a fresh database on the server that this test binary shares. The server stops with the last
// test that uses it.
func Start(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := launch()
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	shared.users++
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if err := leave(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return shared.server.Database(t)
}

// Keep keeps the shared server, once a test has started it, until release is called: tests that follow each other use
// the same one. Call it in TestMain.
func Keep() (release func() error) {
	shared.Lock()
	defer shared.Unlock()
	shared.users++
	return func() error {
		shared.Lock()
		defer shared.Unlock()
		return leave(false)
	}
}

// leave counts a user out and stops the server after the last one.
func leave(failed bool) error {
	shared.failed = shared.failed || failed
	if shared.users--; shared.users > 0 || shared.server == nil {
		return nil
	}
	s := shared.server
	shared.server = nil
	return s.destroy(shared.failed)
}

// NewServer starts a server for one test, which may stop and start it.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := launch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.destroy(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Database creates an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "test" + strconv.FormatInt(s.serial.Add(1), 10)
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("creating a test database: %v", err)
	}
	return s.url(name)
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Stop ends the server at once, as a crash of its machine would seem to its clients.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
}

// Start starts a stopped server again on the same port with the same data.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

func launch() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, uid, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, attr: attr}
	if err := s.init(uid); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) init(uid int) error {
	if uid >= 0 {
		if err := os.Chown(s.dir, uid, -1); err != nil {
			return err
		}
	}
	args := []string{"-D", filepath.Join(s.dir, "data"), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"}
	if major(filepath.Join(s.bin, "postgres")) >= 15 {
		// A language's order, which is not that of bytes, uncovers code that relies on the server's.
		args = append(args, "--locale-provider=icu", "--icu-locale=en-US")
	}
	initdb := s.command("initdb", args...)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.port = port
	return s.start()
}

// binaries finds the newest installed server.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
		return filepath.Dir(newest), nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New(missing)
}

func major(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// account is who runs the server: it refuses root.
func account() (*syscall.SysProcAttr, int, error) {
	attr := dieWithParent()
	if os.Geteuid() != 0 {
		return attr, -1, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr != nil || gerr != nil {
			continue
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, int(uid), nil
	}
	return nil, -1, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody to run it as")
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.attr
	cmd.Env = []string{"LC_ALL=C.UTF-8", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	return cmd
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := s.command("postgres", "-D", "data", "-p", strconv.Itoa(s.port), "-h", "127.0.0.1", "-k", s.dir,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB",
		"-c", "log_min_messages=warning")
	s.log.Reset()
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	return s.await()
}

// await returns when the server answers.
func (s *Server) await() error {
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

func (s *Server) stop(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("stopping PostgreSQL: %w", err)
	}
	_ = s.cmd.Wait() // it was told to end, so how it ended says nothing
	s.cmd = nil
	return nil
}

// destroy stops the server and removes its data; after a failure it shows what the server said.
func (s *Server) destroy(failed bool) error {
	err := s.stop(syscall.SIGQUIT)
	if failed {
		said := s.log.Bytes()
		fmt.Fprintf(os.Stderr, "PostgreSQL said at last:\n%s\n", said[max(0, len(said)-4096):])
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
