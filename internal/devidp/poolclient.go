package devidp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// registration is what a client was registered with. UserPoolID and ClientID in it are empty: the record has them.
type registration = api.UpdateUserPoolClientRequest

// poolClient is an OAuth client of a pool. Its secret, if it has one, rests sealed beside it.
type poolClient struct {
	record identity.Record
	data   registration
}

func (c *poolClient) id() string      { return c.record.ID }
func (c *poolClient) hasSecret() bool { return len(c.record.Sealed) > 0 }

const (
	clientIDLength     = 26
	clientSecretLength = 52
)

// CreateUserPoolClient registers a client.
func (p *Pools) CreateUserPoolClient(ctx context.Context, caller *policy.Caller, in *api.CreateUserPoolClientRequest) (*api.UserPoolClientResponse, error) {
	return withPool(ctx, p, caller, api.CreateUserPoolClient, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.UserPoolClientResponse, error) {
		asked, err := asRegistration(in)
		if err != nil {
			return nil, err
		}
		if err := p.checkRegistration(ctx, pool, &asked, in.GenerateSecret); err != nil {
			return nil, err
		}
		c := &poolClient{data: asked}
		if c.record.ID, err = p.text(lowerAlnum, clientIDLength); err != nil {
			return nil, err
		}
		secret, err := p.newClientSecret(in.GenerateSecret)
		if err != nil {
			return nil, err
		}
		c.record.Account, c.record.Kind, c.record.Name, c.record.Parent = pool.account(), kindPoolClient, c.record.ID, pool.id()
		if err := p.shelf.Insert(ctx, &c.record, c.data, secret); err != nil {
			return nil, changedMeanwhile(err, "User pool "+pool.id())
		}
		return p.describeClient(ctx, c)
	})
}

// asRegistration reads the one request as the other: their members are the same but for the secret's.
func asRegistration(in *api.CreateUserPoolClientRequest) (r registration, err error) {
	raw, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	r.UserPoolID = ""
	if err != nil {
		err = fmt.Errorf("devidp: read a registration: %w", err)
	}
	return r, err
}

func (p *Pools) newClientSecret(wanted bool) (vault.Secret, error) {
	if !wanted {
		return vault.Secret{}, nil
	}
	text, err := p.text(lowerAlnum, clientSecretLength)
	return vault.SecretString(text), err
}

// client finds a client of one pool.
func (p *Pools) client(ctx context.Context, pool *pool, id string) (*poolClient, error) {
	c, err := p.clientByID(ctx, id)
	if errors.Is(err, identity.ErrNotFound) || err == nil && c.record.Parent != pool.id() {
		return nil, refuseAs(api.ResourceNotFoundException, "User pool client %s does not exist in user pool %s", id, pool.id())
	}
	return c, err
}

// clientByID finds a client of any pool: a request that carries its own proof names no pool.
func (p *Pools) clientByID(ctx context.Context, id string) (*poolClient, error) {
	c := &poolClient{}
	var err error
	c.record, err = p.shelf.ByID(ctx, kindPoolClient, id, &c.data)
	return c, err
}

// DescribeUserPoolClient shows a client, its secret included.
func (p *Pools) DescribeUserPoolClient(ctx context.Context, caller *policy.Caller, in *api.UserPoolClientID) (*api.UserPoolClientResponse, error) {
	return withPool(ctx, p, caller, api.DescribeUserPoolClient, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.UserPoolClientResponse, error) {
		c, err := p.client(ctx, pool, in.ClientID)
		if err != nil {
			return nil, err
		}
		return p.describeClient(ctx, c)
	})
}

// UpdateUserPoolClient replaces a registration. What is left out returns to its default, as clients of Cognito expect.
func (p *Pools) UpdateUserPoolClient(ctx context.Context, caller *policy.Caller, in *api.UpdateUserPoolClientRequest) (*api.UserPoolClientResponse, error) {
	return withPool(ctx, p, caller, api.UpdateUserPoolClient, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.UserPoolClientResponse, error) {
		c, err := p.client(ctx, pool, in.ClientID)
		if err != nil {
			return nil, err
		}
		name := c.data.ClientName
		c.data = *in
		c.data.UserPoolID, c.data.ClientID = "", ""
		if c.data.ClientName == "" {
			c.data.ClientName = name
		}
		if err := p.checkRegistration(ctx, pool, &c.data, c.hasSecret()); err != nil {
			return nil, err
		}
		if err := p.shelf.Replace(ctx, &c.record, c.data, vault.Secret{}); err != nil {
			return nil, changedMeanwhile(err, "User pool client "+c.id())
		}
		return p.describeClient(ctx, c)
	})
}

// DeleteUserPoolClient removes a client. Its tokens and refresh tokens end with it.
func (p *Pools) DeleteUserPoolClient(ctx context.Context, caller *policy.Caller, in *api.UserPoolClientID) (*api.Empty, error) {
	return withPool(ctx, p, caller, api.DeleteUserPoolClient, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.Empty, error) {
		c, err := p.client(ctx, pool, in.ClientID)
		if err != nil {
			return nil, err
		}
		return nil, p.shelf.Delete(ctx, c.record)
	})
}

// ListUserPoolClients lists a pool's clients.
func (p *Pools) ListUserPoolClients(ctx context.Context, caller *policy.Caller, in *api.ListUserPoolClientsRequest) (*api.ListUserPoolClientsResponse, error) {
	return withPool(ctx, p, caller, api.ListUserPoolClients, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.ListUserPoolClientsResponse, error) {
		out := &api.ListUserPoolClientsResponse{UserPoolClients: []api.UserPoolClientDescription{}}
		next, err := p.list(ctx, pool.account(), kindPoolClient, pool.id(), in.NextToken, int(or(in.MaxResults, 60)), func(r identity.Record, raw json.RawMessage) error {
			var d registration
			if err := json.Unmarshal(raw, &d); err != nil {
				return err
			}
			out.UserPoolClients = append(out.UserPoolClients, api.UserPoolClientDescription{ClientID: r.ID, UserPoolID: pool.id(), ClientName: d.ClientName})
			return nil
		})
		out.NextToken = next
		return out, err
	})
}

func (p *Pools) describeClient(ctx context.Context, c *poolClient) (*api.UserPoolClientResponse, error) {
	secret, err := p.shelf.Secret(ctx, c.record)
	if err != nil {
		return nil, err
	}
	d := &c.data
	return &api.UserPoolClientResponse{UserPoolClient: api.UserPoolClient{
		UserPoolID: c.record.Parent, ClientName: d.ClientName, ClientID: c.id(), ClientSecret: api.Sensitive(secret.RevealString()),
		CreationDate: api.Timestamp(c.record.CreatedAt), LastModifiedDate: api.Timestamp(c.record.UpdatedAt),
		RefreshTokenValidity: refreshValidity(d), AccessTokenValidity: d.AccessTokenValidity, IDTokenValidity: d.IDTokenValidity,
		TokenValidityUnits: d.TokenValidityUnits, AuthSessionValidity: or(d.AuthSessionValidity, usualAuthSession),
		ExplicitAuthFlows: explicitFlows(d), SupportedIdentityProviders: d.SupportedIdentityProviders,
		CallbackURLs: d.CallbackURLs, LogoutURLs: d.LogoutURLs, DefaultRedirectURI: d.DefaultRedirectURI,
		AllowedOAuthFlows: d.AllowedOAuthFlows, AllowedOAuthScopes: d.AllowedOAuthScopes, AllowOAuth: d.AllowOAuth,
		PreventUserExistenceErrors: or(d.PreventUserExistenceErrors, api.ExistenceErrorsEnabled), EnableTokenRevocation: true,
		RefreshTokenRotation: d.RefreshTokenRotation, PropagateUserContext: value(d.PropagateUserContext),
		ReadAttributes: d.ReadAttributes, WriteAttributes: d.WriteAttributes, AnalyticsConfiguration: d.AnalyticsConfiguration,
	}}, nil
}

// usualFlows are what a client may do that names no flows.
var usualFlows = []string{"ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"}

func explicitFlows(r *registration) []string {
	if len(r.ExplicitAuthFlows) == 0 {
		return usualFlows
	}
	return r.ExplicitAuthFlows
}

// allows reports whether one of the names of a flow is among the client's.
func (c *poolClient) allows(names ...string) bool {
	return slices.ContainsFunc(explicitFlows(&c.data), func(f string) bool { return slices.Contains(names, f) })
}
