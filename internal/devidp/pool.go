package devidp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// poolAlgorithm signs the tokens of every pool: clients of Cognito expect no other.
const poolAlgorithm = "RS256"

// pool is a user pool. Its signing key rests sealed beside it.
type pool struct {
	record identity.Record
	data   poolData
}

// poolData is what is stored of a pool: what was asked for, and the public half of its key.
type poolData struct {
	Asked api.CreateUserPoolRequest `json:"asked"`
	JWKS  json.RawMessage           `json:"jwks"`
}

func (p *pool) id() string      { return p.record.ID }
func (p *pool) account() string { return p.record.Account }

// CreateUserPool makes a pool with a signing key of its own.
func (p *Pools) CreateUserPool(ctx context.Context, caller *policy.Caller, in *api.CreateUserPoolRequest) (*api.UserPoolResponse, error) {
	action := identity.Performance{Action: api.CreateUserPool.Action(), Resources: []string{"*"}, Durable: true, Tags: in.UserPoolTags}
	return identity.Perform(ctx, p.cfg.Identity, caller, action, func(ctx context.Context) (*api.UserPoolResponse, error) {
		if err := checkPool(in); err != nil {
			return nil, err
		}
		pool, err := p.makePool(ctx, caller.Account, in)
		if err != nil {
			return nil, err
		}
		return p.describePool(ctx, pool)
	})
}

func (p *Pools) makePool(ctx context.Context, account string, in *api.CreateUserPoolRequest) (*pool, error) {
	suffix, err := p.text(alnum, 9)
	if err != nil {
		return nil, err
	}
	key, err := p.newKey(p.cfg.Rand)
	if err != nil {
		return nil, err
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		return nil, err
	}
	made := &pool{data: poolData{Asked: *in}}
	if made.data.JWKS, err = issuer.PublicSet(key); err != nil {
		return nil, err
	}
	id := p.cfg.Region + "_" + suffix
	made.record = identity.Record{Account: account, Kind: kindPool, ID: id, Name: id}
	return made, p.shelf.Insert(ctx, &made.record, made.data, vault.NewSecret(private))
}

func newPoolKey(rnd io.Reader) (*issuer.SigningKey, error) {
	return issuer.GenerateKey(poolAlgorithm, rnd)
}

// signingKey opens a pool's key.
func (p *Pools) signingKey(ctx context.Context, pool *pool) (Signer, error) {
	secret, err := p.shelf.Secret(ctx, pool.record)
	if err != nil {
		return nil, err
	}
	key, err := issuer.ParsePrivate(secret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("devidp: key of user pool %s: %w", pool.id(), err)
	}
	return key, nil
}

// poolByID finds a pool of any account: a browser, and a request that carries its own proof, belong to none.
func (p *Pools) poolByID(ctx context.Context, id string) (*pool, error) {
	found := &pool{}
	var err error
	found.record, err = p.shelf.ByID(ctx, kindPool, id, &found.data)
	return found, err
}

// pool finds a pool of one account (A11).
func (p *Pools) pool(ctx context.Context, account, id string) (*pool, error) {
	found, err := p.poolByID(ctx, id)
	if errors.Is(err, identity.ErrNotFound) || err == nil && found.account() != account {
		return nil, refuseAs(api.ResourceNotFoundException, "User pool %s does not exist in this account. List those that do with: aws cognito-idp list-user-pools --max-results 60", id)
	}
	return found, err
}

// DescribeUserPool shows a pool.
func (p *Pools) DescribeUserPool(ctx context.Context, caller *policy.Caller, in *api.UserPoolID) (*api.UserPoolResponse, error) {
	return withPool(ctx, p, caller, api.DescribeUserPool, in.UserPoolID, p.describePool)
}

// DeleteUserPool deletes a pool with its clients, users and resource servers. What its tokens were good for ends with it.
func (p *Pools) DeleteUserPool(ctx context.Context, caller *policy.Caller, in *api.UserPoolID) (*api.Empty, error) {
	return withPool(ctx, p, caller, api.DeleteUserPool, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.Empty, error) {
		domain, err := p.domainOf(ctx, pool)
		if err != nil {
			return nil, err
		}
		switch {
		case domain != "":
			return nil, invalidParameter("User pool %s still has the domain %s. Delete it first: aws cognito-idp delete-user-pool-domain --user-pool-id %s --domain %s", pool.id(), domain, pool.id(), domain)
		case value(pool.data.Asked.DeletionProtection) == "ACTIVE":
			return nil, invalidParameter("User pool %s was made with DeletionProtection ACTIVE, so it is not deleted", pool.id())
		}
		return nil, p.shelf.Delete(ctx, pool.record)
	})
}

// ListUserPools lists the account's pools.
func (p *Pools) ListUserPools(ctx context.Context, caller *policy.Caller, in *api.ListUserPoolsRequest) (*api.ListUserPoolsResponse, error) {
	return perform(ctx, p, caller, api.ListUserPools, "", func(ctx context.Context) (*api.ListUserPoolsResponse, error) {
		out := &api.ListUserPoolsResponse{UserPools: []api.UserPoolDescription{}}
		next, err := p.list(ctx, caller.Account, kindPool, "", in.NextToken, int(*in.MaxResults), func(r identity.Record, raw json.RawMessage) error {
			var d poolData
			if err := json.Unmarshal(raw, &d); err != nil {
				return err
			}
			out.UserPools = append(out.UserPools, api.UserPoolDescription{ID: r.ID, Name: d.Asked.PoolName,
				CreationDate: api.Timestamp(r.CreatedAt), LastModifiedDate: api.Timestamp(r.UpdatedAt)})
			return nil
		})
		out.NextToken = next
		return out, err
	})
}

// list reads one page; its token is the name of the last record on it, which the reader was shown.
func (p *Pools) list(ctx context.Context, account, kind, parent, after string, limit int, f func(identity.Record, json.RawMessage) error) (next string, err error) {
	n, last := 0, ""
	err = p.shelf.List(ctx, account, kind, parent, after, limit+1, func(r identity.Record, raw json.RawMessage) error {
		if n++; n > limit {
			next = last
			return nil
		}
		last = r.Name
		return f(r, raw)
	})
	return next, err
}

// maxCounted bounds what the estimate of a pool's users costs.
const maxCounted = 10_000

func (p *Pools) describePool(ctx context.Context, pool *pool) (*api.UserPoolResponse, error) {
	domain, err := p.domainOf(ctx, pool)
	if err != nil {
		return nil, err
	}
	users := 0
	err = p.shelf.List(ctx, pool.account(), kindPoolUser, pool.id(), "", maxCounted, func(identity.Record, json.RawMessage) error { users++; return nil })
	if err != nil {
		return nil, err
	}
	in := &pool.data.Asked
	return &api.UserPoolResponse{UserPool: api.UserPool{
		ID: pool.id(), Name: in.PoolName, ARN: p.arn(pool.account(), pool.id()), Domain: domain, EstimatedNumberOfUsers: users,
		CreationDate: api.Timestamp(pool.record.CreatedAt), LastModifiedDate: api.Timestamp(pool.record.UpdatedAt),
		Policies: policiesInForce(in), DeletionProtection: or(in.DeletionProtection, "INACTIVE"), MfaConfiguration: "OFF",
		UserPoolAddOns: in.UserPoolAddOns, DeviceConfiguration: in.DeviceConfiguration,
		UsernameAttributes: in.UsernameAttributes, UsernameConfiguration: in.UsernameConfiguration,
		AutoVerifiedAttributes: in.AutoVerifiedAttributes, AdminCreateUserConfig: in.AdminCreateUserConfig,
		SchemaAttributes: schemaOf(in), UserPoolTags: in.UserPoolTags, UserPoolTier: or(in.UserPoolTier, "ESSENTIALS"),
		SmsVerificationMessage: in.SmsVerificationMessage, SmsAuthenticationMessage: in.SmsAuthenticationMessage,
		EmailVerificationMessage: in.EmailVerificationMessage, EmailVerificationSubject: in.EmailVerificationSubject,
		VerificationMessageTemplate: in.VerificationMessageTemplate, UserAttributeUpdateSettings: in.UserAttributeUpdateSettings,
		EmailConfiguration: in.EmailConfiguration, SmsConfiguration: in.SmsConfiguration, AccountRecoverySetting: in.AccountRecoverySetting,
	}}, nil
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func or[T any](p *T, usual T) T {
	if p != nil {
		return *p
	}
	return usual
}
