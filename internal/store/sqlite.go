package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
	lowlevel "zombiezen.com/go/sqlite"
)

// Names of the files in the directory.
const (
	mainFile  = "lanyard.db"
	auditFile = "audit.db"
	lockFile  = "migrate.lock"
)

const (
	// busyMillis is how long a connection waits for another process's transaction.
	busyMillis = 10_000
	// readers is how many connections read at once. A read never waits for the disk of a writer, so few suffice.
	readers = 4
)

// sqliteEngine keeps everything in two SQLite files: the audit stream has one of its own, so that its volume never
// waits for a flush of the other.
type sqliteEngine struct {
	dialect            *dialect
	main, audit        *writer
	mainRead, auditGet *pool
	now                func() time.Time
}

func sqliteDialect() *dialect {
	return &dialect{name: "sqlite", goose: goose.DialectSQLite3, textType: "TEXT", serialType: "INTEGER PRIMARY KEY", selectHorizon: `SELECT COALESCE(MAX(n), 0), 0, 0 FROM audit_groups`, ddlInTx: true, classify: classifySQLite}
}

func classifySQLite(err error) fault {
	if errors.Is(err, sql.ErrConnDone) {
		return faultUnavailable
	}
	code := resultCode(err)
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return faultUnique
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return faultUnavailable
	}
	return faultOther
}

// resultCode is SQLite's own, by whichever of the two ways to it; SQLITE_ERROR when the error is not SQLite's.
func resultCode(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code()
	}
	return int(lowlevel.ErrCode(err))
}

func openSQLite(ctx context.Context, c Config) (engine, error) {
	if err := prepareDir(c.SQLiteDir); err != nil {
		return nil, err
	}
	unlock, err := lockDir(ctx, c.SQLiteDir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	e := &sqliteEngine{dialect: sqliteDialect(), now: c.Now}
	if e.main, e.mainRead, err = openFile(ctx, c, mainFile, mainSchema()); err != nil {
		return nil, err
	}
	if e.audit, e.auditGet, err = openFile(ctx, c, auditFile, auditSchema()); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// openFile opens and migrates one file, and starts its writer.
func openFile(ctx context.Context, c Config, name string, schema schema) (*writer, *pool, error) {
	path := filepath.Join(c.SQLiteDir, name)
	lazy := name == auditFile
	db, err := openDB(path, writeSettings(lazy))
	if err != nil {
		return nil, nil, err
	}
	if err := schema.migrate(ctx, db, sqliteDialect(), path, c.Logger); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	conns := readers
	if lazy {
		conns = 1 // people read the audit stream, requests do not
	}
	read, err := openPool(path, conns)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return startWriter(db, lazy, c), read, nil
}

// writeSettings of a connection. The driver applies those of its own names (with an underscore) last and the pragmas in
// alphabetical order before them, so the page size is set before the journal mode writes the first page.
func writeSettings(lazy bool) url.Values {
	v := url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_pragma": {
			"page_size(8192)", "temp_store(MEMORY)", "trusted_schema(0)", "journal_size_limit(67108864)",
			// What is deleted is overwritten: a data key or a grant that is gone must not linger in free pages.
			"secure_delete(1)",
		},
	}
	if lazy {
		// Appends touch the same few pages again and again: the longer the log, the fewer times each is copied back.
		v.Set("_synchronous", "NORMAL")
		v["_pragma"] = append(v["_pragma"], "wal_autocheckpoint(2000)", "cache_size(-8000)")
	}
	return v
}

func dataSource(path string, settings url.Values) string {
	for name, value := range map[string]string{
		"_busy_timeout": strconv.Itoa(busyMillis), "_foreign_keys": "1", "_txlock": "immediate", "_dqs": "0", "_defensive": "1", "_error_rc": "1",
	} {
		settings.Set(name, value)
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	return u.String()
}

// openDB opens a database of one connection.
func openDB(path string, settings url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dataSource(path, settings))
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// read takes the caller's context only to refuse calls that are over already: a read takes microseconds, and watching
// the context costs a goroutine for every statement.
func (e *sqliteEngine) read(ctx context.Context) handle      { return e.handle(ctx, e.mainRead) }
func (e *sqliteEngine) readAudit(ctx context.Context) handle { return e.handle(ctx, e.auditGet) }

func (e *sqliteEngine) handle(ctx context.Context, p *pool) handle {
	if err := ctx.Err(); err != nil {
		return handle{ctx: ctx, db: refused{err}, dialect: e.dialect}
	}
	return handle{ctx: context.WithoutCancel(ctx), db: p, dialect: e.dialect}
}

func (e *sqliteEngine) write(ctx context.Context, fn func(handle) error) error {
	return e.main.queue.do(ctx, change{fn: fn})
}

func (e *sqliteEngine) writeAudit(ctx context.Context, fn func(handle) error) error {
	return e.audit.queue.do(ctx, change{fn: fn})
}

func (e *sqliteEngine) auditDatabase() string { return "" }

func (e *sqliteEngine) insertAudit(rows []*auditRow) error {
	return e.audit.queue.do(context.Background(), change{durable: anyDurable(rows), fn: func(h handle) error {
		return e.insertGroup(h, newAuditGroup(rows))
	}})
}

func (e *sqliteEngine) settleAudit(part journalPart) (done bool, err error) {
	err = e.audit.queue.do(context.Background(), change{fn: func(h handle) error {
		n, err := h.exec(`INSERT INTO audit_journals (id, settled, at) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, at = excluded.at WHERE audit_journals.settled < excluded.settled`,
			part.File, part.Number, toMillis(e.now()))
		if done = n > 0; err != nil || !done {
			return err
		}
		for _, g := range part.groups() {
			if err := e.insertGroup(h, g); err != nil {
				return err
			}
		}
		return nil
	}})
	return done, err
}

// insertGroup numbers the group by the time, or one more than the greatest number there is: a number is not used again
// when retention has emptied the table.
func (e *sqliteEngine) insertGroup(h handle, g auditGroup) error {
	_, err := h.exec(`INSERT INTO audit_groups (n, first_at, last_at, terms, records)
		VALUES (MAX($1, (SELECT COALESCE(MAX(n), 0) + 1 FROM audit_groups)), $2, $3, $4, $5)`,
		e.now().UnixMicro(), g.firstAt, g.lastAt, g.terms, g.records)
	return err
}

func (e *sqliteEngine) ping(ctx context.Context) error {
	var one int
	if err := e.readAudit(ctx).one("SELECT 1", nil, &one); err != nil {
		return err
	}
	return e.read(ctx).one("SELECT 1", nil, &one)
}

func (e *sqliteEngine) close() error {
	var errs []error
	for _, p := range []*pool{e.mainRead, e.auditGet} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	for _, w := range []*writer{e.main, e.audit} {
		if w != nil {
			errs = append(errs, w.close())
		}
	}
	return errors.Join(errs...)
}

// refused answers every query with an error.
type refused struct{ err error }

func (r refused) ExecContext(context.Context, string, ...any) (sql.Result, error) { return nil, r.err }
func (r refused) QueryContext(context.Context, string, ...any) (*sql.Rows, error) { return nil, r.err }

// rebind writes $1, $2 … as plain question marks where each stands once and in order: SQLite's driver searches named
// parameters by name for every row.
func rebind(query string) string {
	var b strings.Builder
	n := 0
	for rest := query; ; {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		n++
		want := "$" + strconv.Itoa(n)
		if !strings.HasPrefix(rest[i:], want) || len(rest) > i+len(want) && isDigit(rest[i+len(want)]) {
			return query
		}
		b.WriteString(rest[:i])
		b.WriteByte('?')
		rest = rest[i+len(want):]
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
