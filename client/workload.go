package client

import (
	"context"
	"iter"

	"github.com/lanyard-id/lanyard/api"
)

// CreateWorkloadIdentity registers an agent.
func (c *Client) CreateWorkloadIdentity(ctx context.Context, in *api.CreateWorkloadIdentityRequest) (*api.CreateWorkloadIdentityResponse, error) {
	return call[api.CreateWorkloadIdentityResponse](ctx, c, api.CreateWorkloadIdentity, in)
}

// GetWorkloadIdentity reads a workload identity.
func (c *Client) GetWorkloadIdentity(ctx context.Context, name string) (*api.WorkloadIdentity, error) {
	return call[api.WorkloadIdentity](ctx, c, api.GetWorkloadIdentity, &api.WorkloadIdentityName{Name: name})
}

// UpdateWorkloadIdentity replaces the whole list of return URLs.
func (c *Client) UpdateWorkloadIdentity(ctx context.Context, in *api.UpdateWorkloadIdentityRequest) (*api.WorkloadIdentity, error) {
	return call[api.WorkloadIdentity](ctx, c, api.UpdateWorkloadIdentity, in)
}

// DeleteWorkloadIdentity removes a workload identity with its grants and sessions.
func (c *Client) DeleteWorkloadIdentity(ctx context.Context, name string) error {
	return do(ctx, c, api.DeleteWorkloadIdentity, &api.WorkloadIdentityName{Name: name})
}

// ListWorkloadIdentities reads a page in order of name.
func (c *Client) ListWorkloadIdentities(ctx context.Context, in *api.ListRequest) (*api.ListWorkloadIdentitiesResponse, error) {
	return call[api.ListWorkloadIdentitiesResponse](ctx, c, api.ListWorkloadIdentities, in)
}

// WorkloadIdentities goes through all workload identities.
func (c *Client) WorkloadIdentities(ctx context.Context) iter.Seq2[api.WorkloadIdentityItem, error] {
	return pages("", func(token string) ([]api.WorkloadIdentityItem, string, error) {
		out, err := c.ListWorkloadIdentities(ctx, &api.ListRequest{NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Items, out.NextToken, nil
	})
}
