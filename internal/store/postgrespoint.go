package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// pointing reads single rows by prepared statements.
type pointing struct {
	revived
	batch *batcher
}

// prepares tells whether pgx may prepare statements. Where the URL asks it not to, for the sake of a connection pooler in
// between, point reads go the way of all others.
func prepares(c *pgx.ConnConfig) bool {
	return c.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
}

// point reads in a batch. Where that comes to nothing, it borrows a connection of its own from database/sql, which keeps
// all limits, and speaks the protocol itself.
func (r pointing) point(ctx context.Context, query string, args, dest []any) error {
	values, err := toBinary(args)
	if err != nil {
		return err
	}
	read := &pointRead{query: query, values: values}
	switch err := r.batch.read(ctx, read); {
	case errors.Is(err, errAlone):
		_, err = retryDead(ctx, func() (struct{}, error) { return struct{}{}, r.pointOnce(ctx, query, values, dest) })
		return err
	case err != nil:
		return err
	case read.row == nil:
		return sql.ErrNoRows
	}
	return fromBinary(read.columns, read.row, dest)
}

func (r pointing) pointOnce(ctx context.Context, query string, values [][]byte, dest []any) error {
	conn, err := r.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error { return pointPostgres(ctx, c.(*stdlib.Conn).Conn(), query, values, dest) })
}

func pointPostgres(ctx context.Context, c *pgx.Conn, query string, values [][]byte, dest []any) error {
	err := runPoint(ctx, c, query, values, dest)
	if outdated(err) {
		return runPoint(ctx, c, query, values, dest)
	}
	return err
}

// outdated tells that a prepared statement was lost (invalid_sql_statement_name) or made for a schema of before
// (feature_not_supported: a cached plan must not change its result).
func outdated(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "26000" || refused.Code == "0A000")
}

func runPoint(ctx context.Context, c *pgx.Conn, query string, values [][]byte, dest []any) error {
	statement, err := c.Prepare(ctx, query, query) // asks the server once for each connection
	if err != nil {
		return err
	}
	result := c.PgConn().ExecStatement(ctx, statement, values, binaryFormats, binaryFormats)
	err = sql.ErrNoRows
	if result.NextRow() {
		err = fromBinary(statement.Fields, cloneRow(result.Values()), dest) // before the next message overwrites them
	}
	if _, failed := result.Close(); failed != nil {
		return errors.Join(failed, forget(ctx, c, query, failed))
	}
	return err
}

// forget drops a prepared statement that the server refused to run: a schema that changed meanwhile, or a connection
// pooler, may have invalidated it, and the next read on this connection prepares it anew.
func forget(ctx context.Context, c *pgx.Conn, query string, err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || c.IsClosed() {
		return nil
	}
	return c.Deallocate(ctx, query)
}

func toBinary(args []any) ([][]byte, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			values[i] = []byte(a)
		case []byte:
			values[i] = a
		case int64:
			values[i] = binary.BigEndian.AppendUint64(nil, uint64(a))
		default:
			return nil, fmt.Errorf("argument %d is %T, which a point read does not take", i, a)
		}
	}
	return values, nil
}

func fromBinary(columns []pgconn.FieldDescription, row [][]byte, dest []any) error {
	if len(columns) != len(dest) || len(row) != len(dest) {
		return errColumns(len(row), len(dest))
	}
	for i, value := range row {
		if !assignBinary(dest[i], columns[i].DataTypeOID, value) {
			return errColumn(i, dest[i])
		}
	}
	return nil
}

// assignBinary takes the value, which is nobody else's. NULL comes as nil.
func assignBinary(dest any, oid uint32, value []byte) (ok bool) {
	switch d := dest.(type) {
	case *string:
		if ok = oid == pgtype.TextOID && value != nil; ok {
			*d = string(value)
		}
	case *int64:
		if ok = oid == pgtype.Int8OID && len(value) == 8; ok {
			*d = int64(binary.BigEndian.Uint64(value))
		}
	case *[]byte:
		if ok = oid == pgtype.ByteaOID; ok {
			*d = value
		}
	}
	return ok
}
