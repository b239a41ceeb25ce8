package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// batchLoops is how many batches of point reads are under way at once. More make smaller batches.
	batchLoops = 2
	// batchLimit is how long a batch may take. One read that waits for a lock holds up all that wait behind it, so they are
	// soon left to read each by himself.
	batchLimit = time.Second
)

// errAlone tells a caller to read by itself: his batch came to nothing, and the cause may be another's.
var errAlone = errors.New("the batch failed")

// pointRead is one read of a batch. Its row is the loop's until the read was answered.
type pointRead struct {
	query   string
	values  [][]byte
	columns []pgconn.FieldDescription
	row     [][]byte // nil for none
}

// batcher sends the point reads of concurrent callers to the server together: what a round trip costs is shared by its
// batch. A lone caller waits for nobody.
type batcher struct {
	db    *sql.DB
	queue *queue[*pointRead]
	ended sync.WaitGroup
}

func startBatcher(db *sql.DB) *batcher {
	b := &batcher{db: db, queue: newQueue[*pointRead]()}
	for range batchLoops {
		b.ended.Go(func() { b.queue.run(b.answer) })
	}
	return b
}

func (b *batcher) close() {
	b.queue.close()
	b.ended.Wait()
}

// read returns when the row is there, or the caller's context has ended; errAlone when it is to be read another way.
func (b *batcher) read(ctx context.Context, r *pointRead) error {
	j := &job[*pointRead]{value: r, done: make(chan error, 1)}
	if err := b.queue.put(ctx, j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		j.withdraw()
		return ctx.Err()
	}
}

// answer reads the rows of those who still wait.
func (b *batcher) answer(batch []*job[*pointRead]) {
	live, reads := claimed(batch)
	if len(live) == 0 {
		return
	}
	err := b.readAll(reads)
	if err != nil {
		err = errAlone
	}
	answerAll(live, err)
}

func (b *batcher) readAll(reads []*pointRead) error {
	ctx, cancel := context.WithTimeout(context.Background(), batchLimit)
	defer cancel()
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		conn := c.(*stdlib.Conn).Conn()
		err := pipeline(ctx, conn, reads)
		return errors.Join(err, forgetAll(ctx, conn, reads, err))
	})
}

// forgetAll drops the statements of a batch that the server refused, as forget does for one.
func forgetAll(ctx context.Context, c *pgx.Conn, reads []*pointRead, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for i, r := range reads {
		if !slices.ContainsFunc(reads[:i], func(earlier *pointRead) bool { return earlier.query == r.query }) {
			errs = append(errs, forget(ctx, c, r.query, err))
		}
	}
	return errors.Join(errs...)
}

// pipeline sends all reads before it waits for the first answer. Each is answered by what was committed before it ran.
func pipeline(ctx context.Context, c *pgx.Conn, reads []*pointRead) error {
	statements := make([]*pgconn.StatementDescription, len(reads))
	for i, r := range reads {
		var err error
		if statements[i], err = c.Prepare(ctx, r.query, r.query); err != nil { // asks the server once for each connection
			return err
		}
	}
	p := c.PgConn().StartPipeline(ctx)
	for i, r := range reads {
		p.SendQueryStatement(statements[i], r.values, binaryFormats, binaryFormats)
	}
	err := p.Sync()
	for i := 0; i < len(reads) && err == nil; i++ {
		reads[i].columns = statements[i].Fields
		err = take(p, reads[i])
	}
	return errors.Join(err, p.Close()) // which reads what is left, or gives the connection up
}

var binaryFormats = []int16{pgx.BinaryFormatCode} // of all arguments and all columns

// take reads the answer to one read.
func take(p *pgconn.Pipeline, r *pointRead) error {
	results, err := p.GetResults()
	if err != nil {
		return err
	}
	result, ok := results.(*pgconn.ResultReader)
	if !ok {
		return errAlone
	}
	if result.NextRow() {
		r.row = cloneRow(result.Values()) // before the next message overwrites them
	}
	_, err = result.Close()
	return err
}

// cloneRow copies all values of a row at once.
func cloneRow(row [][]byte) [][]byte {
	size := 0
	for _, v := range row {
		size += len(v)
	}
	all, out := make([]byte, 0, size), make([][]byte, len(row))
	for i, v := range row {
		if v == nil {
			continue
		}
		start := len(all)
		all = append(all, v...)
		out[i] = all[start:len(all):len(all)]
	}
	return out
}
