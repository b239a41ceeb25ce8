package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// source returns the directory of a spec's files. It is a copy that no session may write: a version stays what it was,
// and what one session does to it no other one sees.
func (h *Host) source(ctx context.Context, spec *hostlink.Spec) (string, error) {
	if sha := spec.Source.Archive; sha != "" {
		if !h.hasArchive(sha) {
			return "", hostlink.Errorf(hostlink.CodeUnknownArchive, "the archive %s is not on this agent host", sha)
		}
		h.touch(h.archiveDir(sha))
		return h.archiveDir(sha), nil
	}
	from, err := h.allowedDirectory(spec.Source.Directory)
	if err != nil {
		return "", err
	}
	return h.once(ctx, h.path("code", "copy-"+spec.Hash()), func(into string) error { return h.copyDirectory(h.life, from, into) })
}

// allowedDirectory is the directory without links, if the operator allows it.
func (h *Host) allowedDirectory(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", hostlink.Errorf(hostlink.CodeSource, "the agent's directory %s cannot be found on the agent host's machine", dir)
	}
	if within(real, h.cfg.StateDir) || slices.ContainsFunc(h.cfg.Hide, func(d string) bool { return within(real, d) }) {
		return "", hostlink.Errorf(hostlink.CodeSource, "the agent's directory %s is Lanyard's own, and no agent's", dir)
	}
	if !h.cfg.AnyDirectory && !slices.ContainsFunc(h.cfg.Directories, func(d string) bool { return within(real, d) }) {
		return "", hostlink.Errorf(hostlink.CodeSource, "the agent's directory %s is not below one that the agent host's configuration lists under directories", dir)
	}
	return real, nil
}

// once makes a directory by make, whole or not at all, and by one caller only.
func (h *Host) once(ctx context.Context, dir string, make func(into string) error) (string, error) {
	if isDir(dir) {
		h.touch(dir)
		return dir, nil
	}
	done := h.flights.DoChan(dir, func() (any, error) {
		return h.workers.do(func() (any, error) { return nil, makeWhole(dir, make) })
	})
	select {
	case r := <-done:
		return dir, r.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// makeWhole makes a directory beside its place and moves it there when it is complete.
func makeWhole(dir string, make func(into string) error) (err error) {
	if isDir(dir) {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }() // gone already when it was moved
	if err := make(tmp); err != nil {
		return err
	}
	return errors.Join(os.Chmod(tmp, 0o755), os.Rename(tmp, dir)) //nolint:gosec // every session's user reads it
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// notCopied are directories that are no part of an agent: made again here, or of no use to it.
var notCopied = []string{".git", "__pycache__", ".venv", ".pytest_cache", ".mypy_cache"}

// copyDirectory copies an agent's directory.
func (h *Host) copyDirectory(ctx context.Context, from, into string) error {
	src, err := os.OpenRoot(from)
	if err != nil {
		return hostlink.Errorf(hostlink.CodeSource, "the agent's directory %s cannot be opened", from)
	}
	defer closeRead(src)
	u, err := h.newUnpacker(into)
	if err != nil {
		return err
	}
	defer closeRead(u.root)
	err = fs.WalkDir(src.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return refused(name, "cannot be read: %v", err)
		case ctx.Err() != nil:
			return ctx.Err()
		case e.IsDir() && h.skipped(src, filepath.Join(from, name), name):
			return fs.SkipDir
		}
		return u.copyEntry(src, name, e)
	})
	if err != nil {
		return err
	}
	return u.finish()
}

// skipped tells directories that are not copied: Lanyard's own data may lie in the folder where it was tried out.
func (h *Host) skipped(src *os.Root, full, name string) bool {
	if slices.Contains(notCopied, filepath.Base(name)) || full == h.cfg.StateDir || slices.Contains(h.cfg.Hide, full) {
		return true
	}
	_, err := src.Stat(filepath.Join(name, "pyvenv.cfg"))
	return err == nil
}

func (u *unpacker) copyEntry(src *os.Root, name string, e fs.DirEntry) error {
	switch e.Type() {
	case fs.ModeDir:
		if name == "." {
			return nil
		}
		return u.dir(name)
	case fs.ModeSymlink:
		target, err := src.Readlink(name)
		if err != nil {
			return refused(name, "cannot be read: %v", err)
		}
		return u.link(name, target)
	case 0:
		f, err := src.Open(name)
		if err != nil {
			return refused(name, "cannot be read: %v", err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return refused(name, "changed while it was read")
		}
		return u.file(name, info.Mode(), f)
	}
	return refused(name, "is neither a file, a directory nor a link")
}

func (h *Host) archiveDir(sha string) string { return h.path("code", "archive-"+sha) }

func (h *Host) hasArchive(sha string) bool { return isDir(h.archiveDir(sha)) }

// putArchive unpacks an archive that has the hash it is said to have. Only the unpacked files are kept.
func (h *Host) putArchive(ctx context.Context, sha string, body io.Reader) error {
	if h.hasArchive(sha) {
		return nil
	}
	f, err := os.CreateTemp(h.path("code"), ".archive-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, hostlink.MaxArchive+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	switch {
	case n > hostlink.MaxArchive:
		return hostlink.Errorf(hostlink.CodeTooLarge, "the archive has more than %d bytes", int64(hostlink.MaxArchive))
	case hex.EncodeToString(sum.Sum(nil)) != sha:
		return hostlink.Errorf(hostlink.CodeInvalid, "the archive does not have the SHA-256 that it was announced with")
	}
	_, err = h.once(ctx, h.archiveDir(sha), func(into string) error { return h.unpackArchive(ctx, f.Name(), into) })
	return err
}
