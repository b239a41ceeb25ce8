package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// Managed policies.

// CreatePolicy makes a managed policy.
func (c *Client) CreatePolicy(ctx context.Context, in *api.CreatePolicyRequest) (*api.PolicyResponse, error) {
	return query[api.PolicyResponse](ctx, c, api.CreatePolicy, in)
}

// GetPolicy reads a managed policy, without its documents.
func (c *Client) GetPolicy(ctx context.Context, in *api.PolicyARN) (*api.PolicyResponse, error) {
	return query[api.PolicyResponse](ctx, c, api.GetPolicy, in)
}

// ListPolicies reads a page of the managed policies.
func (c *Client) ListPolicies(ctx context.Context, in *api.ListPoliciesRequest) (*api.ListPoliciesResponse, error) {
	return query[api.ListPoliciesResponse](ctx, c, api.ListPolicies, in)
}

// DeletePolicy removes a managed policy that nobody has any more.
func (c *Client) DeletePolicy(ctx context.Context, in *api.PolicyARN) error {
	return queryDo(ctx, c, api.DeletePolicy, in)
}

// CreatePolicyVersion adds a version to a managed policy.
func (c *Client) CreatePolicyVersion(ctx context.Context, in *api.CreatePolicyVersionRequest) (*api.PolicyVersionResponse, error) {
	return query[api.PolicyVersionResponse](ctx, c, api.CreatePolicyVersion, in)
}

// GetPolicyVersion reads a version, with its document.
func (c *Client) GetPolicyVersion(ctx context.Context, in *api.PolicyVersionID) (*api.PolicyVersionResponse, error) {
	return query[api.PolicyVersionResponse](ctx, c, api.GetPolicyVersion, in)
}

// ListPolicyVersions reads a page of a policy's versions.
func (c *Client) ListPolicyVersions(ctx context.Context, in *api.PolicyPage) (*api.ListPolicyVersionsResponse, error) {
	return query[api.ListPolicyVersionsResponse](ctx, c, api.ListPolicyVersions, in)
}

// SetDefaultPolicyVersion puts a version in force.
func (c *Client) SetDefaultPolicyVersion(ctx context.Context, in *api.PolicyVersionID) error {
	return queryDo(ctx, c, api.SetDefaultPolicyVersion, in)
}

// DeletePolicyVersion removes a version that is not in force.
func (c *Client) DeletePolicyVersion(ctx context.Context, in *api.PolicyVersionID) error {
	return queryDo(ctx, c, api.DeletePolicyVersion, in)
}

// ListEntitiesForPolicy reads a page of who has a managed policy.
func (c *Client) ListEntitiesForPolicy(ctx context.Context, in *api.ListEntitiesForPolicyRequest) (*api.ListEntitiesForPolicyResponse, error) {
	return query[api.ListEntitiesForPolicyResponse](ctx, c, api.ListEntitiesForPolicy, in)
}

// TagPolicy sets tags of a managed policy.
func (c *Client) TagPolicy(ctx context.Context, in *api.TagPolicyRequest) error {
	return queryDo(ctx, c, api.TagPolicy, in)
}

// UntagPolicy removes tags of a managed policy.
func (c *Client) UntagPolicy(ctx context.Context, in *api.UntagPolicyRequest) error {
	return queryDo(ctx, c, api.UntagPolicy, in)
}

// ListPolicyTags reads a page of a managed policy's tags.
func (c *Client) ListPolicyTags(ctx context.Context, in *api.PolicyPage) (*api.ListTagsResponse, error) {
	return query[api.ListTagsResponse](ctx, c, api.ListPolicyTags, in)
}
