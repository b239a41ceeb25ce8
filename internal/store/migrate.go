package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// schema is one set of tables with its own version: SQLite keeps the sets in two files, PostgreSQL in one database.
type schema struct {
	dir          string
	versionTable string
}

func mainSchema() schema { return schema{dir: "migrations/main", versionTable: "schema_versions"} }
func auditSchema() schema {
	return schema{dir: "migrations/audit", versionTable: "audit_schema_versions"}
}

// step is one migration.
type step struct {
	version int64
	text    string
}

// migrate brings the database to this binary's version. Asking costs one query when it is there already.
func (s schema) migrate(ctx context.Context, db *sql.DB, d *dialect, where string, log *slog.Logger) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	want := steps[len(steps)-1].version
	have, err := s.version(ctx, db)
	if err == nil && have > want {
		return fmt.Errorf("store: %s was migrated by a newer Lanyard (its schema is version %d, this binary knows %d): start that Lanyard or a newer one, or restore a backup made before the upgrade", where, have, want)
	}
	if err == nil && have == want {
		return nil
	}
	p, err := s.provider(db, d, steps, log)
	if err != nil {
		return fmt.Errorf("store: preparing the migration of %s: %w", where, err)
	}
	results, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("store: migrating %s: %w", where, d.wrap(err))
	}
	log.InfoContext(ctx, "the database was migrated", "database", where, "steps", len(results), "version", want)
	return nil
}

// version fails on a database that has never been migrated; goose finds out what is the matter then.
func (s schema) version(ctx context.Context, db *sql.DB) (v int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+s.versionTable).Scan(&v)
	return v, err
}

func (s schema) steps() ([]step, error) {
	entries, err := fs.ReadDir(migrations, s.dir)
	if err != nil {
		return nil, err
	}
	steps := make([]step, 0, len(entries))
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: a migration file is named %q, not NNNNN_title.sql", e.Name())
		}
		text, err := fs.ReadFile(migrations, s.dir+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{version: version, text: string(text)})
	}
	return steps, nil
}

func (s schema) provider(db *sql.DB, d *dialect, steps []step, log *slog.Logger) (*goose.Provider, error) {
	list := make([]*goose.Migration, len(steps))
	for i, st := range steps {
		list[i] = goose.NewGoMigration(st.version, d.run(st.text), nil)
	}
	opts := []goose.ProviderOption{
		goose.WithGoMigrations(list...), goose.WithTableName(s.versionTable), goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(log), goose.WithIsolateDDL(!d.ddlInTx),
	}
	if d.locker != nil {
		l, err := d.locker()
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithLocker(l))
	}
	return goose.NewProvider(d.goose, db, nil, opts...)
}

// run returns the migration whose text is written in the engine's types.
func (d *dialect) run(text string) *goose.GoFunc {
	text = strings.NewReplacer(" TEXT ", " "+d.textType+" ", " SERIAL,", " "+d.serialType+",").Replace(text)
	if d.ddlInTx {
		return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, text)
			return err
		}}
	}
	return &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, text)
		return err
	}}
}

// tableLocker is goose's lock that is a row with a lease: it needs no session of its own and outlives no process for
// long, so it works through connection poolers and on distributed databases.
func tableLocker(log *slog.Logger) (lock.Locker, error) {
	return lock.NewPostgresTableLocker(
		lock.WithTableName("schema_lock"),
		lock.WithTableLockTimeout(100*time.Millisecond, 3000),
		lock.WithTableLogger(log),
	)
}
