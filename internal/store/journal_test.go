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
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func testJournal(t *testing.T, dir string) *journal {
	t.Helper()
	j, err := createJournal(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func journalFiles(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, journalPrefix+"*"+journalSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func testRow(action string) *auditRow {
	return newAuditRow(&identity.AuditRecord{At: time.UnixMilli(1_700_000_000_000), Account: "1", RequestID: "rq-" + action, Action: action})
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
	if err != nil || rest != 0 || got.journal != part.journal || got.number != 1 || !slices.Equal(jsonOf(got.rows), want) {
		t.Fatalf("read %+v, %d, %v", got, rest, err)
	}
	for i, r := range got.rows {
		if r.at != part.rows[i].at || !slices.Equal(r.terms.all(), part.rows[i].terms.all()) {
			t.Errorf("record %d is found by %v, was by %v", i, r.terms, part.rows[i].terms)
		}
	}
	begins := func(what string, b []byte) int {
		t.Helper()
		got, _, err := readPart(b)
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
	p := journalPart{journal: "J", number: 7}
	row := testRow("x")
	sealFrame(row.frame)
	f.Add(append(p.head(), row.frame...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		part, rest, err := readPart(b)
		if rest < 0 || rest > len(b) {
			t.Fatalf("%d bytes left of %d", rest, len(b))
		}
		if err == nil && len(part.rows) > 0 && (part.journal == "" || part.number < 1) {
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
	testInherits(t, dir, Config{SQLiteDir: dir})
}

// testInherits: what a killed process has acknowledged is there once, whether it was killed before the commit, or between
// the commit and the emptying of its file.
func testInherits(t *testing.T, dir string, c Config) {
	t.Helper()
	first := openConfig(t, c)
	killed := testJournal(t, dir)
	killed.fill(t, 1, 300)
	part, ok := killed.take()
	if !ok {
		t.Fatal("nothing to take")
	}
	for range 2 { // who does not know whether it was committed tries again
		if err := first.engine.settleAudit(part); err != nil {
			t.Fatal(err)
		}
	}
	killed.fill(t, 301, 400)
	if again, ok := killed.take(); !ok || again.number != part.number {
		t.Fatalf("took %+v before it was settled", again)
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
		if strings.Contains(path, part.journal) {
			t.Errorf("%s is left", path)
		}
	}
	if got, err := second.FindAudit(t.Context(), "1", identity.AuditFilter{RequestID: "rq-399"}, "", 10); err != nil || len(got) != 1 {
		t.Errorf("one of them is found as %v, %v", got, err)
	}
}

func openConfig(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestJournalGoesWithItsProcess: a store that is closed leaves no journal behind, and one that lives has two files.
func TestJournalGoesWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{SQLiteDir: dir})
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
	wantRecords(t, foundAudit(t, openConfig(t, Config{SQLiteDir: dir})), numbers(1, 1))
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
	mine, other := openConfig(t, Config{SQLiteDir: dir}), openConfig(t, Config{SQLiteDir: dir})
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
	orphans, err := adopt(filepath.Dir(j.active.path), slog.New(slog.DiscardHandler))
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

// TestJournalIsBounded: while nothing can be committed, records are taken until the journal is full, and then refused;
// when there is room again all that were taken are there, once and in order.
func TestJournalIsBounded(t *testing.T) {
	s, e := openTest(t)
	limit := pragma(t, e.audit, "page_count")
	pragma(t, e.audit, "max_page_count="+limit)
	long, taken := strings.Repeat("x", 100_000), 0
	var err error
	for err == nil && taken < 1000 {
		if err = s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: fmt.Sprint(taken + 1), Reason: long}); err == nil {
			taken++
		}
	}
	if !errors.Is(err, ErrUnavailable) || taken < journalBytes/200_000 || taken > 2*journalBytes/100_000 {
		t.Fatalf("%d records were taken, then: %v", taken, err)
	}
	pragma(t, e.audit, "max_page_count=1000000")
	wantRecords(t, foundAudit(t, s), numbers(1, taken))
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", Action: fmt.Sprint(taken + 1), Reason: long}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	wantRecords(t, foundAudit(t, s), numbers(1, taken+1))
}

// TestForeignJournalStopsTheStart: what looks like a journal and is none is not thrown away.
func TestForeignJournalStopsTheStart(t *testing.T) {
	for name, content := range map[string][]byte{
		"no head":     sealed(`{"at":1}`),
		"no record":   append(sealed(`{"journal":"J","part":1}`), sealed(`[]`)...),
		"no JSON":     append(sealed(`{"journal":"J","part":1}`), sealed(`{`)...),
		"no number":   sealed(`{"journal":"J","part":0}`),
		"not a frame": nil,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, journalPrefix+"x"+journalSuffix)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Config{SQLiteDir: dir})
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		_, left := os.Stat(path)
		if content == nil { // what was never acknowledged may go
			if err != nil || left == nil {
				t.Errorf("an empty file: %v, %v", err, left)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move that file away") || left != nil {
			t.Errorf("%s: %v; the file: %v", name, err, left)
		}
	}
}

func sealed(content string) []byte {
	frame := append(newFrame(0), content...)
	sealFrame(frame)
	return frame
}
