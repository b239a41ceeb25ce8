package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) revokeGrant(ctx context.Context, caller *policy.Caller, in *api.RevokeGrantRequest) (*api.RevokeGrantResponse, error) {
	r, err := s.Identity.RevokeGrant(ctx, caller, identity.RevokeRequest{GrantID: in.GrantID, LocalOnly: in.LocalOnly})
	if err != nil {
		return nil, err
	}
	return &api.RevokeGrantResponse{GrantID: r.GrantID, Workload: r.Workload, Provider: r.Provider, User: r.User, Outcome: string(r.Outcome),
		Status: int32(r.Status), Receipt: r.Receipt, At: api.Timestamp(r.At), AlsoEnded: r.AlsoEnded}, nil
}
