package server

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func (s *Server) stsTable() []*route {
	return []*route{
		handle(api.GetCallerIdentity, s.getCallerIdentity),
		handle(api.GetWebIdentityToken, s.getWebIdentityToken),
		handle(api.AssumeRole, s.assumeRole),
		handle(api.AssumeRoleWithWebIdentity, s.assumeRoleWithWebIdentity),
	}
}

func (s *Server) getCallerIdentity(ctx context.Context, caller *policy.Caller, _ *api.Empty) (*api.GetCallerIdentityResponse, error) {
	if err := s.Identity.CallerIdentity(ctx, caller); err != nil {
		return nil, err
	}
	return &api.GetCallerIdentityResponse{UserID: caller.UserID, Account: caller.Account, ARN: caller.ARN}, nil
}

func (s *Server) getWebIdentityToken(ctx context.Context, caller *policy.Caller, in *api.GetWebIdentityTokenRequest) (*api.GetWebIdentityTokenResponse, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	t, err := s.Identity.WebIdentityToken(ctx, caller, identity.WebIdentityTokenRequest{Audiences: in.Audience, Algorithm: in.SigningAlgorithm, Duration: seconds(in.DurationSeconds), Tags: tags})
	if err != nil {
		return nil, err
	}
	return &api.GetWebIdentityTokenResponse{Token: api.Sensitive(t.Token.RevealString()), Expiration: api.Timestamp(t.ExpiresAt)}, nil
}

func (s *Server) assumeRole(ctx context.Context, caller *policy.Caller, in *api.AssumeRoleRequest) (*api.AssumeRoleResponse, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	a, err := s.Identity.AssumeRole(ctx, caller, identity.AssumeRoleRequest{RoleARN: in.RoleARN, SessionName: in.SessionName, Duration: seconds(in.DurationSeconds),
		Policy: value(in.Policy), PolicyARNs: descriptors(in.PolicyARNs), Tags: tags, TransitiveTagKeys: in.TransitiveTagKeys,
		ExternalID: value(in.ExternalID), SourceIdentity: value(in.SourceIdentity)})
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleResponse{Credentials: temporaryCredentials(a.Credentials), AssumedRoleUser: api.AssumedRoleUser{ID: a.RoleID, ARN: a.ARN},
		PackedPolicySize: packedSize(a), SourceIdentity: a.SourceIdentity}, nil
}

// assumeRoleWithWebIdentity serves a request that nobody signed: its caller is known by address alone.
func (s *Server) assumeRoleWithWebIdentity(ctx context.Context, peer *policy.Caller, in *api.AssumeRoleWithWebIdentityRequest) (*api.AssumeRoleWithWebIdentityResponse, error) {
	a, err := s.Identity.AssumeRoleWithWebIdentity(ctx, identity.WebIdentityRequest{RoleARN: in.RoleARN, SessionName: in.SessionName, Duration: seconds(in.DurationSeconds),
		Token: vault.SecretString(string(in.Token)), Policy: value(in.Policy), PolicyARNs: descriptors(in.PolicyARNs),
		SourceIP: peer.SourceIP, SecureTransport: peer.SecureTransport})
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleWithWebIdentityResponse{Credentials: temporaryCredentials(a.Credentials), AssumedRoleUser: api.AssumedRoleUser{ID: a.RoleID, ARN: a.ARN},
		Subject: a.Subject, Provider: a.Provider, Audience: a.Audience, PackedPolicySize: packedSize(a), SourceIdentity: a.SourceIdentity}, nil
}

// packedSize is left out where there is nothing packed.
func packedSize(a identity.Assumed) *int32 {
	if a.PackedPercent <= 0 {
		return nil
	}
	n := int32(min(a.PackedPercent, 100))
	return &n
}

func temporaryCredentials(c identity.TemporaryCredentials) api.Credentials {
	return api.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: api.Sensitive(c.SecretAccessKey.RevealString()),
		SessionToken: api.Sensitive(c.SessionToken.RevealString()), Expiration: api.Timestamp(c.ExpiresAt)}
}

func descriptors(list []api.PolicyDescriptor) []string {
	return convert(list, func(d api.PolicyDescriptor) string { return d.ARN })
}

// seconds is a duration, zero when the client leaves it to us.
func seconds(n *int32) time.Duration { return time.Duration(value(n)) * time.Second }
