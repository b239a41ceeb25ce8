package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver under the name sqlite
)

// A copy of a grant takes every column of the first one but these. No other name of the schema is known here.
func (c *copied) replace(columns []string, values []any) {
	for i, name := range columns {
		switch name {
		case "id":
			values[i] = c.id
		case "user_key":
			values[i] = c.user
		case "key":
			values[i] = c.key
		case "sealed":
			values[i] = c.sealed
		}
	}
}

// batch is how many rows one SQLite transaction inserts.
const batch = 20_000

func insertSQLite(ctx context.Context, dir, first string, rows <-chan copied) (err error) {
	// The database can be made again, so nothing waits for the disk here.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "lanyard.db")+"?_pragma=synchronous(OFF)&_pragma=cache_size(-400000)&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	columns, values, err := firstRow(ctx, db, first)
	if err != nil {
		return err
	}
	insert := "INSERT INTO grants (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	for more := true; more; {
		if more, err = insertBatch(ctx, db, insert, columns, values, rows); err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func firstRow(ctx context.Context, db *sql.DB, id string) (columns []string, values []any, err error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM grants WHERE id = ?", id)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	if !rows.Next() {
		return nil, nil, errors.Join(fmt.Errorf("grant %s is gone", id), rows.Err())
	}
	values = make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	return columns, values, rows.Scan(into...)
}

// insertBatch inserts one transaction's worth of rows; more tells whether the channel may hold others.
func insertBatch(ctx context.Context, db *sql.DB, insert string, columns []string, values []any, rows <-chan copied) (more bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // the error that led here says more
		}
	}()
	st, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return false, err
	}
	defer st.Close()
	for range batch {
		c, ok := <-rows
		if !ok {
			return false, tx.Commit()
		}
		c.replace(columns, values)
		if _, err := st.ExecContext(ctx, values...); err != nil {
			return false, err
		}
	}
	return true, tx.Commit()
}

func insertPostgres(ctx context.Context, url, first string, rows <-chan copied) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	found, err := conn.Query(ctx, "SELECT * FROM grants WHERE id = $1", first)
	if err != nil {
		return err
	}
	var columns []string
	for _, f := range found.FieldDescriptions() {
		columns = append(columns, f.Name)
	}
	values, err := pgx.CollectExactlyOneRow(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		return fmt.Errorf("reading grant %s: %w", first, err)
	}
	next := func() ([]any, error) {
		c, ok := <-rows
		if !ok {
			return nil, nil
		}
		c.replace(columns, values)
		return values, nil
	}
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"grants"}, columns, pgx.CopyFromFunc(next)); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE grants")
	return err
}
