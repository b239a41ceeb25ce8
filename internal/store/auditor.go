package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// journal, and committed many at a time. A record that was acknowledged before another was begun comes before it.
type auditor struct {
	table   auditTable
	log     *slog.Logger
	journal *journal // nil where there is none: then all are committed first
	failed  bool     // of the committing loop alone: the part that was taken may be committed or not
	queue   *queue[*auditRow]
	closing chan struct{}
	once    sync.Once
	ended   sync.WaitGroup
}

// auditTable is where an engine commits records.
type auditTable interface {
	// auditDatabase names the database, without secrets; "" when journals are beside no other's.
	auditDatabase() string
	// insertAudit commits records as one group, and flushes the disk if one of them is durable.
	insertAudit(rows []*auditRow) error
	// settleAudit commits a part of a journal, unless that was done before; done tells whether it did so now.
	settleAudit(part journalPart) (done bool, err error)
	// writeAudit runs fn as one change of the audit stream, as write does elsewhere.
	writeAudit(ctx context.Context, fn func(handle) error) error
}

// startAuditor begins with what killed processes left in the directory of journals.
func startAuditor(table auditTable, c Config) (*auditor, error) {
	a := &auditor{table: table, log: c.Logger, queue: newQueue[*auditRow](), closing: make(chan struct{})}
	if c.JournalDir != "" {
		if err := a.openJournal(c.JournalDir, c); err != nil {
			return nil, err
		}
		a.ended.Go(a.settleInTime)
	}
	a.ended.Go(func() { a.queue.run(a.commit) })
	return a, nil
}

func (a *auditor) openJournal(dir string, c Config) error {
	if err := privateDir(dir); err != nil {
		return err
	}
	unlock, err := lockJournals(dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.inherit(dir, c.Now()); err != nil {
		return err
	}
	a.journal, err = createJournal(dir, a.table.auditDatabase(), c.Logger)
	return err
}

// inherit commits what killed processes had acknowledged. Should this one be killed before the file is gone, the database
// knows that it has the records.
func (a *auditor) inherit(dir string, now time.Time) error {
	orphans, err := adopt(dir, a.table.auditDatabase(), a.log)
	if err != nil {
		return err
	}
	defer release(orphans)
	for _, o := range orphans {
		done, err := a.table.settleAudit(o.part)
		if err == nil {
			err = o.remove()
		}
		if err != nil {
			return fmt.Errorf("store: committing the audit records that a killed process left in %s: %w", o.path, err)
		}
		a.log.Info("a killed process left a journal of audit records, which are committed", "journal", o.path, "records", len(o.part.rows), "were committed already", !done)
	}
	err = a.table.writeAudit(context.Background(), func(h handle) error {
		_, err := h.exec(`DELETE FROM audit_journals WHERE at < $1`, toMillis(now.Add(-journalMemory)))
		return err
	})
	if err != nil {
		a.log.Warn("forgetting old journals of audit records", "err", err)
	}
	return nil
}

// close commits what is in the journal. What it cannot commit stays for who opens the directory next.
func (a *auditor) close() (err error) {
	a.once.Do(func() {
		if a.journal != nil {
			a.journal.end(errClosed)
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
	err := a.settleJournal()
	var jobs []*job[*auditRow]
	for _, j := range batch {
		if j.value == nil || err != nil {
			j.answer(err)
		} else {
			jobs = append(jobs, j)
		}
	}
	if live, rows := claimed(jobs); len(live) > 0 {
		answerAll(live, a.table.insertAudit(rows))
	}
}

// settleJournal commits what is in the journal when it begins, which is two parts if one could not be committed before.
// While it fails the journal takes no records: each has to be committed then, or its request fails.
func (a *auditor) settleJournal() error {
	if a.journal == nil {
		return nil
	}
	for more := true; more; {
		var part journalPart
		if part, more = a.journal.take(); len(part.rows) == 0 {
			break
		}
		done, err := a.table.settleAudit(part)
		if err != nil {
			a.failed = true
			a.journal.refuse(err)
			return err
		}
		if !done && !a.failed {
			a.log.Error("another process took this one's journal of audit records for that of a killed one; does its directory have working locks (flock)?", "records", len(part.rows))
		}
		a.journal.settled()
		a.failed = false
	}
	a.journal.refuse(nil)
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
			err := a.settle(context.Background())
			if errors.Is(err, errClosed) {
				return // close does it
			}
			if err != nil {
				delay = min(2*delay, settleAgain)
				a.log.Warn("audit records are in the journal and could not be committed; it is tried again", "err", err, "in", delay)
				continue
			}
			delay = settleAfter
		}
	}
}

func anyDurable(rows []*auditRow) bool {
	return slices.ContainsFunc(rows, func(r *auditRow) bool { return r.durable })
}
