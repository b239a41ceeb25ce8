package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testJournal(t *testing.T, dir string) *journal {
	t.Helper()
	return testJournalOf(t, dir, "")
}

func testJournalOf(t *testing.T, dir, database string) *journal {
	t.Helper()
	j, err := createJournal(dir, database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func journalFiles(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if journalName.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

func testRow(action string) *auditRow {
	return newAuditRow(&identity.AuditRecord{At: time.UnixMilli(1_700_000_000_000), Account: "1", RequestID: "rq-" + action, Action: action})
}

func (j *journal) refuses() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refused
}

// fill appends records with the numbers from one to the other.
func (j *journal) fill(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := j.append(testRow(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
}

// kill leaves the files as a killed process does.
func (j *journal) kill(t *testing.T) {
	t.Helper()
	for _, f := range j.files {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func jsonOf(rows []*auditRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = string(r.json())
	}
	return out
}

// foundAudit returns the actions of the records, the oldest first.
func foundAudit(t *testing.T, s *Store) []string {
	t.Helper()
	records, err := s.FindAudit(t.Context(), "1", identity.AuditFilter{}, "", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range slices.Backward(records) {
		out = append(out, r.Action)
	}
	return out
}

func numbers(from, to int) (out []string) {
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func wantRecords(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%d records %.200q, want %d %.200q", len(got), got, len(want), want)
	}
}

// TestJournalReadsBack: wherever a file is cut off and whichever of its bytes is another, what is read is how it began.
func TestJournalReadsBack(t *testing.T) {
	j := testJournal(t, t.TempDir())
	j.fill(t, 1, 5)
	want, part := jsonOf(j.part.rows), j.part
	b, err := os.ReadFile(j.active.path)
	if err != nil {
		t.Fatal(err)
	}
	got, rest, err := readPart(b)
	if err != nil || len(rest) != 0 || got.journalHead != part.journalHead || got.Number != 1 || !slices.Equal(jsonOf(got.rows), want) {
		t.Fatalf("read %+v, %d, %v", got, rest, err)
	}
	for i, r := range got.rows {
		if r.at != part.rows[i].at || !slices.Equal(r.terms.all(), part.rows[i].terms.all()) {
			t.Errorf("record %d is found by %v, was by %v", i, r.terms, part.rows[i].terms)
		}
	}
	begins := func(what string, b []byte) int {
		t.Helper()
		got, rest, err := readPart(b)
		if strings.HasPrefix(what, "cut") && !cutOff(rest) {
			t.Fatalf("%s: what is left counts as damaged: %q", what, rest)
		}
		if n := len(got.rows); err != nil || !slices.Equal(jsonOf(got.rows), want[:n]) {
			t.Fatalf("%s: %q, %v", what, jsonOf(got.rows), err)
		}
		return len(got.rows)
	}
	last := 0
	for n := range b {
		rows := begins(fmt.Sprint("cut at ", n), b[:n])
		if rows < last || rows > last+1 {
			t.Fatalf("cut at %d: %d records, and %d before", n, rows, last)
		}
		last = rows
		if got := begins("with zeros after", append(bytes.Clone(b[:n]), make([]byte, 100)...)); got != rows {
			t.Fatalf("cut at %d: %d records, and %d with zeros after it", n, rows, got)
		}
		b[n] ^= 1 << (n % 8)
		begins(fmt.Sprint("another byte at ", n), b)
		b[n] ^= 1 << (n % 8)
	}
}

// FuzzJournal: whatever stands in a file, reading it ends, and what was read is what stands there.
func FuzzJournal(f *testing.F) {
	row := testRow("x")
	sealFrame(row.frame)
	f.Add(append(sealed(`{"journal":"J","part":7}`), row.frame...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		part, rest, err := readPart(b)
		if !bytes.HasSuffix(b, rest) {
			t.Fatalf("%q is left of %q", rest, b)
		}
		cutOff(rest)
		if err == nil && len(part.rows) > 0 && (part.File == "" || part.Number < 1) {
			t.Fatalf("a part without a name: %+v", part)
		}
		for _, r := range part.rows {
			if !bytes.Contains(b, r.json()) {
				t.Fatalf("%q is not in the file", r.json())
			}
		}
	})
}

func TestJournalSurvivesSQLite(t *testing.T) {
	dir := t.TempDir()
	testInherits(t, dir, Config{SQLiteDir: dir, JournalDir: dir})
}

// testInherits: what a killed process has acknowledged is there once, whether it was killed before the commit, or between
// the commit and the emptying of its file.
func testInherits(t *testing.T, dir string, c Config) {
	t.Helper()
	first := openConfig(t, c)
	killed := testJournalOf(t, dir, first.engine.auditDatabase())
	killed.fill(t, 1, 300)
	part, more := killed.take()
	if len(part.rows) != 300 || more {
		t.Fatalf("took %d records, and more: %t", len(part.rows), more)
	}
	for _, want := range []bool{true, false} { // who does not know whether it was committed tries again
		if done, err := first.engine.settleAudit(part); err != nil || done != want {
			t.Fatalf("settled: %t, %v, want %t", done, err, want)
		}
	}
	killed.fill(t, 301, 400)
	if again, more := killed.take(); again.Number != part.Number || !more {
		t.Fatalf("took %+v before it was settled, and more: %t", again, more)
	}
	openConfig(t, c) // leaves what is locked alone
	wantRecords(t, foundAudit(t, first), numbers(1, 300))
	killed.kill(t)
	second := openConfig(t, c)
	for range 2 {
		wantRecords(t, foundAudit(t, second), numbers(1, 400))
		third := openConfig(t, c)
		wantRecords(t, foundAudit(t, third), numbers(1, 400))
	}
	for _, path := range journalFiles(t, dir) {
		if path == killed.files[0].path || path == killed.files[1].path {
			t.Errorf("%s is left", path)
		}
	}
	if got, err := second.FindAudit(t.Context(), "1", identity.AuditFilter{RequestID: "rq-399"}, "", 10); err != nil || len(got) != 1 {
		t.Errorf("one of them is found as %v, %v", got, err)
	}
}

// TestPartsInAnyOrder: of a killed process with records in both files, neither hides the other, whichever is committed first.
func TestPartsInAnyOrder(t *testing.T) {
	for name, order := range map[string][]int{"older first": {0, 1}, "younger first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			s, _ := openTest(t)
			j := testJournal(t, t.TempDir())
			j.fill(t, 1, 1)
			older, _ := j.take()
			j.fill(t, 2, 2)
			parts := []journalPart{older, j.part}
			for _, i := range append(order, order...) {
				if _, err := s.engine.settleAudit(parts[i]); err != nil {
					t.Fatal(err)
				}
			}
			got := foundAudit(t, s)
			slices.Sort(got)
			wantRecords(t, got, numbers(1, 2))
			j.kill(t)
		})
	}
}

// TestJournalGoesWithItsProcess: a store that is closed leaves no journal behind, and one that lives has two files.
func TestJournalGoesWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{SQLiteDir: dir, JournalDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(journalFiles(t, dir)); n != 2 {
		t.Errorf("%d files", n)
	}
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := journalFiles(t, dir); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	wantRecords(t, foundAudit(t, openConfig(t, Config{SQLiteDir: dir, JournalDir: dir})), numbers(1, 1))
}

// TestAuditKeepsItsOrder: records are in the order in which they were acknowledged, whether they were flushed or not.
func TestAuditKeepsItsOrder(t *testing.T) {
	s, _ := openTest(t)
	for i := 1; i <= 30; i++ {
		if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: fmt.Sprint(i), Durable: i%7 == 0}); err != nil {
			t.Fatal(err)
		}
	}
	wantRecords(t, foundAudit(t, s), numbers(1, 30))
}

// TestAuditSettlesByItself: other processes see a record soon without anybody's search in this one.
func TestAuditSettlesByItself(t *testing.T) {
	dir := t.TempDir()
	mine, other := openConfig(t, Config{SQLiteDir: dir, JournalDir: dir}), openConfig(t, Config{SQLiteDir: dir, JournalDir: dir})
	for i := 1; i <= 3; i++ {
		if err := mine.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { return len(foundAudit(t, other)) == i })
	}
}

// TestJournalOnAFullDisk: a record that the journal has no room for is committed, and half a frame is taken back.
func TestJournalOnAFullDisk(t *testing.T) {
	s, _ := openTest(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.auditor.journal.mu.Lock()
	active := s.auditor.journal.active
	real := active.File
	active.File = full
	s.auditor.journal.mu.Unlock()
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: "1"}); err != nil {
		t.Error(err)
	}
	s.auditor.journal.mu.Lock()
	active.File = real
	s.auditor.journal.mu.Unlock()
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: "2"}); err != nil {
		t.Error(err)
	}
	wantRecords(t, foundAudit(t, s), numbers(1, 2))
}

// TestJournalTakesHalfAFrameBack has a disk that ends in the middle of a record.
func TestJournalTakesHalfAFrameBack(t *testing.T) {
	j := testJournal(t, t.TempDir())
	j.fill(t, 1, 3)
	limitFiles(t, uint64(j.active.size)+100)
	if err := j.append(testRow(strings.Repeat("x", 1000))); err == nil || errors.Is(err, errJournalFull) {
		t.Errorf("a record on a full disk: %v", err)
	}
	if info, err := j.active.Stat(); err != nil || info.Size() != j.active.size {
		t.Errorf("the file has %d bytes, of which %d count", info.Size(), j.active.size)
	}
	limitFiles(t, 1<<40)
	j.fill(t, 4, 5)
	j.kill(t)
	orphans, err := adopt(filepath.Dir(j.active.path), "", slog.New(slog.DiscardHandler))
	if err != nil || len(orphans) != 1 {
		t.Fatalf("%v, %v", orphans, err)
	}
	defer release(orphans)
	if got := jsonOf(orphans[0].part.rows); !slices.Equal(got, jsonOf(j.part.rows)) || len(got) != 5 {
		t.Errorf("read %q", got)
	}
}

// limitFiles lets no file of this process grow beyond the size until the test ends.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: min(size, was.Max), Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
	})
}

// TestJournalIsBounded: while nothing is committed, it takes what fits into two files.
func TestJournalIsBounded(t *testing.T) {
	j := testJournal(t, t.TempDir())
	var err error
	for err == nil {
		err = j.append(testRow(strings.Repeat("x", 10_000)))
	}
	var size int64
	for _, f := range j.files {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if !errors.Is(err, errJournalFull) || size > 2*journalBytes || size < 2*journalBytes-50_000 {
		t.Errorf("%d bytes, and then: %v", size, err)
	}
	for _, more := range []bool{true, false} {
		if part, is := j.take(); len(part.rows) == 0 || is != more {
			t.Errorf("took %d records, and more: %t", len(part.rows), is)
		}
		j.settled()
	}
	j.fill(t, 1, 1)
	j.kill(t)
}

// TestNothingIsTakenThatCannotBeCommitted: once a commit has failed each record has to be committed, or its request fails.
// What was taken before is there when there is room again, once and in order.
func TestNothingIsTakenThatCannotBeCommitted(t *testing.T) {
	s, e := openTest(t)
	limit := pragma(t, e.audit, "page_count")
	pragma(t, e.audit, "max_page_count="+limit)
	long := strings.Repeat("x", 100_000)
	add := func(n int) error {
		return s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: fmt.Sprint(n), Reason: long})
	}
	taken := 0
	for taken < 3 && add(taken+1) == nil {
		taken++
	}
	if taken == 0 {
		t.Fatal("no record was taken")
	}
	if _, err := s.FindAudit(t.Context(), "1", identity.AuditFilter{}, "", 1); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a search that would not see what was acknowledged: %v", err)
	}
	for range 3 {
		if err := add(0); !errors.Is(err, ErrUnavailable) {
			t.Errorf("after a commit has failed: %v", err)
		}
	}
	pragma(t, e.audit, "max_page_count=1000000")
	wantRecords(t, foundAudit(t, s), numbers(1, taken))
	if err := add(taken + 1); err != nil {
		t.Errorf("with room again: %v", err)
	}
	wantRecords(t, foundAudit(t, s), numbers(1, taken+1))
	if err := s.auditor.journal.refuses(); err != nil {
		t.Errorf("the journal takes no records: %v", err)
	}
}

// TestBrokenJournal: when a file cannot be emptied, or half a frame cannot be taken back, records are committed one by one.
func TestBrokenJournal(t *testing.T) {
	s, _ := openTest(t)
	j := s.auditor.journal
	add := func(n int) {
		t.Helper()
		if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: fmt.Sprint(n)}); err != nil {
			t.Error(err)
		}
	}
	first := testRow("1")
	sealFrame(first.frame)
	j.mu.Lock() // so that nothing is committed before the files are others
	if err := j.write(first.frame); err != nil {
		t.Error(err)
	}
	j.part.rows = append(j.part.rows, first)
	for _, f := range j.files {
		path := f.Name()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		readOnly, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		f.File = readOnly
	}
	j.mu.Unlock()
	wantRecords(t, foundAudit(t, s), numbers(1, 1))
	if j.refuses() == nil {
		t.Error("a file that cannot be emptied takes records")
	}
	add(2)
	wantRecords(t, foundAudit(t, s), numbers(1, 2))
}

// TestForeignFilesAreKept: what no killed process leaves is neither committed nor thrown away.
func TestForeignFilesAreKept(t *testing.T) {
	const ours = "audit-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0.journal"
	head, record := string(sealed(`{"journal":"ABCDEFGHIJKLMNOPQRSTUVWXYZ-0","part":1}`)), string(sealed(`{"at":1,"account":"1","action":"1"}`))
	flipped := []byte(head + record + record + record)
	flipped[len(head+record)+20] ^= 1
	for name, c := range map[string]struct {
		file, content, left string
		found               int
		fails               bool
	}{
		"another name":     {"audit-2026.journal", "notes", "audit-2026.journal", 0, false},
		"empty":            {ours, "", "", 0, false},
		"zeros":            {ours, string(make([]byte, 5000)), "", 0, false},
		"half a head":      {ours, head[:20], "", 0, false},
		"whole":            {ours, head + record, "", 1, false},
		"half a record":    {ours, head + record + record[:30], "", 1, false},
		"zeros at the end": {ours, head + record + string(make([]byte, 5000)), "", 1, false},
		"text":             {ours, "notes of somebody", ours + ".damaged", 0, false},
		"a byte is wrong":  {ours, string(flipped), ours + ".damaged", 1, false},
		"no head":          {ours, record, ours, 0, true},
		"no number":        {ours, string(sealed(`{"journal":"J","part":0}`)), ours, 0, true},
		"no record":        {ours, head + string(sealed(`[]`)), ours, 0, true},
		"no JSON":          {ours, head + string(sealed(`{`)), ours, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a[1]*?") // no pattern
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, c.file)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), Config{SQLiteDir: dir, JournalDir: dir})
			if c.fails {
				if err == nil {
					t.Fatal("it was read")
				}
				if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move that file away") {
					t.Errorf("the error is %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				wantRecords(t, foundAudit(t, s), numbers(1, c.found))
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			left := ""
			for _, e := range entries {
				if strings.HasPrefix(e.Name(), journalPrefix) && strings.Contains(e.Name(), journalSuffix) {
					left += e.Name()
				}
			}
			if left != c.left {
				t.Errorf("%q is left, want %q", left, c.left)
			}
			if c.left != "" {
				if b, err := os.ReadFile(filepath.Join(dir, c.left)); err != nil || string(b) != c.content {
					t.Errorf("its content is another, or %v", err)
				}
			}
		})
	}
}

// TestJournalOfAnotherDatabase: what a killed process left for one database is not committed to another.
func TestJournalOfAnotherDatabase(t *testing.T) {
	dir := t.TempDir()
	j := testJournalOf(t, dir, "another at 10.0.0.1:5432")
	j.fill(t, 1, 3)
	j.kill(t)
	wantRecords(t, foundAudit(t, openConfig(t, Config{SQLiteDir: dir, JournalDir: dir})), nil)
	if orphans, err := adopt(dir, "another at 10.0.0.1:5432", slog.New(slog.DiscardHandler)); err != nil || len(orphans) != 1 || len(orphans[0].part.rows) != 3 {
		t.Errorf("%v, %v", orphans, err)
	} else {
		release(orphans)
	}
}

// TestOpenersOfAKilledJournal: starts at the same time commit all that a killed process left, in its order.
func TestOpenersOfAKilledJournal(t *testing.T) {
	dir := t.TempDir()
	killed := testJournal(t, dir)
	killed.fill(t, 1, 1)
	first, _ := killed.take() // was committed, and so the older of the parts that are left is in the second file
	s := openConfig(t, Config{SQLiteDir: dir})
	if _, err := s.engine.settleAudit(first); err != nil {
		t.Fatal(err)
	}
	killed.settled()
	killed.fill(t, 2, 500)
	killed.take()
	killed.fill(t, 501, 1000)
	killed.kill(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), Config{SQLiteDir: dir, JournalDir: dir})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantRecords(t, foundAudit(t, s), numbers(1, 1000))
}

// TestSettlingAsksForNoMore: who only asks that the journal be committed is not told of another's record that was not.
func TestSettlingAsksForNoMore(t *testing.T) {
	a := &auditor{table: failingTable{}, log: slog.New(slog.DiscardHandler), queue: newQueue[*auditRow]()}
	asks := &job[*auditRow]{done: make(chan error, 1)}
	writes := &job[*auditRow]{value: testRow("1"), done: make(chan error, 1)}
	a.commit([]*job[*auditRow]{writes, asks})
	if err := <-asks.done; err != nil {
		t.Errorf("who asks is told %v", err)
	}
	if err := <-writes.done; !errors.Is(err, errClosed) {
		t.Errorf("who writes is told %v", err)
	}
}

// TestJournalThatCannotBeCommittedStays: a start without its records fails, says which file has them, and leaves it as it is.
func TestJournalThatCannotBeCommittedStays(t *testing.T) {
	dir := t.TempDir()
	j := testJournal(t, dir)
	j.fill(t, 1, 3)
	path := j.active.path
	j.kill(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = startAuditor(failingTable{}, Config{JournalDir: dir, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if !errors.Is(err, errClosed) || !strings.Contains(err.Error(), path) {
		t.Errorf("the start ends with %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the journal is another, or %v", err)
	}
	wantRecords(t, foundAudit(t, openConfig(t, Config{SQLiteDir: dir, JournalDir: dir})), numbers(1, 3))
}

// failingTable commits nothing.
type failingTable struct{ auditTable }

func (failingTable) auditDatabase() string                 { return "" }
func (failingTable) insertAudit([]*auditRow) error         { return errClosed }
func (failingTable) settleAudit(journalPart) (bool, error) { return false, errClosed }

func sealed(content string) []byte {
	frame := append(newFrame(0), content...)
	sealFrame(frame)
	return frame
}
