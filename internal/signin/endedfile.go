package signin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// EndedFile is an EndedSessions in a file of one line for each ended session: the hash of its id, and until when it
// matters. It belongs to one process at a time.
type EndedFile struct {
	path string

	mu    sync.Mutex
	file  *os.File
	lines int // in the file, whether they still matter or not
	ended endedSet
	// broken is set when it is not known what the file ends with: nothing is written behind that.
	broken error
}

const endedFileMode = 0o600

// OpenEndedFile reads the record at path, or begins one, and rewrites it without what no longer matters. A last line that
// was cut off by a crash was never promised to anybody and is dropped; any other line that cannot be read is refused,
// because it may be the end of somebody's session.
func OpenEndedFile(path string, now func() time.Time) (*EndedFile, error) {
	f := &EndedFile{path: path, ended: endedSet{now: now, until: map[endedID]int64{}}}
	if err := f.load(); err != nil {
		return nil, err
	}
	if err := f.compact(); err != nil {
		return nil, err
	}
	return f, nil
}

// Close closes the file.
func (f *EndedFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = errors.New("it was closed")
	return f.file.Close()
}

// End remembers the session id until the given time, on the disk when it returns.
func (f *EndedFile) End(_ context.Context, id string, until time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return fmt.Errorf("signin: %s cannot be written: %w", f.path, f.broken)
	}
	if !f.ended.room() {
		return errTooManyEnded
	}
	if f.lines > 2*len(f.ended.until)+4096 {
		if err := f.compact(); err != nil {
			return err
		}
	}
	hash := endedID(sha256.Sum256([]byte(id)))
	if err := f.append(hash, until.Unix()); err != nil {
		return err
	}
	f.ended.add(hash, until.Unix())
	return nil
}

// Ended reports whether the session was ended.
func (f *EndedFile) Ended(_ context.Context, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended.has(id), nil
}

func (f *EndedFile) append(hash endedID, until int64) error {
	_, err := f.file.Write(line(hash, until))
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		f.broken = err
		return fmt.Errorf("signin: the end of a session was not written: %w", err)
	}
	f.lines++
	return nil
}

func line(hash endedID, until int64) []byte {
	return fmt.Appendf(nil, "%x %d\n", hash[:], until)
}

func (f *EndedFile) load() error {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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
	return f.read(bufio.NewReader(file))
}

func (f *EndedFile) read(r *bufio.Reader) error {
	now := f.ended.now().Unix()
	for number := 1; ; number++ {
		text, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return f.unreadable(number)
		}
		if errors.Is(err, io.EOF) { // before it there is at most a line that was cut off
			return nil
		}
		if err != nil {
			return fmt.Errorf("signin: the record of ended sessions: %w", err)
		}
		hash, until, ok := parseLine(bytes.TrimSuffix(text, []byte("\n")))
		if !ok {
			return f.unreadable(number)
		}
		if until >= now {
			f.ended.add(hash, until)
		}
	}
}

func (f *EndedFile) unreadable(number int) error {
	return fmt.Errorf("signin: %s: line %d is no record of an ended session: restore the file, or remove it and change the cookie keys, which signs everybody out", f.path, number)
}

func parseLine(text []byte) (hash endedID, until int64, ok bool) {
	id, end, ok := bytes.Cut(text, []byte(" "))
	if !ok || len(id) != hex.EncodedLen(len(hash)) {
		return hash, 0, false
	}
	if _, err := hex.Decode(hash[:], id); err != nil {
		return hash, 0, false
	}
	until, err := strconv.ParseInt(string(end), 10, 64)
	return hash, until, err == nil
}

// compact writes the file anew beside the old one and puts it in its place, so that a crash leaves one of the two.
func (f *EndedFile) compact() error {
	f.ended.sweep()
	next, err := os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*") // with mode 0600
	if err != nil {
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	if err := f.replace(next); err != nil {
		f.broken = err // it is not known which of the two files has the name
		next.Close()
		os.Remove(next.Name())
		return fmt.Errorf("signin: the record of ended sessions: %w", err)
	}
	if f.file != nil {
		f.file.Close()
	}
	f.file, f.lines = next, len(f.ended.until)
	return nil
}

func (f *EndedFile) replace(next *os.File) error {
	w := bufio.NewWriter(next)
	for hash, until := range f.ended.until {
		if _, err := w.Write(line(hash, until)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := next.Chmod(endedFileMode); err != nil {
		return err
	}
	if err := next.Sync(); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), f.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
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
