package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// Of IAM here are the operations that launching an agent needs. The others are in the files beside.

// CreateRole makes a role.
func (c *Client) CreateRole(ctx context.Context, in *api.CreateRoleRequest) (*api.RoleResponse, error) {
	return query[api.RoleResponse](ctx, c, api.CreateRole, in)
}

// GetRole reads a role.
func (c *Client) GetRole(ctx context.Context, name string) (*api.RoleResponse, error) {
	return query[api.RoleResponse](ctx, c, api.GetRole, &api.RoleName{RoleName: name})
}

// DeleteRole removes a role that has no policies any more.
func (c *Client) DeleteRole(ctx context.Context, name string) error {
	return queryDo(ctx, c, api.DeleteRole, &api.RoleName{RoleName: name})
}

// PutRolePolicy writes an inline policy of a role.
func (c *Client) PutRolePolicy(ctx context.Context, in *api.PutRolePolicyRequest) error {
	return queryDo(ctx, c, api.PutRolePolicy, in)
}

// DeleteRolePolicy removes an inline policy of a role.
func (c *Client) DeleteRolePolicy(ctx context.Context, in *api.RolePolicyName) error {
	return queryDo(ctx, c, api.DeleteRolePolicy, in)
}

// ListRolePolicies reads a page of the names of a role's inline policies.
func (c *Client) ListRolePolicies(ctx context.Context, in *api.RolePage) (*api.ListPolicyNamesResponse, error) {
	return query[api.ListPolicyNamesResponse](ctx, c, api.ListRolePolicies, in)
}

// ListAttachedRolePolicies reads a page of the managed policies of a role.
func (c *Client) ListAttachedRolePolicies(ctx context.Context, in *api.ListAttachedRolePoliciesRequest) (*api.ListAttachedPoliciesResponse, error) {
	return query[api.ListAttachedPoliciesResponse](ctx, c, api.ListAttachedRolePolicies, in)
}

// DetachRolePolicy takes a managed policy off a role.
func (c *Client) DetachRolePolicy(ctx context.Context, in *api.RoleAttachment) error {
	return queryDo(ctx, c, api.DetachRolePolicy, in)
}

// EnableOutboundWebIdentityFederation lets the account's principals get web identity tokens.
func (c *Client) EnableOutboundWebIdentityFederation(ctx context.Context) (*api.OutboundFederation, error) {
	return query[api.OutboundFederation](ctx, c, api.EnableOutboundWebIdentityFederation, &api.Empty{})
}

// GetOutboundWebIdentityFederationInfo says who issues the account's web identity tokens.
func (c *Client) GetOutboundWebIdentityFederationInfo(ctx context.Context) (*api.OutboundFederationInfo, error) {
	return query[api.OutboundFederationInfo](ctx, c, api.GetOutboundWebIdentityFederationInfo, &api.Empty{})
}
