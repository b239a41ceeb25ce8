package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func (s *Server) createAPIKeyProvider(ctx context.Context, caller *policy.Caller, in *api.CreateApiKeyCredentialProviderRequest) (*api.ApiKeyCredentialProvider, error) {
	if err := checkSecretSource("apiKeySecretSource", in.SecretSource, in.SecretConfig); err != nil {
		return nil, err
	}
	p, err := s.Identity.CreateAPIKeyProvider(ctx, caller, identity.NewAPIKeyProvider{Name: in.Name, Key: vault.SecretString(string(in.APIKey)), Tags: in.Tags})
	out, err := s.apiKeyProvider(p, err)
	if out != nil { // Create answers no times
		out.CreatedTime, out.UpdatedTime = nil, nil
	}
	return out, err
}

func (s *Server) getAPIKeyProvider(ctx context.Context, caller *policy.Caller, in *api.ProviderName) (*api.ApiKeyCredentialProvider, error) {
	return s.apiKeyProvider(s.Identity.GetAPIKeyProvider(ctx, caller, in.Name))
}

func (s *Server) updateAPIKeyProvider(ctx context.Context, caller *policy.Caller, in *api.UpdateApiKeyCredentialProviderRequest) (*api.ApiKeyCredentialProvider, error) {
	if err := checkSecretSource("apiKeySecretSource", in.SecretSource, in.SecretConfig); err != nil {
		return nil, err
	}
	return s.apiKeyProvider(s.Identity.UpdateAPIKeyProvider(ctx, caller, identity.NewAPIKeyProvider{Name: in.Name, Key: vault.SecretString(string(in.APIKey))}))
}

func (s *Server) deleteAPIKeyProvider(ctx context.Context, caller *policy.Caller, in *api.ProviderName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteAPIKeyProvider(ctx, caller, in.Name))
}

func (s *Server) listAPIKeyProviders(ctx context.Context, caller *policy.Caller, in *api.ListApiKeyCredentialProvidersRequest) (*api.ListApiKeyCredentialProvidersResponse, error) {
	l, err := s.Identity.ListAPIKeyProviders(ctx, caller, pageOf(in.NextToken, in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	return &api.ListApiKeyCredentialProvidersResponse{NextToken: l.Next, Items: convert(l.Items, func(p *identity.APIKeyProvider) api.ApiKeyCredentialProviderItem {
		return api.ApiKeyCredentialProviderItem{Name: p.Name, ARN: s.Identity.APIKeyProviderARN(p.Account, p.Name), CreatedTime: api.Timestamp(p.CreatedAt), UpdatedTime: api.Timestamp(p.UpdatedAt)}
	})}, nil
}

func (s *Server) apiKeyProvider(p *identity.APIKeyProvider, err error) (*api.ApiKeyCredentialProvider, error) {
	if err != nil {
		return nil, err
	}
	return &api.ApiKeyCredentialProvider{Name: p.Name, ARN: s.Identity.APIKeyProviderARN(p.Account, p.Name), SecretARN: api.Secret{ARN: s.Identity.APIKeySecretARN(p)},
		SecretSource: api.SecretManaged, CreatedTime: timestamp(p.CreatedAt), UpdatedTime: timestamp(p.UpdatedAt)}, nil
}
