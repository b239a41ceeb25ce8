package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// OpenID Connect providers: whose JWTs may stand for a role.

// CreateOpenIDConnectProvider registers an issuer whose JWTs role trust policies may name.
func (c *Client) CreateOpenIDConnectProvider(ctx context.Context, in *api.CreateOIDCProviderRequest) (*api.CreateOIDCProviderResponse, error) {
	return query[api.CreateOIDCProviderResponse](ctx, c, api.CreateOpenIDConnectProvider, in)
}

// GetOpenIDConnectProvider reads a registered issuer.
func (c *Client) GetOpenIDConnectProvider(ctx context.Context, in *api.OIDCProviderARN) (*api.GetOIDCProviderResponse, error) {
	return query[api.GetOIDCProviderResponse](ctx, c, api.GetOpenIDConnectProvider, in)
}

// ListOpenIDConnectProviders reads the ARNs of the registered issuers.
func (c *Client) ListOpenIDConnectProviders(ctx context.Context) (*api.ListOIDCProvidersResponse, error) {
	return query[api.ListOIDCProvidersResponse](ctx, c, api.ListOpenIDConnectProviders, &api.Empty{})
}

// DeleteOpenIDConnectProvider removes a registered issuer.
func (c *Client) DeleteOpenIDConnectProvider(ctx context.Context, in *api.OIDCProviderARN) error {
	return queryDo(ctx, c, api.DeleteOpenIDConnectProvider, in)
}

// AddClientIDToOpenIDConnectProvider allows one more audience.
func (c *Client) AddClientIDToOpenIDConnectProvider(ctx context.Context, in *api.OIDCProviderClientID) error {
	return queryDo(ctx, c, api.AddClientIDToOpenIDConnectProvider, in)
}

// RemoveClientIDFromOpenIDConnectProvider allows an audience no longer.
func (c *Client) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, in *api.OIDCProviderClientID) error {
	return queryDo(ctx, c, api.RemoveClientIDFromOpenIDConnectProvider, in)
}

// UpdateOpenIDConnectProviderThumbprint replaces the thumbprints.
func (c *Client) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, in *api.UpdateThumbprintRequest) error {
	return queryDo(ctx, c, api.UpdateOpenIDConnectProviderThumbprint, in)
}

// TagOpenIDConnectProvider sets tags of a registered issuer.
func (c *Client) TagOpenIDConnectProvider(ctx context.Context, in *api.TagOIDCProviderRequest) error {
	return queryDo(ctx, c, api.TagOpenIDConnectProvider, in)
}

// UntagOpenIDConnectProvider removes tags of a registered issuer.
func (c *Client) UntagOpenIDConnectProvider(ctx context.Context, in *api.UntagOIDCProviderRequest) error {
	return queryDo(ctx, c, api.UntagOpenIDConnectProvider, in)
}

// ListOpenIDConnectProviderTags reads a page of a registered issuer's tags.
func (c *Client) ListOpenIDConnectProviderTags(ctx context.Context, in *api.OIDCProviderPage) (*api.ListTagsResponse, error) {
	return query[api.ListTagsResponse](ctx, c, api.ListOpenIDConnectProviderTags, in)
}
