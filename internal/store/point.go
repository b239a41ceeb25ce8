package store

import (
	"context"
	"fmt"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// pointReader reads one row past database/sql, whose bookkeeping costs nearly as much as the engine needs to find the
// row. It returns sql.ErrNoRows when there is none.
type pointReader interface {
	point(ctx context.Context, query string, args, dest []any) error
}

// point is one for the reads that every request waits for. It knows the types that the schema has and no others:
// arguments are string, int64 and []byte, and destinations point to such.
func (h handle) point(query string, args []any, dest ...any) error {
	p, ok := h.db.(pointReader)
	if !ok {
		return h.one(query, args, dest...)
	}
	if !storable(args) {
		return identity.ErrNotFound // nothing of that name can be in the database
	}
	return h.dialect.wrap(p.point(h.ctx, query, args, dest))
}

// errColumns says that a row has not as many columns as the caller wants.
func errColumns(have, want int) error {
	return fmt.Errorf("the row has %d columns, and %d are to be filled", have, want)
}

// errColumn says that a value does not fit its destination, and nothing of the value.
func errColumn(i int, dest any) error {
	return fmt.Errorf("the value of column %d does not go into %T", i, dest)
}
