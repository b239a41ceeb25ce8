package store

import (
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	lowlevel "zombiezen.com/go/sqlite"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// breakable counts the connections that point reads open, and breaks their statements while it is told to.
type breakable struct {
	*lender
	works   func() (*readConn, error)
	opened  atomic.Int32
	refuses atomic.Bool
}

var errRefused = errors.New("no connection to be had")

func (b *breakable) open() (*readConn, error) {
	if b.refuses.Load() {
		return nil, errRefused
	}
	b.opened.Add(1)
	return b.works()
}

// breakIdle lets SQLite interrupt what the idle connections do from now on.
func (b *breakable) breakIdle() {
	over := make(chan struct{})
	close(over)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.idle {
		c.SetInterrupt(over)
	}
}

// openBreakable opens a store with one grant, whose point reads can break.
func openBreakable(t *testing.T) (*Store, *breakable, identity.Grant) {
	t.Helper()
	s, e := openTest(t)
	l := e.mainRead.points
	b := &breakable{lender: l, works: l.open}
	l.open = b.open
	g := benchGrant(1)
	if err := s.PutGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	return s, b, g
}

func (l *lender) counts() (lent, idle int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.places), len(l.idle)
}

// TestBrokenReadConnection: a connection that fails is closed, and the next read has a new one. Finding nothing breaks
// none.
func TestBrokenReadConnection(t *testing.T) {
	s, b, g := openBreakable(t)
	read := func(want error) {
		t.Helper()
		if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); !errors.Is(err, want) {
			t.Errorf("reading: %v, want %v", err, want)
		}
	}
	for range 3 {
		read(nil)
		b.breakIdle()
		read(ErrUnavailable)
		lent, idle := b.counts()
		same(t, "lent after the failure", lent, 0)
		same(t, "idle after the failure", idle, 0)
		before := b.opened.Load()
		read(nil)
		same(t, "opened anew", int(b.opened.Load()-before), 1)
	}
	before := b.opened.Load()
	for range 3 {
		if _, err := s.ActiveGrant(t.Context(), g.Account, [32]byte{}); !errors.Is(err, identity.ErrNotFound) {
			t.Error(err)
		}
	}
	same(t, "opened by finding nothing", int(b.opened.Load()-before), 0)
}

func same(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("connections %s: %d, want %d", what, got, want)
	}
}

// TestReadConnectionsAreShared: however many read at once, no more connections are open than the pool may have, and all
// are given back.
func TestReadConnectionsAreShared(t *testing.T) {
	s, b, g := openBreakable(t)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 50 {
				if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := b.opened.Load(); n < 1 || n > readers {
		t.Errorf("%d connections were opened, of at most %d", n, readers)
	}
	lent, idle := b.counts()
	same(t, "lent", lent, 0)
	same(t, "idle", idle, int(b.opened.Load()))
}

// TestRefusedConnection: a reader who cannot connect gives his place back.
func TestRefusedConnection(t *testing.T) {
	s, b, g := openBreakable(t)
	b.refuses.Store(true)
	for range 2 * readers {
		if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); !errors.Is(err, errRefused) {
			t.Fatal(err)
		}
	}
	b.refuses.Store(false)
	if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); err != nil {
		t.Error(err)
	}
}

// TestReadConnectionsReadOnly: whatever a defect would have them do, they change nothing.
func TestReadConnectionsReadOnly(t *testing.T) {
	s, b, g := openBreakable(t)
	c, err := b.take()
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{`DELETE FROM grants`, `CREATE TABLE t (x)`, `DROP TABLE grants`} {
		if err := c.run(query); lowlevel.ErrCode(err) != lowlevel.ResultReadOnly {
			t.Errorf("%s: %v", query, err)
		}
	}
	b.give(c)
	if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); err != nil {
		t.Error(err)
	}
	if err := c.run(`PRAGMA writable_schema=1`); err != nil {
		t.Error(err)
	}
	if err := c.run(`PRAGMA query_only=0`); err != nil {
		t.Error(err)
	}
	if err := c.run(`UPDATE sqlite_schema SET sql = ''`); err == nil {
		t.Error("the schema could be written: the connection is not defensive")
	}
}

// TestCloseWaitsForReaders: closing lets the reads under way finish; those that wait for a connection, and those that
// come later, are told.
func TestCloseWaitsForReaders(t *testing.T) {
	s, b, g := openBreakable(t)
	var held []*readConn
	for range readers {
		c, err := b.take()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); !errors.Is(err, ErrUnavailable) {
				t.Errorf("reading while the store closes: %v", err)
			}
		})
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	all.Wait() // nobody gave a connection back
	for i, c := range held {
		var id string
		if err := c.point(`SELECT id FROM grants`, nil, []any{&id}); err != nil || id != g.ID {
			t.Errorf("a read under way was broken off: %q, %v", id, err)
		}
		select {
		case err := <-closed:
			t.Fatalf("closed with %d readers under way: %v", readers-i, err)
		default:
		}
		b.give(c)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for _, c := range held {
		if c.Close() == nil { // and not refused, since it was closed before
			t.Error("a connection was left open")
		}
	}
	if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); !errors.Is(err, ErrUnavailable) {
		t.Errorf("reading after closing: %v", err)
	}
}

// TestCloseWaitsForLists: the same for reads by database/sql.
func TestCloseWaitsForLists(t *testing.T) {
	s, e := openTest(t)
	var held []*sql.Rows
	for range readers {
		rows, err := e.mainRead.QueryContext(t.Context(), `SELECT 1 UNION SELECT 2`)
		if err != nil || !rows.Next() {
			t.Fatal(err)
		}
		held = append(held, rows)
	}
	waits := make(chan error)
	go func() {
		_, err := s.Accounts(t.Context())
		waits <- err
	}()
	await(t, func() bool { return e.mainRead.Stats().WaitCount == 1 })
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	await(t, func() bool { return e.mainRead.closed.Load() })
	for i, rows := range held {
		if !rows.Next() {
			t.Errorf("a list under way was broken off: %v", rows.Err())
		}
		select {
		case err := <-closed:
			t.Fatalf("closed with %d lists under way: %v", readers-i, err)
		default:
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-waits; err != nil && !errors.Is(err, ErrUnavailable) {
		t.Errorf("waiting while the store closes: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := s.Accounts(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("reading after closing: %v", err)
	}
}

// TestPointTypesSQLite: a value that does not fit is an error and never a zero value.
func TestPointTypesSQLite(t *testing.T) {
	s, _ := openTest(t)
	testPointTypes(t, s)
}

func testPointTypes(t *testing.T, s *Store) {
	t.Helper()
	r := identity.Record{Account: "a", Kind: "k", ID: "id", Name: "8 bytes.", Data: []byte{0, 1}, Version: 7}
	for _, err := range []error{s.InsertAccount(t.Context(), identity.Account{ID: "a"}), s.InsertRecord(t.Context(), r, 0)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h := s.engine.read(t.Context())
	var text string
	var number int64
	var flag bool
	data, sealed := []byte(nil), []byte("of before")
	const row = `SELECT name, version, data, sealed FROM records WHERE account = $1 AND version = $2 AND data = $3`
	err := h.point(row, []any{"a", int64(7), []byte{0, 1}}, &text, &number, &data, &sealed)
	if err != nil || text != r.Name || number != 7 || string(data) != "\x00\x01" || sealed != nil {
		t.Errorf("read %q, %d, %q, %q (%v)", text, number, data, sealed, err)
	}
	if err := h.point(row, []any{"a\x00", int64(7), []byte{0, 1}}, &text, &number, &data, &sealed); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("a text that no engine keeps: %v", err)
	}
	if err := h.point(row, []any{"a", int32(7), []byte{0, 1}}, &text, &number, &data, &sealed); err == nil || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("an argument of another type: %v", err)
	}
	for _, args := range [][]any{nil, {"a"}, {"a", int64(7), []byte{0, 1}, "b"}} {
		if err := h.point(row, args, &text, &number, &data, &sealed); err == nil || errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%d arguments: %v", len(args), err)
		}
	}
	const swapped = `SELECT name FROM records WHERE version = $2 AND account = $1`
	err = h.point(swapped, []any{"a", int64(7)}, &text)
	if _, sqlite := s.engine.(*sqliteEngine); sqlite && (err == nil || !strings.Contains(err.Error(), "is not $1")) || !sqlite && err != nil {
		t.Errorf("parameters in another order: %v", err)
	}
	for name, c := range map[string]struct {
		query, says string
		dest        []any
	}{
		"NULL as text":     {`SELECT sealed FROM records`, "go into *string", []any{&text}},
		"NULL as number":   {`SELECT sealed FROM records`, "go into *int64", []any{&number}},
		"text as number":   {`SELECT name FROM records`, "go into *int64", []any{&number}},
		"number as text":   {`SELECT version FROM records`, "go into *string", []any{&text}},
		"number as bytes":  {`SELECT version FROM records`, "go into *[]uint8", []any{&data}},
		"another type":     {`SELECT version FROM records`, "go into *bool", []any{&flag}},
		"too many columns": {`SELECT name, version FROM records`, "2 columns", []any{&text}},
		"too few columns":  {`SELECT name FROM records`, "1 columns", []any{&text, &number}},
	} {
		for range 2 {
			if err := h.point(c.query, nil, c.dest...); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
