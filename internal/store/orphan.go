package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
)

// orphan is a file of a journal whose process was killed. It is locked.
type orphan struct {
	*os.File
	path    string
	part    journalPart
	damaged bool
}

// lockJournals lets one process at a time look for files of others and make its own.
func lockJournals(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("store: locking %s for journals of audit records, which need a local file system (one with flock): %w; choose another directory", dir, err), d.Close())
	}
	return func() { _ = d.Close() }, nil
}

// journalName is that of a file of a journal.
var journalName = regexp.MustCompile(`^` + journalPrefix + `[A-Z2-7]{26}-[01]` + regexp.QuoteMeta(journalSuffix) + `$`)

// adopt locks the files of a directory that no living process has, and returns those with records of the database. Those of
// one journal are in the order of their parts.
func adopt(dir, database string, log *slog.Logger) ([]*orphan, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store: looking for audit records of killed processes: %w", err)
	}
	var found []*orphan
	for _, e := range entries {
		if !journalName.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		o, err := openOrphan(path, database, log)
		if err != nil {
			release(found)
			return nil, fmt.Errorf("store: reading the audit records that a killed process left in %s: %w; if it cannot be mended, move that file away, and Lanyard starts without its records", path, err)
		}
		if o != nil {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b *orphan) int {
		return cmp.Or(cmp.Compare(a.journal(), b.journal()), cmp.Compare(a.part.Number, b.part.Number))
	})
	return found, nil
}

// journal is what the names of its two files begin with.
func (o *orphan) journal() string { return o.path[:len(o.path)-len("-0"+journalSuffix)] }

func release(list []*orphan) {
	for _, o := range list {
		_ = o.Close()
	}
}

// remove is for a file whose records are committed. One with more in it than a killed process leaves is kept under another name.
func (o *orphan) remove() error {
	if o.damaged {
		return os.Rename(o.path, o.path+".damaged")
	}
	return os.Remove(o.path)
}

// openOrphan returns nil when the file belongs to a living process or to another database, or held nothing and was removed.
func openOrphan(path, database string, log *slog.Logger) (*orphan, error) {
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
	switch {
	case err != nil || !mine:
	case o.part.Number > 0 && o.part.Database != database:
		log.Warn("a journal of audit records that a killed process left is of another database; it is left for a server on that one", "journal", path, "its database", o.part.Database, "this database", database)
	case len(o.part.rows) > 0:
		return o, nil
	default:
		err = o.remove()
	}
	return nil, errors.Join(err, f.Close())
}

// lock reports whether the file is ours now: no living process has it.
func (o *orphan) lock() (bool, error) {
	err := syscall.Flock(int(o.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
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
	if o.part = part; len(rest) == 0 {
		return nil
	}
	if o.damaged = !cutOff(rest); o.damaged {
		log.Error("a journal of audit records is damaged; what can be read is committed, and the file is kept", "journal", o.path+".damaged", "unread bytes", len(rest), "records", len(part.rows))
	} else {
		log.Info("a journal of audit records ends with half a record, which was not acknowledged", "journal", o.path, "bytes", len(rest), "records", len(part.rows))
	}
	return nil
}

// cutOff tells whether what is left of a file is the beginning of a frame, or space that was never written.
func cutOff(rest []byte) bool {
	if len(bytes.Trim(rest, "\x00")) == 0 || len(rest) < frameHead {
		return true
	}
	length := int(binary.LittleEndian.Uint32(rest))
	return length > len(rest)-frameHead && length <= journalBytes
}

// readPart reads what a journal wrote to a file, as far as it is whole, and returns what follows.
func readPart(b []byte) (part journalPart, rest []byte, err error) {
	content, b := readFrame(b)
	if content == nil {
		return part, b, nil
	}
	if err := json.Unmarshal(content, &part.journalHead); err != nil || part.File == "" || part.Number < 1 {
		return part, b, fmt.Errorf("its head is %.100q: %w", content, errors.Join(errNoJournal, err))
	}
	for {
		if content, b = readFrame(b); content == nil {
			return part, b, nil
		}
		row, err := readAuditRow(content)
		if err != nil {
			return part, b, fmt.Errorf("its record %d: %w", len(part.rows)+1, err)
		}
		part.rows = append(part.rows, row)
	}
}

var errNoJournal = errors.New("no journal of audit records begins so")
