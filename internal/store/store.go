// Package store keeps what Lanyard must not forget, in SQLite or PostgreSQL: accounts, configuration records, grants,
// authorization sessions, data keys and the audit stream.
//
// It protects durability and order. What it has acknowledged survives a killed process, and changes and grants survive
// a lost machine; a compare-and-swap has one winner among all replicas; a failing change leaves nothing behind and
// spoils nobody else's. Accounts are walls: every key begins with the account, and only the two look-ups that carry an
// unguessable random id cross them.
//
// It trusts its callers for everything else. It sees names, times and ciphertext and must never see a plaintext, a
// caller's authority or HTTP; it decides nothing, so whoever can write its tables is stopped by the vault's bindings
// and MACs, not here. It holds no lock while anything outside the database happens.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// ErrUnavailable wraps every error that says nothing about the request: the database is dead, full, locked by another
// process or shutting down. The same call may work later.
var ErrUnavailable = errors.New("the database is not available")

var (
	errClosed     = fmt.Errorf("%w: the store is closed", ErrUnavailable)
	errUnanswered = errors.New("store: the change was not carried out because of a defect")
	errPanic      = errors.New("store: panic in a change, which was rolled back")
	errText       = errors.New("store: a text with a NUL byte or invalid UTF-8 cannot be kept")
)

// Config says where the data rests. Exactly one of SQLiteDir and PostgresURL is set.
type Config struct {
	SQLiteDir   string // the directory that holds lanyard.db and audit.db; made if missing
	PostgresURL string
	MaxConns    int // to PostgreSQL; 0 for a default
	// JournalDir is the directory of journals of the audit, which may be SQLiteDir; made if missing. Without one, every
	// audit record is committed before it is acknowledged.
	JournalDir string
	Logger     *slog.Logger
	Now        func() time.Time // decides which development records have expired; nil for time.Now
}

// Store implements identity.Store. It is safe for concurrent use.
type Store struct {
	engine  engine
	auditor *auditor
	now     func() time.Time

	auditMu    sync.Mutex
	completion completion // up to which group the audit is complete
}

var _ identity.Store = (*Store)(nil)

// engine is a database that reads and commits.
type engine interface {
	// read returns a handle for reading what is committed.
	read(ctx context.Context) handle
	// write runs fn as one change and returns when it is durable. fn may run more than once.
	write(ctx context.Context, fn func(handle) error) error
	// readAudit does as read with the audit stream.
	readAudit(ctx context.Context) handle
	auditTable
	ping(ctx context.Context) error
	close() error
}

// Open connects, migrates the database to this binary's schema and starts the loops that commit, which Close ends.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	e, err := openEngine(ctx, c)
	if err != nil {
		return nil, err
	}
	a, err := startAuditor(e, c)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return &Store{engine: e, auditor: a, now: c.Now}, nil
}

func openEngine(ctx context.Context, c Config) (engine, error) {
	switch {
	case c.SQLiteDir != "" && c.PostgresURL != "":
		return nil, errors.New("store: both a SQLite directory and a PostgreSQL URL are configured; keep one")
	case c.SQLiteDir != "":
		return openSQLite(ctx, c)
	case c.PostgresURL != "":
		return openPostgres(ctx, c)
	default:
		return nil, errors.New("store: neither a SQLite directory nor a PostgreSQL URL is configured; name one")
	}
}

// Close lets queued changes finish, ends the loops and disconnects. Calls after it fail with ErrUnavailable.
func (s *Store) Close() error { return errors.Join(s.auditor.close(), s.engine.close()) }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.engine.ping(ctx) }
