package store

import (
	"bytes"
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
type pointing struct{ revived }

// reads is what reads are run on. Where the URL asks pgx not to prepare statements, for the sake of a connection pooler
// in between, point reads go the way of all others.
func reads(db *sql.DB, c *pgx.ConnConfig) querier {
	if c.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		return pointing{revived{db}}
	}
	return revived{db}
}

// point borrows its connection from database/sql, which keeps all limits, and speaks the protocol itself.
func (r pointing) point(ctx context.Context, query string, args, dest []any) error {
	_, err := retryDead(ctx, func() (struct{}, error) { return struct{}{}, r.pointOnce(ctx, query, args, dest) })
	return err
}

func (r pointing) pointOnce(ctx context.Context, query string, args, dest []any) error {
	conn, err := r.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error { return pointPostgres(ctx, c.(*stdlib.Conn).Conn(), query, args, dest) })
}

func pointPostgres(ctx context.Context, c *pgx.Conn, query string, args, dest []any) error {
	statement, err := c.Prepare(ctx, query, query) // asks the server once for each connection
	if err != nil {
		return err
	}
	values, err := toBinary(args)
	if err != nil {
		return err
	}
	formats := []int16{pgx.BinaryFormatCode} // of all arguments and all columns
	result := c.PgConn().ExecStatement(ctx, statement, values, formats, formats)
	err = sql.ErrNoRows
	if result.NextRow() {
		err = fromBinary(statement.Fields, result.Values(), dest) // before the next message overwrites them
	}
	if _, failed := result.Close(); failed != nil {
		return errors.Join(failed, forget(ctx, c, query, failed))
	}
	return err
}

// forget drops a prepared statement that the server refused to run: a schema that changed meanwhile, or a connection
// pooler, may have invalidated it, and the next read prepares it anew.
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

// assignBinary copies, for the values lie in the connection's buffer. NULL comes as nil.
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
			*d = bytes.Clone(value)
		}
	}
	return ok
}
