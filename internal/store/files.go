package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// prepareDir makes the directory and its files readable for their owner alone, and mends looser modes: what rests in
// them is sealed, but names, times and the audit stream are nobody else's business either.
func prepareDir(dir string) error {
	if err := privateDir(dir); err != nil {
		return err
	}
	for _, name := range []string{lockFile, mainFile, auditFile} {
		if err := createPrivate(dir, name); err != nil {
			return err
		}
	}
	return nil
}

func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("store: making the directory %s: %w", dir, err)
	}
	return private(dir, 0o700)
}

func private(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if info.Mode().Perm()&^mode == 0 {
		return nil
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("store: %s has mode %04o, so others can reach it, and the mode cannot be changed: run `chmod %o %s` as its owner, or configure a subdirectory that Lanyard makes itself: %w",
			path, info.Mode().Perm(), mode, path, err)
	}
	return nil
}

// createPrivate makes an empty file of mode 0600 unless there is one. It never opens a database file: closing any
// descriptor of a file drops all POSIX locks that this process holds on it, those of SQLite too. So the file is made
// under another name and then linked.
func createPrivate(dir, name string) error {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return privateFiles(path)
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("store: making %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("store: making %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("store: making %s: %w", path, err)
	}
	return nil
}

// privateFiles mends the modes of a database file and of those that SQLite keeps beside it.
func privateFiles(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := private(path+suffix, 0o600)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// lockDir lets one process at a time create and migrate the files. The lock is a transaction on a file of its own, which
// the operating system releases when the process dies.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	db, err := openDB(filepath.Join(dir, lockFile), url.Values{})
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: waiting for another process that opens %s: %w", dir, sqliteDialect().wrap(err)), db.Close())
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // closing releases it as well
		_ = conn.Close()
		_ = db.Close()
	}, nil
}
