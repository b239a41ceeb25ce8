package store

import (
	"context"

	"github.com/lanyard-id/lanyard/internal/identity"
)

const selectRecord = `SELECT account, kind, id, name, parent, version, created_at, updated_at, mac, data, sealed FROM records`

func scanRecord(scan scanner, r *identity.Record) error {
	var created, updated int64
	err := scan(&r.Account, &r.Kind, &r.ID, &r.Name, &r.Parent, &r.Version, &created, &updated, &r.MAC, &r.Data, &r.Sealed)
	r.CreatedAt, r.UpdatedAt = fromMillis(created), fromMillis(updated)
	r.MAC, r.Data, r.Sealed = fromBytes(r.MAC), fromBytes(r.Data), fromBytes(r.Sealed)
	return err
}

func readRecord(h handle, condition string, args ...any) (r identity.Record, err error) {
	scan := func(dest ...any) error { return h.one(selectRecord+condition, args, dest...) }
	if err := scanRecord(scan, &r); err != nil {
		return identity.Record{}, err
	}
	return r, nil
}

// InsertRecord adds a record: ErrExists when its name or id is taken, ErrNotFound when its account or owner is gone,
// ErrTooMany when the owner has most of the kind already.
func (s *Store) InsertRecord(ctx context.Context, r identity.Record, most int) error {
	return s.engine.write(ctx, func(h handle) error {
		if err := countChange(h, r.Account); err != nil {
			return err
		}
		if err := checkOwner(h, r.Account, r.Parent); err != nil {
			return err
		}
		if err := checkRoom(h, &r, most); err != nil {
			return err
		}
		_, err := h.exec(`INSERT INTO records (account, id, kind, name, parent, version, created_at, updated_at, mac, data, sealed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			r.Account, r.ID, r.Kind, r.Name, r.Parent, r.Version, toMillis(r.CreatedAt), toMillis(r.UpdatedAt),
			toBytes(r.MAC), toFullBytes(r.Data), toBytes(r.Sealed))
		return err
	})
}

// checkOwner refuses a record whose owner has just been deleted: nobody would delete it any more. Changes of an
// account's records follow each other, so the owner stays until the insert is committed.
func checkOwner(h handle, account, parent string) error {
	if parent == "" {
		return nil
	}
	var one int
	return h.one(`SELECT 1 FROM records WHERE account = $1 AND id = $2`, []any{account, parent}, &one)
}

// checkRoom counts what the owner has of the kind. Changes of an account's records follow each other, so nobody inserts
// another between the count and the commit.
func checkRoom(h handle, r *identity.Record, most int) error {
	if most == 0 {
		return nil
	}
	var n int
	if err := h.one(countRecords, []any{r.Account, r.Kind, r.Parent}, &n); err != nil {
		return err
	}
	if n >= most {
		return identity.ErrTooMany
	}
	return nil
}

const countRecords = `SELECT COUNT(*) FROM records WHERE account = $1 AND kind = $2 AND parent = $3`

// Record finds a record by its name.
func (s *Store) Record(ctx context.Context, account, kind, parent, name string) (identity.Record, error) {
	return readRecord(s.engine.read(ctx), ` WHERE account = $1 AND kind = $2 AND parent = $3 AND name = $4`, account, kind, parent, name)
}

// RecordByID finds a record by its id in any account.
func (s *Store) RecordByID(ctx context.Context, kind, id string) (identity.Record, error) {
	return readRecord(s.engine.read(ctx), ` WHERE id = $1 AND kind = $2`, id, kind)
}

// ListRecords reads records in order of name.
func (s *Store) ListRecords(ctx context.Context, account, kind, parent, after string, limit int) ([]identity.Record, error) {
	const query = selectRecord + ` WHERE account = $1 AND kind = $2 AND parent = $3 AND name > $4 ORDER BY name LIMIT $5`
	return list(s.engine.read(ctx), query, []any{account, kind, parent, after, limit}, scanRecord)
}

// UpdateRecord replaces what may change of a record if nobody else changed it meanwhile.
func (s *Store) UpdateRecord(ctx context.Context, r identity.Record) error {
	return s.engine.write(ctx, func(h handle) error {
		if err := countChange(h, r.Account); err != nil {
			return err
		}
		n, err := h.exec(`UPDATE records SET version = $1, updated_at = $2, mac = $3, data = $4, sealed = $5
			WHERE account = $6 AND id = $7 AND kind = $8 AND version = $9`,
			r.Version, toMillis(r.UpdatedAt), toBytes(r.MAC), toFullBytes(r.Data), toBytes(r.Sealed),
			r.Account, r.ID, r.Kind, r.Version-1)
		return changed(n, err, identity.ErrVersion)
	})
}

// DeleteRecord removes a record, those it owns, and the grants and sessions that hang on them.
func (s *Store) DeleteRecord(ctx context.Context, account, kind, id string) error {
	return s.engine.write(ctx, func(h handle) error {
		if err := countChange(h, account); err != nil {
			return err
		}
		ids, err := family(h, account, kind, id)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := deleteAllOf(h, account, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// family returns the ids of a record and of all that it owns, at any depth.
func family(h handle, account, kind, id string) ([]string, error) {
	ids, err := list(h, `WITH RECURSIVE family (id) AS (
			SELECT id FROM records WHERE account = $1 AND kind = $2 AND id = $3
			UNION SELECT r.id FROM records r JOIN family f ON r.parent = f.id WHERE r.account = $1 AND r.parent <> '')
		SELECT id FROM family`,
		[]any{account, kind, id}, func(scan scanner, id *string) error { return scan(id) })
	if err == nil && len(ids) == 0 {
		err = identity.ErrNotFound
	}
	return ids, err
}

// deleteAllOf removes a record and what hangs on its id. Sessions go before grants: who completes a session changes its
// row first, so either the session is gone for him, or his grant is there to be deleted.
func deleteAllOf(h handle, account, id string) error {
	for _, query := range [...]string{
		`DELETE FROM sessions WHERE account = $1 AND workload_id = $2`,
		`DELETE FROM sessions WHERE account = $1 AND provider_id = $2`,
		`DELETE FROM session_counters WHERE account = $1 AND workload_id = $2`,
		`DELETE FROM grants WHERE account = $1 AND workload_id = $2`,
		`DELETE FROM grants WHERE account = $1 AND provider_id = $2`,
		`DELETE FROM records WHERE account = $1 AND id = $2`,
	} {
		if _, err := h.exec(query, account, id); err != nil {
			return err
		}
	}
	return nil
}
