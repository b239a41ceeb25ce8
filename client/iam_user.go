package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// Users and their access keys.

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, in *api.CreateUserRequest) (*api.UserResponse, error) {
	return query[api.UserResponse](ctx, c, api.CreateUser, in)
}

// GetUser reads a user; without a name, the caller.
func (c *Client) GetUser(ctx context.Context, in *api.GetUserRequest) (*api.UserResponse, error) {
	return query[api.UserResponse](ctx, c, api.GetUser, in)
}

// ListUsers reads a page of the users under a path.
func (c *Client) ListUsers(ctx context.Context, in *api.PathRequest) (*api.ListUsersResponse, error) {
	return query[api.ListUsersResponse](ctx, c, api.ListUsers, in)
}

// UpdateUser renames or moves a user.
func (c *Client) UpdateUser(ctx context.Context, in *api.UpdateUserRequest) error {
	return queryDo(ctx, c, api.UpdateUser, in)
}

// DeleteUser removes a user who has no keys and policies any more.
func (c *Client) DeleteUser(ctx context.Context, in *api.UserName) error {
	return queryDo(ctx, c, api.DeleteUser, in)
}

// TagUser sets tags of a user.
func (c *Client) TagUser(ctx context.Context, in *api.TagUserRequest) error {
	return queryDo(ctx, c, api.TagUser, in)
}

// UntagUser removes tags of a user.
func (c *Client) UntagUser(ctx context.Context, in *api.UntagUserRequest) error {
	return queryDo(ctx, c, api.UntagUser, in)
}

// ListUserTags reads a page of a user's tags.
func (c *Client) ListUserTags(ctx context.Context, in *api.UserPage) (*api.ListTagsResponse, error) {
	return query[api.ListTagsResponse](ctx, c, api.ListUserTags, in)
}

// ListGroupsForUser reads a user's groups: there are none.
func (c *Client) ListGroupsForUser(ctx context.Context, in *api.UserPage) (*api.ListGroupsForUserResponse, error) {
	return query[api.ListGroupsForUserResponse](ctx, c, api.ListGroupsForUser, in)
}

// CreateAccessKey makes a key of a user. No later answer has its secret.
func (c *Client) CreateAccessKey(ctx context.Context, in *api.CreateAccessKeyRequest) (*api.CreateAccessKeyResponse, error) {
	return query[api.CreateAccessKeyResponse](ctx, c, api.CreateAccessKey, in)
}

// ListAccessKeys reads a page of a user's keys.
func (c *Client) ListAccessKeys(ctx context.Context, in *api.ListAccessKeysRequest) (*api.ListAccessKeysResponse, error) {
	return query[api.ListAccessKeysResponse](ctx, c, api.ListAccessKeys, in)
}

// UpdateAccessKey switches a key on or off.
func (c *Client) UpdateAccessKey(ctx context.Context, in *api.UpdateAccessKeyRequest) error {
	return queryDo(ctx, c, api.UpdateAccessKey, in)
}

// DeleteAccessKey removes a key.
func (c *Client) DeleteAccessKey(ctx context.Context, in *api.DeleteAccessKeyRequest) error {
	return queryDo(ctx, c, api.DeleteAccessKey, in)
}

// GetAccessKeyLastUsed says whose a key is and when it last signed.
func (c *Client) GetAccessKeyLastUsed(ctx context.Context, in *api.GetAccessKeyLastUsedRequest) (*api.GetAccessKeyLastUsedResponse, error) {
	return query[api.GetAccessKeyLastUsedResponse](ctx, c, api.GetAccessKeyLastUsed, in)
}

// PutUserPolicy writes an inline policy of a user.
func (c *Client) PutUserPolicy(ctx context.Context, in *api.PutUserPolicyRequest) error {
	return queryDo(ctx, c, api.PutUserPolicy, in)
}

// GetUserPolicy reads an inline policy of a user.
func (c *Client) GetUserPolicy(ctx context.Context, in *api.UserPolicyName) (*api.GetUserPolicyResponse, error) {
	return query[api.GetUserPolicyResponse](ctx, c, api.GetUserPolicy, in)
}

// ListUserPolicies reads a page of the names of a user's inline policies.
func (c *Client) ListUserPolicies(ctx context.Context, in *api.UserPage) (*api.ListPolicyNamesResponse, error) {
	return query[api.ListPolicyNamesResponse](ctx, c, api.ListUserPolicies, in)
}

// DeleteUserPolicy removes an inline policy of a user.
func (c *Client) DeleteUserPolicy(ctx context.Context, in *api.UserPolicyName) error {
	return queryDo(ctx, c, api.DeleteUserPolicy, in)
}

// AttachUserPolicy gives a user a managed policy.
func (c *Client) AttachUserPolicy(ctx context.Context, in *api.UserAttachment) error {
	return queryDo(ctx, c, api.AttachUserPolicy, in)
}

// DetachUserPolicy takes a managed policy off a user.
func (c *Client) DetachUserPolicy(ctx context.Context, in *api.UserAttachment) error {
	return queryDo(ctx, c, api.DetachUserPolicy, in)
}

// ListAttachedUserPolicies reads a page of the managed policies of a user.
func (c *Client) ListAttachedUserPolicies(ctx context.Context, in *api.ListAttachedUserPoliciesRequest) (*api.ListAttachedPoliciesResponse, error) {
	return query[api.ListAttachedPoliciesResponse](ctx, c, api.ListAttachedUserPolicies, in)
}
