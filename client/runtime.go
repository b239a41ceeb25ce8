package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"

	"github.com/lanyard-id/lanyard/api"
)

// callLocated is call for an operation of agent runtimes: members have their places in the path, the query and headers.
func callLocated[Resp any](ctx context.Context, c *Client, op api.Operation, in any) (*Resp, error) {
	at, err := locate(op, in)
	if err != nil {
		return nil, err
	}
	body, err := bodyOf(op, in)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		at.header.Set("Content-Type", contentType(op))
	}
	answer, err := c.again(ctx, op, func() ([]byte, error) { return c.attemptAt(ctx, op, at, body) })
	if err != nil {
		return nil, err
	}
	out := new(Resp)
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("%s: the answer of %s cannot be read; is it Lanyard, and of this release or a later one?", op.Name, c.endpoints.of(op))
	}
	return out, nil
}

func locate(op api.Operation, in any) (located, error) {
	path, query, header, err := op.Locate(in)
	if err != nil {
		return located{}, err
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return located{path, header}, nil
}

// bodyOf is the JSON of the members that are in the body, empty when there are none.
func bodyOf(op api.Operation, in any) ([]byte, error) {
	members := map[string]json.RawMessage{}
	b, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: encoding the request: %w", op.Name, err)
	}
	for _, m := range api.Located(reflect.Indirect(reflect.ValueOf(in)).Type()) {
		delete(members, m.Name)
	}
	if len(members) == 0 {
		return nil, nil
	}
	return json.Marshal(members)
}

// CreateAgentRuntime makes an agent runtime. Without a client token of the caller's own, one is made up, so that a
// creation whose answer was lost is not carried out twice.
func (c *Client) CreateAgentRuntime(ctx context.Context, in *api.CreateAgentRuntimeRequest) (*api.CreateAgentRuntimeResponse, error) {
	r := *in
	if r.ClientToken == nil {
		r.ClientToken = newClientToken()
	}
	return callLocated[api.CreateAgentRuntimeResponse](ctx, c, api.CreateAgentRuntime, &r)
}

// UpdateAgentRuntime makes the next version of an agent runtime.
func (c *Client) UpdateAgentRuntime(ctx context.Context, in *api.UpdateAgentRuntimeRequest) (*api.UpdateAgentRuntimeResponse, error) {
	r := *in
	if r.ClientToken == nil {
		r.ClientToken = newClientToken()
	}
	return callLocated[api.UpdateAgentRuntimeResponse](ctx, c, api.UpdateAgentRuntime, &r)
}

// GetAgentRuntime reads a version of an agent runtime; the latest unless it says which.
func (c *Client) GetAgentRuntime(ctx context.Context, in *api.GetAgentRuntimeRequest) (*api.GetAgentRuntimeResponse, error) {
	return callLocated[api.GetAgentRuntimeResponse](ctx, c, api.GetAgentRuntime, in)
}

// DeleteAgentRuntime removes an agent runtime with its workload identity, or one version of it.
func (c *Client) DeleteAgentRuntime(ctx context.Context, in *api.DeleteAgentRuntimeRequest) (*api.DeleteAgentRuntimeResponse, error) {
	return callLocated[api.DeleteAgentRuntimeResponse](ctx, c, api.DeleteAgentRuntime, in)
}

// ListAgentRuntimes reads a page of agent runtimes in order of name.
func (c *Client) ListAgentRuntimes(ctx context.Context, in *api.ListAgentRuntimesRequest) (*api.ListAgentRuntimesResponse, error) {
	return callLocated[api.ListAgentRuntimesResponse](ctx, c, api.ListAgentRuntimes, in)
}

// AgentRuntimes goes through all agent runtimes.
func (c *Client) AgentRuntimes(ctx context.Context) iter.Seq2[api.AgentRuntime, error] {
	return pages("", func(token string) ([]api.AgentRuntime, string, error) {
		out, err := c.ListAgentRuntimes(ctx, &api.ListAgentRuntimesRequest{NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Runtimes, out.NextToken, nil
	})
}

// AgentRuntimeVersions goes through the versions of an agent runtime, oldest first.
func (c *Client) AgentRuntimeVersions(ctx context.Context, id string) iter.Seq2[api.AgentRuntime, error] {
	return pages("", func(token string) ([]api.AgentRuntime, string, error) {
		out, err := c.ListAgentRuntimeVersions(ctx, &api.AgentRuntimePage{ID: id, NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Runtimes, out.NextToken, nil
	})
}

// CreateAgentRuntimeEndpoint makes an endpoint of an agent runtime.
func (c *Client) CreateAgentRuntimeEndpoint(ctx context.Context, in *api.CreateAgentRuntimeEndpointRequest) (*api.CreateAgentRuntimeEndpointResponse, error) {
	return callLocated[api.CreateAgentRuntimeEndpointResponse](ctx, c, api.CreateAgentRuntimeEndpoint, in)
}

// GetAgentRuntimeEndpoint reads an endpoint.
func (c *Client) GetAgentRuntimeEndpoint(ctx context.Context, in *api.AgentRuntimeEndpointName) (*api.AgentRuntimeEndpoint, error) {
	return callLocated[api.AgentRuntimeEndpoint](ctx, c, api.GetAgentRuntimeEndpoint, in)
}

// UpdateAgentRuntimeEndpoint points an endpoint at another version.
func (c *Client) UpdateAgentRuntimeEndpoint(ctx context.Context, in *api.UpdateAgentRuntimeEndpointRequest) (*api.UpdateAgentRuntimeEndpointResponse, error) {
	return callLocated[api.UpdateAgentRuntimeEndpointResponse](ctx, c, api.UpdateAgentRuntimeEndpoint, in)
}

// DeleteAgentRuntimeEndpoint removes an endpoint.
func (c *Client) DeleteAgentRuntimeEndpoint(ctx context.Context, in *api.DeleteAgentRuntimeEndpointRequest) (*api.DeleteAgentRuntimeEndpointResponse, error) {
	return callLocated[api.DeleteAgentRuntimeEndpointResponse](ctx, c, api.DeleteAgentRuntimeEndpoint, in)
}

// ListAgentRuntimeVersions reads a page of the versions of an agent runtime, oldest first.
func (c *Client) ListAgentRuntimeVersions(ctx context.Context, in *api.AgentRuntimePage) (*api.ListAgentRuntimesResponse, error) {
	return callLocated[api.ListAgentRuntimesResponse](ctx, c, api.ListAgentRuntimeVersions, in)
}

// ListAgentRuntimeEndpoints reads a page of the endpoints of an agent runtime.
func (c *Client) ListAgentRuntimeEndpoints(ctx context.Context, in *api.AgentRuntimePage) (*api.ListAgentRuntimeEndpointsResponse, error) {
	return callLocated[api.ListAgentRuntimeEndpointsResponse](ctx, c, api.ListAgentRuntimeEndpoints, in)
}

// AgentRuntimeEndpoints goes through the endpoints of an agent runtime.
func (c *Client) AgentRuntimeEndpoints(ctx context.Context, id string) iter.Seq2[api.AgentRuntimeEndpoint, error] {
	return pages("", func(token string) ([]api.AgentRuntimeEndpoint, string, error) {
		out, err := c.ListAgentRuntimeEndpoints(ctx, &api.AgentRuntimePage{ID: id, NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Endpoints, out.NextToken, nil
	})
}

// StopRuntimeSession ends a session.
func (c *Client) StopRuntimeSession(ctx context.Context, in *api.StopRuntimeSessionRequest) (*api.StopRuntimeSessionResponse, error) {
	out, err := callLocated[api.StopRuntimeSessionResponse](ctx, c, api.StopRuntimeSession, in)
	if err == nil {
		out.SessionID = in.SessionID
	}
	return out, err
}

// ListRuntimeSessions lists the sessions of an agent runtime that the agent host knows.
func (c *Client) ListRuntimeSessions(ctx context.Context, in *api.ListRuntimeSessionsRequest) (*api.ListRuntimeSessionsResponse, error) {
	return call[api.ListRuntimeSessionsResponse](ctx, c, api.ListRuntimeSessions, in)
}
