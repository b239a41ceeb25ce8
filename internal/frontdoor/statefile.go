package frontdoor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// stateFile is a file of secrets that several replicas may share: 0600, replaced as one step, changed by one at a time. A
// replica that may only read it (a mounted secret) uses what is there and leaves the changing to who mounted it.
type stateFile struct {
	path string
	// looks is set where nothing may be written: what would be is used by this process alone.
	looks bool
}

// errOpenToOthers refuses a file that another user of the machine has read, or could have written.
var errOpenToOthers = errors.New("other users of this machine can read it; run chmod 600 on it, and replace its keys if any of them is not trusted")

// update lets change see the file, empty where there is none, and writes what it returns; nil changes nothing. use is
// given what was written.
func (f *stateFile) update(change func(now []byte) ([]byte, error), use func(written []byte) error) error {
	if !f.looks {
		unlock, err := f.lock()
		if err != nil {
			return err
		}
		defer unlock()
	}
	b, err := f.read()
	if err != nil {
		return err
	}
	next, err := change(b)
	if err != nil || next == nil {
		return err
	}
	if f.looks {
		return use(next)
	}
	if err := replaceFile(f.path, next); err != nil {
		if len(b) > 0 && errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) && len(b) > 0 {
			return use(b)
		}
		return err
	}
	return use(next)
}

func (f *stateFile) read() ([]byte, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o037 != 0 { // a group may read it: that is how secrets are mounted for a group id
		return nil, fmt.Errorf("%s: %w", f.path, errOpenToOthers)
	}
	return os.ReadFile(f.path)
}

// lock waits for other processes that change the file. Where no lock file can be made the directory is read-only, and so
// nobody changes anything.
func (f *stateFile) lock() (func(), error) {
	l, err := os.OpenFile(f.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; make the directory first, readable by its owner only", err)
	}
	if err := syscall.Flock(int(l.Fd()), syscall.LOCK_EX); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("locking %s: %w", l.Name(), err)
	}
	return func() { _ = l.Close() }, nil
}

// replaceFile replaces a file as one step, readable by its owner only: a reader sees the old or the new, whole. When it
// returns, a power cut loses neither the content nor the name.
func replaceFile(path string, b []byte) error {
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	err = errors.Join(err, t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		_ = os.Remove(t.Name())
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
