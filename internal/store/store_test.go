package store_test

import (
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store"
	"github.com/lanyard-id/lanyard/internal/store/storetest"
)

// open opens a store that is closed with the test.
func open(t testing.TB, c store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), c)
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

// onSQLite is a database in the directory with the journal of its audit.
func onSQLite(dir string) store.Config { return store.Config{SQLiteDir: dir, JournalDir: dir} }

func TestContractSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) identity.Store {
		c := onSQLite(t.TempDir())
		c.Now = now
		return open(t, c)
	})
}

// TestContractSQLiteWithoutJournal runs the suite as administrators' commands work.
func TestContractSQLiteWithoutJournal(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) identity.Store {
		return open(t, store.Config{SQLiteDir: t.TempDir(), Now: now})
	})
}
