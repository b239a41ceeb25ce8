package store

import (
	"context"
	"math"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

const selectSession = `SELECT account, id, workload_id, provider_id, user_key, scopes, status, failure, grant_id, request_id,
	version, lease_until, created_at, expires_at, updated_at, sealed_code, sealed FROM sessions`

func scanSession(scan scanner, s *identity.Session) error {
	var scopes string
	var lease, created, expires, updated int64
	err := scan(&s.Account, &s.ID, &s.WorkloadID, &s.ProviderID, &s.User, &scopes, &s.Status, &s.Failure, &s.GrantID, &s.RequestID,
		&s.Version, &lease, &created, &expires, &updated, &s.SealedCode, &s.Sealed)
	if err != nil {
		return err
	}
	s.LeaseUntil, s.CreatedAt, s.ExpiresAt, s.UpdatedAt = fromMillis(lease), fromMillis(created), fromMillis(expires), fromMillis(updated)
	s.Sealed, s.SealedCode = fromBytes(s.Sealed), fromBytes(s.SealedCode)
	s.Scopes, err = fromList(scopes)
	return err
}

// InsertSession adds a session unless the workload and user have too many pending ones at its CreatedAt.
func (s *Store) InsertSession(ctx context.Context, n identity.Session, maxPending int) error {
	return s.engine.write(ctx, func(h handle) error {
		if err := lockPending(h, &n); err != nil {
			return err
		}
		var pending int
		err := h.one(`SELECT COUNT(*) FROM sessions WHERE account = $1 AND workload_id = $2 AND user_key = $3
			AND status = 'pending' AND expires_at > $4`,
			[]any{n.Account, n.WorkloadID, n.User, toMillis(n.CreatedAt)}, &pending)
		if err != nil {
			return err
		}
		if pending >= maxPending {
			return identity.ErrTooMany
		}
		return insertSession(h, &n)
	})
}

// lockPending writes the row that stands for the pending sessions of one workload and user, which holds off everybody
// else who would count them until this transaction ends.
func lockPending(h handle, n *identity.Session) error {
	_, err := h.exec(`INSERT INTO session_counters (account, workload_id, user_key, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, workload_id, user_key) DO UPDATE SET expires_at = excluded.expires_at`,
		n.Account, n.WorkloadID, n.User, toMillis(n.ExpiresAt))
	return err
}

func insertSession(h handle, n *identity.Session) error {
	_, err := h.exec(`INSERT INTO sessions (account, id, workload_id, provider_id, user_key, scopes, status, failure, grant_id,
			request_id, version, lease_until, created_at, expires_at, updated_at, sealed_code, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		n.Account, n.ID, n.WorkloadID, n.ProviderID, n.User, toList(n.Scopes), string(n.Status), n.Failure, n.GrantID,
		n.RequestID, n.Version, toMillis(n.LeaseUntil), toMillis(n.CreatedAt), toMillis(n.ExpiresAt), toMillis(n.UpdatedAt),
		toBytes(n.SealedCode), toBytes(n.Sealed))
	return err
}

// SessionByID finds a session in any account.
func (s *Store) SessionByID(ctx context.Context, id string) (n identity.Session, err error) {
	h := s.engine.read(ctx)
	scan := func(dest ...any) error { return h.one(selectSession+` WHERE id = $1`, []any{id}, dest...) }
	if err := scanSession(scan, &n); err != nil {
		return identity.Session{}, err
	}
	return n, nil
}

// UpdateSession stores how a session went on, if nobody else changed it meanwhile.
func (s *Store) UpdateSession(ctx context.Context, n identity.Session) error {
	return s.engine.write(ctx, func(h handle) error { return updateSession(h, &n) })
}

func updateSession(h handle, n *identity.Session) error {
	rows, err := h.exec(`UPDATE sessions SET status = $1, failure = $2, sealed_code = $3, grant_id = $4, lease_until = $5,
			updated_at = $6, version = version + 1
		WHERE account = $7 AND id = $8 AND version = $9`,
		string(n.Status), n.Failure, toBytes(n.SealedCode), n.GrantID, toMillis(n.LeaseUntil), toMillis(n.UpdatedAt),
		n.Account, n.ID, n.Version)
	return changed(rows, err, identity.ErrVersion)
}

// CompleteSession updates the session and puts the grant as one change. The session comes first: see deleteAllOf.
func (s *Store) CompleteSession(ctx context.Context, n identity.Session, g identity.Grant) error {
	return s.engine.write(ctx, func(h handle) error {
		if err := updateSession(h, &n); err != nil {
			return err
		}
		return putGrant(h, &g)
	})
}

// ListSessions reads sessions newest first.
func (s *Store) ListSessions(ctx context.Context, account string, before time.Time, beforeID string, limit int) ([]identity.Session, error) {
	ms := toMillis(before)
	if ms == 0 {
		ms = math.MaxInt64
	}
	const query = selectSession + ` WHERE account = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`
	return list(s.engine.read(ctx), query, []any{account, ms, beforeID, limit}, scanSession)
}

// DeleteExpiredSessions removes sessions that expired before the time given, limit at most, and returns how many.
func (s *Store) DeleteExpiredSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := s.engine.write(ctx, func(h handle) (err error) {
		n, err = h.exec(`DELETE FROM sessions WHERE (account, id) IN (
			SELECT account, id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, toMillis(before), limit)
		if err != nil {
			return err
		}
		_, err = h.exec(`DELETE FROM session_counters WHERE (account, workload_id, user_key) IN (
			SELECT account, workload_id, user_key FROM session_counters WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
			AND expires_at < $3`, toMillis(before), limit, toMillis(before))
		return err
	})
	return int(n), err
}
