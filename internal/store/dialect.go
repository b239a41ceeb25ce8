package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// dialect is all in which the engines differ beside how they commit.
type dialect struct {
	name  string
	goose goose.Dialect
	// textType declares a text column that sorts by its bytes, so that pages end at the same row on every engine.
	textType string
	// serialType declares a key that the database numbers in the order of inserts.
	serialType string
	// selectHorizon reads a horizon of the audit.
	selectHorizon string
	// ddlInTx runs a migration and the note of its version in one transaction. Engines that run DDL and DML in one
	// transaction badly run the text alone; it is written so that a second run changes nothing.
	ddlInTx bool
	// locker keeps two processes from migrating at once; nil when the caller holds a lock already.
	locker   func() (lock.Locker, error)
	classify func(error) fault
}

// fault is what an engine's error means to a caller.
type fault int

const (
	faultOther       fault = iota
	faultUnique            // a unique key is taken
	faultConflict          // lost against another transaction: run it again
	faultUnavailable       // dead, full, locked or shutting down: later it may work
)

// wrap turns an engine's error into one that callers know. It keeps the cause for the log, and for callers who ask
// whether their own context ended.
func (d *dialect) wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return identity.ErrNotFound
	}
	switch d.classify(err) {
	case faultUnique:
		return fmt.Errorf("%w (%w)", identity.ErrExists, err)
	case faultConflict, faultUnavailable:
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, d.name, err)
	default:
		return fmt.Errorf("store: %s: %w", d.name, err)
	}
}
