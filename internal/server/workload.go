package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) createWorkloadIdentity(ctx context.Context, caller *policy.Caller, in *api.CreateWorkloadIdentityRequest) (*api.CreateWorkloadIdentityResponse, error) {
	w, err := s.Identity.CreateWorkload(ctx, caller, identity.NewWorkload{Name: in.Name, ReturnURLs: in.ReturnURLs, Tags: in.Tags})
	if err != nil {
		return nil, err
	}
	return &api.CreateWorkloadIdentityResponse{Name: w.Name, ARN: s.Identity.WorkloadARN(w.Account, w.Name), ReturnURLs: w.ReturnURLs}, nil
}

func (s *Server) getWorkloadIdentity(ctx context.Context, caller *policy.Caller, in *api.WorkloadIdentityName) (*api.WorkloadIdentity, error) {
	w, err := s.Identity.GetWorkload(ctx, caller, in.Name)
	return s.workloadIdentity(w, err)
}

func (s *Server) updateWorkloadIdentity(ctx context.Context, caller *policy.Caller, in *api.UpdateWorkloadIdentityRequest) (*api.WorkloadIdentity, error) {
	w, err := s.Identity.UpdateWorkload(ctx, caller, in.Name, in.ReturnURLs)
	return s.workloadIdentity(w, err)
}

func (s *Server) workloadIdentity(w *identity.Workload, err error) (*api.WorkloadIdentity, error) {
	if err != nil {
		return nil, err
	}
	return &api.WorkloadIdentity{Name: w.Name, ARN: s.Identity.WorkloadARN(w.Account, w.Name), ReturnURLs: w.ReturnURLs,
		CreatedTime: api.Timestamp(w.CreatedAt), UpdatedTime: api.Timestamp(w.UpdatedAt)}, nil
}

func (s *Server) listWorkloadIdentities(ctx context.Context, caller *policy.Caller, in *api.ListRequest) (*api.ListWorkloadIdentitiesResponse, error) {
	l, err := s.Identity.ListWorkloads(ctx, caller, pageOf(in.NextToken, in.MaxResults, 20))
	if err != nil {
		return nil, err
	}
	return &api.ListWorkloadIdentitiesResponse{NextToken: l.Next, Items: convert(l.Items, func(w *identity.Workload) api.WorkloadIdentityItem {
		return api.WorkloadIdentityItem{Name: w.Name, ARN: s.Identity.WorkloadARN(w.Account, w.Name)}
	})}, nil
}

func (s *Server) deleteWorkloadIdentity(ctx context.Context, caller *policy.Caller, in *api.WorkloadIdentityName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteWorkload(ctx, caller, in.Name))
}
