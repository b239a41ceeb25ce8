package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver under the name sqlite
)

// row is a sealed token as it is stored.
type row struct {
	key             [32]byte
	wrapped, sealed []byte
	expires         int64
}

// table stores rows and finds one by its key.
type table interface {
	read(ctx context.Context, key []byte) (wrapped, sealed []byte, expires int64, err error)
	write(ctx context.Context, rows []row) error
	close()
}

func openTable(ctx context.Context, sqlite, postgres string) (table, error) {
	switch {
	case (sqlite == "") == (postgres == ""):
		return nil, errors.New("name one of -sqlite FILE and -postgres URL")
	case sqlite != "":
		return openSQLite(ctx, sqlite)
	default:
		return openPostgres(ctx, postgres)
	}
}

type sqliteTable struct {
	db  *sql.DB
	get *sql.Stmt
}

func openSQLite(ctx context.Context, file string) (table, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=page_size(8192)&_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	if _, err := db.ExecContext(ctx, "CREATE TABLE tokens (key BLOB NOT NULL UNIQUE, wrapped BLOB NOT NULL, expires BIGINT NOT NULL, sealed BLOB NOT NULL)"); err != nil {
		return nil, err
	}
	get, err := db.PrepareContext(ctx, "SELECT wrapped, sealed, expires FROM tokens WHERE key = ?")
	return &sqliteTable{db, get}, err
}

func (t *sqliteTable) read(_ context.Context, key []byte) (wrapped, sealed []byte, expires int64, err error) {
	// Without the request's context: watching it would cost a goroutine for a read of microseconds.
	err = t.get.QueryRowContext(context.Background(), key).Scan(&wrapped, &sealed, &expires)
	return wrapped, sealed, expires, err
}

func (t *sqliteTable) write(ctx context.Context, rows []row) error {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := tx.ExecContext(ctx, "INSERT INTO tokens (key, wrapped, expires, sealed) VALUES (?, ?, ?, ?)", r.key[:], r.wrapped, r.expires, r.sealed); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (t *sqliteTable) close() { _ = t.db.Close() }

type postgresTable struct{ pool *pgxpool.Pool }

func openPostgres(ctx context.Context, url string) (table, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(ctx, "CREATE TABLE tokens (key BYTEA NOT NULL PRIMARY KEY, wrapped BYTEA NOT NULL, expires BIGINT NOT NULL, sealed BYTEA NOT NULL)")
	return &postgresTable{pool}, err
}

func (t *postgresTable) read(ctx context.Context, key []byte) (wrapped, sealed []byte, expires int64, err error) {
	err = t.pool.QueryRow(ctx, "SELECT wrapped, sealed, expires FROM tokens WHERE key = $1", key).Scan(&wrapped, &sealed, &expires)
	return wrapped, sealed, expires, err
}

func (t *postgresTable) write(ctx context.Context, rows []row) error {
	_, err := t.pool.CopyFrom(ctx, pgx.Identifier{"tokens"}, []string{"key", "wrapped", "expires", "sealed"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := &rows[i]
			return []any{r.key[:], r.wrapped, r.expires, r.sealed}, nil
		}))
	return err
}

func (t *postgresTable) close() { t.pool.Close() }

// What the benchmark asks for, besides the users.
const (
	workloadName   = "bench-agent"
	oauth2Provider = "bench-oauth2"
	apiKeyProvider = "bench-key"
	scopes         = "files.read openid"
	apiKey         = "key-0123456789abcdef0123456789abcdef"
	tokenSize      = 2048
)

// fill stores a token for each user, and the one API key.
func fill(ctx context.Context, t table, v *vault, n int) error {
	until := time.Now().Add(24 * time.Hour).Unix()
	seal := func(value string, parts ...string) row {
		r := row{key: rowKey(parts...), expires: until}
		r.wrapped, r.sealed = v.sealRow(r.key[:], []byte(value))
		return r
	}
	rows := []row{seal(apiKey, workloadName, apiKeyProvider)}
	token := strings.Repeat("0123456789abcdef", tokenSize/16)
	for i := range n {
		rows = append(rows, seal(token, workloadName, oauth2Provider, fmt.Sprintf("user-%08d", i), scopes))
	}
	if err := t.write(ctx, rows); err != nil {
		return fmt.Errorf("filling the table: %w", err)
	}
	return nil
}
