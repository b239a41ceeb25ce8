package signin

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// EndedFile is an EndedSessions in a file that all replicas share. It has one line for each ended session: the hash of its
// id, and until when it matters. Lines are appended under a lock; what another process appended is read within a second.
//
// No file stays open between two uses: whoever rewrites the record puts another file in its place, and everybody finds it
// there by its name and knows it by its header.
type EndedFile struct {
	path string
	now  func() time.Time

	// writing is taken by this process's writers, before mu. It is held while the disk is waited for: no request that only
	// asks takes it.
	writing sync.Mutex

	mu      sync.Mutex
	ended   endedSet
	header  string // of the file that was read, as far as offset
	offset  int64
	lines   int // up to there, whether they still matter or not
	checked time.Time
	err     error // of the last check
	// suspect is set when it is not known what of the file is on the disk: it is written anew before anything else.
	suspect bool
}

const (
	endedFileMode = 0o600
	// readEvery is how long what others appended may stay unread.
	readEvery = time.Second
	// clockSkew is how far the clocks of replicas may be apart: what one of them forgets must not matter to another.
	clockSkew = time.Minute
)

// OpenEndedFile reads the record at path, or begins one, and rewrites it without what no longer matters. A last line that
// was cut off by a crash was never promised to anybody and is dropped; any other line that cannot be read is refused,
// because it may be the end of somebody's session.
func OpenEndedFile(path string, now func() time.Time) (*EndedFile, error) {
	f := newEndedFile(path, now)
	unlock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	defer unlock()
	err = f.catchUp()
	if errors.Is(err, fs.ErrNotExist) || err == nil && f.lines > len(f.ended.until) {
		err = f.rewrite()
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// CheckEndedFile tells why OpenEndedFile would refuse the record at path. It writes nothing, and a record that is not
// there yet is in order.
func CheckEndedFile(path string, now func() time.Time) error {
	err := newEndedFile(path, now).catchUp()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func newEndedFile(path string, now func() time.Time) *EndedFile {
	return &EndedFile{path: path, now: now, ended: endedSet{now: now, until: map[endedID]int64{}}}
}

// End remembers the session id until the given time, on the disk when it returns.
func (f *EndedFile) End(_ context.Context, id string, until time.Time) error {
	hash, matters := endedID(sha256.Sum256([]byte(id))), until.Add(clockSkew).Unix()
	if f.knows(hash, matters) {
		return nil // a sign-out that is sent again and again costs no write
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	unlock, err := lockFile(f.path + ".lock")
	if err != nil {
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	defer unlock()
	if err := f.catchUp(); err != nil {
		return err
	}
	if err := f.write(hash, matters); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended.add(hash, matters)
	return nil
}

// Ended reports whether the session was ended, here or, a second ago or longer, in another process. It fails while the
// file cannot be read.
func (f *EndedFile) Ended(_ context.Context, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if age := f.now().Sub(f.checked); age < 0 || age >= readEvery {
		f.check()
	}
	if f.err != nil {
		return false, f.err
	}
	return f.ended.has(id), nil
}

// knows tells an end that is on the disk already. What is on it is uncertain after a write that failed.
func (f *EndedFile) knows(hash endedID, until int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.ended.until[hash]
	return ok && known >= until && !f.suspect
}

// catchUp reads what others appended, however short ago it was last done.
func (f *EndedFile) catchUp() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.check()
	return f.err
}

// check reads on. f.mu is held.
func (f *EndedFile) check() {
	f.err = f.readOn()
	f.checked = f.now()
}

// readOn reads from where it stopped, or the whole file when it is another one by now. f.mu is held.
func (f *EndedFile) readOn() error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("signin: %s must be a file of its owner alone, for whoever writes it revives ended sessions: chmod 600 it", f.path)
	}
	header, ok := readHeader(file)
	if !ok {
		return f.unreadable(1)
	}
	if header != f.header || info.Size() < f.offset {
		f.header, f.offset, f.lines = header, headerSize, 0
	}
	if info.Size() == f.offset {
		return nil
	}
	if _, err := file.Seek(f.offset, 0); err != nil {
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	return f.read(bufio.NewReader(file))
}

// write appends a line, and rewrites the file first when most of it no longer matters. The lock is held, and all that
// others wrote has been read.
func (f *EndedFile) write(hash endedID, until int64) error {
	f.mu.Lock()
	room := f.ended.room()
	anew := f.suspect || f.lines > 2*len(f.ended.until)+4096
	f.mu.Unlock()
	if !room {
		return errTooManyEnded
	}
	if anew {
		if err := f.rewrite(); err != nil {
			return err
		}
	}
	if err := f.append(line(hash, until)); err != nil {
		f.doubt()
		return fmt.Errorf("signin: the end of a session was not written: %w", err)
	}
	return nil
}

func (f *EndedFile) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.suspect = true
}

// append writes behind the last whole line, over what a crash left there.
func (f *EndedFile) append(text []byte) (err error) {
	f.mu.Lock()
	offset := f.offset
	f.mu.Unlock()
	file, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Truncate(offset); err != nil {
		return err
	}
	if _, err := file.WriteAt(text, offset); err != nil {
		return err
	}
	return file.Sync()
}

// rewrite writes what still matters beside the file and puts it in its place, so that a crash leaves one of the two. The
// lock is held, and all that others wrote has been read.
func (f *EndedFile) rewrite() error {
	f.mu.Lock()
	f.ended.sweep()
	matter := maps.Clone(f.ended.until)
	f.mu.Unlock()
	header := newHeader(rand.Text())
	size, err := f.replace(header, matter)
	if err != nil {
		f.doubt() // it is not known which of the two files has the name
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.header, f.offset, f.lines = header, size, len(matter)
	f.checked, f.err, f.suspect = f.now(), nil, false
	return nil
}

// replace returns the size of the new file.
func (f *EndedFile) replace(header string, matter map[endedID]int64) (int64, error) {
	next, err := os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*") // with mode 0600
	if err != nil {
		return 0, err
	}
	size, err := writeRecord(next, header, matter)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(next.Name())
		return 0, err
	}
	return size, syncDir(filepath.Dir(f.path))
}

// syncDir makes the new name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// lockFile waits for other processes that write.
func lockFile(path string) (unlock func(), err error) {
	l, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, endedFileMode)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(l.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), l.Close())
	}
	return func() { _ = l.Close() }, nil
}
