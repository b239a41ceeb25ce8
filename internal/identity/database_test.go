package identity_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/lanyard-id/lanyard/internal/servertest"
	_ "modernc.org/sqlite" // opens the database behind the service's back
)

// behind opens the service's database as an intruder with the file would.
func behind(t testing.TB, s *servertest.Service) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Dir, "lanyard.db")+"?_pragma=busy_timeout(10000)")
	check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// edit runs one statement behind the service's back and demands that it changed something.
func edit(t testing.TB, s *servertest.Service, query string, args ...any) {
	t.Helper()
	res, err := behind(t, s).Exec(query, args...)
	check(t, err)
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s changed nothing: %v", query, err)
	}
}

// rows reads one number.
func rows(t testing.TB, s *servertest.Service, query string, args ...any) (n int) {
	t.Helper()
	check(t, behind(t, s).QueryRow(query, args...).Scan(&n))
	return n
}
