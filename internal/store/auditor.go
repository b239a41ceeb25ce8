package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// auditor appends audit records to PostgreSQL: all that wait become one group, on a connection of its own, so that appends
// never queue behind requests for the pool.
type auditor struct {
	db      *sql.DB
	dialect *dialect
	queue   *queue[*auditRow]
	ended   sync.WaitGroup
}

func startAuditor(db *sql.DB, d *dialect) *auditor {
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	a := &auditor{db: db, dialect: d, queue: newQueue[*auditRow]()}
	a.ended.Go(func() { a.queue.run(a.commit) })
	return a
}

func (a *auditor) close() error {
	a.queue.close()
	a.ended.Wait()
	return a.db.Close()
}

// commit writes a batch. No record can be at fault alone, so all share its outcome.
func (a *auditor) commit(batch []*job[*auditRow]) {
	if live, rows := claimed(batch); len(live) > 0 {
		answerAll(live, a.write(rows))
	}
}

// insertAuditGroup is a transaction by itself: one round trip. Unless the group is durable, it tells the server to commit
// without waiting for its disk; the setting lasts until the end of the transaction.
const insertAuditGroup = `INSERT INTO audit_groups (first_at, last_at, terms, records)
SELECT $1::bigint, $2::bigint, $3::bytea, $4::text WHERE ($5::boolean OR set_config('synchronous_commit', 'off', true) = 'off')`

// insertAuditGroupOnce does so unless the group is there already: the connection died before the server had answered, and
// whether it had committed nobody knows. No other group has the same records, with their times and ids of requests.
const insertAuditGroupOnce = insertAuditGroup + ` AND NOT EXISTS (
SELECT 1 FROM audit_groups WHERE n > (SELECT MAX(n) - 1000 FROM audit_groups) AND first_at = $1 AND records = $4)`

// write commits the records. A group without a durable one does not wait for the server's disk: what a killed Lanyard has
// acknowledged stays, what a lost database machine had not flushed yet does not.
func (a *auditor) write(rows []*auditRow) error {
	g, durable := newAuditGroup(rows), slices.ContainsFunc(rows, func(r *auditRow) bool { return r.durable })
	ctx, cancel := context.WithTimeout(context.Background(), txLimit)
	defer cancel()
	query := insertAuditGroup
	return retryLost(ctx, a.dialect, func() error {
		_, err := retryDead(ctx, func() (sql.Result, error) {
			result, err := a.db.ExecContext(ctx, query, g.firstAt, g.lastAt, g.terms, g.records, durable)
			query = insertAuditGroupOnce
			return result, err
		})
		return a.dialect.wrap(err)
	})
}
