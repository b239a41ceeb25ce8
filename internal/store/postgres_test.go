//go:build !quick

package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store"
	"github.com/lanyard-id/lanyard/internal/store/storetest"
	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

// keepServer keeps one server for all tests.
func keepServer() func() error { return pgtest.Keep() }

func TestContractPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) identity.Store {
		return open(t, store.Config{PostgresURL: pgtest.Start(t), Now: now})
	})
}

// TestContractPostgresJournal runs the suite with audit records that are acknowledged before they are committed.
func TestContractPostgresJournal(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) identity.Store {
		return open(t, store.Config{PostgresURL: pgtest.Start(t), JournalDir: t.TempDir(), Now: now})
	})
}

// TestContractPostgresSerializable runs the suite as databases run it that know no weaker isolation: conflicts come as
// errors and every change must be ready to run again.
func TestContractPostgresSerializable(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) identity.Store {
		return open(t, store.Config{PostgresURL: pgtest.Start(t) + "&default_transaction_isolation=serializable", JournalDir: t.TempDir(), Now: now})
	})
}

func TestDevRecordsPostgres(t *testing.T) {
	testDevRecords(t, store.Config{PostgresURL: pgtest.Start(t)})
}

func TestOpenAtOncePostgres(t *testing.T) {
	testOpenAtOnce(t, store.Config{PostgresURL: pgtest.Start(t)})
}

func TestNewerDatabaseRefusedPostgres(t *testing.T) {
	url := pgtest.Start(t)
	testNewerRefused(t, store.Config{PostgresURL: url}, "pgx", url)
}

// TestPostgresStoppedAndStarted: while the server is away every call says so, and the first one after its return works.
func TestPostgresStoppedAndStarted(t *testing.T) {
	server := pgtest.NewServer(t)
	s := open(t, store.Config{PostgresURL: server.Database(t), MaxConns: 8})
	n := 0
	calls := map[string]func() error{
		"write": func() error {
			n++
			return s.InsertAccount(t.Context(), identity.Account{ID: fmt.Sprint(n)})
		},
		"append": func() error {
			n++
			return s.AppendAudit(t.Context(), identity.AuditRecord{Action: fmt.Sprint(n)})
		},
		"read": func() error { _, err := s.Accounts(t.Context()); return err },
		"ping": func() error { return s.Ping(t.Context()) },
	}
	for round := range 2 {
		fillPool(t, s)
		for name, call := range calls {
			if err := call(); err != nil {
				t.Fatalf("round %d: %s: %v", round, name, err)
			}
		}
		server.Stop(t)
		for name, call := range calls {
			if err := call(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("round %d: %s without a server: %v", round, name, err)
			}
		}
		server.Start(t)
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s after the return: %v", name, err)
		}
	}
}

// fillPool makes the pool open all its connections.
func fillPool(t *testing.T, s *store.Store) {
	t.Helper()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if _, err := s.Accounts(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestPostgresRestart: connections that died while nobody looked cost no caller an error.
func TestPostgresRestart(t *testing.T) {
	server := pgtest.NewServer(t)
	s := open(t, store.Config{PostgresURL: server.Database(t), MaxConns: 8})
	fillPool(t, s)
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Action: "1"}); err != nil {
		t.Fatal(err)
	}
	server.Stop(t)
	server.Start(t)
	if _, err := s.Accounts(t.Context()); err != nil {
		t.Errorf("read: %v", err)
	}
	if err := s.InsertAccount(t.Context(), identity.Account{ID: "1"}); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Action: "2"}); err != nil {
		t.Errorf("append: %v", err)
	}
}

// TestPostgresUnreachable: an address where nobody answers is reported, with no password in the text.
func TestPostgresUnreachable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := store.Open(ctx, store.Config{PostgresURL: "postgres://lanyard:hunter2@127.0.0.1:1/lanyard?sslmode=disable"})
	if err == nil {
		_ = s.Close()
		t.Fatal("it was opened")
	}
	if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %q", err)
	}
}

// TestPostgresFlushesWhatIsDurable asks the server, by a trigger, with which setting each audit record was committed.
func TestPostgresFlushesWhatIsDurable(t *testing.T) {
	url := pgtest.Start(t)
	s := open(t, store.Config{PostgresURL: url})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE TABLE commits (id text, mode text);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO commits VALUES (NEW.records::json->0->>'action', current_setting('synchronous_commit')); RETURN NEW; END $$;
		CREATE TRIGGER note BEFORE INSERT ON audit_groups FOR EACH ROW EXECUTE FUNCTION note();`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		id      string
		durable bool
		mode    string
	}{{"1", false, "off"}, {"2", true, "on"}, {"3", false, "off"}} {
		if err := s.AppendAudit(t.Context(), identity.AuditRecord{Action: want.id, Durable: want.durable}); err != nil {
			t.Fatal(err)
		}
		var mode string
		if err := db.QueryRowContext(t.Context(), "SELECT mode FROM commits WHERE id = $1", want.id).Scan(&mode); err != nil {
			t.Fatal(err)
		}
		if mode != want.mode {
			t.Errorf("record %s was committed with synchronous_commit %s, want %s", want.id, mode, want.mode)
		}
	}
}
