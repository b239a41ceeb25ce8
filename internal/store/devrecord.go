package store

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// sweepSize is how many expired records each put removes: more than it adds, so they cannot pile up.
const sweepSize = 16

// DevRecords keeps the records of the development authorization server.
type DevRecords struct{ store *Store }

// DevRecords returns the records of the development authorization server.
func (s *Store) DevRecords() *DevRecords { return &DevRecords{store: s} }

// PutRecord inserts or replaces a record. A zero expiresAt means that it never expires.
func (d *DevRecords) PutRecord(ctx context.Context, kind, id string, data []byte, expiresAt time.Time) error {
	now := toMillis(d.store.now())
	return d.store.engine.write(ctx, func(h handle) error {
		_, err := h.exec(`INSERT INTO dev_records (kind, id, expires_at, data) VALUES ($1, $2, $3, $4)
			ON CONFLICT (kind, id) DO UPDATE SET expires_at = excluded.expires_at, data = excluded.data`,
			kind, id, toMillis(expiresAt), toFullBytes(data))
		if err != nil {
			return err
		}
		_, err = h.exec(`DELETE FROM dev_records WHERE (kind, id) IN (
			SELECT kind, id FROM dev_records WHERE expires_at > 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`, now, sweepSize)
		return err
	})
}

// Record reads a record; ok is false if there is none or it has expired.
func (d *DevRecords) Record(ctx context.Context, kind, id string) (data []byte, ok bool, err error) {
	err = d.store.engine.read(ctx).one(`SELECT data FROM dev_records WHERE kind = $1 AND id = $2 AND (expires_at = 0 OR expires_at > $3)`,
		[]any{kind, id, toMillis(d.store.now())}, &data)
	return found(data, err)
}

// TakeRecord reads and deletes a record in one step: of any number of takers one gets it.
func (d *DevRecords) TakeRecord(ctx context.Context, kind, id string) (data []byte, ok bool, err error) {
	now := toMillis(d.store.now())
	err = d.store.engine.write(ctx, func(h handle) error {
		var expires int64
		data = nil
		err := h.one(`DELETE FROM dev_records WHERE kind = $1 AND id = $2 RETURNING data, expires_at`, []any{kind, id}, &data, &expires)
		if err == nil && expires != 0 && expires <= now {
			data, ok = nil, false
			return nil
		}
		ok = err == nil
		return err
	})
	if err != nil {
		return found(nil, err)
	}
	return data, ok, nil
}

// DeleteRecord deletes a record if there is one.
func (d *DevRecords) DeleteRecord(ctx context.Context, kind, id string) error {
	return d.store.engine.write(ctx, func(h handle) error {
		_, err := h.exec(`DELETE FROM dev_records WHERE kind = $1 AND id = $2`, kind, id)
		return err
	})
}

func found(data []byte, err error) ([]byte, bool, error) {
	if errors.Is(err, identity.ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, err
}
