//go:build !quick

package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

func openPostgresAt(t *testing.T, url string) (*Store, identity.Grant) {
	t.Helper()
	s, err := Open(t.Context(), Config{PostgresURL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	g := benchGrant(1)
	if err := s.PutGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	return s, g
}

func readActive(ctx context.Context, s *Store, g *identity.Grant) error {
	got, err := s.ActiveGrant(ctx, g.Account, g.Key)
	if err == nil && (got.ID != g.ID || len(got.Sealed) != len(g.Sealed) || !got.AccessExpiresAt.Equal(g.AccessExpiresAt) || !got.HasRefresh) {
		return errors.New("another grant was read")
	}
	return err
}

// readAtOnce makes the pool open all its connections, each with the statement prepared.
func readAtOnce(t *testing.T, s *Store, g *identity.Grant) {
	t.Helper()
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 20 {
				if err := readActive(t.Context(), s, g); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// lockGrants makes every read of a grant wait until release is called.
func lockGrants(t *testing.T, s *Store) (release func()) {
	t.Helper()
	holding, done := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := s.engine.write(t.Context(), func(h handle) error {
			_, err := h.exec(`LOCK TABLE grants IN ACCESS EXCLUSIVE MODE`)
			close(holding)
			<-done
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	return sync.OnceFunc(func() {
		close(done)
		all.Wait()
	})
}

// waiting is the process of the server that waits for a lock; 0 for none.
func waiting(t *testing.T, s *Store) (pid int64) {
	t.Helper()
	err := s.engine.read(t.Context()).point(`SELECT COALESCE(MAX(pid), 0)::bigint FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`, nil, &pid)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestPointTypesPostgres(t *testing.T) { testPointTypes(t, openPostgresTest(t)) }

// TestPointPostgresRestart: a server that went away is reported, and after its return every connection with its
// prepared statement is dead and costs no reader an error.
func TestPointPostgresRestart(t *testing.T) {
	server := pgtest.NewServer(t)
	s, g := openPostgresAt(t, server.Database(t))
	for range 2 {
		readAtOnce(t, s, &g)
		server.Stop(t)
		if err := readActive(t.Context(), s, &g); !errors.Is(err, ErrUnavailable) {
			t.Errorf("reading without a server: %v", err)
		}
		server.Start(t)
		if err := readActive(t.Context(), s, &g); err != nil {
			t.Errorf("reading after its return: %v", err)
		}
		readAtOnce(t, s, &g)
		server.Stop(t)
		server.Start(t) // while nobody looked
		if err := readActive(t.Context(), s, &g); err != nil {
			t.Errorf("reading after a restart: %v", err)
		}
	}
}

// TestPointConnectionKilled: a connection that is killed while it reads is replaced, and the reader gets his row.
func TestPointConnectionKilled(t *testing.T) {
	s, g := openPostgresAt(t, pgtest.Start(t))
	release := lockGrants(t, s)
	defer release()
	var all sync.WaitGroup
	all.Go(func() {
		if err := readActive(t.Context(), s, &g); err != nil {
			t.Error(err)
		}
	})
	await(t, func() bool { return waiting(t, s) != 0 })
	first := waiting(t, s)
	var killed bool
	if err := s.engine.read(t.Context()).one(`SELECT pg_terminate_backend($1)`, []any{first}, &killed); err != nil || !killed {
		t.Fatalf("killing the connection: %t, %v", killed, err)
	}
	await(t, func() bool { pid := waiting(t, s); return pid != 0 && pid != first })
	release()
	all.Wait()
}

// TestPointCancelled: a reader who gives up while the server makes him wait gets his own error at once, and spoils no
// connection for the next.
func TestPointCancelled(t *testing.T) {
	s, g := openPostgresAt(t, pgtest.Start(t))
	release := lockGrants(t, s)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := readActive(ctx, s, &g); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled read: %v", err)
		}
	})
	await(t, func() bool { return waiting(t, s) != 0 })
	cancel()
	all.Wait()
	release()
	if err := readActive(ctx, s, &g); !errors.Is(err, context.Canceled) {
		t.Errorf("a read cancelled before: %v", err)
	}
	readAtOnce(t, s, &g)
}

// TestPointConnectionsPostgres: however many read at once, the pool stays within its limit and gets all back.
func TestPointConnectionsPostgres(t *testing.T) {
	s, g := openPostgresAt(t, pgtest.Start(t))
	readAtOnce(t, s, &g)
	_, err := s.ActiveGrant(t.Context(), g.Account, [32]byte{})
	if !errors.Is(err, identity.ErrNotFound) {
		t.Error(err)
	}
	st := s.engine.(*postgresEngine).db.Stats()
	if st.InUse != 0 || st.OpenConnections > 7 || st.MaxOpenConnections != 7 || st.Idle == 0 {
		t.Errorf("the pool is left as %+v", st)
	}
}

// TestPointPreparesAgain: a statement that the server has lost, or whose table has changed, fails no read on any connection.
func TestPointPreparesAgain(t *testing.T) {
	s, g := openPostgresAt(t, pgtest.Start(t))
	db := s.engine.(*postgresEngine).db
	var held []*sql.Conn
	for range 3 { // so that each holds the statement
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	onEach := func(f func(*pgx.Conn) error) {
		t.Helper()
		for _, c := range held {
			if err := c.Raw(func(d any) error { return f(d.(*stdlib.Conn).Conn()) }); err != nil {
				t.Error(err)
			}
		}
	}
	const query = `SELECT reason FROM grants WHERE id = $1`
	values := [][]byte{[]byte(g.ID)}
	if _, err := db.ExecContext(t.Context(), `UPDATE grants SET reason = 'x'`); err != nil {
		t.Fatal(err)
	}
	read := func(c *pgx.Conn) error {
		var got string
		err := pointPostgres(t.Context(), c, query, values, []any{&got})
		if err == nil && got != "x" {
			t.Errorf("%q", got)
		}
		return err
	}
	onEach(read)
	onEach(func(c *pgx.Conn) error {
		_, err := c.Exec(t.Context(), `DEALLOCATE ALL`)
		return err
	})
	onEach(read)
	if _, err := db.ExecContext(t.Context(), `ALTER TABLE grants ALTER COLUMN reason TYPE BYTEA USING 'x'::bytea`); err != nil {
		t.Fatal(err)
	}
	onEach(func(c *pgx.Conn) error {
		var got []byte
		return pointPostgres(t.Context(), c, query, values, []any{&got})
	})
	for _, c := range held {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 8 {
		if err := readActive(t.Context(), s, &g); err != nil {
			t.Error(err)
		}
	}
}

// TestPointBatch: readers who share a batch get each his own row, and one whose read the server refuses spoils nobody
// else's.
func TestPointBatch(t *testing.T) {
	s, g := openPostgresAt(t, pgtest.Start(t))
	b := s.engine.(*postgresEngine).batch
	var reads []*pointRead
	var live []*job[*pointRead]
	for i, query := range []string{`SELECT $1::text`, `SELECT 1 / (LENGTH($1::text) - 1)`, `SELECT $1::text WHERE false`, `SELECT $1::text`} {
		reads = append(reads, &pointRead{query: query, values: [][]byte{[]byte(strings.Repeat("x", i))}})
		live = append(live, &job[*pointRead]{value: reads[i], done: make(chan error, 1)})
	}
	b.answer(live)
	for i := range live {
		if err := <-live[i].done; !errors.Is(err, errAlone) {
			t.Errorf("read %d of a batch with one that fails: %v", i, err)
		}
	}
	if err := b.readAll(append(reads[:1:1], reads[2:]...)); err != nil {
		t.Fatal(err)
	}
	if string(reads[0].row[0]) != "" || reads[2].row != nil || string(reads[3].row[0]) != "xxx" {
		t.Errorf("the rows are %q, %q, %q", reads[0].row, reads[2].row, reads[3].row)
	}
	h := s.engine.read(t.Context())
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			var n int64
			err := h.point(`SELECT 100 / LENGTH($1::text)::bigint`, []any{strings.Repeat("x", i%4)}, &n)
			if bad := i%4 == 0; bad != (err != nil) || !bad && n != int64(100/(i%4)) {
				t.Errorf("%d: %d, %v", i, n, err)
			}
			if err := readActive(t.Context(), s, &g); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestPointThroughPooler: where the URL forbids prepared statements, none is prepared.
func TestPointThroughPooler(t *testing.T) {
	for _, mode := range []string{"exec", "simple_protocol", "cache_statement"} {
		t.Run(mode, func(t *testing.T) {
			s, g := openPostgresAt(t, pgtest.Start(t)+"&default_query_exec_mode="+mode)
			s.engine.(*postgresEngine).db.SetMaxOpenConns(1)
			if err := readActive(t.Context(), s, &g); err != nil {
				t.Fatal(err)
			}
			var n int64
			err := s.engine.read(t.Context()).one(`SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM grants%'`, nil, &n)
			if want := mode == "cache_statement"; err != nil || n > 0 != want {
				t.Errorf("%d statements are prepared (%v)", n, err)
			}
		})
	}
}

// TestCloseWithReadersPostgres: closing ends the readers with an error and waits for none that hangs.
func TestCloseWithReadersPostgres(t *testing.T) {
	s, g := openPostgresAt(t, pgtest.Start(t))
	var all, started sync.WaitGroup
	for range 16 {
		started.Add(1)
		all.Go(func() {
			err := readActive(t.Context(), s, &g)
			started.Done()
			for err == nil {
				err = readActive(t.Context(), s, &g)
			}
		})
	}
	started.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if err := readActive(t.Context(), s, &g); err == nil {
		t.Error("a closed store was read")
	}
}
