package store

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// RaiseAccountEpoch sets the account's epoch if it is later than the stored one.
func (s *Store) RaiseAccountEpoch(ctx context.Context, id string, at time.Time) error {
	err := s.engine.write(ctx, func(h handle) error {
		if err := countChange(h, id); err != nil {
			return err
		}
		ms := toMillisUp(at)
		n, err := h.exec(`UPDATE accounts SET epoch = $1 WHERE id = $2 AND epoch < $3`, ms, id, ms)
		return changed(n, err, errUnchanged)
	})
	return unlessUnchanged(err)
}

// RaiseUserEpoch sets the user's epoch if it is later than the stored one.
func (s *Store) RaiseUserEpoch(ctx context.Context, account string, e identity.UserEpoch) error {
	err := s.engine.write(ctx, func(h handle) error {
		if err := countChange(h, account); err != nil {
			return err
		}
		n, err := h.exec(`INSERT INTO user_epochs (account, user_key, at) VALUES ($1, $2, $3)
			ON CONFLICT (account, user_key) DO UPDATE SET at = excluded.at WHERE user_epochs.at < excluded.at`,
			account, e.User, toMillisUp(e.At))
		return changed(n, err, errUnchanged)
	})
	return unlessUnchanged(err)
}

// UserEpochs reads the epochs of an account's users in order of user.
func (s *Store) UserEpochs(ctx context.Context, account string, limit int) ([]identity.UserEpoch, error) {
	const query = `SELECT user_key, at FROM user_epochs WHERE account = $1 ORDER BY user_key LIMIT $2`
	return list(s.engine.read(ctx), query, []any{account, limit}, func(scan scanner, e *identity.UserEpoch) error {
		var at int64
		err := scan(&e.User, &at)
		e.At = fromMillis(at)
		return err
	})
}

// UserEpoch reads the epoch of one user.
func (s *Store) UserEpoch(ctx context.Context, account, user string) (identity.UserEpoch, error) {
	var at int64
	err := s.engine.read(ctx).one(`SELECT at FROM user_epochs WHERE account = $1 AND user_key = $2`, []any{account, user}, &at)
	if err != nil {
		return identity.UserEpoch{}, err
	}
	return identity.UserEpoch{User: user, At: fromMillis(at)}, nil
}
