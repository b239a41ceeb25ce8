package identity

import (
	"context"
	"errors"
	"time"
)

// RotateSigningKeys is background work: it makes the next generation of keys that have signed for long enough, and
// deletes those that nothing needs any more. It does nothing most of the time, and the same on every replica.
func (s *Service) RotateSigningKeys(ctx context.Context) error {
	accounts, err := s.Store.Accounts(ctx)
	if err != nil {
		return internal(err, "reading the accounts")
	}
	var problems []error
	for _, a := range accounts {
		problems = append(problems, s.tendSigningKeys(ctx, a.ID))
	}
	return errors.Join(problems...)
}

func (s *Service) tendSigningKeys(ctx context.Context, account string) error {
	keys, err := s.freshSigningKeys(ctx, account)
	if err != nil || len(keys) == 0 {
		return err
	}
	var problems []error
	for _, alg := range signingAlgorithms {
		if k := latestKey(keys, alg); k != nil && s.due(k) {
			problems = append(problems, s.succeed(ctx, k, s.Now().Add(publishLead)))
		}
	}
	for _, k := range keys {
		if !k.RetiredAt.IsZero() && !s.Now().Before(k.RetiredAt.Add(tokensGone)) {
			problems = append(problems, s.deleteSigningKey(ctx, k, "its last token has expired"))
		}
	}
	return errors.Join(problems...)
}

// due tells whether the key's successor must be published now in order to sign in time.
func (s *Service) due(k *SigningKey) bool {
	life := s.cfg.SigningKeyLife
	if life == 0 {
		life = defaultKeyLife
	}
	return !s.Now().Before(k.ActiveAt.Add(life - publishLead))
}

// succeed makes the key's next generation.
func (s *Service) succeed(ctx context.Context, k *SigningKey, activeAt time.Time) error {
	_, err := admin(ctx, s, k.Account, "CreateSigningKey", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.addSigningKey(ctx, k.Account, k.Algorithm, k.Generation+1, activeAt)
	})
	return err
}

func (s *Service) deleteSigningKey(ctx context.Context, k *SigningKey, why string) error {
	r := request{caller: LocalAdmin(k.Account), action: "lanyard:DeleteSigningKey", durable: true, resources: on([]string{s.accountARN(k.Account)})}
	_, err := do(ctx, s, r, func(ctx context.Context, c *call) (struct{}, error) {
		c.rec.Reason = "key " + k.KeyID + " (" + k.record.Name + "): " + why
		err := s.Store.DeleteRecord(ctx, k.Account, KindSigningKey, k.record.ID)
		if errors.Is(err, ErrNotFound) { // another replica was faster
			err = nil
		}
		s.changed(k.Account)
		s.minting.signers.Delete(k.record.ID)
		return struct{}{}, internal(err, "deleting signing key "+k.record.Name)
	})
	return err
}

// RotateIssuer makes the next generation of the account's keys on demand. In the ordinary case they are published for a
// day before they sign; a successor that is on its way already is left to come. With compromised, they sign at once and
// all older keys are gone: no token that they signed verifies any more, wherever the keys are fetched anew.
func (s *Service) RotateIssuer(ctx context.Context, account string, compromised bool) ([]*SigningKey, error) {
	keys, err := s.freshSigningKeys(ctx, account)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, s.federationDisabled(account)
	}
	now := s.Now()
	activeAt := now.Add(publishLead)
	if compromised {
		activeAt = now
	}
	for _, alg := range signingAlgorithms {
		if k := latestKey(keys, alg); k != nil && (compromised || !k.ActiveAt.After(now)) {
			if err := s.succeed(ctx, k, activeAt); err != nil {
				return nil, err
			}
		}
	}
	if compromised {
		if err := s.dropSigningKeys(ctx, account, keys); err != nil {
			return nil, err
		}
	}
	return s.freshSigningKeys(ctx, account)
}

// dropSigningKeys deletes compromised keys, once younger ones sign: somebody else's rotation at the same moment may have
// taken their name for a key that does not sign yet.
func (s *Service) dropSigningKeys(ctx context.Context, account string, compromised []*SigningKey) error {
	keys, err := s.freshSigningKeys(ctx, account)
	if err != nil {
		return err
	}
	for _, alg := range signingAlgorithms {
		old, now := latestKey(compromised, alg), activeKey(keys, alg, s.Now())
		if old != nil && (now == nil || now.Generation <= old.Generation) {
			return refuse(Conflict, "the signing keys of account %s were rotated by somebody else at the same moment; do it again", account)
		}
	}
	for _, k := range compromised {
		if err := s.deleteSigningKey(ctx, k, "it is compromised"); err != nil {
			return err
		}
	}
	return nil
}
