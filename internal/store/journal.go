package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// A journal keeps audit records that were acknowledged and are not committed yet, for the case that this process is
// killed: what was written to a file survives that, whether or not it has reached the disk. Only records that need not
// survive a lost machine go through it.
//
// It has two files. One takes records until they are taken as a part to be committed, and then the other does; a file is
// emptied when its part is committed. The process holds a lock on both while it lives: a file that nobody has locked was
// left by one that was killed, and whoever opens the directory next commits what is in it. Parts are numbered, and the
// database keeps for each file the number of the last that it has, so nothing is committed twice, and in whatever order two
// files of a killed process are committed, nothing is left out.
//
// A file is a sequence of frames; the first names the part, each of the others is a record. What follows the last whole
// frame was never acknowledged.
type journal struct {
	log   *slog.Logger
	files [2]*journalFile

	mu      sync.Mutex
	active  *journalFile // of files; takes records
	part    journalPart  // what is in the active file
	taken   journalPart  // what is in the other; without rows when that is empty
	refused error        // why no records are taken, if they are not
	ended   bool         // none will be taken again

	first chan struct{} // told of a part's first record
	full  chan struct{} // told when a part is worth committing at once
}

// journalPart is what one file holds.
type journalPart struct {
	journalHead
	rows []*auditRow
}

type journalFile struct {
	*os.File
	id, path string
	size     int64
}

const (
	journalPrefix, journalSuffix = "audit-", ".journal"
	// frameHead is what stands before the content of a frame: its length and CRC-32C, both of 32 bits, little-endian.
	frameHead = 8
	// journalWorth is how many records are worth committing at once.
	journalWorth = 512
	// journalBytes bounds a file, and with it what waits in memory. Where nothing can be committed for so long, records fail.
	journalBytes = 4 << 20
	// journalGroup is how many records of a part become one group.
	journalGroup = 32
)

var (
	castagnoli     = crc32.MakeTable(crc32.Castagnoli)
	errJournalFull = errors.New("store: the journal holds as much as it may")
)

// journalHead is the content of a file's first frame.
type journalHead struct {
	File     string `json:"journal"`            // its id
	Number   int64  `json:"part"`               // greater than that of every part before
	Database string `json:"database,omitempty"` // for which the records are; none but SQLite's files in the same directory
}

// frame is the one that the file begins with.
func (h *journalHead) frame() ([]byte, error) {
	text, err := json.Marshal(h)
	f := append(newFrame(len(text)), text...)
	sealFrame(f)
	return f, err
}

// createJournal makes the files of a journal of the database's audit.
func createJournal(dir, database string, log *slog.Logger) (*journal, error) {
	id := rand.Text()
	j := &journal{log: log, first: make(chan struct{}, 1), full: make(chan struct{}, 1)}
	for i := range j.files {
		f, err := createLocked(dir, fmt.Sprint(id, "-", i))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("store: making a journal of audit records in %s, in which the user that runs Lanyard must be able to write: %w", dir, err), j.release())
		}
		j.files[i] = f
	}
	j.active = j.files[0]
	j.part = journalPart{journalHead: journalHead{File: j.active.id, Number: 1, Database: database}}
	return j, nil
}

// createLocked makes a file, readable by its owner only, and locks it. Who looks for files of killed processes waits
// until then, for the directory is locked.
func createLocked(dir, id string) (*journalFile, error) {
	path := filepath.Join(dir, journalPrefix+id+journalSuffix)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return &journalFile{File: f, id: id, path: path}, nil
}

// newFrame returns room for a frame and its content, of the length given, to append the content to.
func newFrame(length int) []byte { return make([]byte, frameHead, frameHead+length) }

// sealFrame writes what stands before the content.
func sealFrame(frame []byte) {
	content := frame[frameHead:]
	binary.LittleEndian.PutUint32(frame, uint32(len(content)))
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(content, castagnoli))
}

// readFrame returns the content of the first frame and what follows it; no content when there is no whole frame.
func readFrame(b []byte) (content, rest []byte) {
	if len(b) < frameHead {
		return nil, b
	}
	length, sum := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if length == 0 || uint64(length) > uint64(len(b)-frameHead) {
		return nil, b
	}
	content = b[frameHead:][:length]
	if crc32.Checksum(content, castagnoli) != sum {
		return nil, b
	}
	return content, b[frameHead+length:]
}

// append writes the record to the journal. After an error it is not in it, and has to be committed by itself.
func (j *journal) append(r *auditRow) error {
	sealFrame(r.frame)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refused != nil {
		return j.refused
	}
	if j.active.size > 0 && j.active.size+int64(len(r.frame)) > journalBytes {
		if len(j.taken.rows) > 0 {
			return errJournalFull
		}
		j.rotate()
		tell(j.full)
	}
	if err := j.write(r.frame); err != nil {
		return err
	}
	j.part.rows = append(j.part.rows, r)
	switch len(j.part.rows) {
	case 1:
		tell(j.first)
	case journalWorth:
		tell(j.full)
	}
	return nil
}

// write appends a frame to the active file, after the head of the part when it is the first.
func (j *journal) write(frame []byte) error {
	if j.active.size == 0 {
		head, err := j.part.frame()
		if err != nil {
			return fmt.Errorf("store: beginning a journal: %w", err)
		}
		frame = append(head, frame...)
	}
	n, err := j.active.Write(frame)
	if err == nil {
		j.active.size += int64(n)
		return nil
	}
	if n > 0 { // what is written next must not come after half a frame, where nobody would find it
		if cut := j.active.Truncate(j.active.size); cut != nil {
			j.breakOff(cut)
		}
	}
	return fmt.Errorf("store: writing to the journal: %w", err)
}

// refuse takes no more records, because of the error, or takes them again.
func (j *journal) refuse(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.ended {
		j.refused = err
	}
}

// end takes no more records.
func (j *journal) end(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended, j.refused = true, err
}

// breakOff never takes records again. Those that are there are committed from memory.
func (j *journal) breakOff(err error) {
	j.ended, j.refused = true, fmt.Errorf("store: the journal is out of use: %w", err)
	j.log.Error("the journal of audit records cannot be used any more until this process is started again; records are committed one by one", "journal", j.active.path, "err", err)
}

// take returns the part to commit first, without rows when there is none, and whether there is a second.
func (j *journal) take() (part journalPart, more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.taken.rows) > 0 {
		return j.taken, len(j.part.rows) > 0
	}
	if len(j.part.rows) > 0 {
		j.rotate()
	}
	return j.taken, false
}

// rotate takes the part and lets the other file, which is empty, take records.
func (j *journal) rotate() {
	j.taken = j.part
	j.active = j.other()
	j.part = journalPart{journalHead: j.taken.journalHead, rows: make([]*auditRow, 0, len(j.taken.rows))}
	j.part.File, j.part.Number = j.active.id, j.taken.Number+1
}

func (j *journal) other() *journalFile {
	if j.active == j.files[0] {
		return j.files[1]
	}
	return j.files[0]
}

// settled empties the file of the part that was taken, which is committed.
func (j *journal) settled() {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.other()
	if err := f.Truncate(0); err != nil {
		j.breakOff(err) // what it holds is not committed again
	}
	f.size, j.taken = 0, journalPart{}
}

// waits tells whether there are records that are not settled.
func (j *journal) waits() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.part.rows) > 0 || len(j.taken.rows) > 0
}

// release gives up the locks. What was not settled stays for who opens the directory next.
func (j *journal) release() error {
	remove := !j.waits()
	var errs []error
	for _, f := range j.files {
		if f == nil {
			continue
		}
		if remove {
			errs = append(errs, os.Remove(f.path))
		}
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// tell never waits: who is told already need not be told again.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
