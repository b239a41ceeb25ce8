package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	lowlevel "zombiezen.com/go/sqlite"
)

// pool reads one SQLite file: whatever people and lists ask for by database/sql, and the rows that requests wait for by
// connections that speak to SQLite without it.
type pool struct {
	*sql.DB
	points *lender
	closed atomic.Bool
}

func openPool(path string, conns int) (*pool, error) {
	db, err := openDB(path, readSettings())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return &pool{DB: db, points: newLender(conns, func() (*readConn, error) { return openReadConn(path) })}, nil
}

// QueryContext is that of database/sql, with our word for its end.
func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := p.DB.QueryContext(ctx, query, args...)
	if err != nil && p.closed.Load() {
		return nil, errClosed
	}
	return rows, err
}

func (p *pool) point(_ context.Context, query string, args, dest []any) error {
	c, err := p.points.take()
	if err != nil {
		return err
	}
	defer p.points.give(c)
	return c.point(query, args, dest)
}

// close waits for the reads under way.
func (p *pool) close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.SetMaxOpenConns(1) // who has the only one that may be open knows that every read has ended
	last, err := p.Conn(context.Background())
	if err == nil {
		err = last.Close()
	}
	return errors.Join(err, p.DB.Close(), p.points.close())
}

// lender opens connections when they are needed, and lends each to one reader at a time.
type lender struct {
	open   func() (*readConn, error)
	places chan struct{} // one is taken for each connection that is lent; who waits for one is served in turn
	done   chan struct{} // closed with the lender

	mu     sync.Mutex
	idle   []*readConn // the last one is lent first: its pages are in the processor's cache
	closed bool
}

func newLender(most int, open func() (*readConn, error)) *lender {
	return &lender{open: open, places: make(chan struct{}, most), done: make(chan struct{})}
}

// take returns a connection that is the caller's until give. It waits while all are lent, which is as short as reads are.
func (l *lender) take() (*readConn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, errClosed
	}
	c, err := l.reserved()
	if err != nil {
		<-l.places
		return nil, err
	}
	return c, nil
}

// reserved fills a place that was taken with an idle connection, or opens one.
func (l *lender) reserved() (*readConn, error) {
	if c, err := l.pop(); c != nil || err != nil {
		return c, err
	}
	return l.open()
}

func (l *lender) pop() (c *readConn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	if last := len(l.idle) - 1; last >= 0 {
		c, l.idle = l.idle[last], l.idle[:last]
	}
	return c, nil
}

// give takes a connection back. One that failed is thrown away; the next reader opens another.
func (l *lender) give(c *readConn) {
	if c.broken {
		_ = c.Close() // the reader has the error that matters
	} else {
		l.mu.Lock()
		l.idle = append(l.idle, c)
		l.mu.Unlock()
	}
	<-l.places
}

func (l *lender) close() error {
	if !l.shut() {
		return nil
	}
	for range cap(l.places) {
		l.places <- struct{}{} // with the last one, nobody reads any more
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, c := range l.idle {
		errs = append(errs, c.Close())
	}
	l.idle = nil
	return errors.Join(errs...)
}

// shut lets nobody take a connection from now on. It tells whether it was open until now.
func (l *lender) shut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.closed = true
	close(l.done)
	return true
}

// readConn is a connection with the statements that were prepared on it, by their queries, of which the program has few.
type readConn struct {
	*lowlevel.Conn
	statements map[string]*lowlevel.Stmt
	broken     bool // it is not to be used again
}

// openReadConn opens the file for writing too, as the readers of database/sql do: who comes after a crash may have to
// recover the log. No statement of ours can change a row by it.
func openReadConn(path string) (*readConn, error) {
	conn, err := lowlevel.OpenConn(path, lowlevel.OpenReadWrite)
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, err)
	}
	conn.SetBusyTimeout(busyMillis * time.Millisecond)
	c := &readConn{Conn: conn, statements: map[string]*lowlevel.Stmt{}}
	if err := conn.SetDefensive(true); err != nil {
		return nil, errors.Join(fmt.Errorf("store: opening %s: %w", path, err), c.Close())
	}
	for _, pragma := range append(readPragmas(), "query_only(1)") {
		if err := c.run("PRAGMA " + pragma); err != nil {
			return nil, errors.Join(fmt.Errorf("store: opening %s: %w", path, err), c.Close())
		}
	}
	return c, nil
}

// run executes a statement and passes over its rows.
func (c *readConn) run(query string) error {
	stmt, _, err := c.PrepareTransient(query)
	if err != nil {
		return err
	}
	for row := true; row && err == nil; {
		row, err = stmt.Step()
	}
	return errors.Join(err, stmt.Finalize())
}

func readPragmas() []string {
	return []string{"cache_size(-4096)", "temp_store(MEMORY)", "trusted_schema(0)"}
}

// readSettings are those of the readers of database/sql.
func readSettings() url.Values { return url.Values{"_query_only": {"1"}, "_pragma": readPragmas()} }

func (c *readConn) statement(query string) (*lowlevel.Stmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	s, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	for i := range s.BindParamCount() {
		if want := fmt.Sprintf("$%d", i+1); s.BindParamName(i+1) != want {
			return nil, fmt.Errorf("parameter %d of %q is not %s", i+1, query, want)
		}
	}
	c.statements[query] = s
	return s, nil
}

// point leaves no transaction open, so the next read sees what was committed meanwhile, and nothing of the request.
func (c *readConn) point(query string, args, dest []any) error {
	c.broken = true // until it has answered
	stmt, err := c.statement(query)
	if err != nil {
		return err
	}
	err = read(stmt, args, dest)
	for _, failed := range [...]error{stmt.Reset(), stmt.ClearBindings()} {
		if failed != nil {
			err = failed
		}
	}
	c.broken = err != nil && !errors.Is(err, sql.ErrNoRows)
	return err
}

func read(stmt *lowlevel.Stmt, args, dest []any) error {
	if n := stmt.BindParamCount(); n != len(args) {
		return fmt.Errorf("the query has %d parameters, and %d are given", n, len(args))
	}
	for i, a := range args {
		if !bind(stmt, i+1, a) {
			return fmt.Errorf("a parameter cannot be a %T", a)
		}
	}
	if row, err := stmt.Step(); !row {
		return cmp.Or(err, sql.ErrNoRows)
	}
	if n := stmt.ColumnCount(); n != len(dest) {
		return errColumns(n, len(dest))
	}
	for i, d := range dest {
		if !assign(d, stmt, i) {
			return errColumn(i, d)
		}
	}
	return nil
}

// bind gives SQLite a copy of the value.
func bind(stmt *lowlevel.Stmt, i int, value any) bool {
	switch v := value.(type) {
	case string:
		stmt.BindText(i, v)
	case int64:
		stmt.BindInt64(i, v)
	case []byte:
		stmt.BindBytes(i, v)
	default:
		return false
	}
	return true
}

// assign copies a value out of SQLite, where it lives until the statement is reset.
func assign(dest any, stmt *lowlevel.Stmt, i int) bool {
	kind := stmt.ColumnType(i)
	switch d := dest.(type) {
	case *string:
		*d = stmt.ColumnText(i)
		return kind == lowlevel.TypeText
	case *int64:
		*d = stmt.ColumnInt64(i)
		return kind == lowlevel.TypeInteger
	case *[]byte:
		*d = nil
		if kind == lowlevel.TypeBlob {
			*d = make([]byte, stmt.ColumnLen(i))
			stmt.ColumnBytes(i, *d)
		}
		return kind == lowlevel.TypeBlob || kind == lowlevel.TypeNull
	}
	return false
}
