package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) createAgentRuntimeEndpoint(ctx context.Context, caller *policy.Caller, in *api.CreateAgentRuntimeEndpointRequest) (*api.CreateAgentRuntimeEndpointResponse, error) {
	e, err := s.Identity.CreateEndpoint(ctx, caller, in.ID, identity.NewEndpoint{Name: string(in.Name), Description: value(in.Description), Version: number(in.Version),
		Tags: in.Tags, ClientToken: value(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	d := s.agentRuntimeEndpoint(e)
	return &api.CreateAgentRuntimeEndpointResponse{TargetVersion: d.TargetVersion, EndpointARN: d.EndpointARN, ARN: d.ARN, ID: e.Runtime.ID, Name: d.Name,
		Status: d.Status, CreatedAt: d.CreatedAt}, nil
}

func (s *Server) agentRuntimeEndpoint(e *identity.RuntimeEndpoint) api.AgentRuntimeEndpoint {
	rt := e.Runtime
	return api.AgentRuntimeEndpoint{Name: e.Name, LiveVersion: version(e.Version), TargetVersion: version(e.Version), EndpointARN: s.Identity.EndpointARN(rt.Account, rt.ID, e.Name),
		ARN: s.Identity.RuntimeARN(rt.Account, rt.ID), Status: api.RuntimeReady, ID: rt.ID, Description: e.Description, CreatedAt: api.DateTime(e.CreatedAt), UpdatedAt: api.DateTime(e.UpdatedAt)}
}

func (s *Server) getAgentRuntimeEndpoint(ctx context.Context, caller *policy.Caller, in *api.AgentRuntimeEndpointName) (*api.AgentRuntimeEndpoint, error) {
	e, err := s.Identity.GetEndpoint(ctx, caller, in.ID, string(in.Name))
	if err != nil {
		return nil, err
	}
	out := s.agentRuntimeEndpoint(e)
	return &out, nil
}

func (s *Server) listAgentRuntimeEndpoints(ctx context.Context, caller *policy.Caller, in *api.AgentRuntimePage) (*api.ListAgentRuntimeEndpointsResponse, error) {
	l, err := s.Identity.ListEndpoints(ctx, caller, in.ID, pageOf(in.NextToken, in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	return &api.ListAgentRuntimeEndpointsResponse{NextToken: l.Next, Endpoints: convert(l.Items, s.agentRuntimeEndpoint)}, nil
}

func (s *Server) updateAgentRuntimeEndpoint(ctx context.Context, caller *policy.Caller, in *api.UpdateAgentRuntimeEndpointRequest) (*api.UpdateAgentRuntimeEndpointResponse, error) {
	e, err := s.Identity.UpdateEndpoint(ctx, caller, in.ID, string(in.Name), identity.EndpointUpdate{Version: number(in.Version), Description: in.Description})
	if err != nil {
		return nil, err
	}
	d := s.agentRuntimeEndpoint(e)
	return &api.UpdateAgentRuntimeEndpointResponse{LiveVersion: d.LiveVersion, TargetVersion: d.TargetVersion, EndpointARN: d.EndpointARN, ARN: d.ARN,
		Status: d.Status, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt}, nil
}

func (s *Server) deleteAgentRuntimeEndpoint(ctx context.Context, caller *policy.Caller, in *api.DeleteAgentRuntimeEndpointRequest) (*api.DeleteAgentRuntimeEndpointResponse, error) {
	if err := s.Identity.DeleteEndpoint(ctx, caller, in.ID, string(in.Name)); err != nil {
		return nil, err
	}
	return &api.DeleteAgentRuntimeEndpointResponse{Status: api.RuntimeDeleting, ID: in.ID, Name: string(in.Name)}, nil
}
