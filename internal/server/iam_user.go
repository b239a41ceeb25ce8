package server

import (
	"cmp"
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) iamUserTable() []*route {
	return []*route{
		handle(api.CreateUser, s.createUser),
		handle(api.GetUser, s.getUser),
		handle(api.ListUsers, s.listUsers),
		handle(api.UpdateUser, s.updateUser),
		handle(api.DeleteUser, s.deleteUser),
		handle(api.TagUser, s.tagUser),
		handle(api.UntagUser, s.untagUser),
		handle(api.ListUserTags, s.listUserTags),
		handle(api.ListGroupsForUser, s.listGroupsForUser),
		handle(api.CreateAccessKey, s.createAccessKey),
		handle(api.ListAccessKeys, s.listAccessKeys),
		handle(api.UpdateAccessKey, s.updateAccessKey),
		handle(api.DeleteAccessKey, s.deleteAccessKey),
		handle(api.GetAccessKeyLastUsed, s.accessKeyLastUsed),
		handle(api.PutUserPolicy, s.putUserPolicy),
		handle(api.GetUserPolicy, s.getUserPolicy),
		handle(api.ListUserPolicies, s.listUserPolicies),
		handle(api.DeleteUserPolicy, s.deleteUserPolicy),
		handle(api.AttachUserPolicy, s.attachUserPolicy),
		handle(api.DetachUserPolicy, s.detachUserPolicy),
		handle(api.ListAttachedUserPolicies, s.listAttachedUserPolicies),
	}
}

func (s *Server) createUser(ctx context.Context, caller *policy.Caller, in *api.CreateUserRequest) (*api.UserResponse, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return userResponse(s.Identity.CreateUser(ctx, caller, identity.NewUser{Name: in.UserName, Path: in.Path, Tags: tags}))
}

func (s *Server) getUser(ctx context.Context, caller *policy.Caller, in *api.GetUserRequest) (*api.UserResponse, error) {
	return userResponse(s.Identity.GetUser(ctx, caller, in.UserName))
}

func userResponse(u *identity.Principal, err error) (*api.UserResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.UserResponse{User: user(u)}, nil
}

func user(u *identity.Principal) api.User {
	return api.User{Path: u.Path, UserName: u.Name, UserID: u.ID, ARN: u.ARN(), CreateDate: api.Timestamp(u.CreatedAt), Tags: tagList(u.Tags)}
}

func (s *Server) listUsers(ctx context.Context, caller *policy.Caller, in *api.PathRequest) (*api.ListUsersResponse, error) {
	l, err := s.Identity.ListUsers(ctx, caller, in.PathPrefix, marked(in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	return &api.ListUsersResponse{IsTruncated: l.Next != "", Marker: l.Next, Users: convert(l.Items, func(u *identity.Principal) api.User {
		item := user(u)
		item.Tags = nil // lists have none; ListUserTags does
		return item
	})}, nil
}

func (s *Server) updateUser(ctx context.Context, caller *policy.Caller, in *api.UpdateUserRequest) (*api.Empty, error) {
	_, err := s.Identity.UpdateUser(ctx, caller, in.UserName, identity.UserUpdate{NewName: value(in.NewUserName), NewPath: value(in.NewPath)})
	return none(ctx, err)
}

func (s *Server) deleteUser(ctx context.Context, caller *policy.Caller, in *api.UserName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteUser(ctx, caller, in.UserName))
}

func (s *Server) tagUser(ctx context.Context, caller *policy.Caller, in *api.TagUserRequest) (*api.Empty, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return none(ctx, s.Identity.TagUser(ctx, caller, in.UserName, tags))
}

func (s *Server) untagUser(ctx context.Context, caller *policy.Caller, in *api.UntagUserRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UntagUser(ctx, caller, in.UserName, in.TagKeys))
}

func (s *Server) listUserTags(ctx context.Context, caller *policy.Caller, in *api.UserPage) (*api.ListTagsResponse, error) {
	return listTags(s.Identity.ListUserTags(ctx, caller, in.UserName, marked(in.Marker, in.MaxItems)))
}

func (s *Server) createAccessKey(ctx context.Context, caller *policy.Caller, in *api.CreateAccessKeyRequest) (*api.CreateAccessKeyResponse, error) {
	k, secret, err := s.Identity.CreateAccessKey(ctx, caller, in.UserName)
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyResponse{AccessKey: api.AccessKey{UserName: keyOwner(caller, in.UserName), AccessKeyID: k.ID, Status: keyStatus(k.Active),
		SecretAccessKey: api.Sensitive(secret.RevealString()), CreateDate: api.Timestamp(k.CreatedAt)}}, nil
}

// keyOwner is the name that an answer about keys has: the one asked for, or the caller's.
func keyOwner(caller *policy.Caller, asked string) string { return cmp.Or(asked, caller.Name) }

func keyStatus(active bool) string {
	if active {
		return api.KeyActive
	}
	return api.KeyInactive
}

func (s *Server) listAccessKeys(ctx context.Context, caller *policy.Caller, in *api.ListAccessKeysRequest) (*api.ListAccessKeysResponse, error) {
	l, err := s.Identity.ListAccessKeys(ctx, caller, in.UserName, marked(in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	return &api.ListAccessKeysResponse{IsTruncated: l.Next != "", Marker: l.Next, Keys: convert(l.Items, func(k *identity.AccessKey) api.AccessKeyMetadata {
		return api.AccessKeyMetadata{UserName: keyOwner(caller, in.UserName), AccessKeyID: k.ID, Status: keyStatus(k.Active), CreateDate: api.Timestamp(k.CreatedAt)}
	})}, nil
}

func (s *Server) updateAccessKey(ctx context.Context, caller *policy.Caller, in *api.UpdateAccessKeyRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UpdateAccessKey(ctx, caller, in.UserName, in.AccessKeyID, in.Status == api.KeyActive))
}

func (s *Server) deleteAccessKey(ctx context.Context, caller *policy.Caller, in *api.DeleteAccessKeyRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteAccessKey(ctx, caller, in.UserName, in.AccessKeyID))
}

func (s *Server) accessKeyLastUsed(ctx context.Context, caller *policy.Caller, in *api.GetAccessKeyLastUsedRequest) (*api.GetAccessKeyLastUsedResponse, error) {
	use, err := s.Identity.AccessKeyLastUsed(ctx, caller, in.AccessKeyID)
	if err != nil {
		return nil, err
	}
	const never = "N/A"
	return &api.GetAccessKeyLastUsedResponse{UserName: cmp.Or(use.UserName, "root"), LastUsed: api.AccessKeyLastUsed{
		LastUsedDate: timestamp(use.At), ServiceName: cmp.Or(use.Service, never), Region: cmp.Or(use.Region, never)}}, nil
}

func (s *Server) putUserPolicy(ctx context.Context, caller *policy.Caller, in *api.PutUserPolicyRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.PutUserPolicy(ctx, caller, in.UserName, in.PolicyName, in.Document))
}

func (s *Server) getUserPolicy(ctx context.Context, caller *policy.Caller, in *api.UserPolicyName) (*api.GetUserPolicyResponse, error) {
	doc, err := s.Identity.GetUserPolicy(ctx, caller, in.UserName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &api.GetUserPolicyResponse{UserName: in.UserName, PolicyName: in.PolicyName, Document: api.PolicyDocument(doc)}, nil
}

func (s *Server) listUserPolicies(ctx context.Context, caller *policy.Caller, in *api.UserPage) (*api.ListPolicyNamesResponse, error) {
	return policyNames(s.Identity.ListUserPolicies(ctx, caller, in.UserName, marked(in.Marker, in.MaxItems)))
}

func (s *Server) deleteUserPolicy(ctx context.Context, caller *policy.Caller, in *api.UserPolicyName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteUserPolicy(ctx, caller, in.UserName, in.PolicyName))
}

func (s *Server) attachUserPolicy(ctx context.Context, caller *policy.Caller, in *api.UserAttachment) (*api.Empty, error) {
	return none(ctx, s.Identity.AttachUserPolicy(ctx, caller, in.UserName, in.ARN))
}

func (s *Server) detachUserPolicy(ctx context.Context, caller *policy.Caller, in *api.UserAttachment) (*api.Empty, error) {
	return none(ctx, s.Identity.DetachUserPolicy(ctx, caller, in.UserName, in.ARN))
}

func (s *Server) listAttachedUserPolicies(ctx context.Context, caller *policy.Caller, in *api.ListAttachedUserPoliciesRequest) (*api.ListAttachedPoliciesResponse, error) {
	return attachedPolicies(s.Identity.ListAttachedUserPolicies(ctx, caller, in.UserName, in.PathPrefix, marked(in.Marker, in.MaxItems)))
}

// listGroupsForUser lists none.
func (s *Server) listGroupsForUser(ctx context.Context, caller *policy.Caller, in *api.UserPage) (*api.ListGroupsForUserResponse, error) {
	if err := s.Identity.ListGroupsForUser(ctx, caller, in.UserName); err != nil {
		return nil, err
	}
	return &api.ListGroupsForUserResponse{}, nil
}
