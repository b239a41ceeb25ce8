package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// Reading pools, and the rest of their users and sign-in.

// DescribeUserPool reads a pool.
func (c *Client) DescribeUserPool(ctx context.Context, in *api.UserPoolID) (*api.UserPoolResponse, error) {
	return call[api.UserPoolResponse](ctx, c, api.DescribeUserPool, in)
}

// ListUserPools reads a page of the pools.
func (c *Client) ListUserPools(ctx context.Context, in *api.ListUserPoolsRequest) (*api.ListUserPoolsResponse, error) {
	return call[api.ListUserPoolsResponse](ctx, c, api.ListUserPools, in)
}

// DescribeUserPoolDomain says which pool a domain belongs to.
func (c *Client) DescribeUserPoolDomain(ctx context.Context, in *api.UserPoolDomain) (*api.DescribeUserPoolDomainResponse, error) {
	return call[api.DescribeUserPoolDomainResponse](ctx, c, api.DescribeUserPoolDomain, in)
}

// DeleteUserPoolClient removes a client of a pool.
func (c *Client) DeleteUserPoolClient(ctx context.Context, in *api.UserPoolClientID) error {
	return do(ctx, c, api.DeleteUserPoolClient, in)
}

// ListUserPoolClients reads a page of a pool's clients.
func (c *Client) ListUserPoolClients(ctx context.Context, in *api.ListUserPoolClientsRequest) (*api.ListUserPoolClientsResponse, error) {
	return call[api.ListUserPoolClientsResponse](ctx, c, api.ListUserPoolClients, in)
}

// AdminGetUser reads a user.
func (c *Client) AdminGetUser(ctx context.Context, in *api.PoolUserName) (*api.AdminGetUserResponse, error) {
	return call[api.AdminGetUserResponse](ctx, c, api.AdminGetUser, in)
}

// AdminEnableUser lets a user sign in again.
func (c *Client) AdminEnableUser(ctx context.Context, in *api.PoolUserName) error {
	return do(ctx, c, api.AdminEnableUser, in)
}

// AdminDisableUser keeps a user from signing in.
func (c *Client) AdminDisableUser(ctx context.Context, in *api.PoolUserName) error {
	return do(ctx, c, api.AdminDisableUser, in)
}

// AdminDeleteUser removes a user.
func (c *Client) AdminDeleteUser(ctx context.Context, in *api.PoolUserName) error {
	return do(ctx, c, api.AdminDeleteUser, in)
}

// RespondToAuthChallenge answers what a sign-in asks for. It needs no credentials and sends none.
func (c *Client) RespondToAuthChallenge(ctx context.Context, in *api.RespondToAuthChallengeRequest) (*api.AuthResponse, error) {
	return call[api.AuthResponse](ctx, c, api.RespondToAuthChallenge, in)
}

// RevokeToken ends a refresh token. It needs no credentials and sends none.
func (c *Client) RevokeToken(ctx context.Context, in *api.RevokeTokenRequest) error {
	return do(ctx, c, api.RevokeToken, in)
}
