package identity

import (
	"context"
	"slices"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// DeleteRuntime removes a runtime with its versions and its workload identity, or one version of it. Endpoints besides
// DEFAULT are in the way: clients of theirs would lose their agent without a word.
func (s *Service) DeleteRuntime(ctx context.Context, caller *policy.Caller, id string, version int) error {
	r := request{caller: caller, action: "bedrock-agentcore:DeleteAgentRuntime", durable: true, workload: id, resources: s.onRuntime(id)}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) {
		rt, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return struct{}{}, err
		}
		endpoints, err := s.endpointsOf(ctx, rt)
		if err != nil {
			return struct{}{}, err
		}
		if version != 0 {
			return struct{}{}, s.removeVersion(ctx, rt, endpoints, version)
		}
		if len(endpoints) > 0 {
			return struct{}{}, refuse(InUse, "agent runtime %s has the endpoint %s; delete its endpoints first (DeleteAgentRuntimeEndpoint)", id, endpoints[0].Name)
		}
		return struct{}{}, s.removeRuntime(ctx, rt)
	})
	return err
}

// removeRuntime removes the workload identity first: a runtime without one gives nobody a token.
func (s *Service) removeRuntime(ctx context.Context, rt *Runtime) error {
	if err := s.remove(ctx, &Record{Account: rt.Account, Kind: KindWorkload, ID: rt.WorkloadID, Name: rt.ID}); err != nil {
		return err
	}
	return s.remove(ctx, &rt.record)
}

func (s *Service) removeVersion(ctx context.Context, old *Runtime, endpoints []*RuntimeEndpoint, number int) error {
	ref, ok := old.version(number)
	if !ok {
		return refuse(NotFound, "agent runtime %s has no version %d", old.ID, number)
	}
	if ref == old.Latest() {
		return refuse(InUse, "version %d is the latest of agent runtime %s, to which the endpoint DEFAULT leads; delete the whole runtime, or make another version first", number, old.ID)
	}
	if i := slices.IndexFunc(endpoints, func(e *RuntimeEndpoint) bool { return e.Version == number }); i >= 0 {
		return refuse(InUse, "the endpoint %s of agent runtime %s leads to version %d; point it elsewhere first (UpdateAgentRuntimeEndpoint)", endpoints[i].Name, old.ID, number)
	}
	rt := *old
	rt.Versions = slices.DeleteFunc(slices.Clone(old.Versions), func(v VersionRef) bool { return v.Number == number })
	if err := s.replace(ctx, &rt.record, rt.data(), vault.Secret{}); err != nil {
		return changedMeanwhile(err, rt.ID)
	}
	return s.remove(ctx, &Record{Account: rt.Account, Kind: KindRuntimeVersion, ID: ref.ID, Name: ref.ID})
}
