package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// unpacker puts the files of a source below one directory, never beside it, and only so many (A51). os.Root resolves
// every name, so that no link, not even one that the source brought, leads out.
type unpacker struct {
	root  *os.Root
	files int
	bytes int64
	most  Limits
	links []string
}

func (h *Host) newUnpacker(dir string) (*unpacker, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &unpacker{root: root, most: h.cfg.Limits}, nil
}

// refused is a source that is not used, with the entry that is to blame.
func refused(entry, format string, args ...any) error {
	return hostlink.Errorf(hostlink.CodeSource, "the agent's files are refused: %q %s", entry, fmt.Sprintf(format, args...))
}

// admit checks an entry's name and counts it.
func (u *unpacker) admit(name string) (string, error) {
	clean := strings.TrimSuffix(name, "/")
	if clean == "" || strings.ContainsAny(clean, "\\\x00") || !filepath.IsLocal(clean) {
		return "", refused(name, "would lie outside its folder")
	}
	u.files++
	if u.files > u.most.Files {
		return "", refused(name, "is one file more than the %d that a source may have", u.most.Files)
	}
	return filepath.Clean(clean), nil
}

func (u *unpacker) dir(name string) error {
	clean, err := u.admit(name)
	if err != nil || clean == "." {
		return err
	}
	return u.outcome(name, u.root.MkdirAll(clean, 0o755))
}

// file writes a regular file. Of its mode only the right to execute counts.
func (u *unpacker) file(name string, mode fs.FileMode, from io.Reader) error {
	clean, err := u.admit(name)
	if err != nil {
		return err
	}
	if err := u.root.MkdirAll(filepath.Dir(clean), 0o755); err != nil {
		return u.outcome(name, err)
	}
	perm := fs.FileMode(0o644)
	if mode.Perm()&0o111 != 0 {
		perm = 0o755
	}
	f, err := u.root.OpenFile(clean, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return u.outcome(name, err)
	}
	left := u.most.SourceBytes - u.bytes
	n, err := io.Copy(f, io.LimitReader(from, left+1))
	u.bytes += n
	if err = errors.Join(err, f.Chmod(perm), f.Close()); err != nil {
		return refused(name, "cannot be read: %v", err)
	}
	if n > left {
		return refused(name, "takes the source beyond the %d bytes that it may have unpacked", u.most.SourceBytes)
	}
	return nil
}

func (u *unpacker) link(name, target string) error {
	clean, err := u.admit(name)
	if err != nil {
		return err
	}
	if err := u.root.MkdirAll(filepath.Dir(clean), 0o755); err != nil {
		return u.outcome(name, err)
	}
	u.links = append(u.links, clean)
	return u.outcome(name, u.root.Symlink(target, clean))
}

// outcome words an error of the file system, which for os.Root may be that the name leads out.
func (u *unpacker) outcome(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return refused(name, "is there twice")
	}
	return refused(name, "cannot be put into its folder: %v", errors.Unwrap(err))
}

// finish checks the links once everything is there: each must end inside, or nowhere.
func (u *unpacker) finish() error {
	for _, l := range u.links {
		if _, err := u.root.Stat(l); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return refused(l, "is a link that leads out of its folder")
		}
		if target, err := u.root.Readlink(l); err != nil || filepath.IsAbs(target) {
			return refused(l, "is a link that leads out of its folder")
		}
	}
	return u.root.Close()
}

// closeRead closes what was only read, or has been closed with its error already.
func closeRead(c io.Closer) { _ = c.Close() }
