package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// The administrator's commands (`lanyard admin`) act on the database of this machine. Whoever can read the data directory
// and the root key may already do everything: they call the use-cases of the wire as LocalAdmin. Below is what has no
// operation on the wire. All are audited.

// LocalAdmin is the caller of the administrator's commands: whoever may read the database and the root key of this
// machine. It must never stand for a request that came over the network.
func LocalAdmin(account string) *policy.Caller {
	return &policy.Caller{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Name: "local administrator", Kind: policy.KindRoot}
}

func admin[T any](ctx context.Context, s *Service, account, action string, f func(context.Context) (T, error)) (T, error) {
	r := request{caller: LocalAdmin(account), action: "lanyard:" + action, durable: true, resources: on([]string{s.accountARN(account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (T, error) { return f(ctx) })
}

// CreateAccount makes an account and its first data key.
func (s *Service) CreateAccount(ctx context.Context, id string) error {
	_, err := admin(ctx, s, id, "CreateAccount", func(ctx context.Context) (struct{}, error) {
		if len(id) != 12 || slices.ContainsFunc([]byte(id), func(b byte) bool { return b < '0' || b > '9' }) {
			return struct{}{}, invalid("account", "an account id has 12 digits; %q has not", clip(id))
		}
		err := s.Store.InsertAccount(ctx, Account{ID: id, Version: 1, CreatedAt: s.Now()})
		if errors.Is(err, ErrExists) {
			return struct{}{}, refuse(Conflict, "account %s exists already", id)
		}
		return struct{}{}, internal(err, "storing account "+id)
	})
	return err
}

// EnsureAccount makes the account if it is not there.
func (s *Service) EnsureAccount(ctx context.Context, id string) error {
	_, err := s.Store.Account(ctx, id)
	if errors.Is(err, ErrNotFound) {
		err = s.CreateAccount(ctx, id)
		if codeOf(err) == Conflict { // another replica was faster
			return nil
		}
	}
	return internal(err, "reading account "+id)
}

// HasRootKey tells whether the account's root has an access key.
func (s *Service) HasRootKey(ctx context.Context, account string) (bool, error) {
	rows, err := s.Store.ListRecords(ctx, account, KindAccessKey, "", "", 1)
	return len(rows) > 0, internal(err, "reading root's access keys")
}

// DeleteUserWithAll removes a user with the keys and policies that hang on it.
func (s *Service) DeleteUserWithAll(ctx context.Context, account, name string) error {
	free := func(context.Context, *Principal) error { return nil }
	return deleteEntity(ctx, s, LocalAdmin(account), "DeleteUser", s.userTarget(account, name), free)
}

// DeleteRoleWithAll removes a role with the policies that hang on it.
func (s *Service) DeleteRoleWithAll(ctx context.Context, account, name string) error {
	free := func(context.Context, *Role) error { return nil }
	return deleteEntity(ctx, s, LocalAdmin(account), "DeleteRole", s.roleTarget(account, name), free)
}

// AccessKeyOwner is the name of the user that a key belongs to, "" for root.
func (s *Service) AccessKeyOwner(ctx context.Context, account, id string) (string, error) {
	o, err := s.auditedOwner(ctx, account, id)
	return o.name, err
}

// RevokeRoleSessions refuses the sessions of a role that began before the time given (A31). It never moves back.
func (s *Service) RevokeRoleSessions(ctx context.Context, account, name string, before time.Time) error {
	_, err := admin(ctx, s, account, "RevokeRoleSessions", func(ctx context.Context) (*Role, error) {
		t := s.roleTarget(account, name)
		r, err := t.find(ctx)
		if err != nil {
			return nil, err
		}
		return edited(ctx, s, r, t, func(_ context.Context, r *Role) error {
			if !before.After(r.RevokedBefore) {
				return errUnchanged
			}
			r.RevokedBefore = before
			return nil
		})
	})
	return err
}
