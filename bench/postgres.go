package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres is a private PostgreSQL server with the settings it comes with, but for memory.
type postgres struct {
	cmd  *exec.Cmd
	addr string
	dir  string
}

func startPostgres(ctx context.Context, dir string) (*postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	attr, err := ownerOf(dir)
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	data := filepath.Join(dir, "data")
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...) //nolint:gosec,noctx // of the installed server; close ends it gently
		c.Dir, c.SysProcAttr, c.Env = dir, attr, []string{"LC_ALL=C.UTF-8", "TZ=UTC"}
		return c
	}
	if out, err := command("initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync", "--encoding=UTF8").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p := &postgres{cmd: command("postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", dir, "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"), addr: addr, dir: dir}
	var log bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &log, &log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.await(ctx); err != nil {
		p.close()
		return nil, fmt.Errorf("%w; it said:\n%s", err, &log)
	}
	return p, nil
}

func (p *postgres) await(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if conn, err := pgx.Connect(ctx, p.url("postgres")); err == nil {
			return conn.Close(ctx)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("PostgreSQL was not ready within a minute")
}

func (p *postgres) url(database string) string {
	return "postgres://bench@" + p.addr + "/" + database + "?sslmode=disable"
}

// database makes an empty database.
func (p *postgres) database(ctx context.Context, name string) (string, error) {
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return p.url(name), nil
}

func (p *postgres) close() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // at once: its data is thrown away
	_ = p.cmd.Wait()
}

func postgresPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	newest, best := "", 0
	for _, f := range found {
		dir := filepath.Dir(f)
		if v, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))); v > best {
			newest, best = dir, v
		}
	}
	if newest != "" {
		return newest, nil
	}
	if f, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(f), nil
	}
	return "", errors.New("PostgreSQL is not installed here; run `apt-get install -y postgresql`, or leave it out with -engines sqlite")
}

// ownerOf gives the directory to who is to run the server: it refuses root.
func ownerOf(dir string) (*syscall.SysProcAttr, error) {
	attr := dieWithParent()
	if os.Geteuid() != 0 {
		return attr, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, os.Chown(dir, int(uid), int(gid))
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody to run it as")
}
