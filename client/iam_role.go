package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// Roles, beside what launching an agent needs of them.

// ListRoles reads a page of the roles under a path.
func (c *Client) ListRoles(ctx context.Context, in *api.PathRequest) (*api.ListRolesResponse, error) {
	return query[api.ListRolesResponse](ctx, c, api.ListRoles, in)
}

// UpdateRole changes a role's description and the length of its sessions.
func (c *Client) UpdateRole(ctx context.Context, in *api.UpdateRoleRequest) (*api.UpdateRoleResponse, error) {
	return query[api.UpdateRoleResponse](ctx, c, api.UpdateRole, in)
}

// UpdateRoleDescription changes a role's description.
func (c *Client) UpdateRoleDescription(ctx context.Context, in *api.UpdateRoleDescriptionRequest) (*api.RoleResponse, error) {
	return query[api.RoleResponse](ctx, c, api.UpdateRoleDescription, in)
}

// UpdateAssumeRolePolicy replaces who may assume a role.
func (c *Client) UpdateAssumeRolePolicy(ctx context.Context, in *api.UpdateAssumeRolePolicyRequest) error {
	return queryDo(ctx, c, api.UpdateAssumeRolePolicy, in)
}

// TagRole sets tags of a role.
func (c *Client) TagRole(ctx context.Context, in *api.TagRoleRequest) error {
	return queryDo(ctx, c, api.TagRole, in)
}

// UntagRole removes tags of a role.
func (c *Client) UntagRole(ctx context.Context, in *api.UntagRoleRequest) error {
	return queryDo(ctx, c, api.UntagRole, in)
}

// ListRoleTags reads a page of a role's tags.
func (c *Client) ListRoleTags(ctx context.Context, in *api.RolePage) (*api.ListTagsResponse, error) {
	return query[api.ListTagsResponse](ctx, c, api.ListRoleTags, in)
}

// ListInstanceProfilesForRole reads a role's instance profiles: there are none.
func (c *Client) ListInstanceProfilesForRole(ctx context.Context, in *api.RolePage) (*api.ListInstanceProfilesForRoleResponse, error) {
	return query[api.ListInstanceProfilesForRoleResponse](ctx, c, api.ListInstanceProfilesForRole, in)
}

// GetRolePolicy reads an inline policy of a role.
func (c *Client) GetRolePolicy(ctx context.Context, in *api.RolePolicyName) (*api.GetRolePolicyResponse, error) {
	return query[api.GetRolePolicyResponse](ctx, c, api.GetRolePolicy, in)
}

// AttachRolePolicy gives a role a managed policy.
func (c *Client) AttachRolePolicy(ctx context.Context, in *api.RoleAttachment) error {
	return queryDo(ctx, c, api.AttachRolePolicy, in)
}
