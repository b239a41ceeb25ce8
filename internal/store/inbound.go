package store

import (
	"context"
	"time"
)

// PutInboundToken keeps a sealed inbound JWT. The same id means the same token, so a second put changes nothing.
func (s *Store) PutInboundToken(ctx context.Context, account, id string, sealed []byte, expiresAt time.Time) error {
	return s.engine.write(ctx, func(h handle) error {
		_, err := h.exec(`INSERT INTO inbound_tokens (account, id, expires_at, sealed) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account, id) DO NOTHING`, account, id, toMillis(expiresAt), toBytes(sealed))
		return err
	})
}

// InboundToken reads a sealed inbound JWT.
func (s *Store) InboundToken(ctx context.Context, account, id string) (sealed []byte, err error) {
	err = s.engine.read(ctx).point(`SELECT sealed FROM inbound_tokens WHERE account = $1 AND id = $2`, []any{account, id}, &sealed)
	return fromBytes(sealed), err
}

// DeleteExpiredInboundTokens removes tokens that expired before the time given, limit at most, and returns how many.
func (s *Store) DeleteExpiredInboundTokens(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := s.engine.write(ctx, func(h handle) (err error) {
		n, err = h.exec(`DELETE FROM inbound_tokens WHERE (account, id) IN (
			SELECT account, id FROM inbound_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, toMillis(before), limit)
		return err
	})
	return int(n), err
}
