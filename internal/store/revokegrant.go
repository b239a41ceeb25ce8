package store

import (
	"context"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// RetireGrant takes a grant out of use. It leaves the lease alone: who is refreshing finds the row changed, and what the
// provider answered him is stored where it will be revoked.
func (s *Store) RetireGrant(ctx context.Context, g identity.Grant) error {
	return s.engine.write(ctx, func(h handle) error {
		n, err := h.exec(`UPDATE grants SET key = $1, state = $2, reason = $3, sealed = $4, has_refresh = $5, access_expires_at = $6,
				updated_at = $7, version = version + 1
			WHERE account = $8 AND id = $9 AND version = $10`,
			g.Key[:], string(g.State), g.Reason, toBytes(g.Sealed), toFlag(g.HasRefresh), toMillis(g.AccessExpiresAt),
			toMillis(g.UpdatedAt), g.Account, g.ID, g.Version)
		return changed(n, err, identity.ErrVersion)
	})
}
