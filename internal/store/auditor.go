package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// auditor appends audit records to PostgreSQL: all that wait go into one statement on a connection of its own, so that
// appends never queue behind requests for the pool.
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

// commit writes a batch. When the server refuses the data, each record is tried alone, so that only the one at fault
// fails.
func (a *auditor) commit(batch []*job[*auditRow]) {
	live := batch[:0:0]
	for _, j := range batch {
		if j.claim() {
			live = append(live, j)
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

// insertAudits takes one array for each column, so that batches of every size share one prepared statement.
const insertAudits = `INSERT INTO audit (account, id, at, request_id, grant_id, session_id, action, caller, user_key, result, rest)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])`

// write commits the batch. One without a durable record does not wait for the server's disk: what a killed Lanyard has
// acknowledged stays, what a lost database machine had not flushed yet does not.
func (a *auditor) write(batch []*job[*auditRow]) error {
	durable := false
	for _, j := range batch {
		durable = durable || j.value.durable
	}
	args := columns(batch)
	ctx, cancel := context.WithTimeout(context.Background(), txLimit)
	defer cancel()
	return inTx(ctx, a.db, a.dialect, func(h handle) error {
		if !durable {
			if _, err := h.exec("SET LOCAL synchronous_commit = off"); err != nil {
				return err
			}
		}
		_, err := h.exec(insertAudits, args...)
		return err
	})
}

func columns(batch []*job[*auditRow]) []any {
	at := make([]int64, len(batch))
	texts := make([][]string, 10)
	for i := range texts {
		texts[i] = make([]string, len(batch))
	}
	for i, j := range batch {
		r := j.value
		at[i] = r.at
		for c, v := range [...]string{r.account, r.id, r.requestID, r.grantID, r.sessionID, r.action, r.caller, r.user, r.result, r.rest} {
			texts[c][i] = v
		}
	}
	return []any{texts[0], texts[1], at, texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8], texts[9]}
}
