package client

import (
	"context"
	"iter"

	"github.com/lanyard-id/lanyard/api"
)

// CreateOauth2CredentialProvider configures a source of OAuth 2 tokens. Register the CallbackURL of the answer at the
// authorization server.
func (c *Client) CreateOauth2CredentialProvider(ctx context.Context, in *api.CreateOauth2CredentialProviderRequest) (*api.Oauth2CredentialProvider, error) {
	return call[api.Oauth2CredentialProvider](ctx, c, api.CreateOauth2CredentialProvider, in)
}

// GetOauth2CredentialProvider reads a provider, without its secret.
func (c *Client) GetOauth2CredentialProvider(ctx context.Context, name string) (*api.Oauth2CredentialProvider, error) {
	return call[api.Oauth2CredentialProvider](ctx, c, api.GetOauth2CredentialProvider, &api.ProviderName{Name: name})
}

// UpdateOauth2CredentialProvider replaces the whole configuration.
func (c *Client) UpdateOauth2CredentialProvider(ctx context.Context, in *api.UpdateOauth2CredentialProviderRequest) (*api.Oauth2CredentialProvider, error) {
	return call[api.Oauth2CredentialProvider](ctx, c, api.UpdateOauth2CredentialProvider, in)
}

// DeleteOauth2CredentialProvider removes a provider with its grants.
func (c *Client) DeleteOauth2CredentialProvider(ctx context.Context, name string) error {
	return do(ctx, c, api.DeleteOauth2CredentialProvider, &api.ProviderName{Name: name})
}

// ListOauth2CredentialProviders reads a page in order of name.
func (c *Client) ListOauth2CredentialProviders(ctx context.Context, in *api.ListRequest) (*api.ListOauth2CredentialProvidersResponse, error) {
	return call[api.ListOauth2CredentialProvidersResponse](ctx, c, api.ListOauth2CredentialProviders, in)
}

// Oauth2CredentialProviders goes through all OAuth 2 credential providers.
func (c *Client) Oauth2CredentialProviders(ctx context.Context) iter.Seq2[api.Oauth2CredentialProviderItem, error] {
	return pages("", func(token string) ([]api.Oauth2CredentialProviderItem, string, error) {
		out, err := c.ListOauth2CredentialProviders(ctx, &api.ListRequest{NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Items, out.NextToken, nil
	})
}

// CreateApiKeyCredentialProvider stores an API key.
func (c *Client) CreateApiKeyCredentialProvider(ctx context.Context, in *api.CreateApiKeyCredentialProviderRequest) (*api.ApiKeyCredentialProvider, error) {
	return call[api.ApiKeyCredentialProvider](ctx, c, api.CreateApiKeyCredentialProvider, in)
}

// GetApiKeyCredentialProvider reads a provider, without its key.
func (c *Client) GetApiKeyCredentialProvider(ctx context.Context, name string) (*api.ApiKeyCredentialProvider, error) {
	return call[api.ApiKeyCredentialProvider](ctx, c, api.GetApiKeyCredentialProvider, &api.ProviderName{Name: name})
}

// UpdateApiKeyCredentialProvider replaces the key.
func (c *Client) UpdateApiKeyCredentialProvider(ctx context.Context, in *api.UpdateApiKeyCredentialProviderRequest) (*api.ApiKeyCredentialProvider, error) {
	return call[api.ApiKeyCredentialProvider](ctx, c, api.UpdateApiKeyCredentialProvider, in)
}

// DeleteApiKeyCredentialProvider removes a provider with its key.
func (c *Client) DeleteApiKeyCredentialProvider(ctx context.Context, name string) error {
	return do(ctx, c, api.DeleteApiKeyCredentialProvider, &api.ProviderName{Name: name})
}

// ListApiKeyCredentialProviders reads a page in order of name.
func (c *Client) ListApiKeyCredentialProviders(ctx context.Context, in *api.ListApiKeyCredentialProvidersRequest) (*api.ListApiKeyCredentialProvidersResponse, error) {
	return call[api.ListApiKeyCredentialProvidersResponse](ctx, c, api.ListApiKeyCredentialProviders, in)
}

// ApiKeyCredentialProviders goes through all API key credential providers.
func (c *Client) ApiKeyCredentialProviders(ctx context.Context) iter.Seq2[api.ApiKeyCredentialProviderItem, error] {
	return pages("", func(token string) ([]api.ApiKeyCredentialProviderItem, string, error) {
		out, err := c.ListApiKeyCredentialProviders(ctx, &api.ListApiKeyCredentialProvidersRequest{NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Items, out.NextToken, nil
	})
}
