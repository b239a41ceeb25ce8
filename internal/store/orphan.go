package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// orphan is a file of a journal whose process was killed. It is locked.
type orphan struct {
	*os.File
	path string
	part journalPart
}

// adopt locks the files of a directory that no living process has, and returns those with records, the oldest first. It
// removes the others.
func adopt(dir string, log *slog.Logger) ([]*orphan, error) {
	paths, err := filepath.Glob(filepath.Join(dir, journalPrefix+"*"+journalSuffix))
	if err != nil {
		return nil, err // the pattern is at fault, which holds dir
	}
	var found []*orphan
	for _, path := range paths {
		o, err := openOrphan(path, log)
		if err != nil {
			release(found)
			return nil, fmt.Errorf("store: reading the audit records that a killed process left in %s: %w; if it cannot be mended, move that file away, and Lanyard starts without its records", path, err)
		}
		if o != nil {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b *orphan) int { return cmp.Compare(a.part.rows[0].at, b.part.rows[0].at) })
	return found, nil
}

func release(list []*orphan) {
	for _, o := range list {
		_ = o.Close()
	}
}

// openOrphan returns nil when the file belongs to a living process, is gone, or held nothing and was removed.
func openOrphan(path string, log *slog.Logger) (*orphan, error) {
	f, err := os.Open(path)
	if err == nil {
		err = private(path, 0o600)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := &orphan{File: f, path: path}
	mine, err := o.lock()
	if err == nil && mine {
		err = o.read(log)
	}
	if err == nil && mine && len(o.part.rows) > 0 {
		return o, nil
	}
	if err == nil && mine {
		err = os.Remove(path)
	}
	return nil, errors.Join(err, f.Close())
}

// lock reports whether the file is ours now: no process has it, and none has removed it meanwhile.
func (o *orphan) lock() (bool, error) {
	err := syscall.Flock(int(o.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	here, err := o.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(here, there), err
}

func (o *orphan) read(log *slog.Logger) error {
	b, err := io.ReadAll(o)
	if err != nil {
		return err
	}
	part, rest, err := readPart(b)
	if err != nil {
		return err
	}
	if rest > 0 {
		log.Warn("a journal of audit records ends in the middle of one, which was never acknowledged", "journal", o.path, "bytes", rest, "records", len(part.rows))
	}
	o.part = part
	return nil
}

// readPart reads what a journal wrote to a file, as far as it is whole, and tells how many bytes follow.
func readPart(b []byte) (part journalPart, rest int, err error) {
	content, b := readFrame(b)
	if content == nil {
		return part, len(b), nil
	}
	var head journalHead
	if err := json.Unmarshal(content, &head); err != nil || head.Journal == "" || head.Part < 1 {
		return part, len(b), fmt.Errorf("its head is %.100q: %w", content, errors.Join(errNoJournal, err))
	}
	part.journal, part.number = head.Journal, head.Part
	for {
		if content, b = readFrame(b); content == nil {
			return part, len(b), nil
		}
		row, err := readAuditRow(content)
		if err != nil {
			return part, len(b), fmt.Errorf("its record %d: %w", len(part.rows)+1, err)
		}
		part.rows = append(part.rows, row)
	}
}

var errNoJournal = errors.New("no journal of audit records begins so")
