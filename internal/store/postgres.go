package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	defaultMaxConns = 16
	// maxAttempts bounds how often a change is run again after it lost against another.
	maxAttempts = 10
	// maxIdleConns bounds the connections that a pool keeps idle: as many as it may open, unless that is very many, for a
	// pool that keeps fewer closes and opens them all the time. One call tries one more, so it gets past all that a
	// restarted server left dead.
	maxIdleConns = 64
	// txLimit bounds a transaction on a server that hangs.
	txLimit = 30 * time.Second
)

// postgresEngine keeps everything in one PostgreSQL database, or one that speaks its protocol.
type postgresEngine struct {
	dialect *dialect
	db      *sql.DB
	audit   *auditor
}

func postgresDialect(log *slog.Logger) *dialect {
	return &dialect{
		name: "postgres", goose: goose.DialectPostgres, textType: `TEXT COLLATE "C"`,
		locker:   func() (lock.Locker, error) { return tableLocker(log) },
		classify: classifyPostgres,
	}
}

// classifyPostgres reads the SQLSTATE of what the server said; other errors are of the connection or of the driver.
func classifyPostgres(err error) fault {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if refusedConnection(err) || deadConnection(err) || pgconn.Timeout(err) {
			return faultUnavailable
		}
		return faultOther
	}
	switch e.Code {
	case "23505": // unique_violation
		return faultUnique
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return faultConflict
	case "25006", "55P03": // read_only_sql_transaction (a standby), lock_not_available
		return faultUnavailable
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "28", "3D", "53", "57", "58": // connection, authorization, no database, resources, operator, system
		return faultUnavailable
	}
	return faultOther
}

// refusedConnection tells that no new connection can be made.
func refusedConnection(err error) bool {
	var e *pgconn.ConnectError
	return errors.As(err, &e)
}

// deadConnection tells that a connection ended under us.
func deadConnection(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code == "57P01" || server.Code == "57P02" // admin_shutdown, crash_shutdown
	}
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || pgconn.SafeToRetry(err)
}

func openPostgres(ctx context.Context, c Config) (engine, error) {
	cfg, err := pgx.ParseConfig(c.PostgresURL) // its error shows no password
	if err != nil {
		return nil, fmt.Errorf("store: the PostgreSQL URL: %w", err)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "lanyard"
	}
	d := postgresDialect(c.Logger)
	db := stdlib.OpenDB(*cfg)
	conns := c.MaxConns
	if conns <= 0 {
		conns = defaultMaxConns
	}
	conns = max(conns-1, 2) // one is the auditor's; migrating needs two
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(min(conns, maxIdleConns))
	db.SetConnMaxIdleTime(5 * time.Minute)
	where := fmt.Sprintf("the PostgreSQL database %s at %s", cfg.Database, cfg.Host)
	for _, s := range []schema{mainSchema(), auditSchema()} {
		if err := s.migrate(ctx, db, d, where, c.Logger); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return &postgresEngine{dialect: d, db: db, audit: startAuditor(stdlib.OpenDB(*cfg), d, c.Now)}, nil
}

func (e *postgresEngine) read(ctx context.Context) handle {
	return handle{ctx: ctx, db: revived{e.db}, dialect: e.dialect}
}

func (e *postgresEngine) readAudit(ctx context.Context) handle { return e.read(ctx) }

func (e *postgresEngine) write(ctx context.Context, fn func(handle) error) error {
	return inTx(ctx, e.db, e.dialect, fn)
}

func (e *postgresEngine) writeAudit(ctx context.Context, fn func(handle) error) error {
	return e.write(ctx, fn)
}

func (e *postgresEngine) appendAudit(ctx context.Context, r *auditRow) error {
	return e.audit.queue.do(ctx, r)
}

func (e *postgresEngine) ping(ctx context.Context) error {
	var one int
	return e.read(ctx).one("SELECT 1", nil, &one)
}

func (e *postgresEngine) close() error {
	return errors.Join(e.audit.close(), e.db.Close())
}

// inTx runs fn in a transaction, again when it lost against another one.
func inTx(ctx context.Context, db *sql.DB, d *dialect, fn func(handle) error) error {
	return retryLost(ctx, d, func() error { return tryTx(ctx, db, d, fn) })
}

// retryLost runs a transaction again when it lost against another one.
func retryLost(ctx context.Context, d *dialect, transact func() error) error {
	for attempt := 1; ; attempt++ {
		err := transact()
		if err == nil || attempt == maxAttempts || d.classify(err) != faultConflict {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func tryTx(ctx context.Context, db *sql.DB, d *dialect, fn func(handle) error) error {
	// Beginning and committing are not the caller's to cancel: a commit that is cut off has an outcome nobody knows.
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), txLimit)
	defer cancel()
	conn, tx, err := begin(ctx, patient, db)
	if err != nil {
		return d.wrap(err)
	}
	defer conn.Close()
	err = safely(fn, handle{ctx: ctx, db: tx, dialect: d})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = tx.Rollback() // a transaction that cannot be rolled back ended with its connection
		return err
	}
	return d.wrap(tx.Commit())
}

// begin tries again on a fresh connection when the pooled one turns out to be dead: nothing was done on it yet.
func begin(ctx, patient context.Context, db *sql.DB) (conn *sql.Conn, tx *sql.Tx, err error) {
	tx, err = retryDead(ctx, func() (*sql.Tx, error) {
		if conn, err = db.Conn(ctx); err != nil {
			return nil, err
		}
		tx, err := conn.BeginTx(patient, nil)
		if err != nil {
			_ = conn.Close() // the error says what matters
		}
		return tx, err
	})
	return conn, tx, err
}

// retryDead repeats what has no effect until it was answered, as long as the connection is at fault and not the
// server: after a restart of the server every pooled connection is dead, and each attempt discards one.
func retryDead[T any](ctx context.Context, f func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		v, err := f()
		if err == nil || attempt > maxIdleConns || ctx.Err() != nil || refusedConnection(err) || !deadConnection(err) {
			return v, err
		}
	}
}

// pause waits a little, longer each time and never in step with others.
func pause(ctx context.Context, attempt int) error {
	t := time.NewTimer(time.Duration(1+rand.IntN(1<<min(attempt, 7))) * time.Millisecond) //nolint:gosec // jitter guards nothing
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// revived reads from the pool, past connections that ended under us.
type revived struct{ *sql.DB }

func (r revived) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return retryDead(ctx, func() (*sql.Rows, error) { return r.DB.QueryContext(ctx, query, args...) })
}
