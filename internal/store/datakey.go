package store

import (
	"context"
	"errors"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// DataKeys reads the wrapped data keys of an account in order of version.
func (s *Store) DataKeys(ctx context.Context, account string) ([]vault.DataKey, error) {
	const query = `SELECT account, version, created_at, wrapped FROM data_keys WHERE account = $1 ORDER BY version`
	return list(s.engine.read(ctx), query, []any{account}, func(scan scanner, k *vault.DataKey) error {
		var created int64
		err := scan(&k.Account, &k.Version, &created, &k.Wrapped)
		k.CreatedAt = fromMillis(created)
		return err
	})
}

// InsertDataKey adds a wrapped data key: vault.ErrDataKeyExists when another replica made that version first.
func (s *Store) InsertDataKey(ctx context.Context, k vault.DataKey) error {
	err := s.engine.write(ctx, func(h handle) error {
		_, err := h.exec(`INSERT INTO data_keys (account, version, created_at, wrapped) VALUES ($1, $2, $3, $4)`,
			k.Account, int64(k.Version), toMillis(k.CreatedAt), toFullBytes(k.Wrapped))
		return err
	})
	if errors.Is(err, identity.ErrExists) {
		return vault.ErrDataKeyExists
	}
	return err
}
