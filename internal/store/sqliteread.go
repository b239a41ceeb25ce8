package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"

	"modernc.org/sqlite"
)

// pool reads one SQLite file. database/sql and point reads borrow the same connections, so together they hold no more
// than the pool may open, and each finds the pages that the other has read.
type pool struct {
	*sql.DB
	conns *lender
}

func openPool(source string, conns int) (*pool, error) {
	connector, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, err
	}
	l := newLender(connector, conns)
	db := sql.OpenDB(l)
	db.SetMaxIdleConns(-1) // it keeps none back: what it has read with goes back to the lender
	return &pool{DB: db, conns: l}, nil
}

func (p *pool) point(ctx context.Context, query string, args, dest []any) error {
	c, err := p.conns.take(ctx)
	if err != nil {
		return err
	}
	defer p.conns.give(c)
	return c.point(ctx, query, args, dest)
}

// close waits for the reads under way.
func (p *pool) close() error { return errors.Join(p.DB.Close(), p.conns.close()) }

// lender opens connections when they are needed, and lends each to one reader at a time. It is the connector by which
// database/sql borrows.
type lender struct {
	driver.Connector
	places chan struct{} // one is taken for each connection that is lent; who waits for one is served in turn
	done   chan struct{} // closed with the lender

	mu     sync.Mutex
	idle   []*readConn // the last one is lent first: its pages are in the processor's cache
	closed bool
}

func newLender(c driver.Connector, most int) *lender {
	return &lender{Connector: c, places: make(chan struct{}, most), done: make(chan struct{})}
}

// take returns a connection that is the caller's until give. It waits while all are lent, which is as short as reads are.
func (l *lender) take(ctx context.Context) (*readConn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, errClosed
	}
	c, err := l.reserved(ctx)
	if err != nil {
		<-l.places
		return nil, err
	}
	return c, nil
}

// reserved fills a place that was taken with an idle connection, or opens one.
func (l *lender) reserved(ctx context.Context) (*readConn, error) {
	if c, err := l.pop(); c != nil || err != nil {
		return c, err
	}
	conn, err := l.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &readConn{Conn: conn, statements: map[string]*readStatement{}}, nil
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

// Connect lends a connection to database/sql.
func (l *lender) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	return borrowed{c, l}, nil
}

// borrowed is a connection in the hands of database/sql, which gives it back by closing it.
type borrowed struct {
	*readConn
	from *lender
}

func (b borrowed) Close() error {
	if v, ok := b.Conn.(driver.Validator); ok && !v.IsValid() {
		b.broken = true
	}
	b.from.give(b.readConn)
	return nil
}

// readConn is a connection with the statements that were prepared on it, by their queries, of which the program has few.
type readConn struct {
	driver.Conn
	statements map[string]*readStatement
	broken     bool // it is not to be used again
}

func (c *readConn) statement(ctx context.Context, query string) (*readStatement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, rebind(query))
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	s := &readStatement{Stmt: stmt, query: stmt.(driver.StmtQueryContext)}
	c.statements[query] = s
	return s, nil
}

// QueryContext answers database/sql, which closes the rows before it gives the connection back.
func (c *readConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	c.broken = true // until it has answered
	s, err := c.statement(ctx, query)
	if err == nil {
		rows, err = s.query.QueryContext(ctx, args)
	}
	c.broken = err != nil
	return rows, err
}

func (c *readConn) point(ctx context.Context, query string, args, dest []any) error {
	c.broken = true // until it has answered
	s, err := c.statement(ctx, query)
	if err == nil {
		err = s.read(ctx, args, dest)
	}
	c.broken = err != nil && !errors.Is(err, sql.ErrNoRows)
	return err
}

// Close ends the statements first: SQLite keeps a connection open while it has any.
func (c *readConn) Close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.Conn.Close())...)
}

// readStatement keeps the slices for its arguments and its row, so that a read makes none.
type readStatement struct {
	driver.Stmt
	query driver.StmtQueryContext
	args  []driver.NamedValue
	row   []driver.Value
}

// read leaves no transaction open, so the next one sees what was committed meanwhile.
func (s *readStatement) read(ctx context.Context, args, dest []any) error {
	s.args = s.args[:0]
	for i, a := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	defer clear(s.args) // nothing of a request stays behind
	rows, err := s.query.QueryContext(ctx, s.args)
	if err != nil {
		return err
	}
	err = s.scan(rows, dest)
	if failed := rows.Close(); failed != nil {
		return failed
	}
	return err
}

func (s *readStatement) scan(rows driver.Rows, dest []any) error {
	if n := len(rows.Columns()); n != len(dest) {
		return errColumns(n, len(dest))
	}
	if s.row == nil {
		s.row = make([]driver.Value, len(dest))
	}
	defer clear(s.row)
	if err := rows.Next(s.row); err != nil {
		if errors.Is(err, io.EOF) {
			return sql.ErrNoRows
		}
		return err
	}
	for i, value := range s.row {
		if !assign(dest[i], value) {
			return errColumn(i, dest[i])
		}
	}
	return nil
}

// assign stores what the driver has copied out of SQLite already.
func assign(dest any, value driver.Value) (ok bool) {
	switch d := dest.(type) {
	case *string:
		*d, ok = value.(string)
	case *int64:
		*d, ok = value.(int64)
	case *[]byte:
		*d, ok = value.([]byte)
		ok = ok || value == nil
	}
	return ok
}
