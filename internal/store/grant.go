package store

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

const selectGrant = `SELECT account, id, key, workload_id, provider_id, user_key, scopes, state, reason, has_refresh,
	access_expires_at, version, lease_owner, lease_until, last_used_at, created_at, updated_at, sealed FROM grants`

func scanGrant(scan scanner, g *identity.Grant) error {
	var key []byte
	var scopes string
	var hasRefresh, expires, lease, used, created, updated int64
	err := scan(&g.Account, &g.ID, &key, &g.WorkloadID, &g.ProviderID, &g.User, &scopes, &g.State, &g.Reason, &hasRefresh,
		&expires, &g.Version, &g.LeaseOwner, &lease, &used, &created, &updated, &g.Sealed)
	if err != nil {
		return err
	}
	copy(g.Key[:], key)
	g.HasRefresh, g.AccessExpiresAt, g.LeaseUntil = hasRefresh != 0, fromMillis(expires), fromMillis(lease)
	g.LastUsedAt, g.CreatedAt, g.UpdatedAt = fromMillis(used), fromMillis(created), fromMillis(updated)
	g.Sealed = fromBytes(g.Sealed)
	g.Scopes, err = fromList(scopes)
	return err
}

func readGrant(h handle, condition string, args ...any) (g identity.Grant, err error) {
	scan := func(dest ...any) error { return h.one(selectGrant+condition, args, dest...) }
	if err := scanGrant(scan, &g); err != nil {
		return identity.Grant{}, err
	}
	return g, nil
}

// ActiveGrant is read for every token handed out, so it reads few columns.
func (s *Store) ActiveGrant(ctx context.Context, account string, key [32]byte) (identity.Grant, error) {
	g := identity.Grant{Account: account, Key: key, State: identity.GrantActive}
	var hasRefresh, expires, used int64
	err := s.engine.read(ctx).point(`SELECT id, has_refresh, access_expires_at, last_used_at, sealed FROM grants
		WHERE account = $1 AND key = $2 AND state = 'active'`, []any{account, g.Key[:]}, &g.ID, &hasRefresh, &expires, &used, &g.Sealed)
	if err != nil {
		return identity.Grant{}, err
	}
	g.HasRefresh, g.AccessExpiresAt, g.LastUsedAt, g.Sealed = hasRefresh != 0, fromMillis(expires), fromMillis(used), fromBytes(g.Sealed)
	return g, nil
}

// Grant finds the grant with the key.
func (s *Store) Grant(ctx context.Context, account string, key [32]byte) (identity.Grant, error) {
	return readGrant(s.engine.read(ctx), ` WHERE account = $1 AND key = $2`, account, key[:])
}

// GrantByID finds a grant by its id.
func (s *Store) GrantByID(ctx context.Context, account, id string) (identity.Grant, error) {
	return readGrant(s.engine.read(ctx), ` WHERE account = $1 AND id = $2`, account, id)
}

// PutGrant inserts the grant or replaces the one with the same key.
func (s *Store) PutGrant(ctx context.Context, g identity.Grant) error {
	return s.engine.write(ctx, func(h handle) error { return putGrant(h, &g) })
}

func putGrant(h handle, g *identity.Grant) error {
	_, err := h.exec(`INSERT INTO grants (account, id, key, workload_id, provider_id, user_key, scopes, state, reason, has_refresh,
			access_expires_at, version, lease_owner, lease_until, last_used_at, created_at, updated_at, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, '', 0, $12, $13, $14, $15)
		ON CONFLICT (account, key) DO UPDATE SET id = excluded.id, workload_id = excluded.workload_id,
			provider_id = excluded.provider_id, user_key = excluded.user_key, scopes = excluded.scopes, state = excluded.state,
			reason = excluded.reason, has_refresh = excluded.has_refresh, access_expires_at = excluded.access_expires_at,
			version = grants.version + 1, lease_owner = '', lease_until = 0, last_used_at = excluded.last_used_at,
			created_at = excluded.created_at, updated_at = excluded.updated_at, sealed = excluded.sealed`,
		g.Account, g.ID, g.Key[:], g.WorkloadID, g.ProviderID, g.User, toList(g.Scopes), string(g.State), g.Reason,
		toFlag(g.HasRefresh), toMillis(g.AccessExpiresAt), toMillis(g.LastUsedAt), toMillis(g.CreatedAt), toMillis(g.UpdatedAt),
		toBytes(g.Sealed))
	return err
}

// ClaimRefresh takes the lease of a grant. The first statement takes a free one, the second one that ran out: which of
// them succeeded says whether an earlier refresh was interrupted, without reading before writing.
func (s *Store) ClaimRefresh(ctx context.Context, account, id string, version int64, owner string, now, until time.Time) (claimed, interrupted bool, err error) {
	err = s.engine.write(ctx, func(h handle) error {
		claimed, interrupted = false, false
		n, err := h.exec(`UPDATE grants SET lease_owner = $1, lease_until = $2
			WHERE account = $3 AND id = $4 AND version = $5 AND lease_owner = ''`,
			owner, toMillis(until), account, id, version)
		if err != nil || n == 1 {
			claimed = err == nil
			return err
		}
		n, err = h.exec(`UPDATE grants SET lease_owner = $1, lease_until = $2
			WHERE account = $3 AND id = $4 AND version = $5 AND lease_owner <> '' AND lease_until <= $6`,
			owner, toMillis(until), account, id, version, toMillis(now))
		claimed, interrupted = n == 1, n == 1
		return err
	})
	if err != nil {
		return false, false, err
	}
	return claimed, interrupted, nil
}

// UpdateGrant stores what a refresh or a change of state brought, if the grant and its lease are as the caller left them.
func (s *Store) UpdateGrant(ctx context.Context, g identity.Grant, owner string) error {
	return s.engine.write(ctx, func(h handle) error {
		n, err := h.exec(`UPDATE grants SET state = $1, reason = $2, sealed = $3, has_refresh = $4, access_expires_at = $5,
				scopes = $6, last_used_at = $7, updated_at = $8, version = version + 1, lease_owner = '', lease_until = 0
			WHERE account = $9 AND id = $10 AND version = $11 AND lease_owner = $12`,
			string(g.State), g.Reason, toBytes(g.Sealed), toFlag(g.HasRefresh), toMillis(g.AccessExpiresAt),
			toList(g.Scopes), toMillis(g.LastUsedAt), toMillis(g.UpdatedAt),
			g.Account, g.ID, g.Version, owner)
		return changed(n, err, identity.ErrVersion)
	})
}

// ReleaseRefresh clears the owner's lease; a lease that is not his stays.
func (s *Store) ReleaseRefresh(ctx context.Context, account, id, owner string) error {
	return s.engine.write(ctx, func(h handle) error {
		_, err := h.exec(`UPDATE grants SET lease_owner = '', lease_until = 0 WHERE account = $1 AND id = $2 AND lease_owner = $3`,
			account, id, owner)
		return err
	})
}

// TouchGrants notes that grants were used. It never moves the time back.
func (s *Store) TouchGrants(ctx context.Context, account string, ids []string, at time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	return s.engine.write(ctx, func(h handle) error {
		ms := toMillis(at)
		for _, id := range ids {
			if _, err := h.exec(`UPDATE grants SET last_used_at = $1 WHERE account = $2 AND id = $3 AND last_used_at < $4`, ms, account, id, ms); err != nil {
				return err
			}
		}
		return nil
	})
}

// ListGrants reads grants in order of id.
func (s *Store) ListGrants(ctx context.Context, account string, f identity.GrantFilter, after string, limit int) ([]identity.Grant, error) {
	w := where{query: selectGrant + ` WHERE account = $1`, args: []any{account}}
	w.text("workload_id =", f.WorkloadID)
	w.text("provider_id =", f.ProviderID)
	w.text("user_key =", f.User)
	w.text("state =", string(f.State))
	w.text("id >", after)
	query, args := w.page("id", limit)
	return list(s.engine.read(ctx), query, args, scanGrant)
}

// GrantsDue reads the grants to be refreshed ahead, of all accounts.
func (s *Store) GrantsDue(ctx context.Context, expiringBefore, usedSince, now time.Time, limit int) ([]identity.Grant, error) {
	const query = selectGrant + ` WHERE state = 'active' AND has_refresh = 1 AND access_expires_at > 0
		AND access_expires_at < $1 AND last_used_at >= $2 AND (lease_owner = '' OR lease_until <= $3)
		ORDER BY access_expires_at, account, id LIMIT $4`
	return list(s.engine.read(ctx), query, []any{toMillis(expiringBefore), toMillis(usedSince), toMillis(now), limit}, scanGrant)
}

// DeleteGrant removes a grant and the tokens in it.
func (s *Store) DeleteGrant(ctx context.Context, account, id string) error {
	return s.engine.write(ctx, func(h handle) error {
		n, err := h.exec(`DELETE FROM grants WHERE account = $1 AND id = $2`, account, id)
		return changed(n, err, identity.ErrNotFound)
	})
}
