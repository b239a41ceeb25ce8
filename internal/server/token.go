package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func workloadAccessToken(t vault.Secret, err error) (*api.WorkloadAccessTokenResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.WorkloadAccessTokenResponse{Token: api.Sensitive(t.RevealString())}, nil
}

func (s *Server) getWorkloadAccessToken(ctx context.Context, caller *policy.Caller, in *api.GetWorkloadAccessTokenRequest) (*api.WorkloadAccessTokenResponse, error) {
	return workloadAccessToken(s.Identity.WorkloadToken(ctx, caller, in.WorkloadName))
}

func (s *Server) getWorkloadAccessTokenForJWT(ctx context.Context, caller *policy.Caller, in *api.GetWorkloadAccessTokenForJWTRequest) (*api.WorkloadAccessTokenResponse, error) {
	return workloadAccessToken(s.Identity.WorkloadTokenForJWT(ctx, caller, in.WorkloadName, vault.SecretString(string(in.UserToken))))
}

func (s *Server) getWorkloadAccessTokenForUserID(ctx context.Context, caller *policy.Caller, in *api.GetWorkloadAccessTokenForUserIdRequest) (*api.WorkloadAccessTokenResponse, error) {
	return workloadAccessToken(s.Identity.WorkloadTokenForUserID(ctx, caller, in.WorkloadName, in.UserID))
}

func (s *Server) getResourceOauth2Token(ctx context.Context, caller *policy.Caller, in *api.GetResourceOauth2TokenRequest) (*api.GetResourceOauth2TokenResponse, error) {
	q := identity.ResourceTokenRequest{
		WorkloadToken: string(in.WorkloadToken), Provider: in.ProviderName, Flow: identity.Flow(in.Flow),
		Scopes: in.Scopes, Resources: in.Resources, Audiences: in.Audiences,
		ReturnURL: value(in.ReturnURL), SessionURI: value(in.SessionURI), Force: in.ForceAuthentication,
	}
	if in.CustomState != nil {
		q.CustomState = vault.SecretString(string(*in.CustomState))
	}
	if len(in.CustomParameters) > 0 {
		q.CustomParameters = make(map[string]string, len(in.CustomParameters))
		for k, v := range in.CustomParameters {
			q.CustomParameters[k] = string(v)
		}
	}
	t, err := s.Identity.ResourceToken(ctx, caller, q)
	if err != nil {
		return nil, err
	}
	if !t.Access.Empty() {
		return &api.GetResourceOauth2TokenResponse{AccessToken: api.Sensitive(t.Access.RevealString())}, nil
	}
	return &api.GetResourceOauth2TokenResponse{AuthorizationURL: api.Sensitive(t.AuthorizationURL), SessionURI: t.SessionURI, SessionStatus: api.SessionInProgress}, nil
}

func (s *Server) getResourceAPIKey(ctx context.Context, caller *policy.Caller, in *api.GetResourceApiKeyRequest) (*api.GetResourceApiKeyResponse, error) {
	key, err := s.Identity.ResourceAPIKey(ctx, caller, string(in.WorkloadToken), in.ProviderName)
	if err != nil {
		return nil, err
	}
	return &api.GetResourceApiKeyResponse{APIKey: api.Sensitive(key.RevealString())}, nil
}

func (s *Server) completeResourceTokenAuth(ctx context.Context, caller *policy.Caller, in *api.CompleteResourceTokenAuthRequest) (*api.Empty, error) {
	who := identity.CompletingUser{UserID: value(in.User.UserID)}
	if in.User.UserToken != nil {
		who.JWT = vault.SecretString(string(*in.User.UserToken))
	}
	return none(ctx, s.Identity.CompleteSession(ctx, caller, in.SessionURI, who))
}
