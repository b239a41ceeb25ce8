package store

import (
	"context"
	"database/sql"
	"time"

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

func (e *postgresEngine) insertAudit(rows []*auditRow) error {
	g, durable := newAuditGroup(rows), anyDurable(rows)
	ctx, cancel := context.WithTimeout(context.Background(), txLimit)
	defer cancel()
	query := insertAuditGroup
	return retryLost(ctx, e.dialect, func() error {
		_, err := retryDead(ctx, func() (sql.Result, error) {
			result, err := e.audit.ExecContext(ctx, query, g.firstAt, g.lastAt, g.terms, g.records, durable)
			query = insertAuditGroupOnce
			return result, err
		})
		return e.dialect.wrap(err)
	})
}

func (e *postgresEngine) settleAudit(part journalPart) error {
	ctx, cancel := context.WithTimeout(context.Background(), txLimit)
	defer cancel()
	return inTx(ctx, e.audit, e.dialect, func(h handle) error {
		if _, err := h.exec(`SELECT ` + withoutFlush); err != nil {
			return err
		}
		return settlePart(h, part, e.now(), func(h handle, g auditGroup) error {
			_, err := h.exec(`INSERT INTO audit_groups (first_at, last_at, terms, records) VALUES ($1, $2, $3, $4)`, g.firstAt, g.lastAt, g.terms, g.records)
			return err
		})
	})
}

func (e *postgresEngine) forgetJournals(before time.Time) error {
	return e.writeAudit(context.Background(), func(h handle) error { return forgetBefore(h, before) })
}
