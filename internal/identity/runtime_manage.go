package identity

import (
	"context"
	"errors"
	"strconv"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// NewRuntime is what a caller says of a runtime.
type NewRuntime struct {
	Name        string
	Config      RuntimeConfig
	Tags        map[string]string
	ClientToken string
}

// RuntimeState is a runtime in one of its versions.
type RuntimeState struct {
	*Runtime
	Version *RuntimeVersion
}

// RuntimeCheck asks the agent host whether it can run a version, before the version is stored.
type RuntimeCheck func(ctx context.Context, r *Runtime, v *RuntimeVersion) error

// Limits of runtimes (contract 5.6).
const (
	maxRuntimeVersions = 1000
	maxEndpoints       = 10
)

// CreateRuntime makes a runtime, its first version and its workload identity.
func (s *Service) CreateRuntime(ctx context.Context, caller *policy.Caller, in NewRuntime, check RuntimeCheck) (RuntimeState, error) {
	id := s.newRuntimeID(in.Name)
	arn := s.RuntimeARN(caller.Account, id)
	r := request{caller: caller, action: "bedrock-agentcore:CreateAgentRuntime", durable: true, workload: id, resources: onTagged([]string{arn}, in.Tags)}
	return do(ctx, s, r, func(ctx context.Context, c *call) (RuntimeState, error) {
		mark, err := newRetryMark(in.ClientToken, []any{in.Name, in.Config, in.Config.Environment, in.Tags})
		if err != nil {
			return RuntimeState{}, err
		}
		if again, err := s.createdBefore(ctx, caller.Account, in.Name, mark); err != nil || again.Runtime != nil {
			return again, err
		}
		if err := s.checkConfig(ctx, c, arn, &in.Config); err != nil {
			return RuntimeState{}, err
		}
		rt := &Runtime{Account: caller.Account, ID: id, Name: in.Name, WorkloadID: newID(s.Rand, "wl-"), Description: in.Config.Description, Tags: in.Tags,
			Versions: []VersionRef{{1, newID(s.Rand, "rv-")}}, Next: 2}
		v := &RuntimeVersion{Number: 1, Config: in.Config}
		if err := check(ctx, rt, v); err != nil {
			return RuntimeState{}, err
		}
		return RuntimeState{rt, v}, s.storeRuntime(ctx, rt, v, mark)
	})
}

// createdBefore finds the runtime of a creation that is sent again. Another one of that name is a conflict.
func (s *Service) createdBefore(ctx context.Context, account, name string, mark retryMark) (RuntimeState, error) {
	row, err := s.Store.Record(ctx, account, KindRuntime, "", name)
	if errors.Is(err, ErrNotFound) {
		return RuntimeState{}, nil
	}
	if err != nil {
		return RuntimeState{}, internal(err, "reading runtime "+name)
	}
	rt, err := decode(ctx, s, row, decodeRuntime)
	if err != nil {
		return RuntimeState{}, err
	}
	var secret runtimeSecret
	if err := s.openJSON(ctx, &rt.record, &secret); err != nil {
		return RuntimeState{}, err
	}
	err = mark.again(secret.Retry)
	if errors.Is(err, errOther) {
		return RuntimeState{}, nameTaken(name)
	}
	if err != nil {
		return RuntimeState{}, err
	}
	v, err := s.runtimeVersion(ctx, rt, 1)
	return RuntimeState{rt, v}, err
}

func nameTaken(name string) error {
	return &Error{Code: Conflict, Field: "agentRuntimeName", Message: "an agent runtime named " + name + " exists already; choose another name, or change it with UpdateAgentRuntime"}
}

// storeRuntime stores the workload identity, the runtime and its first version, in this order, so that what is
// interrupted leaves nothing that could be invoked, and DeleteAgentRuntime clears it away.
func (s *Service) storeRuntime(ctx context.Context, rt *Runtime, v *RuntimeVersion, mark retryMark) error {
	w := &Workload{Account: rt.Account, ID: rt.WorkloadID, Name: rt.ID, ReturnURLs: []string{}, RuntimeID: rt.ID}
	w.record = Record{Account: w.Account, Kind: KindWorkload, ID: w.ID, Name: w.Name}
	if err := s.insert(ctx, &w.record, w.data(), vault.Secret{}); err != nil {
		return internal(err, "storing the workload identity of runtime "+rt.ID)
	}
	secret, err := sealedJSON(runtimeSecret{Key: []byte(newToken(s.Rand)), Retry: mark})
	if err == nil {
		rt.record = Record{Account: rt.Account, Kind: KindRuntime, ID: rt.ID, Name: rt.Name}
		err = s.insert(ctx, &rt.record, rt.data(), secret)
	}
	if err == nil {
		if err = s.storeVersion(ctx, rt, v, rt.Versions[0].ID, retryMark{}); err == nil {
			rt.CreatedAt, rt.UpdatedAt = rt.record.CreatedAt, rt.record.UpdatedAt
			return nil
		}
		err = errors.Join(err, s.remove(context.WithoutCancel(ctx), &rt.record))
	}
	if rerr := s.remove(context.WithoutCancel(ctx), &w.record); rerr != nil {
		s.Log.ErrorContext(ctx, "the workload identity of a runtime that was not made could not be removed", "workload", w.Name, "err", rerr)
	}
	if errors.Is(err, ErrExists) {
		return nameTaken(rt.Name)
	}
	return internal(err, "storing runtime "+rt.Name)
}

func (s *Service) storeVersion(ctx context.Context, rt *Runtime, v *RuntimeVersion, id string, mark retryMark) error {
	secret, err := sealedJSON(versionSecret{Environment: v.Config.Environment, Retry: mark})
	if err != nil {
		return err
	}
	v.record = Record{Account: rt.Account, Kind: KindRuntimeVersion, ID: id, Name: id, Parent: rt.ID}
	if err := s.insert(ctx, &v.record, versionData{identified{id, rt.ID}, v.Number, v.Config}, secret); err != nil {
		return err
	}
	v.CreatedAt = v.record.CreatedAt
	return nil
}

// GetRuntime returns a runtime in a version; 0 is the latest.
func (s *Service) GetRuntime(ctx context.Context, caller *policy.Caller, id string, version int) (RuntimeState, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetAgentRuntime", workload: id, resources: s.onRuntime(id)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (RuntimeState, error) {
		rt, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return RuntimeState{}, err
		}
		v, err := s.runtimeVersion(ctx, rt, version)
		if err != nil || v.Missing {
			return RuntimeState{rt, v}, err
		}
		open := *v // what is cached holds no plaintext
		open.Config.Environment, err = s.OpenEnvironment(ctx, v)
		return RuntimeState{rt, &open}, err
	})
}

// ListRuntimes returns a page in order of name.
func (s *Service) ListRuntimes(ctx context.Context, caller *policy.Caller, p Page) (List[*Runtime], error) {
	r := request{caller: caller, action: "bedrock-agentcore:ListAgentRuntimes", resources: on([]string{s.RuntimeARN(caller.Account, "*")})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[*Runtime], error) {
		return listRecords(ctx, s, caller.Account, KindRuntime, p, decodeRuntime)
	})
}

// ListRuntimeVersions returns a page of a runtime's versions, oldest first.
func (s *Service) ListRuntimeVersions(ctx context.Context, caller *policy.Caller, id string, p Page) (List[RuntimeState], error) {
	r := request{caller: caller, action: "bedrock-agentcore:ListAgentRuntimeVersions", workload: id, resources: s.onRuntime(id)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[RuntimeState], error) {
		rt, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return List[RuntimeState]{}, err
		}
		refs, err := pageOf(KindRuntimeVersion+id, rt.Versions, p, func(v VersionRef) string { return sortableNumber(v.Number) })
		out := List[RuntimeState]{Next: refs.Next}
		for _, ref := range refs.Items {
			v, err := s.runtimeVersion(ctx, rt, ref.Number)
			if err != nil {
				return List[RuntimeState]{}, err
			}
			out.Items = append(out.Items, RuntimeState{rt, v})
		}
		return out, err
	})
}

// sortableNumber orders as numbers do.
func sortableNumber(n int) string { return strconv.Itoa(100_000 + n) }

// UpdateRuntime makes the next version, which replaces the whole configuration; the endpoint DEFAULT follows it.
func (s *Service) UpdateRuntime(ctx context.Context, caller *policy.Caller, id string, cfg RuntimeConfig, clientToken string, check RuntimeCheck) (RuntimeState, error) {
	r := request{caller: caller, action: "bedrock-agentcore:UpdateAgentRuntime", durable: true, workload: id, resources: s.onRuntime(id)}
	return do(ctx, s, r, func(ctx context.Context, c *call) (RuntimeState, error) {
		old, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return RuntimeState{}, err
		}
		mark, err := newRetryMark(clientToken, []any{cfg, cfg.Environment})
		if err != nil {
			return RuntimeState{}, err
		}
		if again, err := s.updatedBefore(ctx, old, mark); err != nil || again.Runtime != nil {
			return again, err
		}
		if len(old.Versions) >= maxRuntimeVersions {
			return RuntimeState{}, refuse(LimitExceeded, "agent runtime %s has %d versions, as many as may be; delete old ones (DeleteAgentRuntime with a version)", id, len(old.Versions))
		}
		if err := s.checkConfig(ctx, c, s.RuntimeARN(caller.Account, id), &cfg); err != nil {
			return RuntimeState{}, err
		}
		rt := *old
		v := &RuntimeVersion{Number: old.Next, Config: cfg}
		ref := VersionRef{old.Next, newID(s.Rand, "rv-")}
		rt.Versions, rt.Next, rt.Description = append(append([]VersionRef(nil), old.Versions...), ref), old.Next+1, cfg.Description
		if err := check(ctx, &rt, v); err != nil {
			return RuntimeState{}, err
		}
		return RuntimeState{&rt, v}, s.addVersion(ctx, &rt, v, ref.ID, mark)
	})
}

// addVersion stores a version and then makes it the runtime's: whoever is second removes what it stored.
func (s *Service) addVersion(ctx context.Context, rt *Runtime, v *RuntimeVersion, id string, mark retryMark) error {
	if err := s.storeVersion(ctx, rt, v, id, mark); err != nil {
		return internal(err, "storing a version of runtime "+rt.ID)
	}
	err := s.replace(ctx, &rt.record, rt.data(), vault.Secret{})
	if err == nil {
		rt.UpdatedAt = rt.record.UpdatedAt
		return nil
	}
	if rerr := s.remove(context.WithoutCancel(ctx), &v.record); rerr != nil {
		s.Log.ErrorContext(ctx, "a version that its runtime did not take could not be removed", "runtime", rt.ID, "err", rerr)
	}
	return changedMeanwhile(err, rt.ID)
}

func changedMeanwhile(err error, id string) error {
	if errors.Is(err, ErrVersion) {
		return refuse(Conflict, "agent runtime %s was changed by somebody else at the same moment; read it and try again", id)
	}
	return internal(err, "storing runtime "+id)
}

// updatedBefore finds the latest version if it is that of an update which is sent again.
func (s *Service) updatedBefore(ctx context.Context, rt *Runtime, mark retryMark) (RuntimeState, error) {
	v, err := s.runtimeVersion(ctx, rt, 0)
	if err != nil || v.Missing {
		return RuntimeState{}, err
	}
	var secret versionSecret
	if err := s.openJSON(ctx, &v.record, &secret); err != nil {
		return RuntimeState{}, err
	}
	err = mark.again(secret.Retry)
	if errors.Is(err, errOther) {
		return RuntimeState{}, nil
	}
	return RuntimeState{rt, v}, err
}
