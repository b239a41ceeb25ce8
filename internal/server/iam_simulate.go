package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) iamSimulateTable() []*route {
	return []*route{
		handle(api.SimulatePrincipalPolicy, s.simulatePrincipalPolicy),
		handle(api.SimulateCustomPolicy, s.simulateCustomPolicy),
		handle(api.GetContextKeysForPrincipalPolicy, s.contextKeys),
	}
}

func (s *Server) simulatePrincipalPolicy(ctx context.Context, caller *policy.Caller, in *api.SimulatePrincipalPolicyRequest) (*api.SimulatePolicyResponse, error) {
	q := identity.Simulation{Actions: in.Actions, Resources: in.Resources, Policies: in.Policies, CallerARN: value(in.CallerARN), Context: contextEntries(in.Context)}
	return simulated(s.Identity.SimulatePrincipalPolicy(ctx, caller, in.SourceARN, q, marked(in.Marker, in.MaxItems)))
}

func (s *Server) simulateCustomPolicy(ctx context.Context, caller *policy.Caller, in *api.SimulateCustomPolicyRequest) (*api.SimulatePolicyResponse, error) {
	q := identity.Simulation{Actions: in.Actions, Resources: in.Resources, Policies: in.Policies, CallerARN: value(in.CallerARN), Context: contextEntries(in.Context)}
	return simulated(s.Identity.SimulateCustomPolicy(ctx, caller, q, marked(in.Marker, in.MaxItems)))
}

func contextEntries(list []api.ContextEntry) []identity.ContextEntry {
	return convert(list, func(e api.ContextEntry) identity.ContextEntry {
		return identity.ContextEntry{Key: e.Name, Type: e.Type, Values: e.Values}
	})
}

func simulated(l identity.List[identity.SimulationResult], err error) (*api.SimulatePolicyResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.SimulatePolicyResponse{IsTruncated: l.Next != "", Marker: l.Next, Results: convert(l.Items, evaluation)}, nil
}

func evaluation(r identity.SimulationResult) api.EvaluationResult {
	decision := api.DecisionImplicitDeny
	switch {
	case r.Explicit:
		decision = api.DecisionExplicitDeny
	case r.Allowed:
		decision = api.DecisionAllowed
	}
	return api.EvaluationResult{Action: r.Action, Resource: r.Resource, Decision: decision, MissingValues: r.Missing, Matched: convert(r.Matched, matched)}
}

func matched(m identity.MatchedStatement) api.MatchedStatement {
	return api.MatchedStatement{PolicyID: m.PolicyID, PolicyType: m.PolicyType, Start: position(m.StartLine, m.StartColumn), End: position(m.EndLine, m.EndColumn)}
}

func position(line, column int) *api.Position {
	return &api.Position{Line: int32(line), Column: int32(column)}
}

func (s *Server) contextKeys(ctx context.Context, caller *policy.Caller, in *api.GetContextKeysRequest) (*api.GetContextKeysResponse, error) {
	keys, err := s.Identity.ContextKeys(ctx, caller, in.SourceARN, in.Policies)
	if err != nil {
		return nil, err
	}
	return &api.GetContextKeysResponse{Keys: keys}, nil
}
