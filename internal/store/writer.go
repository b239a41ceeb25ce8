package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// change is one caller's work inside the writer's transaction.
type change struct {
	fn func(handle) error
	// durable asks for a flush of the disk where the writer does not flush at every commit.
	durable bool
}

// writer is the only one in this process that writes to one SQLite file. It commits the changes of concurrent callers
// together: SQLite allows one writer at a time, and a flush costs more than most changes.
type writer struct {
	db      *sql.DB // of one connection
	dialect *dialect
	log     *slog.Logger
	queue   *queue[change]
	// lazy commits without flushing the disk, except batches with a durable change.
	lazy  bool
	full  bool // whether the connection flushes at the next commit
	conn  *connection
	ended sync.WaitGroup
}

func startWriter(db *sql.DB, lazy bool, c Config) *writer {
	w := &writer{db: db, dialect: sqliteDialect(), log: c.Logger, queue: newQueue[change](), lazy: lazy}
	w.ended.Go(func() { w.queue.run(w.commit) })
	return w
}

func (w *writer) close() error {
	w.queue.close()
	w.ended.Wait()
	w.disconnect()
	return w.db.Close()
}

// commit runs a batch as one transaction. When the transaction as a whole fails, each change gets one of its own, so
// that only the one at fault fails.
func (w *writer) commit(batch []*job[change]) {
	if err := w.begin(batch); err != nil {
		answerAll(batch, err)
		return
	}
	err := w.finish(batch)
	if err == nil {
		return
	}
	if len(batch) == 1 {
		answerAll(batch, err)
		return
	}
	for i, j := range batch {
		if err := w.begin(batch[i : i+1]); err != nil {
			answerAll(batch[i:], err) // another process holds the file: waiting again for each would take for ever
			return
		}
		if err := w.finish(batch[i : i+1]); err != nil {
			j.answer(err)
		}
	}
}

// finish runs and commits the begun transaction and answers the batch, or rolls it back.
func (w *writer) finish(batch []*job[change]) error {
	results, err := w.runAll(batch)
	if err == nil {
		err = w.end(results)
	}
	if err != nil {
		w.abandon(err)
		return err
	}
	for i, j := range batch {
		j.answer(results[i])
	}
	return nil
}

// runAll runs the changes that are still wanted. Its error dooms the transaction; those of changes that ran apart are results.
func (w *writer) runAll(batch []*job[change]) ([]error, error) {
	h := handle{ctx: context.Background(), db: w.conn, dialect: w.dialect}
	results := make([]error, len(batch))
	for i, j := range batch {
		if !j.claim() {
			results[i] = context.Canceled
			continue
		}
		run := w.runApart
		if len(batch) == 1 {
			run = safely
		}
		if results[i] = run(j.value.fn, h); dooms(results[i]) {
			return nil, results[i]
		}
	}
	return results, nil
}

// runApart runs fn so that its failure leaves the rest of the transaction as it was.
func (w *writer) runApart(fn func(handle) error, h handle) error {
	if _, err := h.exec("SAVEPOINT change"); err != nil {
		return doomed{err}
	}
	if failed := safely(fn, h); failed != nil {
		if _, err := h.exec("ROLLBACK TO change"); err != nil {
			return doomed{errors.Join(failed, err)}
		}
		_, err := h.exec("RELEASE change")
		return errors.Join(failed, doom(err))
	}
	_, err := h.exec("RELEASE change")
	return doom(err)
}

// end commits, unless the batch is a single failed change, which has no savepoint to go back to.
func (w *writer) end(results []error) error {
	verb := "COMMIT"
	if len(results) == 1 && results[0] != nil {
		verb = "ROLLBACK"
	}
	_, err := w.conn.ExecContext(context.Background(), verb)
	return w.dialect.wrap(err)
}

// begin takes the write lock of the file, waiting for other processes. No caller has been promised anything yet, so
// those who gave up meanwhile are left out.
func (w *writer) begin(batch []*job[change]) error {
	if err := w.connect(); err != nil {
		return err
	}
	if err := w.flushMode(batch); err != nil {
		return err
	}
	_, err := w.conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	if err != nil {
		w.abandon(err)
	}
	return w.dialect.wrap(err)
}

// flushMode decides whether this commit flushes the disk. SQLite obeys only between transactions.
func (w *writer) flushMode(batch []*job[change]) error {
	if !w.lazy {
		return nil
	}
	full := false
	for _, j := range batch {
		full = full || j.value.durable
	}
	if full == w.full {
		return nil
	}
	mode := "PRAGMA synchronous=NORMAL"
	if full {
		mode = "PRAGMA synchronous=FULL"
	}
	if _, err := w.conn.Conn.ExecContext(context.Background(), mode); err != nil {
		return w.dialect.wrap(err)
	}
	w.full = full
	return nil
}

func (w *writer) connect() error {
	if w.conn != nil {
		return nil
	}
	c, err := w.db.Conn(context.Background())
	if err != nil {
		return w.dialect.wrap(err)
	}
	w.conn, w.full = &connection{Conn: c, stmts: map[string]*sql.Stmt{}}, !w.lazy
	return nil
}

// abandon undoes what the failed transaction left. SQLite may have rolled back by itself (a full disk), so an error
// here says nothing; a connection that is in doubt is given up and the next batch opens another.
func (w *writer) abandon(cause error) {
	w.log.Warn("a write to SQLite failed and was rolled back", "err", cause)
	if w.conn == nil {
		return
	}
	if _, err := w.conn.ExecContext(context.Background(), "ROLLBACK"); err != nil && inTransaction(w.conn) {
		w.disconnect()
	}
}

// inTransaction asks by beginning one: SQLite refuses inside another.
func inTransaction(c *connection) bool {
	if _, err := c.ExecContext(context.Background(), "BEGIN"); err != nil {
		return true
	}
	_, err := c.ExecContext(context.Background(), "ROLLBACK")
	return err != nil
}

func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	if err := w.conn.close(); err != nil {
		w.log.Warn("closing the connection to SQLite", "err", err)
	}
	w.conn = nil
}

// doomed marks an error after which the transaction cannot go on.
type doomed struct{ error }

func (d doomed) Unwrap() error { return d.error }

func doom(err error) error {
	if err == nil {
		return nil
	}
	return doomed{err}
}

// dooms tells whether the transaction is lost with the change: SQLite itself rolls back on a full disk, an
// input/output error or want of memory.
func dooms(err error) bool {
	var d doomed
	return errors.As(err, &d) || errors.Is(err, ErrUnavailable)
}

// connection is a connection with its prepared statements.
type connection struct {
	*sql.Conn
	stmts map[string]*sql.Stmt
}

func (c *connection) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.Conn.PrepareContext(ctx, rebind(query))
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	c.stmts[query] = s
	return s, nil
}

func (c *connection) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *connection) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// close ends the connection itself, not only this use of it: a transaction left open in it ends too.
func (c *connection) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // the connection goes with it
	}
	err := c.Conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}
