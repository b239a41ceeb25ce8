package devidp

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// selfService is the scope of a sign-in by API: the user's own account.
const selfService = "aws.cognito.signin.user.admin"

// userScopes are the scopes of a user, which no client's own token may have.
var userScopes = []string{"openid", "email", "phone", "profile", selfService}

// CreateResourceServer defines an API with its scopes.
func (p *Pools) CreateResourceServer(ctx context.Context, caller *policy.Caller, in *api.CreateResourceServerRequest) (*api.CreateResourceServerResponse, error) {
	return withPool(ctx, p, caller, api.CreateResourceServer, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.CreateResourceServerResponse, error) {
		made := api.ResourceServer{UserPoolID: pool.id(), Identifier: in.Identifier, Name: in.Name, Scopes: in.Scopes}
		seen := map[string]bool{}
		for _, s := range in.Scopes {
			if seen[s.ScopeName] {
				return nil, invalidParameter("Scopes: %s is there twice", s.ScopeName)
			}
			seen[s.ScopeName] = true
		}
		id, err := p.text(lowerAlnum, 26)
		if err != nil {
			return nil, err
		}
		r := identity.Record{Account: pool.account(), Kind: kindResourceServer, ID: "cognito-rs-" + id, Name: in.Identifier, Parent: pool.id()}
		err = p.shelf.Insert(ctx, &r, made, vault.Secret{})
		if errors.Is(err, identity.ErrExists) {
			return nil, invalidParameter("%s already exists in user pool %s", in.Identifier, pool.id())
		}
		return &api.CreateResourceServerResponse{ResourceServer: made}, changedMeanwhile(err, "User pool "+pool.id())
	})
}

// maxResourceServers is how many of a pool's resource servers are looked through for a scope.
const maxResourceServers = 1000

// checkScopes refuses a scope that neither is a user's nor one of a resource server of the pool.
func (p *Pools) checkScopes(ctx context.Context, pool *pool, scopes []string) error {
	defined := slices.Clone(userScopes)
	err := p.shelf.List(ctx, pool.account(), kindResourceServer, pool.id(), "", maxResourceServers, func(_ identity.Record, raw json.RawMessage) error {
		var rs api.ResourceServer
		if err := json.Unmarshal(raw, &rs); err != nil {
			return err
		}
		for _, s := range rs.Scopes {
			defined = append(defined, rs.Identifier+"/"+s.ScopeName)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range scopes {
		if !slices.Contains(defined, s) {
			return refuseAs(api.ScopeDoesNotExistException, "Scope %s does not exist in user pool %s, which knows: %s. Define others with create-resource-server", s, pool.id(), strings.Join(defined, ", "))
		}
	}
	return nil
}
