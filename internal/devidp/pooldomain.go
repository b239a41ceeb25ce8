package devidp

import (
	"context"
	"errors"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// domainData is the domain of a pool's hosted pages. Its record's id holds the domain, which nobody else may have; its
// name is the same in every pool, which may have one.
type domainData struct {
	Domain  string `json:"domain"`
	Version int32  `json:"version"`
}

const (
	domainIDPrefix = "cognito-domain-"
	domainName     = "domain"
)

// CreateUserPoolDomain gives a pool its domain.
func (p *Pools) CreateUserPoolDomain(ctx context.Context, caller *policy.Caller, in *api.CreateUserPoolDomainRequest) (*api.CreateUserPoolDomainResponse, error) {
	return withPool(ctx, p, caller, api.CreateUserPoolDomain, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.CreateUserPoolDomainResponse, error) {
		for _, word := range []string{"aws", "amazon", "cognito"} {
			if strings.Contains(in.Domain, word) {
				return nil, invalidParameter("Domain cannot contain reserved word: %s. Choose another prefix", word)
			}
		}
		d := domainData{Domain: in.Domain, Version: or(in.ManagedLoginVersion, 1)}
		r := identity.Record{Account: pool.account(), Kind: kindPoolDomain, ID: domainIDPrefix + in.Domain, Name: domainName, Parent: pool.id()}
		err := p.shelf.Insert(ctx, &r, d, vault.Secret{})
		if errors.Is(err, identity.ErrExists) {
			return nil, p.domainTaken(ctx, pool, in.Domain)
		}
		return &api.CreateUserPoolDomainResponse{ManagedLoginVersion: d.Version}, changedMeanwhile(err, "User pool "+pool.id())
	})
}

// domainTaken says which of the two rules was broken.
func (p *Pools) domainTaken(ctx context.Context, pool *pool, wanted string) error {
	own, err := p.domainOf(ctx, pool)
	if err != nil {
		return err
	}
	if own != "" && own != wanted {
		return invalidParameter("User pool %s already has a domain configured: %s. Delete it first, or keep it", pool.id(), own)
	}
	return invalidParameter("Domain %s is already associated with a user pool. Choose another prefix", wanted)
}

// DescribeUserPoolDomain shows a domain; of one that is not the account's, nothing.
func (p *Pools) DescribeUserPoolDomain(ctx context.Context, caller *policy.Caller, in *api.UserPoolDomain) (*api.DescribeUserPoolDomainResponse, error) {
	return perform(ctx, p, caller, api.DescribeUserPoolDomain, "", func(ctx context.Context) (*api.DescribeUserPoolDomainResponse, error) {
		out := &api.DescribeUserPoolDomainResponse{}
		var d domainData
		r, err := p.shelf.ByID(ctx, kindPoolDomain, domainIDPrefix+in.Domain, &d)
		if errors.Is(err, identity.ErrNotFound) || err == nil && r.Account != caller.Account {
			return out, nil
		}
		out.DomainDescription = api.DomainDescription{UserPoolID: r.Parent, AccountID: r.Account, Domain: d.Domain,
			Version: "1", Status: "ACTIVE", ManagedLoginVersion: d.Version}
		return out, err
	})
}

// DeleteUserPoolDomain takes a domain from its pool.
func (p *Pools) DeleteUserPoolDomain(ctx context.Context, caller *policy.Caller, in *api.DeleteUserPoolDomainRequest) (*api.Empty, error) {
	return withPool(ctx, p, caller, api.DeleteUserPoolDomain, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.Empty, error) {
		var d domainData
		r, err := p.shelf.ByID(ctx, kindPoolDomain, domainIDPrefix+in.Domain, &d)
		if errors.Is(err, identity.ErrNotFound) || err == nil && r.Parent != pool.id() {
			return nil, refuseAs(api.ResourceNotFoundException, "Domain %s is not one of user pool %s", in.Domain, pool.id())
		}
		if err != nil {
			return nil, err
		}
		return nil, p.shelf.Delete(ctx, r)
	})
}

// domainOf is the pool's domain, "" when it has none.
func (p *Pools) domainOf(ctx context.Context, pool *pool) (string, error) {
	var d domainData
	_, err := p.shelf.ByName(ctx, pool.account(), kindPoolDomain, pool.id(), domainName, &d)
	if errors.Is(err, identity.ErrNotFound) {
		err = nil
	}
	return d.Domain, err
}

// poolOfDomain finds the pool of a domain, whatever its account.
func (p *Pools) poolOfDomain(ctx context.Context, domain string) (poolID string, err error) {
	var d domainData
	r, err := p.shelf.ByID(ctx, kindPoolDomain, domainIDPrefix+domain, &d)
	return r.Parent, err
}
