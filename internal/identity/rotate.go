package identity

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Rotation tells what a rotation of the account's data keys did.
type Rotation struct {
	KeyVersion int64
	Rewrapped  int64
}

const (
	rewrapChunk = 500
	// auditChunk counts groups, each of up to some hundred records: operations wait for their own records meanwhile.
	auditChunk = 20
)

// RotateKeys makes a new data key for the caller's account and wraps every record key of the account anew, online: what
// is read meanwhile opens under either key. Tokens sealed under older keys hold until they expire.
func (s *Service) RotateKeys(ctx context.Context, caller *policy.Caller) (Rotation, error) {
	r := request{caller: caller, action: "lanyard:RotateDataKeys", durable: true, resources: on([]string{s.accountARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (Rotation, error) {
		version, err := s.Vault.Rotate(ctx, caller.Account)
		if err != nil {
			return Rotation{}, internal(err, "making a new data key")
		}
		n, err := s.rewrap(ctx, caller.Account)
		return Rotation{KeyVersion: int64(version), Rewrapped: n}, err
	})
}

// rewrap walks the account's ciphertexts. A row that changes under it was sealed anew by whoever changed it; the next
// pass sees it again if that was under the old key.
func (s *Service) rewrap(ctx context.Context, account string) (int64, error) {
	var n int64
	for cursor := ""; ; {
		rows, next, err := s.Store.SealedRows(ctx, account, cursor, rewrapChunk)
		if err != nil {
			return n, internal(err, "reading ciphertexts")
		}
		for _, row := range rows {
			changed, err := s.rewrapRow(ctx, row)
			if err != nil {
				return n, err
			}
			if changed {
				n++
			}
		}
		if next == "" {
			s.changed(account)
			return n, nil
		}
		cursor = next
	}
}

func (s *Service) rewrapRow(ctx context.Context, old SealedRow) (bool, error) {
	row, changed := old, false
	var err error
	if old.Sealed != nil {
		if row.Sealed, changed, err = s.Vault.Rewrap(ctx, old.Place, old.Sealed); err != nil {
			return false, internal(err, "rewrapping "+old.Place.Table+" "+old.Place.Row)
		}
	}
	if old.MAC != nil {
		r := Record{Data: old.Data, Sealed: old.Sealed}
		if err := s.Vault.VerifyMAC(ctx, old.Place, old.Version, macInput(&r), old.MAC); err != nil {
			return false, internal(err, "a record that was changed outside Lanyard: "+old.Place.Row)
		}
		r.Sealed = row.Sealed
		if row.MAC, err = s.Vault.MAC(ctx, old.Place, old.Version, macInput(&r)); err != nil {
			return false, internal(err, "authenticating "+old.Place.Row)
		}
		changed = true
	}
	if !changed {
		return false, nil
	}
	done, err := s.Store.ReplaceSealed(ctx, old, row)
	return done, internal(err, "storing a rewrapped row")
}

// Sweep deletes what has ended: sessions a day after their end, kept JWTs, audit records past their retention (zero
// keeps them for ever).
func (s *Service) Sweep(ctx context.Context, auditRetention time.Duration) error {
	now := s.Now()
	type step struct {
		chunk int
		run   func(limit int) (int, error)
	}
	steps := []step{
		{rewrapChunk, func(n int) (int, error) { return s.Store.DeleteExpiredSessions(ctx, now.Add(-24*time.Hour), n) }},
		{rewrapChunk, func(n int) (int, error) { return s.Store.DeleteExpiredInboundTokens(ctx, now, n) }},
	}
	if auditRetention > 0 {
		steps = append(steps, step{auditChunk, func(n int) (int, error) { return s.Store.DeleteAuditBefore(ctx, now.Add(-auditRetention), n) }})
	}
	for _, step := range steps {
		for {
			n, err := step.run(step.chunk)
			if err != nil {
				return internal(err, "sweeping what has ended")
			}
			if n < step.chunk {
				break
			}
		}
	}
	return nil
}

// Ready reports whether the service can do its work: the database answers and the root key opens.
func (s *Service) Ready(ctx context.Context) error {
	if err := s.Store.Ping(ctx); err != nil {
		return internal(err, "the database does not answer")
	}
	_, err := s.Vault.SealToken(ctx, s.cfg.Account, "readiness", nil)
	return internal(err, "the root key source")
}
