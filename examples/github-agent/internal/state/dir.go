package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
)

// Dir keeps objects as files, for one process on one machine: versions are compared under a lock of this process.
type Dir struct {
	root *os.Root // which no name leaves, nor any symbolic link
	mu   sync.Mutex
}

// OpenDir opens a directory and makes it if need be. Nobody but its owner may read it.
func OpenDir(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the state directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("the state directory: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("the state directory %s can be read by others (mode %04o): chmod 700 %s", dir, mode, dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the state directory: %w", err)
	}
	return &Dir{root: root}, nil
}

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Get implements Store.
func (d *Dir) Get(_ context.Context, name string) ([]byte, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read(name)
}

func (d *Dir) read(name string) ([]byte, string, error) {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", ErrNotFound
	}
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxObject))
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:]), nil
}

// Put implements Store. A reader sees the old object or the new one, never half of one.
func (d *Dir) Put(_ context.Context, name string, data []byte, version string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, now, err := d.read(name); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	} else if now != version {
		return ErrConflict
	}
	if err := d.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	written := name + ".new"
	if err := d.root.WriteFile(written, data, 0o600); err != nil {
		return err
	}
	return d.root.Rename(written, name)
}
