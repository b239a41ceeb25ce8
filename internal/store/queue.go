package store

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// A full queue makes callers wait: a database that cannot follow slows its callers and never grows memory.
const (
	queueLength = 1024
	maxBatch    = 256
	// gatherYields is how many turns others get before a batch counts as gathered: a commit costs more than a few turns.
	gatherYields = 3
)

// States of a job. Only one of its caller and the loop can move it out of queued, so a caller that gives up knows
// whether its job will ever run.
const (
	jobQueued int32 = iota
	jobRunning
	jobWithdrawn
)

// job is one unit of work in a queue and the caller that waits for it.
type job[T any] struct {
	value    T
	state    atomic.Int32
	done     chan error
	answered bool // of the loop alone
}

// claim tells the loop whether the caller still waits. From then on the caller waits for the answer.
func (j *job[T]) claim() bool {
	return j.state.CompareAndSwap(jobQueued, jobRunning) || j.state.Load() == jobRunning
}

func (j *job[T]) withdraw() bool { return j.state.CompareAndSwap(jobQueued, jobWithdrawn) }

func (j *job[T]) answer(err error) {
	if !j.answered {
		j.answered = true
		j.done <- err
	}
}

// claimed returns those jobs of a batch whose callers still wait, and their values.
func claimed[T any](batch []*job[T]) (live []*job[T], values []T) {
	live, values = make([]*job[T], 0, len(batch)), make([]T, 0, len(batch))
	for _, j := range batch {
		if j.claim() {
			live, values = append(live, j), append(values, j.value)
		}
	}
	return live, values
}

func answerAll[T any](batch []*job[T], err error) {
	for _, j := range batch {
		j.answer(err)
	}
}

// queue hands jobs of many callers in batches to the one loop that commits them.
type queue[T any] struct {
	ch     chan *job[T]
	mu     sync.RWMutex // held for reading while sending, so that close comes after the last send
	closed bool
}

func newQueue[T any]() *queue[T] { return &queue[T]{ch: make(chan *job[T], queueLength)} }

// do queues v and waits for its outcome. When ctx ends first, v is withdrawn if it was not begun; once it was begun,
// do waits for the outcome, so that an error of ctx means that nothing was done.
func (q *queue[T]) do(ctx context.Context, v T) error {
	j := &job[T]{value: v, done: make(chan error, 1)}
	if err := q.put(ctx, j); err != nil {
		return err
	}
	given := ctx.Done()
	if given == nil { // who cannot give up, as no audit record can, needs no select
		return <-j.done
	}
	select {
	case err := <-j.done:
		return err
	case <-given:
		if j.withdraw() {
			return ctx.Err()
		}
		return <-j.done
	}
}

func (q *queue[T]) put(ctx context.Context, j *job[T]) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return errClosed
	}
	select {
	case q.ch <- j:
		return nil
	default:
	}
	select {
	case q.ch <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close refuses further jobs. What is queued is still done.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.ch)
	}
}

// run commits batches until the queue is closed and empty.
func (q *queue[T]) run(commit func(batch []*job[T])) {
	batch := make([]*job[T], 0, maxBatch)
	for first := range q.ch {
		batch = q.gather(append(batch[:0], first))
		commitSafely(batch, commit)
		clear(batch)
	}
}

// gather lets callers that are about to queue something do so, as long as more of them come: what a commit costs is
// shared by its batch. It never sleeps, so a lone caller waits for nobody.
func (q *queue[T]) gather(batch []*job[T]) []*job[T] {
	for {
		before := len(batch)
		for range gatherYields {
			runtime.Gosched()
		}
		if batch = q.drain(batch); len(batch) == before || len(batch) == maxBatch {
			return batch
		}
	}
}

// drain adds what is waiting already; it never waits for more.
func (q *queue[T]) drain(batch []*job[T]) []*job[T] {
	for len(batch) < maxBatch {
		select {
		case j, ok := <-q.ch:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commitSafely answers every job whatever happens in commit: one defect must not leave callers waiting for ever, nor
// end the loop that all later writes depend on.
func commitSafely[T any](batch []*job[T], commit func([]*job[T])) {
	defer func() {
		err := errUnanswered
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errUnanswered, p)
		}
		for _, j := range batch {
			j.answer(err)
		}
	}()
	commit(batch)
}
