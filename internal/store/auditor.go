package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// auditor appends audit records to PostgreSQL: all that wait go into one statement on a connection of its own, so that
// appends never queue behind requests for the pool.
type auditor struct {
	db      *sql.DB
	dialect *dialect
	queue   *queue[*auditRow]
	numbers segments
	ended   sync.WaitGroup
}

func startAuditor(db *sql.DB, d *dialect, now func() time.Time) *auditor {
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	a := &auditor{db: db, dialect: d, queue: newQueue[*auditRow](), numbers: segments{now: now}}
	a.ended.Go(func() { a.queue.run(a.commit) })
	return a
}

func (a *auditor) close() error {
	a.queue.close()
	a.ended.Wait()
	return a.db.Close()
}

// commit writes a batch. When the server refuses the data, each record is tried alone, so that only the one at fault
// fails.
func (a *auditor) commit(batch []*job[*auditRow]) {
	live := batch[:0:0]
	for _, j := range batch {
		if j.claim() {
			live = append(live, j)
			a.numbers.number(j.value)
		}
	}
	if len(live) == 0 {
		return
	}
	err := a.write(live)
	if len(live) > 1 && refusedData(err) {
		for _, j := range live {
			j.answer(a.write([]*job[*auditRow]{j}))
		}
		return
	}
	for _, j := range live {
		j.answer(err)
	}
}

// refusedData tells that the server is well and the rows are not (class 22: data exception, 23: integrity constraint).
func refusedData(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && len(e.Code) == 5 && (e.Code[:2] == "22" || e.Code[:2] == "23")
}

// insertAudits takes one array for each column, so that batches of every size share one prepared statement, which is a
// transaction by itself: one round trip. Unless the batch is durable, it tells the server to commit without waiting for
// its disk; the setting lasts until the end of the transaction.
const insertAudits = `INSERT INTO audit (` + auditColumns + `)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[])
WHERE $13::boolean OR set_config('synchronous_commit', 'off', true) = 'off'`

// write commits the batch. One without a durable record does not wait for the server's disk: what a killed Lanyard has
// acknowledged stays, what a lost database machine had not flushed yet does not.
func (a *auditor) write(batch []*job[*auditRow]) error {
	durable := slices.ContainsFunc(batch, func(j *job[*auditRow]) bool { return j.value.durable })
	ctx, cancel := context.WithTimeout(context.Background(), txLimit)
	defer cancel()
	h, args := handle{ctx: ctx, db: appending{a.db}, dialect: a.dialect}, append(columns(batch), durable)
	return retryLost(ctx, a.dialect, func() error {
		_, err := h.exec(insertAudits, args...)
		return err
	})
}

// appending runs its statement again when the connection turns out to be dead. If it had been carried out after all, the
// ids are taken and the batch fails: what was recorded is reported as lost, never the other way round.
type appending struct{ *sql.DB }

func (a appending) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return retryDead(ctx, func() (sql.Result, error) { return a.DB.ExecContext(ctx, query, args...) })
}

func columns(batch []*job[*auditRow]) []any {
	at, segment := make([]int64, len(batch)), make([]int64, len(batch))
	texts := make([][]string, 10)
	for i := range texts {
		texts[i] = make([]string, len(batch))
	}
	for i, j := range batch {
		r := j.value
		at[i], segment[i] = r.at, r.segment
		for c, v := range [...]string{r.account, r.id, r.requestID, r.grantID, r.sessionID, r.action, r.caller, r.user, r.result, r.rest} {
			texts[c][i] = v
		}
	}
	return []any{texts[0], texts[1], at, texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8], texts[9], segment}
}
