package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// settleAfter is how long an acknowledged record waits to be committed with others.
	settleAfter = 100 * time.Millisecond
	// settleAgain is how long at most until it is tried again after a failure.
	settleAgain = 5 * time.Second
	// journalMemory is how long the database remembers a journal: longer than one is left lying.
	journalMemory = 90 * 24 * time.Hour
)

// auditor appends audit records. One that must survive a lost machine is committed before it is acknowledged, together with
// those of concurrent callers. The others need only survive a killed process: they are acknowledged when they are in the
// journal, and committed many at a time. Records are committed in the order in which they were acknowledged.
type auditor struct {
	table   auditTable
	log     *slog.Logger
	journal *journal // nil where there is none: then all are committed first
	queue   *queue[*auditRow]
	closing chan struct{}
	once    sync.Once
	ended   sync.WaitGroup
}

// auditTable is where an engine commits records.
type auditTable interface {
	// insertAudit commits records as one group, and flushes the disk if one of them is durable.
	insertAudit(rows []*auditRow) error
	// settleAudit commits a part of a journal, unless that was done before.
	settleAudit(part journalPart) error
	// forgetJournals drops what is known of journals that were last settled before.
	forgetJournals(before time.Time) error
}

// startAuditor begins with what killed processes left in the directory of journals; "" for none.
func startAuditor(dir string, table auditTable, c Config) (*auditor, error) {
	a := &auditor{table: table, log: c.Logger, queue: newQueue[*auditRow](), closing: make(chan struct{})}
	if dir != "" {
		err := privateDir(dir)
		if err == nil {
			err = a.inherit(dir, c.Now())
		}
		if err != nil {
			return nil, err
		}
		if a.journal, err = createJournal(dir, c.Logger); err != nil {
			return nil, err
		}
		a.ended.Go(a.settleInTime)
	}
	a.ended.Go(func() { a.queue.run(a.commit) })
	return a, nil
}

// inherit commits what killed processes had acknowledged. Should this one be killed before the file is gone, the database
// knows that it has the records.
func (a *auditor) inherit(dir string, now time.Time) error {
	orphans, err := adopt(dir, a.log)
	if err != nil {
		return err
	}
	defer release(orphans)
	for _, o := range orphans {
		if err := a.table.settleAudit(o.part); err != nil {
			return fmt.Errorf("store: committing the audit records that a killed process left in %s: %w", o.path, err)
		}
		if err := os.Remove(o.path); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		a.log.Info("audit records of a killed process were committed", "journal", o.path, "records", len(o.part.rows))
	}
	if err := a.table.forgetJournals(now.Add(-journalMemory)); err != nil {
		a.log.Warn("forgetting old journals of audit records", "err", err)
	}
	return nil
}

// close commits what is in the journal. What it cannot commit stays for who opens the directory next.
func (a *auditor) close() (err error) {
	a.once.Do(func() {
		if a.journal != nil {
			a.journal.stop()
		}
		close(a.closing)
		a.queue.close()
		a.ended.Wait()
		if a.journal != nil {
			err = errors.Join(a.settleJournal(), a.journal.release())
		}
	})
	return err
}

// append returns when the record is in the journal, or is committed.
func (a *auditor) append(ctx context.Context, r *auditRow) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !r.durable && a.journal != nil && a.journal.append(r) == nil {
		return nil
	}
	return a.queue.do(ctx, r) // which knows what is wrong, should the disk be full
}

// settle returns when all that was acknowledged before is committed.
func (a *auditor) settle(ctx context.Context) error {
	if a.journal == nil {
		return nil
	}
	return a.queue.do(ctx, nil)
}

// commit settles the journal and then commits a batch, in which nil asks for the former alone. No record can be at fault
// alone, so all share the outcome.
func (a *auditor) commit(batch []*job[*auditRow]) {
	live, rows := claimed(batch)
	err := a.settleJournal()
	if rows = slices.DeleteFunc(rows, func(r *auditRow) bool { return r == nil }); err == nil && len(rows) > 0 {
		err = a.table.insertAudit(rows)
	}
	answerAll(live, err)
}

// settleJournal commits the part that could not be committed the last time, and then the one that came since.
func (a *auditor) settleJournal() error {
	for range 2 {
		if a.journal == nil {
			break
		}
		part, ok := a.journal.take()
		if !ok {
			break
		}
		if err := a.table.settleAudit(part); err != nil {
			return err
		}
		a.journal.settled()
	}
	return nil
}

// settleInTime commits what is in the journal soon after it came, and at once when it is much.
func (a *auditor) settleInTime() {
	for {
		select {
		case <-a.journal.first:
		case <-a.closing:
			return
		}
		for delay := settleAfter; a.journal.waits(); {
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-a.journal.full:
				timer.Stop()
			case <-a.closing:
				timer.Stop()
				return
			}
			if err := a.settle(context.Background()); err != nil {
				delay = min(2*delay, settleAgain)
				a.log.Warn("audit records are in the journal and could not be committed; it is tried again", "err", err, "in", delay)
				continue
			}
			delay = settleAfter
		}
	}
}

// settlePart commits a part inside a transaction, unless the database has it. insert adds one group.
func settlePart(h handle, part journalPart, now time.Time, insert func(handle, auditGroup) error) error {
	n, err := h.exec(`INSERT INTO audit_journals (id, settled, at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, at = excluded.at WHERE audit_journals.settled < excluded.settled`,
		part.journal, part.number, toMillis(now))
	if err != nil || n == 0 {
		return err
	}
	for rows := range slices.Chunk(part.rows, journalGroup) {
		if err := insert(h, newAuditGroup(rows)); err != nil {
			return err
		}
	}
	return nil
}

// forgetBefore is forgetJournals inside a transaction.
func forgetBefore(h handle, before time.Time) error {
	_, err := h.exec(`DELETE FROM audit_journals WHERE at < $1`, toMillis(before))
	return err
}

func anyDurable(rows []*auditRow) bool {
	return slices.ContainsFunc(rows, func(r *auditRow) bool { return r.durable })
}
