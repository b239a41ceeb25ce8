package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// GetCallerIdentity says whose credentials these are.
func (c *Client) GetCallerIdentity(ctx context.Context) (*api.GetCallerIdentityResponse, error) {
	return query[api.GetCallerIdentityResponse](ctx, c, api.GetCallerIdentity, &api.Empty{})
}

// GetWebIdentityToken gets a JWT that proves to outsiders who the caller is.
func (c *Client) GetWebIdentityToken(ctx context.Context, in *api.GetWebIdentityTokenRequest) (*api.GetWebIdentityTokenResponse, error) {
	return query[api.GetWebIdentityTokenResponse](ctx, c, api.GetWebIdentityToken, in)
}

// AssumeRole gets temporary credentials of a role.
func (c *Client) AssumeRole(ctx context.Context, in *api.AssumeRoleRequest) (*api.AssumeRoleResponse, error) {
	return query[api.AssumeRoleResponse](ctx, c, api.AssumeRole, in)
}

// AssumeRoleWithWebIdentity gets temporary credentials of a role with a JWT. It needs no credentials and sends none.
func (c *Client) AssumeRoleWithWebIdentity(ctx context.Context, in *api.AssumeRoleWithWebIdentityRequest) (*api.AssumeRoleWithWebIdentityResponse, error) {
	return query[api.AssumeRoleWithWebIdentityResponse](ctx, c, api.AssumeRoleWithWebIdentity, in)
}
