package devidp

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// withUser is withPool for an operation that needs a user.
func withUser[T any](ctx context.Context, p *Pools, caller *policy.Caller, op api.Operation, poolID, username string, f func(context.Context, *pool, *poolUser) (T, error)) (T, error) {
	return withPool(ctx, p, caller, op, poolID, func(ctx context.Context, pool *pool) (T, error) {
		u, err := p.user(ctx, pool, username)
		if err != nil {
			var zero T
			return zero, err
		}
		return f(ctx, pool, u)
	})
}

// AdminGetUser shows a user.
func (p *Pools) AdminGetUser(ctx context.Context, caller *policy.Caller, in *api.PoolUserName) (*api.AdminGetUserResponse, error) {
	return withUser(ctx, p, caller, api.AdminGetUser, in.UserPoolID, in.Username, func(_ context.Context, _ *pool, u *poolUser) (*api.AdminGetUserResponse, error) {
		d := u.describe()
		return &api.AdminGetUserResponse{Username: d.Username, UserAttributes: d.Attributes, UserCreateDate: d.UserCreateDate,
			UserLastModifiedDate: d.UserLastModifiedDate, Enabled: d.Enabled, UserStatus: d.UserStatus}, nil
	})
}

// AdminSetUserPassword sets a password.
func (p *Pools) AdminSetUserPassword(ctx context.Context, caller *policy.Caller, in *api.AdminSetUserPasswordRequest) (*api.Empty, error) {
	return withUser(ctx, p, caller, api.AdminSetUserPassword, in.UserPoolID, in.Username, func(ctx context.Context, pool *pool, u *poolUser) (*api.Empty, error) {
		secret, err := p.newPassword(ctx, pool, string(in.Password))
		if err != nil {
			return nil, err
		}
		if in.Permanent {
			u.confirm()
		} else {
			u.data.Status, u.data.TemporaryUntil = statusMustChange, p.temporaryUntil(pool)
		}
		return nil, p.changeUser(ctx, u, secret)
	})
}

func (u *poolUser) confirm() { u.data.Status, u.data.TemporaryUntil = statusConfirmed, time.Time{} }

func (p *Pools) changeUser(ctx context.Context, u *poolUser, secret vault.Secret) error {
	return changedMeanwhile(p.shelf.Replace(ctx, &u.record, u.data, secret), "User "+u.data.Username)
}

// AdminDisableUser keeps a user from signing in, and their tokens from being used here and renewed.
func (p *Pools) AdminDisableUser(ctx context.Context, caller *policy.Caller, in *api.PoolUserName) (*api.Empty, error) {
	return p.setDisabled(ctx, caller, api.AdminDisableUser, in, true)
}

// AdminEnableUser lets a user sign in again.
func (p *Pools) AdminEnableUser(ctx context.Context, caller *policy.Caller, in *api.PoolUserName) (*api.Empty, error) {
	return p.setDisabled(ctx, caller, api.AdminEnableUser, in, false)
}

func (p *Pools) setDisabled(ctx context.Context, caller *policy.Caller, op api.Operation, in *api.PoolUserName, disabled bool) (*api.Empty, error) {
	return withUser(ctx, p, caller, op, in.UserPoolID, in.Username, func(ctx context.Context, _ *pool, u *poolUser) (*api.Empty, error) {
		u.data.Disabled = disabled
		return nil, p.changeUser(ctx, u, vault.Secret{})
	})
}

// AdminDeleteUser deletes a user. One who is made again under the name has another sub, and inherits nothing (A59).
func (p *Pools) AdminDeleteUser(ctx context.Context, caller *policy.Caller, in *api.PoolUserName) (*api.Empty, error) {
	return withUser(ctx, p, caller, api.AdminDeleteUser, in.UserPoolID, in.Username, func(ctx context.Context, _ *pool, u *poolUser) (*api.Empty, error) {
		return nil, p.shelf.Delete(ctx, u.record)
	})
}
