package server

import (
	"context"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) iamOIDCTable() []*route {
	return []*route{
		handle(api.CreateOpenIDConnectProvider, s.createOIDCProvider),
		handle(api.GetOpenIDConnectProvider, s.getOIDCProvider),
		handle(api.ListOpenIDConnectProviders, s.listOIDCProviders),
		handle(api.DeleteOpenIDConnectProvider, s.deleteOIDCProvider),
		handle(api.AddClientIDToOpenIDConnectProvider, s.addClientID),
		handle(api.RemoveClientIDFromOpenIDConnectProvider, s.removeClientID),
		handle(api.UpdateOpenIDConnectProviderThumbprint, s.updateThumbprints),
		handle(api.TagOpenIDConnectProvider, s.tagOIDCProvider),
		handle(api.UntagOpenIDConnectProvider, s.untagOIDCProvider),
		handle(api.ListOpenIDConnectProviderTags, s.listOIDCProviderTags),
	}
}

func (s *Server) createOIDCProvider(ctx context.Context, caller *policy.Caller, in *api.CreateOIDCProviderRequest) (*api.CreateOIDCProviderResponse, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	p, err := s.Identity.CreateOIDCProvider(ctx, caller, identity.NewOIDCProvider{URL: in.URL, ClientIDs: in.ClientIDs, Thumbprints: in.Thumbprints, Tags: tags})
	if err != nil {
		return nil, err
	}
	return &api.CreateOIDCProviderResponse{ARN: p.ARN(), Tags: tagList(p.Tags)}, nil
}

func (s *Server) getOIDCProvider(ctx context.Context, caller *policy.Caller, in *api.OIDCProviderARN) (*api.GetOIDCProviderResponse, error) {
	p, err := s.Identity.GetOIDCProvider(ctx, caller, in.ARN)
	if err != nil {
		return nil, err
	}
	_, bare, _ := strings.Cut(p.URL, "://")
	return &api.GetOIDCProviderResponse{URL: bare, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints, CreateDate: api.Timestamp(p.CreatedAt), Tags: tagList(p.Tags)}, nil
}

func (s *Server) listOIDCProviders(ctx context.Context, caller *policy.Caller, _ *api.Empty) (*api.ListOIDCProvidersResponse, error) {
	all, err := s.Identity.ListOIDCProviders(ctx, caller)
	if err != nil {
		return nil, err
	}
	return &api.ListOIDCProvidersResponse{Providers: convert(all, func(p *identity.OIDCProvider) api.OIDCProviderItem { return api.OIDCProviderItem{ARN: p.ARN()} })}, nil
}

func (s *Server) deleteOIDCProvider(ctx context.Context, caller *policy.Caller, in *api.OIDCProviderARN) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteOIDCProvider(ctx, caller, in.ARN))
}

func (s *Server) addClientID(ctx context.Context, caller *policy.Caller, in *api.OIDCProviderClientID) (*api.Empty, error) {
	return none(ctx, s.Identity.AddClientID(ctx, caller, in.ARN, in.ClientID))
}

func (s *Server) removeClientID(ctx context.Context, caller *policy.Caller, in *api.OIDCProviderClientID) (*api.Empty, error) {
	return none(ctx, s.Identity.RemoveClientID(ctx, caller, in.ARN, in.ClientID))
}

func (s *Server) updateThumbprints(ctx context.Context, caller *policy.Caller, in *api.UpdateThumbprintRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UpdateThumbprints(ctx, caller, in.ARN, in.Thumbprints))
}

func (s *Server) tagOIDCProvider(ctx context.Context, caller *policy.Caller, in *api.TagOIDCProviderRequest) (*api.Empty, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return none(ctx, s.Identity.TagOIDCProvider(ctx, caller, in.ARN, tags))
}

func (s *Server) untagOIDCProvider(ctx context.Context, caller *policy.Caller, in *api.UntagOIDCProviderRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UntagOIDCProvider(ctx, caller, in.ARN, in.TagKeys))
}

func (s *Server) listOIDCProviderTags(ctx context.Context, caller *policy.Caller, in *api.OIDCProviderPage) (*api.ListTagsResponse, error) {
	return listTags(s.Identity.ListOIDCProviderTags(ctx, caller, in.ARN, marked(in.Marker, in.MaxItems)))
}
