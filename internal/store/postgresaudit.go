package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func openAudit(cfg *pgx.ConnConfig) *sql.DB {
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db
}

// withoutFlush tells the server to commit without waiting for its disk, until the end of the transaction: what a killed
// Lanyard has acknowledged stays, what a lost database machine had not flushed yet does not.
const withoutFlush = `set_config('synchronous_commit', 'off', true)`

// insertAuditGroup is a transaction by itself: one round trip. It flushes the disk when the last argument says so.
const insertAuditGroup = `INSERT INTO audit_groups (first_at, last_at, terms, records)
SELECT $1::bigint, $2::bigint, $3::bytea, $4::text WHERE ($5::boolean OR ` + withoutFlush + ` = 'off')`

// insertAuditGroupOnce does so unless the group is there already: the connection died before the server had answered, and
// whether it had committed nobody knows. No other group has the same records, with their times and ids of requests.
const insertAuditGroupOnce = insertAuditGroup + ` AND NOT EXISTS (
SELECT 1 FROM audit_groups WHERE n > (SELECT MAX(n) - 1000 FROM audit_groups) AND first_at = $1 AND records = $4)`

func (e *postgresEngine) auditDatabase() string { return e.name }

func (e *postgresEngine) insertAudit(rows []*auditRow) error {
	g, durable, query := newAuditGroup(rows), anyDurable(rows), insertAuditGroup
	_, err := e.execAudit(func(ctx context.Context) (sql.Result, error) {
		result, err := e.audit.ExecContext(ctx, query, g.firstAt, g.lastAt, g.terms, g.records, durable)
		query = insertAuditGroupOnce
		return result, err
	})
	return err
}

// settleAuditPart is a transaction by itself, too, that may be sent again: it commits the groups only with the number of
// their part, which is greater than the one that is there.
const settleAuditPart = `WITH settled AS (
INSERT INTO audit_journals (id, settled, at) SELECT $1::text, $2::bigint, $3::bigint WHERE ` + withoutFlush + ` = 'off'
ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, at = excluded.at WHERE audit_journals.settled < excluded.settled RETURNING 1)
INSERT INTO audit_groups (first_at, last_at, terms, records)
SELECT g.first_at, g.last_at, g.terms, g.records
FROM settled, unnest($4::bigint[], $5::bigint[], $6::bytea[], $7::text[]) WITH ORDINALITY AS g (first_at, last_at, terms, records, place)
ORDER BY g.place`

func (e *postgresEngine) settleAudit(part journalPart) (bool, error) {
	var firstAt, lastAt []int64
	var terms [][]byte
	var records []string
	for _, g := range part.groups() {
		firstAt, lastAt, terms, records = append(firstAt, g.firstAt), append(lastAt, g.lastAt), append(terms, g.terms), append(records, g.records)
	}
	at, sent := toMillis(e.now()), 0
	n, err := e.execAudit(func(ctx context.Context) (sql.Result, error) {
		sent++
		return e.audit.ExecContext(ctx, settleAuditPart, part.File, part.Number, at, firstAt, lastAt, terms, records)
	})
	return n > 0 || sent > 1, err // what was sent before may have done it
}

// execAudit runs a statement that may be sent again, and returns how many rows it touched.
func (e *postgresEngine) execAudit(exec func(ctx context.Context) (sql.Result, error)) (n int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), txLimit)
	defer cancel()
	err = retryLost(ctx, e.dialect, func() error {
		result, err := retryDead(ctx, func() (sql.Result, error) { return exec(ctx) })
		if err == nil {
			n, err = result.RowsAffected()
		}
		return e.dialect.wrap(err)
	})
	return n, err
}
