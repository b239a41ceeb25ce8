package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// Of user pools here are the operations that trying an agent out needs. Every AWS SDK has the others.

// CreateUserPool makes a user pool.
func (c *Client) CreateUserPool(ctx context.Context, in *api.CreateUserPoolRequest) (*api.UserPoolResponse, error) {
	return call[api.UserPoolResponse](ctx, c, api.CreateUserPool, in)
}

// DeleteUserPool removes a user pool with its clients and users.
func (c *Client) DeleteUserPool(ctx context.Context, pool string) error {
	return do(ctx, c, api.DeleteUserPool, &api.UserPoolID{UserPoolID: pool})
}

// CreateUserPoolDomain gives a pool the domain of its hosted pages.
func (c *Client) CreateUserPoolDomain(ctx context.Context, in *api.CreateUserPoolDomainRequest) (*api.CreateUserPoolDomainResponse, error) {
	return call[api.CreateUserPoolDomainResponse](ctx, c, api.CreateUserPoolDomain, in)
}

// DeleteUserPoolDomain takes a pool's domain away.
func (c *Client) DeleteUserPoolDomain(ctx context.Context, in *api.DeleteUserPoolDomainRequest) error {
	return do(ctx, c, api.DeleteUserPoolDomain, in)
}

// CreateUserPoolClient registers an OAuth client in a pool.
func (c *Client) CreateUserPoolClient(ctx context.Context, in *api.CreateUserPoolClientRequest) (*api.UserPoolClientResponse, error) {
	return call[api.UserPoolClientResponse](ctx, c, api.CreateUserPoolClient, in)
}

// DescribeUserPoolClient reads a client of a pool.
func (c *Client) DescribeUserPoolClient(ctx context.Context, in *api.UserPoolClientID) (*api.UserPoolClientResponse, error) {
	return call[api.UserPoolClientResponse](ctx, c, api.DescribeUserPoolClient, in)
}

// UpdateUserPoolClient replaces a client's registration.
func (c *Client) UpdateUserPoolClient(ctx context.Context, in *api.UpdateUserPoolClientRequest) (*api.UserPoolClientResponse, error) {
	return call[api.UserPoolClientResponse](ctx, c, api.UpdateUserPoolClient, in)
}

// CreateResourceServer defines scopes.
func (c *Client) CreateResourceServer(ctx context.Context, in *api.CreateResourceServerRequest) (*api.CreateResourceServerResponse, error) {
	return call[api.CreateResourceServerResponse](ctx, c, api.CreateResourceServer, in)
}

// AdminCreateUser makes a user.
func (c *Client) AdminCreateUser(ctx context.Context, in *api.AdminCreateUserRequest) (*api.AdminCreateUserResponse, error) {
	return call[api.AdminCreateUserResponse](ctx, c, api.AdminCreateUser, in)
}

// AdminSetUserPassword sets a user's password.
func (c *Client) AdminSetUserPassword(ctx context.Context, in *api.AdminSetUserPasswordRequest) error {
	return do(ctx, c, api.AdminSetUserPassword, in)
}

// InitiateAuth signs a user in. It needs no credentials and sends none.
func (c *Client) InitiateAuth(ctx context.Context, in *api.InitiateAuthRequest) (*api.AuthResponse, error) {
	return call[api.AuthResponse](ctx, c, api.InitiateAuth, in)
}
