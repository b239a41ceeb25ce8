package store

import (
	"context"

	"github.com/lanyard-id/lanyard/internal/identity"
)

const selectAccount = `SELECT id, version, epoch, created_at FROM accounts`

// InsertAccount adds an account.
func (s *Store) InsertAccount(ctx context.Context, a identity.Account) error {
	return s.engine.write(ctx, func(h handle) error {
		_, err := h.exec(`INSERT INTO accounts (id, version, epoch, created_at) VALUES ($1, $2, $3, $4)`,
			a.ID, a.Version, toMillisUp(a.Epoch), toMillis(a.CreatedAt))
		return err
	})
}

// Account reads one account.
func (s *Store) Account(ctx context.Context, id string) (a identity.Account, err error) {
	var epoch, created int64
	err = s.engine.read(ctx).point(selectAccount+` WHERE id = $1`, []any{id}, &a.ID, &a.Version, &epoch, &created)
	a.Epoch, a.CreatedAt = fromMillis(epoch), fromMillis(created)
	return a, err
}

// Accounts reads all accounts in order of id.
func (s *Store) Accounts(ctx context.Context) ([]identity.Account, error) {
	return list(s.engine.read(ctx), selectAccount+` ORDER BY id`, nil, func(scan scanner, a *identity.Account) error {
		var epoch, created int64
		err := scan(&a.ID, &a.Version, &epoch, &created)
		a.Epoch, a.CreatedAt = fromMillis(epoch), fromMillis(created)
		return err
	})
}

// countChange counts a change of the account. Every change of records begins with it: the locked row puts the changes of
// one account into an order.
func countChange(h handle, account string) error {
	n, err := h.exec(`UPDATE accounts SET version = version + 1 WHERE id = $1`, account)
	return changed(n, err, identity.ErrNotFound)
}
