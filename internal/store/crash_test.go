package store_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store"
)

// startHelper starts this test binary as another process that writes to the directory.
func startHelper(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// checkHelperWrites checks that the first n writes of the helper are there.
func checkHelperWrites(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		if _, err := s.InboundToken(t.Context(), helperAccount, fmt.Sprint("jwt-", i)); err != nil {
			t.Fatalf("write %d of %d was acknowledged and is gone: %v", i, n, err)
		}
	}
	records, err := s.FindAudit(t.Context(), helperAccount, identity.AuditFilter{}, "", helperWrites+1)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for i := range records { // in the order of writing, the newest first; the last may be one that was not acknowledged
		want, got = append(want, fmt.Sprint(len(records)-1-i)), append(got, records[i].Action)
	}
	if len(records) < n || len(records) > n+1 || !slices.Equal(got, want) {
		t.Fatalf("%d audit records were acknowledged, and there are %v", n, got)
	}
}

// TestKilledProcessKeepsItsWord kills a writing process and looks for everything that it had acknowledged.
func TestKilledProcessKeepsItsWord(t *testing.T) {
	dir := t.TempDir()
	cmd, out := startHelper(t, dir)
	acknowledged := 0
	for acknowledged < helperWrites/4 && out.Scan() {
		i, err := strconv.Atoi(out.Text())
		if err != nil || i != acknowledged {
			t.Fatalf("the helper says %q", out.Text())
		}
		acknowledged++
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for out.Scan() { // what it said before it died counts as well
		acknowledged++
	}
	if err := cmd.Wait(); err == nil && acknowledged < helperWrites {
		t.Fatal("the helper ended by itself")
	}
	if acknowledged < helperWrites/4 {
		t.Fatalf("the helper wrote %d times only", acknowledged)
	}
	checkHelperWrites(t, open(t, onSQLite(dir)), acknowledged)
}

// TestTwoProcessesWrite: a command line tool and a server write to the same files at the same time.
func TestTwoProcessesWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, onSQLite(dir))
	cmd, out := startHelper(t, dir)
	mine := 0
	for out.Scan() {
		id := fmt.Sprint("mine-", mine)
		if err := s.PutInboundToken(t.Context(), helperAccount, id, []byte("x"), time.UnixMilli(1)); err != nil {
			t.Fatal(err)
		}
		mine++
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if mine != helperWrites {
		t.Fatalf("the other process wrote %d times, want %d", mine, helperWrites)
	}
	checkHelperWrites(t, s, helperWrites)
	for i := range mine {
		if _, err := s.InboundToken(t.Context(), helperAccount, fmt.Sprint("mine-", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoStoresOnOneDirectory: a compare-and-swap has one winner among stores as it has among callers.
func TestTwoStoresOnOneDirectory(t *testing.T) {
	dir := t.TempDir()
	stores := []*store.Store{open(t, onSQLite(dir)), open(t, onSQLite(dir))}
	at := time.UnixMilli(1_900_000_000_000)
	g := identity.Grant{Account: helperAccount, ID: "gr-1", State: identity.GrantActive, CreatedAt: at}
	if err := stores[0].PutGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	for version := int64(1); version <= 20; version++ {
		var claims, updates [2]bool
		var both sync.WaitGroup
		for i, s := range stores {
			both.Go(func() {
				owner := fmt.Sprint("store ", i)
				claimed, _, err := s.ClaimRefresh(t.Context(), g.Account, g.ID, version, owner, at, at.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if claims[i] = claimed; !claimed {
					return
				}
				mine := g
				mine.Version = version
				updates[i] = s.UpdateGrant(t.Context(), mine, owner) == nil
			})
		}
		both.Wait()
		if claims[0] == claims[1] || updates != claims {
			t.Fatalf("version %d: claimed by %v, updated by %v", version, claims, updates)
		}
	}
}

// TestCopiedFilesHoldEverything copies the files under a running store, as a snapshot of its disk would, and opens the
// copy.
func TestCopiedFilesHoldEverything(t *testing.T) {
	dir, snapshot := t.TempDir(), t.TempDir()
	s := open(t, onSQLite(dir))
	const n = 50
	for i := range n {
		if err := helperWrite(t.Context(), s, i); err != nil {
			t.Fatal(err)
		}
	}
	journals, err := filepath.Glob(filepath.Join(dir, "audit-*.journal"))
	if err != nil || len(journals) == 0 {
		t.Fatalf("journals %v, %v", journals, err)
	}
	// Journals first: what is committed meanwhile is in both, and counts once.
	for _, path := range append(journals, "lanyard.db", "lanyard.db-wal", "audit.db", "audit.db-wal") {
		name := filepath.Base(path)
		copyFile(t, filepath.Join(dir, name), filepath.Join(snapshot, name))
	}
	checkHelperWrites(t, open(t, onSQLite(snapshot)), n)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	// Read by another process: closing a descriptor here would drop the locks that this one's SQLite holds.
	in, err := exec.Command("cat", from).Output()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Writer(out).Write(in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
