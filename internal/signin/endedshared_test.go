package signin

import (
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Two replicas share the record: whoever is signed out at one of them is out at the other a second later.
func TestA44_SignOutHoldsAtEveryReplica(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ended")
	w, b := newWorld(t), newBrowser()
	w.cfg.Ended = openEnded(t, path, w.clock)
	w.restart()
	here := w.gate
	w.cfg.Ended = openEnded(t, path, w.clock)
	w.restart() // the gate of another process
	w.signIn(b)
	stays := newBrowser()
	w.signIn(stays)
	copied := b.copy()
	if _, err := here.Logout(httptest.NewRecorder(), b.request(site)); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(readEvery)
	w.mustNot(copied, "a copied cookie at the other replica")
	w.mustSession(stays)
}

// A second process at the same record takes nothing away from the first.
func TestEndedFileHasSeveralWriters(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	files := [3]*EndedFile{}
	for i := range files {
		files[i] = openEnded(t, path, c)
	}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			f := files[i%len(files)]
			if i%10 == 0 {
				f.doubt() // so that it writes the whole file anew, while others append
			}
			if err := f.End(t.Context(), strconv.Itoa(i), c.now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c.advance(readEvery)
	for which, f := range append(files[:], openEnded(t, path, c)) {
		for i := range 60 {
			if !isEnded(t, f, strconv.Itoa(i)) {
				t.Fatalf("%d does not know %d", which, i)
			}
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 2 {
		t.Fatalf("left behind: %v, %v", names, err)
	}
}

// A file that took the place of the one before may even have its size: it is told by its header.
func TestEndedFileInThePlaceOfAnother(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	path, second := filepath.Join(dir, "ended"), filepath.Join(dir, "second")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a")
	endAll(t, openEnded(t, second, c), c.now().Add(time.Hour), "b")
	data, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil { // the same inode, too
		t.Fatal(err)
	}
	c.advance(readEvery)
	if !isEnded(t, f, "a") || !isEnded(t, f, "b") {
		t.Fatal("the other file was taken for the one that was read")
	}
}

// Another process may be in the middle of a line.
func TestEndedFileWaitsForTheRestOfALine(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f, writer := openEnded(t, path, c), openEnded(t, path, c)
	endAll(t, writer, c.now().Add(time.Hour), "a")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{int64(len(whole)) - 20, int64(len(whole)) - 1} {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		c.advance(readEvery)
		if isEnded(t, f, "a") {
			t.Fatal("half a line was read")
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	c.advance(readEvery)
	if !isEnded(t, f, "a") {
		t.Fatal("the line was lost")
	}
}

// Nobody is let in while it cannot be told who was signed out, and everybody again once it can.
func TestA44_EndedFileThatIsGone(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	c.advance(readEvery)
	for range 2 {
		if _, err := f.Ended(t.Context(), "b"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("Ended = %v", err)
		}
	}
	if err := f.End(t.Context(), "c", c.now().Add(time.Hour)); err == nil {
		t.Fatal("a sign-out that nobody else learns of succeeded")
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	c.advance(readEvery)
	if !isEnded(t, f, "a") || isEnded(t, f, "b") {
		t.Fatal("another record after it was restored")
	}
}

// A sign-out that is sent again and again writes once, and whoever only asks never waits for a writer's disk.
func TestA50_ReplayedSignOutIsCheap(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a")
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	f.writing.Lock() // as while another sign-out waits for the disk
	defer f.writing.Unlock()
	for range 100 {
		endAll(t, f, c.now().Add(time.Hour), "a")
	}
	c.advance(readEvery)
	if !isEnded(t, f, "a") || isEnded(t, f, "b") || size() != before {
		t.Fatalf("%d bytes, then %d", before, size())
	}
}

// What is on the disk after a failed write is not known, so an end that was not promised is not taken for one that was.
func TestEndedFileAfterAFailedWrite(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "ended")
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Hour), "a")
	header := f.header
	f.doubt()
	endAll(t, f, c.now().Add(time.Hour), "a")
	if f.header == header || f.suspect || !isEnded(t, openEnded(t, path, c), "a") {
		t.Fatal("the file was not written anew")
	}
}

func TestCheckEndedFileWritesNothing(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	path := filepath.Join(dir, "ended")
	if err := CheckEndedFile(path, c.now); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 0 {
		t.Fatalf("made %v, %v", names, err)
	}
	f := openEnded(t, path, c)
	endAll(t, f, c.now().Add(time.Minute), "gone")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	if err := CheckEndedFile(path, c.now); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Fatalf("%q, then %q, %v", before, after, err)
	}
}
