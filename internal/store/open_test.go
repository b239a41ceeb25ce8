package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store"
)

func TestOpenRefusesConfig(t *testing.T) {
	for name, c := range map[string]struct {
		config store.Config
		says   string
	}{
		"nothing": {store.Config{}, "neither"},
		"both":    {store.Config{SQLiteDir: t.TempDir(), PostgresURL: "postgres://x"}, "both"},
		"bad URL": {store.Config{PostgresURL: "postgres://user:hunter2@host:nonsense/db"}, "PostgreSQL URL"},
		"a file":  {store.Config{SQLiteDir: fileAt(t)}, "making the directory"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), c.config)
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %q", err)
			}
		})
	}
}

func fileAt(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]fs.FileMode{}
	for _, name := range append(entryNames(entries), ".") {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = info.Mode().Perm()
	}
	return out
}

func entryNames(entries []fs.DirEntry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Name()
	}
	return out
}

// TestFilesArePrivate: nobody but the owner reads the files, those that SQLite makes beside them included, and modes
// that were loosened are mended.
func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by open")
	check := func() {
		t.Helper()
		for name, mode := range modes(t, dir) {
			want := fs.FileMode(0o600)
			if name == "." {
				want = 0o700
			}
			if mode != want {
				t.Errorf("%s has mode %04o, want %04o", name, mode, want)
			}
		}
	}
	s := open(t, onSQLite(dir))
	if err := s.InsertAccount(t.Context(), identity.Account{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Action: "x"}); err != nil {
		t.Fatal(err)
	}
	got := modes(t, dir)
	for _, name := range []string{"lanyard.db", "lanyard.db-wal", "audit.db", "audit.db-wal"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing; there are %v", name, got)
		}
	}
	check()
	for name := range got {
		if err := os.Chmod(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	open(t, onSQLite(dir))
	check()
}

// TestOpenAtOnceSQLite: replicas that start together migrate once and all come up.
func TestOpenAtOnceSQLite(t *testing.T) { testOpenAtOnce(t, onSQLite(t.TempDir())) }

func testOpenAtOnce(t *testing.T, c store.Config) {
	t.Helper()
	const n = 6
	stores := make([]*store.Store, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			s, err := store.Open(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
		})
	}
	all.Wait()
	for i, s := range stores {
		if s == nil {
			continue
		}
		if err := s.InsertAccount(t.Context(), identity.Account{ID: string(rune('a' + i))}); err != nil {
			t.Error(err)
		}
	}
	for _, s := range stores {
		if s == nil {
			continue
		}
		list, err := s.Accounts(t.Context())
		if err != nil || len(list) != n {
			t.Errorf("a replica sees %d accounts of %d (%v)", len(list), n, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// testNewerRefused plays a newer binary's migration with one statement and opens the database again.
func testNewerRefused(t *testing.T, c store.Config, driver, dsn string) {
	t.Helper()
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO schema_versions (version_id, is_applied) VALUES (9000, true)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(t.Context(), c)
	if err == nil {
		_ = s.Close()
		t.Fatal("a database of a newer Lanyard was opened")
	}
	if !strings.Contains(err.Error(), "newer Lanyard") || !strings.Contains(err.Error(), "9000") {
		t.Errorf("the error is %q", err)
	}
}

func TestNewerDatabaseRefusedSQLite(t *testing.T) {
	dir := t.TempDir()
	testNewerRefused(t, onSQLite(dir), "sqlite", filepath.Join(dir, "lanyard.db"))
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	s, err := store.Open(t.Context(), onSQLite(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, call := range map[string]func() error{
		"write":  func() error { return s.InsertAccount(t.Context(), identity.Account{ID: "1"}) },
		"append": func() error { return s.AppendAudit(t.Context(), identity.AuditRecord{Action: "x"}) },
	} {
		if err := call(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if _, err := s.Accounts(t.Context()); err == nil {
		t.Error("read after Close succeeded")
	}
}

// TestReopenKeepsData: a database that is up to date opens without a migration and with everything in it.
func TestReopenKeepsData(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		s, err := store.Open(context.WithoutCancel(t.Context()), onSQLite(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.InsertAccount(t.Context(), identity.Account{ID: string(rune('a' + i))}); err != nil {
			t.Fatal(err)
		}
		list, err := s.Accounts(t.Context())
		if err != nil || len(list) != i+1 {
			t.Fatalf("%d accounts, want %d (%v)", len(list), i+1, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkOpenUpToDate(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := store.Open(b.Context(), onSQLite(dir))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
