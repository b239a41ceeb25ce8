package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

var errBroken = errors.New("the connection broke")

// breakable opens connections whose statements fail while broken is set: at once, or with the first row.
type breakable struct {
	driver.Connector
	atOnce, atRow atomic.Bool
	open, opened  atomic.Int32
}

func (b *breakable) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := b.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	b.open.Add(1)
	b.opened.Add(1)
	return &breakableConn{c, b}, nil
}

type breakableConn struct {
	driver.Conn
	from *breakable
}

func (c *breakableConn) Close() error {
	c.from.open.Add(-1)
	return c.Conn.Close()
}

func (c *breakableConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return &breakableStmt{s, c.from}, err
}

type breakableStmt struct {
	driver.Stmt
	from *breakable
}

func (s *breakableStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if s.from.atOnce.Load() {
		return nil, errBroken
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	return &breakableRows{rows, s.from}, err
}

type breakableRows struct {
	driver.Rows
	from *breakable
}

func (r *breakableRows) Next(row []driver.Value) error {
	if r.from.atRow.Load() {
		return errBroken
	}
	return r.Rows.Next(row)
}

// openBreakable opens a store with one grant, whose reading connections can break.
func openBreakable(t *testing.T) (*Store, *breakable, identity.Grant) {
	t.Helper()
	s, e := openTest(t)
	b := &breakable{Connector: e.mainRead.conns.Connector}
	e.mainRead.conns.Connector = b
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
	point := func() error { _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); return err }
	rows := func() error { _, err := s.Grant(t.Context(), g.Account, g.Key); return err }
	for name, c := range map[string]struct {
		read   func() error
		broken *atomic.Bool
	}{
		"point, at once":  {point, &b.atOnce},
		"point, at a row": {point, &b.atRow},
		"rows, at once":   {rows, &b.atOnce},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.read(); err != nil {
				t.Fatal(err)
			}
			before := b.opened.Load()
			c.broken.Store(true)
			if err := c.read(); !errors.Is(err, errBroken) {
				t.Errorf("reading by a broken connection: %v", err)
			}
			c.broken.Store(false)
			same(t, "open after the failure", b.open.Load(), 0)
			if err := c.read(); err != nil {
				t.Error(err)
			}
			same(t, "opened anew", b.opened.Load()-before, 1)
		})
	}
	before := b.opened.Load()
	for range 3 {
		if _, err := s.ActiveGrant(t.Context(), g.Account, [32]byte{}); !errors.Is(err, identity.ErrNotFound) {
			t.Error(err)
		}
	}
	same(t, "opened by finding nothing", b.opened.Load()-before, 0)
}

func same(t *testing.T, what string, got, want int32) {
	t.Helper()
	if got != want {
		t.Errorf("connections %s: %d, want %d", what, got, want)
	}
}

// TestReadConnectionsAreShared: however many read at once and however, no more connections are open than the pool may
// have, and all are given back.
func TestReadConnectionsAreShared(t *testing.T) {
	s, b, g := openBreakable(t)
	var most atomic.Int32
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for range 50 {
				_, err := s.ActiveGrant(t.Context(), g.Account, g.Key)
				if i%2 == 0 {
					_, err = s.Grant(t.Context(), g.Account, g.Key)
				}
				if err != nil {
					t.Error(err)
					return
				}
				for n := b.open.Load(); n > most.Load(); {
					most.Store(n)
				}
			}
		})
	}
	all.Wait()
	if most.Load() > readers || b.opened.Load() > readers {
		t.Errorf("%d connections at once, %d in all", most.Load(), b.opened.Load())
	}
	l := s.engine.(*sqliteEngine).mainRead.conns
	if lent, idle := l.counts(); lent != 0 || int32(idle) != b.open.Load() {
		t.Errorf("%d are lent and %d idle of %d", lent, idle, b.open.Load())
	}
}

// TestRefusedConnection: a reader who cannot connect gives his place back.
func TestRefusedConnection(t *testing.T) {
	s, e := openTest(t)
	l := e.mainRead.conns
	works := l.Connector
	l.Connector = refusing{works}
	for range 2 * readers {
		if _, err := s.ActiveGrant(t.Context(), "a", [32]byte{}); !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
	}
	l.Connector = works
	if _, err := s.ActiveGrant(t.Context(), "a", [32]byte{}); !errors.Is(err, identity.ErrNotFound) {
		t.Error(err)
	}
}

type refusing struct{ driver.Connector }

func (refusing) Connect(context.Context) (driver.Conn, error) { return nil, errBroken }

// TestCloseWaitsForReaders: closing lets the reads under way finish; those that wait for a connection, and those that
// come later, are told.
func TestCloseWaitsForReaders(t *testing.T) {
	s, b, g := openBreakable(t)
	l := s.engine.(*sqliteEngine).mainRead.conns
	var held []*readConn
	for range readers {
		c, err := l.take(t.Context())
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
		if err := c.point(t.Context(), `SELECT id FROM grants`, nil, []any{&id}); err != nil || id != g.ID {
			t.Errorf("a read under way was broken off: %q, %v", id, err)
		}
		select {
		case err := <-closed:
			t.Fatalf("closed with %d readers under way: %v", readers-i, err)
		default:
		}
		l.give(c)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if n := b.open.Load(); n != 0 {
		t.Errorf("%d connections are left open", n)
	}
	if _, err := s.ActiveGrant(t.Context(), g.Account, g.Key); !errors.Is(err, ErrUnavailable) {
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
