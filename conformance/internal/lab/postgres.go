package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// postgres is a PostgreSQL with a data directory of its own, for this run alone.
type postgres struct {
	bin     string // directory of its programs
	dir     string
	log     string
	port    int
	as      *syscall.SysProcAttr
	running *process
}

// PostgresURL creates an empty database and returns its connection URL.
func (l *Lab) PostgresURL(t testing.TB) string {
	t.Helper()
	p, err := l.postgres()
	p = must(t, p, err)
	name := fmt.Sprintf("conformance_%d", l.databases.Add(1))
	createdb := p.command("createdb", "--host=127.0.0.1", "--username=lanyard", "--port="+strconv.Itoa(p.port), name)
	if out, err := createdb.CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v\n%s", err, out)
	}
	return p.url(name)
}

// Postgres is a PostgreSQL that a test may stop.
type Postgres struct {
	URL string
	p   *postgres
	ctx context.Context
}

// OwnPostgres starts a PostgreSQL that no other test uses, with an empty database.
func (l *Lab) OwnPostgres(t testing.TB) *Postgres {
	t.Helper()
	p, err := l.startPostgres()
	p = must(t, p, err)
	return &Postgres{URL: p.url("postgres"), p: p, ctx: l.ctx}
}

// Stop ends it as an operator does who cannot wait for its clients.
func (p *Postgres) Stop(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(p.p.running.cmd.Process.Pid, syscall.SIGINT); err != nil { // a fast shutdown
		t.Fatal(err)
	}
	<-p.p.running.done
}

// Kill ends it without a word to its clients and without a checkpoint: its next start recovers from its log.
func (p *Postgres) Kill(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(p.p.running.cmd.Process.Pid, syscall.SIGQUIT); err != nil { // an immediate shutdown
		t.Fatal(err)
	}
	<-p.p.running.done
}

// Start starts it again on the same port.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	if err := p.p.start(p.ctx); err != nil {
		t.Fatal(err)
	}
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://lanyard@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

func (l *Lab) startPostgres() (*postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &postgres{bin: bin, port: port, as: &syscall.SysProcAttr{}, log: filepath.Join(l.tmp, fmt.Sprintf("postgres-%d.log", port))}
	if err := p.makeDir(); err != nil {
		return nil, err
	}
	l.onClose(func() { _ = os.RemoveAll(p.dir) })
	initdb := p.command("initdb", "--pgdata="+p.data(), "--username=lanyard", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	l.onClose(func() {
		if p.running != nil {
			p.running.kill()
		}
	})
	return p, p.start(l.ctx)
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *postgres) start(ctx context.Context) error {
	port := strconv.Itoa(p.port)
	running, err := startProcess("postgres", p.log, p.command("postgres", "-D", p.data(), "-p", port, "-h", "127.0.0.1", "-k", p.dir))
	if err != nil {
		return err
	}
	p.running = running
	return running.waitFor(ctx, "connection", func() bool {
		return p.command("pg_isready", "--host=127.0.0.1", "--port="+port).Run() == nil
	})
}

// postgresPrograms finds the server's programs, which Debian keeps out of the path.
func postgresPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	program, err := systemProgram("postgres")
	return filepath.Dir(program), err
}

// makeDir makes the data directory. PostgreSQL refuses to run as root, and gets the account that its package made.
func (p *postgres) makeDir() error {
	dir, err := os.MkdirTemp("", "lanyard-postgres-")
	if err != nil {
		return err
	}
	p.dir = dir
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return err
	}
	p.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(dir, int(uid), int(gid))
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "LC_ALL=C"}
	attr := *p.as
	cmd.SysProcAttr = &attr
	return cmd
}
