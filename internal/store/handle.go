package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// querier runs SQL: a pool, a transaction, or a connection with its prepared statements.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// handle is where one read or one change runs its SQL. A change must return the first error it gets: on PostgreSQL a
// transaction is useless after it.
type handle struct {
	ctx     context.Context
	db      querier
	dialect *dialect
}

// exec runs a statement and returns how many rows it touched.
func (h handle) exec(query string, args ...any) (int64, error) {
	if !storable(args) {
		return 0, errText
	}
	res, err := h.db.ExecContext(h.ctx, query, args...)
	if err != nil {
		return 0, h.dialect.wrap(err)
	}
	n, err := res.RowsAffected()
	return n, h.dialect.wrap(err)
}

// one reads a single row into dest; identity.ErrNotFound when there is none.
func (h handle) one(query string, args []any, dest ...any) error {
	if !storable(args) {
		return identity.ErrNotFound // nothing of that name can be in the database
	}
	rows, err := h.db.QueryContext(h.ctx, query, args...)
	if err != nil {
		return h.dialect.wrap(err)
	}
	return h.dialect.wrap(scanOne(rows, dest))
}

func scanOne(rows *sql.Rows, dest []any) error {
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

// scanner reads the current row.
type scanner func(dest ...any) error

// each calls f for every row.
func (h handle) each(query string, args []any, f func(scan scanner) error) error {
	if !storable(args) {
		return nil
	}
	rows, err := h.db.QueryContext(h.ctx, query, args...)
	if err != nil {
		return h.dialect.wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return h.dialect.wrap(err)
		}
	}
	return h.dialect.wrap(rows.Err())
}

// list reads all rows of a query.
func list[T any](h handle, query string, args []any, scanRow func(scanner, *T) error) ([]T, error) {
	var out []T
	err := h.each(query, args, func(scan scanner) error {
		var v T
		if err := scanRow(scan, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// storable tells whether every engine can keep the texts: PostgreSQL refuses NUL and invalid UTF-8, and what one engine
// refuses none may accept, or a database could not be moved.
func storable(args []any) bool {
	for _, a := range args {
		if s, ok := a.(string); ok && !cleanText(s) {
			return false
		}
	}
	return true
}

func cleanText(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

// safely runs fn and turns a panic into an error, so that one defect spoils one change and neither the transaction of
// others nor the loop that commits them.
func safely(fn func(handle) error, h handle) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return fn(h)
}

// changed turns "no row was touched" into the error that says why.
func changed(n int64, err, none error) error {
	if err == nil && n == 0 {
		return none
	}
	return err
}

// errUnchanged rolls a change back that turned out to be none.
var errUnchanged = errors.New("nothing to change")

// unlessUnchanged hides errUnchanged, which is no failure.
func unlessUnchanged(err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}
