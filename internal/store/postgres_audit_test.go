//go:build !quick

package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

// TestPostgresAuditOnce: a group whose commit nobody knows of is written again only if it is not there.
func TestPostgresAuditOnce(t *testing.T) {
	s := openPostgresTest(t)
	h := s.engine.readAudit(t.Context())
	insert := func(query string, actions ...string) {
		var rows []*auditRow
		for _, a := range actions {
			rows = append(rows, newAuditRow(&identity.AuditRecord{Action: a}))
		}
		g := newAuditGroup(rows)
		if _, err := h.exec(query, g.firstAt, g.lastAt, g.terms, g.records, true); err != nil {
			t.Fatal(err)
		}
	}
	insert(insertAuditGroupOnce, "first of all") // into an empty table
	insert(insertAuditGroup, "one", "two")
	insert(insertAuditGroupOnce, "one", "two")
	insert(insertAuditGroupOnce, "one")
	got, err := list(h, `SELECT jsonb_array_elements(records::jsonb)->>'action' FROM audit_groups ORDER BY n`, nil, // as the manual shows it
		func(scan scanner, action *string) error { return scan(action) })
	if want := []string{"first of all", "one", "two", "one"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestJournalSurvivesPostgres(t *testing.T) {
	dir := t.TempDir()
	testInherits(t, dir, Config{PostgresURL: pgtest.Start(t), JournalDir: dir})
}

// TestPostgresLateCommit: a group that is committed long after greater numbers is found: nothing is summarised past a
// transaction that has not ended.
func TestPostgresLateCommit(t *testing.T) {
	var passed atomic.Int64
	s, err := Open(t.Context(), Config{PostgresURL: pgtest.Start(t), Now: func() time.Time { return time.UnixMilli(passed.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	late := newAuditGroup([]*auditRow{newAuditRow(&identity.AuditRecord{Account: "1", RequestID: "late"})})
	tx, err := s.engine.(*postgresEngine).db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), insertAuditGroup, late.firstAt, late.lastAt, late.terms, late.records, true); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for k := range 60 {
				if err := s.AppendAudit(t.Context(), identity.AuditRecord{Account: "1", RequestID: fmt.Sprint(i, "-", k), User: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	index := func() (segments int) {
		t.Helper()
		for range 3 {
			passed.Add(time.Hour.Milliseconds())
			for more := true; more; {
				var err error
				if more, err = s.IndexAudit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.engine.readAudit(t.Context()).one(`SELECT COUNT(*) FROM audit_segments`, nil, &segments); err != nil {
			t.Fatal(err)
		}
		return segments
	}
	if n := index(); n != 0 {
		t.Errorf("%d segments were made while a transaction was open", n)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := index(); n == 0 {
		t.Error("nothing was summarised after it had ended")
	}
	got, err := s.FindAudit(t.Context(), "1", identity.AuditFilter{RequestID: "late"}, "", 10)
	if err != nil || len(got) != 1 {
		t.Errorf("the late record: %v, %v", got, err)
	}
}
