package server

import (
	"context"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// table binds every operation to its handler.
func (s *Server) table() []*route {
	return slices.Concat(s.agentCoreTable(), s.runtimeTable(), s.stsTable(), s.iamTable())
}

func (s *Server) agentCoreTable() []*route {
	return []*route{
		handle(api.GetWorkloadAccessToken, s.getWorkloadAccessToken),
		handle(api.GetWorkloadAccessTokenForJWT, s.getWorkloadAccessTokenForJWT),
		handle(api.GetWorkloadAccessTokenForUserId, s.getWorkloadAccessTokenForUserID),
		handle(api.GetResourceOauth2Token, s.getResourceOauth2Token),
		handle(api.GetResourceApiKey, s.getResourceAPIKey),
		handle(api.CompleteResourceTokenAuth, s.completeResourceTokenAuth),

		handle(api.CreateWorkloadIdentity, s.createWorkloadIdentity),
		handle(api.GetWorkloadIdentity, s.getWorkloadIdentity),
		handle(api.ListWorkloadIdentities, s.listWorkloadIdentities),
		handle(api.UpdateWorkloadIdentity, s.updateWorkloadIdentity),
		handle(api.DeleteWorkloadIdentity, s.deleteWorkloadIdentity),

		handle(api.CreateOauth2CredentialProvider, s.createOauth2Provider),
		handle(api.GetOauth2CredentialProvider, s.getOauth2Provider),
		handle(api.ListOauth2CredentialProviders, s.listOauth2Providers),
		handle(api.UpdateOauth2CredentialProvider, s.updateOauth2Provider),
		handle(api.DeleteOauth2CredentialProvider, s.deleteOauth2Provider),

		handle(api.CreateApiKeyCredentialProvider, s.createAPIKeyProvider),
		handle(api.GetApiKeyCredentialProvider, s.getAPIKeyProvider),
		handle(api.ListApiKeyCredentialProviders, s.listAPIKeyProviders),
		handle(api.UpdateApiKeyCredentialProvider, s.updateAPIKeyProvider),
		handle(api.DeleteApiKeyCredentialProvider, s.deleteAPIKeyProvider),

		handle(api.FindAuditRecords, s.findAuditRecords),
		handle(api.ListAuthorizationSessions, s.listAuthorizationSessions),
		handle(api.ListGrants, s.listGrants),
		handle(api.RotateDataKeys, s.rotateDataKeys),
		handle(api.RevokeGrant, s.revokeGrant),
	}
}

// pageOf is the page that a list operation asks for; each has its own size when the client names none.
func pageOf(token string, maxResults *int32, usual int) identity.Page {
	p := identity.Page{Token: token, Max: usual}
	if maxResults != nil {
		p.Max = int(*maxResults)
	}
	return p
}

func convert[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

func timestamp(t time.Time) *api.Timestamp {
	if t.IsZero() {
		return nil
	}
	ts := api.Timestamp(t)
	return &ts
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// none is the answer of operations that answer nothing.
func none(_ context.Context, err error) (*api.Empty, error) {
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, nil
}
