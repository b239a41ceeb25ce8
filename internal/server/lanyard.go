package server

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) findAuditRecords(ctx context.Context, caller *policy.Caller, in *api.FindAuditRecordsRequest) (*api.FindAuditRecordsResponse, error) {
	f := identity.AuditFilter{RequestID: in.RequestID, GrantID: in.GrantID, SessionID: in.SessionID, Action: in.Action, Caller: in.Caller, User: in.User, Result: in.Result}
	if in.Since != nil {
		f.Since = time.Time(*in.Since)
	}
	if in.Until != nil {
		f.Until = time.Time(*in.Until)
	}
	l, err := s.Identity.FindAudit(ctx, caller, f, pageOf(in.NextToken, in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	return &api.FindAuditRecordsResponse{NextToken: l.Next, Records: convert(l.Items, func(r identity.AuditRecord) api.AuditRecord {
		return api.AuditRecord{ID: r.ID, Time: api.Timestamp(r.At), RequestID: r.RequestID, Caller: r.Caller, AccessKeyID: r.AccessKey, SourceIP: r.SourceIP,
			Action: r.Action, Resources: r.Resources, Result: r.Result, Code: r.Code, Reason: r.Reason, Decision: r.Decision,
			Workload: r.Workload, Provider: r.Provider, User: r.User, GrantID: r.GrantID, SessionID: r.SessionID}
	})}, nil
}

func (s *Server) listAuthorizationSessions(ctx context.Context, caller *policy.Caller, in *api.PageRequest) (*api.ListAuthorizationSessionsResponse, error) {
	l, err := s.Identity.ListSessions(ctx, caller, pageOf(in.NextToken, in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	return &api.ListAuthorizationSessionsResponse{NextToken: l.Next, Sessions: convert(l.Items, func(r identity.Session) api.AuthorizationSession {
		return api.AuthorizationSession{ID: r.ID, Status: string(r.Status), Failure: r.Failure, Workload: r.WorkloadID, Provider: r.ProviderID, User: r.User,
			Scopes: r.Scopes, RequestID: r.RequestID, GrantID: r.GrantID, CreatedAt: api.Timestamp(r.CreatedAt), ExpiresAt: api.Timestamp(r.ExpiresAt)}
	})}, nil
}

func (s *Server) listGrants(ctx context.Context, caller *policy.Caller, in *api.ListGrantsRequest) (*api.ListGrantsResponse, error) {
	l, err := s.Identity.ListGrants(ctx, caller, identity.GrantFilter{WorkloadID: in.Workload, ProviderID: in.Provider, User: in.User}, pageOf(in.NextToken, in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	return &api.ListGrantsResponse{NextToken: l.Next, Grants: convert(l.Items, func(g identity.Grant) api.GrantItem {
		return api.GrantItem{ID: g.ID, Workload: g.WorkloadID, Provider: g.ProviderID, User: g.User, Scopes: g.Scopes, State: string(g.State), Reason: g.Reason,
			Refreshable: g.HasRefresh, AccessExpiresAt: timestamp(g.AccessExpiresAt), LastUsedAt: api.Timestamp(g.LastUsedAt), CreatedAt: api.Timestamp(g.CreatedAt)}
	})}, nil
}

func (s *Server) rotateDataKeys(ctx context.Context, caller *policy.Caller, _ *api.Empty) (*api.RotateDataKeysResponse, error) {
	r, err := s.Identity.RotateKeys(ctx, caller)
	if err != nil {
		return nil, err
	}
	return &api.RotateDataKeysResponse{KeyVersion: r.KeyVersion, Rewrapped: r.Rewrapped}, nil
}
