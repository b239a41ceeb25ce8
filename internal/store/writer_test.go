package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// openConfig opens a store that is closed with the test.
func openConfig(t testing.TB, c Config) *Store {
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

// openTest opens a store on SQLite and shows its engine.
func openTest(t *testing.T) (*Store, *sqliteEngine) {
	t.Helper()
	dir := t.TempDir()
	s := openConfig(t, Config{SQLiteDir: dir, JournalDir: dir})
	return s, s.engine.(*sqliteEngine)
}

// inOneBatch holds the writer while all changes are queued, so that they are committed together, and returns their
// errors.
func inOneBatch(t *testing.T, w *writer, changes ...change) []error {
	t.Helper()
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := w.queue.do(t.Context(), change{fn: func(handle) error {
			close(holding)
			<-release
			return nil
		}})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	errs := make([]error, len(changes))
	for i, c := range changes {
		all.Go(func() { errs[i] = w.queue.do(t.Context(), c) })
		await(t, func() bool { return len(w.queue.ch) == i+1 })
	}
	close(release)
	all.Wait()
	return errs
}

// await returns when the condition holds.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the condition never held")
		}
	}
}

func insertAccountChange(id string) change {
	return change{fn: func(h handle) error {
		_, err := h.exec(`INSERT INTO accounts (id, version, epoch, created_at) VALUES ($1, 1, 0, 0)`, id)
		return err
	}}
}

func accountIDs(t *testing.T, s *Store) string {
	t.Helper()
	list, err := s.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	return strings.Join(ids, " ")
}

// TestBatchIsolation: in one transaction, changes that fail in every way leave nothing behind and spoil no other.
func TestBatchIsolation(t *testing.T) {
	s, e := openTest(t)
	errOwn := errors.New("own")
	after := func(id string, then func() error) change {
		return change{fn: func(h handle) error {
			if err := insertAccountChange(id).fn(h); err != nil {
				return err
			}
			return then()
		}}
	}
	errs := inOneBatch(t, e.main,
		insertAccountChange("a"),
		after("b", func() error { return errOwn }),
		after("c", func() error { panic("defect") }),
		insertAccountChange("a"), // taken
		insertAccountChange("d"),
		change{fn: func(h handle) error { _, err := h.exec("NO SQL"); return err }},
		insertAccountChange("e"),
	)
	for i, want := range []error{nil, errOwn, errPanic, identity.ErrExists, nil, errors.ErrUnsupported, nil} {
		if want == errors.ErrUnsupported { // any error will do
			if errs[i] == nil {
				t.Errorf("change %d succeeded", i)
			}
		} else if !errors.Is(errs[i], want) {
			t.Errorf("change %d: %v, want %v", i, errs[i], want)
		}
	}
	if got := accountIDs(t, s); got != "a d e" {
		t.Errorf("the accounts are %q", got)
	}
}

// TestWithdrawnChangeNeverRuns: a caller who gave up while queued gets the error of his context, and it is true.
func TestWithdrawnChangeNeverRuns(t *testing.T) {
	s, e := openTest(t)
	holding, release := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		_ = e.main.queue.do(t.Context(), change{fn: func(handle) error { close(holding); <-release; return nil }})
	})
	<-holding
	withdrawn := make(chan error)
	all.Go(func() { withdrawn <- e.main.queue.do(ctx, insertAccountChange("a")) })
	await(t, func() bool { return len(e.main.queue.ch) == 1 })
	cancel()
	if err := <-withdrawn; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller was told %v", err)
	}
	all.Go(func() {
		if err := e.main.queue.do(t.Context(), insertAccountChange("b")); err != nil {
			t.Error(err)
		}
	})
	close(release)
	all.Wait()
	if got := accountIDs(t, s); got != "b" {
		t.Errorf("the accounts are %q", got)
	}
}

// TestBegunChangeTellsItsOutcome: a caller who gives up while his change runs learns how it ended.
func TestBegunChangeTellsItsOutcome(t *testing.T) {
	s, e := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := e.main.queue.do(ctx, change{fn: func(h handle) error {
		cancel()
		return insertAccountChange("a").fn(h)
	}})
	if err != nil || accountIDs(t, s) != "a" {
		t.Errorf("the caller was told %v; the accounts are %q", err, accountIDs(t, s))
	}
}

// TestCloseFinishesQueue: what was accepted before Close is committed.
func TestCloseFinishesQueue(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{SQLiteDir: dir, JournalDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := s.engine.(*sqliteEngine).main
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = w.queue.do(t.Context(), change{fn: func(handle) error { close(holding); <-release; return nil }})
	})
	<-holding
	for i := range 10 {
		all.Go(func() {
			if err := w.queue.do(t.Context(), insertAccountChange(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
		await(t, func() bool { return len(w.queue.ch) == i+1 })
	}
	all.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	await(t, func() bool { w.queue.mu.RLock(); defer w.queue.mu.RUnlock(); return w.queue.closed })
	close(release)
	all.Wait()
	if s, err = Open(t.Context(), Config{SQLiteDir: dir, JournalDir: dir}); err != nil {
		t.Fatal(err)
	}
	if got := accountIDs(t, s); got != "0 1 2 3 4 5 6 7 8 9" {
		t.Errorf("the accounts are %q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// pragma reads a setting of the writer's own connection.
func pragma(t *testing.T, w *writer, name string) (v string) {
	t.Helper()
	err := w.queue.do(t.Context(), change{fn: func(h handle) error { return h.one("PRAGMA "+name, nil, &v) }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestFlushes: the main file flushes at every commit; the audit file when a record asks for it.
func TestFlushes(t *testing.T) {
	_, e := openTest(t)
	const normal, full = "1", "2"
	if got := pragma(t, e.main, "synchronous"); got != full {
		t.Errorf("the main file commits with synchronous %s", got)
	}
	if got := pragma(t, e.audit, "synchronous"); got != normal {
		t.Errorf("the audit file commits with synchronous %s", got)
	}
	var during []string
	look := func(durable bool) change {
		return change{durable: durable, fn: func(h handle) error {
			var v string
			err := h.one("PRAGMA synchronous", nil, &v)
			during = append(during, v)
			return err
		}}
	}
	for _, c := range []change{look(true), look(false), look(true)} {
		if err := e.audit.queue.do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range inOneBatch(t, e.audit, look(false), look(true), look(false)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(during, " "); got != "2 1 2 2 2 2" {
		t.Errorf("the batches committed with synchronous %s", got)
	}
}

func TestFileSettings(t *testing.T) {
	_, e := openTest(t)
	for _, w := range []*writer{e.main, e.audit} {
		for name, want := range map[string]string{"page_size": "8192", "journal_mode": "wal", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "10000"} {
			if got := pragma(t, w, name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	}
	if _, err := e.mainRead.ExecContext(t.Context(), "DELETE FROM accounts"); err == nil {
		t.Error("a connection for reading wrote")
	}
}

// TestDiskFull: on a full disk each call says that it failed, small changes that fit still succeed beside large ones
// that do not, and when there is room again everything goes on.
func TestDiskFull(t *testing.T) {
	s, e := openTest(t)
	for _, w := range []*writer{e.main, e.audit} {
		limit := pragma(t, w, "page_count")
		if got := pragma(t, w, "max_page_count="+limit); got != limit {
			t.Fatalf("the limit is %s, want %s", got, limit)
		}
	}
	large := identity.Grant{Account: "a", ID: "large", Sealed: make([]byte, 100_000)}
	put := func(g identity.Grant) change { return change{fn: func(h handle) error { return putGrant(h, &g) }} }
	for _, err := range []error{
		s.PutGrant(t.Context(), large),
		s.AppendAudit(t.Context(), identity.AuditRecord{Reason: strings.Repeat("x", 100_000), Durable: true}),
	} {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("on a full disk: %v", err)
		}
	}
	errs := inOneBatch(t, e.main, insertAccountChange("a"), put(large), insertAccountChange("b"))
	if errs[0] != nil || !errors.Is(errs[1], ErrUnavailable) || errs[2] != nil {
		t.Errorf("a batch with one change that does not fit: %v", errs)
	}
	if got := accountIDs(t, s); got != "a b" {
		t.Errorf("the accounts are %q", got)
	}
	for _, w := range []*writer{e.main, e.audit} {
		pragma(t, w, "max_page_count=1000000")
	}
	if err := s.PutGrant(t.Context(), large); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := s.AppendAudit(t.Context(), identity.AuditRecord{Reason: strings.Repeat("x", 100_000), Durable: true}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestWriterReconnects: a connection that is lost costs one batch at most.
func TestWriterReconnects(t *testing.T) {
	s, e := openTest(t)
	if err := s.InsertAccount(t.Context(), identity.Account{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	err := e.main.queue.do(t.Context(), change{fn: func(h handle) error {
		return h.db.(*connection).close()
	}})
	if err == nil {
		t.Error("a change on a lost connection succeeded")
	}
	if err := s.InsertAccount(t.Context(), identity.Account{ID: "b"}); err != nil {
		t.Errorf("after the loss: %v", err)
	}
	if got := accountIDs(t, s); got != "a b" {
		t.Errorf("the accounts are %q", got)
	}
}

// TestDeletedSecretsAreOverwritten: what is deleted does not linger in the file.
func TestDeletedSecretsAreOverwritten(t *testing.T) {
	s, e := openTest(t)
	marker := strings.Repeat("marker-of-a-grant ", 400)
	g := identity.Grant{Account: "a", ID: "g", Sealed: []byte(marker)}
	if err := s.PutGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertDataKey(t.Context(), vault.DataKey{Account: "a", Version: 1, Wrapped: []byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteGrant(t.Context(), "a", "g"); err != nil {
		t.Fatal(err)
	}
	pages := 0
	err := e.read(t.Context()).each("SELECT data FROM sqlite_dbpage", nil, func(scan scanner) error {
		var page []byte
		if err := scan(&page); err != nil {
			return err
		}
		if pages++; strings.Contains(string(page), "marker-of-a-grant") {
			t.Errorf("page %d still holds the deleted grant", pages)
		}
		return nil
	})
	if err != nil || pages == 0 {
		t.Fatalf("%d pages were read: %v", pages, err)
	}
}
