package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// DefaultEndpoint is the endpoint that every runtime has. It is no record: it leads to the latest version.
const DefaultEndpoint = "DEFAULT"

// RuntimeEndpoint is a name under which one version of a runtime is invoked.
type RuntimeEndpoint struct {
	Runtime              *Runtime
	Name, Description    string
	Version              int
	Tags                 map[string]string
	CreatedAt, UpdatedAt time.Time

	record Record
}

type endpointData struct {
	identified
	Version     int               `json:"version"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Retry       retryMark         `json:"retry"`
}

func decodeEndpoint(r Record) (*RuntimeEndpoint, error) {
	var d endpointData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding endpoint "+r.Name)
	}
	return &RuntimeEndpoint{Name: r.Name, Version: d.Version, Description: d.Description, Tags: d.Tags, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, record: r}, nil
}

func (e *RuntimeEndpoint) data(mark retryMark) endpointData {
	return endpointData{identified{e.Name, e.Runtime.ID}, e.Version, e.Description, e.Tags, mark}
}

func defaultEndpoint(rt *Runtime) *RuntimeEndpoint {
	return &RuntimeEndpoint{Runtime: rt, Name: DefaultEndpoint, Version: rt.Latest().Number, Tags: rt.Tags, CreatedAt: rt.CreatedAt, UpdatedAt: rt.UpdatedAt}
}

// endpoint finds an endpoint of a runtime; DEFAULT when the name is empty.
func (s *Service) endpoint(ctx context.Context, rt *Runtime, name string) (*RuntimeEndpoint, error) {
	if cmp.Or(name, DefaultEndpoint) == DefaultEndpoint {
		return defaultEndpoint(rt), nil
	}
	st, err := s.state(ctx, rt.Account, false)
	if err != nil {
		return nil, err
	}
	shared, err := lookup(ctx, s, st, rt.Account, KindRuntimeEndpoint, rt.ID, name, decodeEndpoint)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "agent runtime %s has no endpoint %s. Make it with CreateAgentRuntimeEndpoint, or leave the qualifier out", rt.ID, clip(name))
	}
	if err != nil {
		return nil, internal(err, "reading endpoint "+name)
	}
	e := *shared // what is cached knows no runtime
	e.Runtime = rt
	return &e, nil
}

// endpointsOf reads a runtime's endpoints besides DEFAULT.
func (s *Service) endpointsOf(ctx context.Context, rt *Runtime) ([]*RuntimeEndpoint, error) {
	rows, err := s.Store.ListRecords(ctx, rt.Account, KindRuntimeEndpoint, rt.ID, "", maxEndpoints+1)
	if err != nil {
		return nil, internal(err, "reading the endpoints of runtime "+rt.ID)
	}
	out := make([]*RuntimeEndpoint, 0, len(rows))
	for _, r := range rows {
		e, err := decode(ctx, s, r, decodeEndpoint)
		if err != nil {
			return nil, err
		}
		e.Runtime = rt
		out = append(out, e)
	}
	return out, nil
}

// NewEndpoint is what a caller says of an endpoint. Version 0 is the latest.
type NewEndpoint struct {
	Name, Description string
	Version           int
	Tags              map[string]string
	ClientToken       string
}

// CreateEndpoint makes an endpoint of a runtime.
func (s *Service) CreateEndpoint(ctx context.Context, caller *policy.Caller, id string, in NewEndpoint) (*RuntimeEndpoint, error) {
	r := request{caller: caller, action: "bedrock-agentcore:CreateAgentRuntimeEndpoint", durable: true, workload: id, resources: func(ctx context.Context, c *call) ([]string, error) {
		c.requestTags(in.Tags)
		return s.onEndpoint(id, in.Name)(ctx, c)
	}}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*RuntimeEndpoint, error) {
		rt, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return nil, err
		}
		if in.Name == DefaultEndpoint {
			return nil, refuse(Conflict, "every runtime has the endpoint DEFAULT already; choose another name")
		}
		mark, err := newRetryMark(in.ClientToken, []any{in.Name, in.Description, in.Version, in.Tags})
		if err != nil {
			return nil, err
		}
		e := &RuntimeEndpoint{Runtime: rt, Name: in.Name, Description: in.Description, Version: cmp.Or(in.Version, rt.Latest().Number), Tags: in.Tags}
		if _, ok := rt.version(e.Version); !ok {
			return nil, refuse(NotFound, "agent runtime %s has no version %d; its latest is %d", id, e.Version, rt.Latest().Number)
		}
		return s.storeEndpoint(ctx, e, mark)
	})
}

func (s *Service) storeEndpoint(ctx context.Context, e *RuntimeEndpoint, mark retryMark) (*RuntimeEndpoint, error) {
	all, err := s.endpointsOf(ctx, e.Runtime)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(o *RuntimeEndpoint) bool { return o.Name == e.Name }); i >= 0 {
		return s.sameEndpoint(all[i], mark)
	}
	if len(all) >= maxEndpoints {
		return nil, refuse(LimitExceeded, "agent runtime %s has %d endpoints, as many as may be", e.Runtime.ID, len(all))
	}
	e.record = Record{Account: e.Runtime.Account, Kind: KindRuntimeEndpoint, ID: newID(s.Rand, "re-"), Name: e.Name, Parent: e.Runtime.ID}
	err = s.insert(ctx, &e.record, e.data(mark), vault.Secret{})
	if errors.Is(err, ErrExists) {
		return nil, endpointTaken(e.Name)
	}
	e.CreatedAt, e.UpdatedAt = e.record.CreatedAt, e.record.UpdatedAt
	return e, internal(err, "storing endpoint "+e.Name)
}

func endpointTaken(name string) error {
	return refuse(Conflict, "the runtime has an endpoint %s already; change it with UpdateAgentRuntimeEndpoint", name)
}

// sameEndpoint is the stored endpoint if it is that of a creation which is sent again.
func (s *Service) sameEndpoint(e *RuntimeEndpoint, mark retryMark) (*RuntimeEndpoint, error) {
	var d endpointData
	if err := json.Unmarshal(e.record.Data, &d); err != nil {
		return nil, internal(err, "decoding endpoint "+e.Name)
	}
	err := mark.again(d.Retry)
	if errors.Is(err, errOther) {
		return nil, endpointTaken(e.Name)
	}
	return e, err
}

// GetEndpoint returns an endpoint of a runtime.
func (s *Service) GetEndpoint(ctx context.Context, caller *policy.Caller, id, name string) (*RuntimeEndpoint, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetAgentRuntimeEndpoint", workload: id, resources: s.onEndpoint(id, name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*RuntimeEndpoint, error) {
		rt, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return nil, err
		}
		return s.endpoint(ctx, rt, name)
	})
}

// ListEndpoints returns a page of a runtime's endpoints in order of name, DEFAULT among them.
func (s *Service) ListEndpoints(ctx context.Context, caller *policy.Caller, id string, p Page) (List[*RuntimeEndpoint], error) {
	r := request{caller: caller, action: "bedrock-agentcore:ListAgentRuntimeEndpoints", workload: id, resources: s.onRuntime(id)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[*RuntimeEndpoint], error) {
		rt, err := s.runtime(ctx, caller.Account, id, true)
		if err != nil {
			return List[*RuntimeEndpoint]{}, err
		}
		all, err := s.endpointsOf(ctx, rt)
		if err != nil {
			return List[*RuntimeEndpoint]{}, err
		}
		all = append(all, defaultEndpoint(rt))
		slices.SortFunc(all, func(a, b *RuntimeEndpoint) int { return cmp.Compare(a.Name, b.Name) })
		return pageOf(KindRuntimeEndpoint+id, all, p, func(e *RuntimeEndpoint) string { return e.Name })
	})
}

// EndpointUpdate says what changes of an endpoint; zero leaves it.
type EndpointUpdate struct {
	Version     int
	Description *string
}

// UpdateEndpoint points an endpoint at another version.
func (s *Service) UpdateEndpoint(ctx context.Context, caller *policy.Caller, id, name string, in EndpointUpdate) (*RuntimeEndpoint, error) {
	r := request{caller: caller, action: "bedrock-agentcore:UpdateAgentRuntimeEndpoint", durable: true, workload: id, resources: s.onEndpoint(id, name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*RuntimeEndpoint, error) {
		e, err := s.ownEndpoint(ctx, caller.Account, id, name)
		if err != nil {
			return nil, err
		}
		if in.Version != 0 {
			if _, ok := e.Runtime.version(in.Version); !ok {
				return nil, refuse(NotFound, "agent runtime %s has no version %d; its latest is %d", id, in.Version, e.Runtime.Latest().Number)
			}
			e.Version = in.Version
		}
		set(&e.Description, in.Description)
		err = s.replace(ctx, &e.record, e.data(retryMark{}), vault.Secret{})
		e.UpdatedAt = e.record.UpdatedAt
		return e, changedMeanwhile(err, id)
	})
}

// DeleteEndpoint removes an endpoint.
func (s *Service) DeleteEndpoint(ctx context.Context, caller *policy.Caller, id, name string) error {
	r := request{caller: caller, action: "bedrock-agentcore:DeleteAgentRuntimeEndpoint", durable: true, workload: id, resources: s.onEndpoint(id, name)}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) {
		e, err := s.ownEndpoint(ctx, caller.Account, id, name)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &e.record)
	})
	return err
}

// ownEndpoint reads an endpoint that may be changed: DEFAULT may not.
func (s *Service) ownEndpoint(ctx context.Context, account, id, name string) (*RuntimeEndpoint, error) {
	rt, err := s.runtime(ctx, account, id, true)
	if err != nil {
		return nil, err
	}
	if name == DefaultEndpoint {
		return nil, refuse(Conflict, "the endpoint DEFAULT leads to the latest version as long as the runtime lives; make one of your own with CreateAgentRuntimeEndpoint")
	}
	return s.endpoint(ctx, rt, name)
}
