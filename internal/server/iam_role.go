package server

import (
	"context"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) iamRoleTable() []*route {
	return []*route{
		handle(api.CreateRole, s.createRole),
		handle(api.GetRole, s.getRole),
		handle(api.ListRoles, s.listRoles),
		handle(api.UpdateRole, s.updateRole),
		handle(api.UpdateRoleDescription, s.updateRoleDescription),
		handle(api.UpdateAssumeRolePolicy, s.updateAssumeRolePolicy),
		handle(api.DeleteRole, s.deleteRole),
		handle(api.TagRole, s.tagRole),
		handle(api.UntagRole, s.untagRole),
		handle(api.ListRoleTags, s.listRoleTags),
		handle(api.ListInstanceProfilesForRole, s.listInstanceProfilesForRole),
		handle(api.PutRolePolicy, s.putRolePolicy),
		handle(api.GetRolePolicy, s.getRolePolicy),
		handle(api.ListRolePolicies, s.listRolePolicies),
		handle(api.DeleteRolePolicy, s.deleteRolePolicy),
		handle(api.AttachRolePolicy, s.attachRolePolicy),
		handle(api.DetachRolePolicy, s.detachRolePolicy),
		handle(api.ListAttachedRolePolicies, s.listAttachedRolePolicies),
	}
}

func (s *Server) createRole(ctx context.Context, caller *policy.Caller, in *api.CreateRoleRequest) (*api.RoleResponse, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return roleResponse(s.Identity.CreateRole(ctx, caller, identity.NewRole{Name: in.RoleName, Path: in.Path, Description: in.Description, Trust: in.Trust,
		MaxSession: seconds(in.MaxSession), Tags: tags}))
}

func (s *Server) getRole(ctx context.Context, caller *policy.Caller, in *api.RoleName) (*api.RoleResponse, error) {
	return roleResponse(s.Identity.GetRole(ctx, caller, in.RoleName))
}

func roleResponse(r *identity.Role, err error) (*api.RoleResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.RoleResponse{Role: role(r)}, nil
}

func role(r *identity.Role) api.Role {
	return api.Role{Path: r.Path, RoleName: r.Name, RoleID: r.ID, ARN: r.ARN(), CreateDate: api.Timestamp(r.CreatedAt), Trust: api.PolicyDocument(r.Trust),
		Description: r.Description, MaxSession: int32(r.MaxSession / time.Second), Tags: tagList(r.Tags)}
}

func (s *Server) listRoles(ctx context.Context, caller *policy.Caller, in *api.PathRequest) (*api.ListRolesResponse, error) {
	l, err := s.Identity.ListRoles(ctx, caller, in.PathPrefix, marked(in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	return &api.ListRolesResponse{IsTruncated: l.Next != "", Marker: l.Next, Roles: convert(l.Items, func(r *identity.Role) api.Role {
		item := role(r)
		item.Tags = nil // lists have none; ListRoleTags does
		return item
	})}, nil
}

func (s *Server) updateRole(ctx context.Context, caller *policy.Caller, in *api.UpdateRoleRequest) (*api.UpdateRoleResponse, error) {
	u := identity.RoleUpdate{Description: in.Description}
	if in.MaxSession != nil {
		d := seconds(in.MaxSession)
		u.MaxSession = &d
	}
	if _, err := s.Identity.UpdateRole(ctx, caller, in.RoleName, u); err != nil {
		return nil, err
	}
	return &api.UpdateRoleResponse{}, nil
}

func (s *Server) updateRoleDescription(ctx context.Context, caller *policy.Caller, in *api.UpdateRoleDescriptionRequest) (*api.RoleResponse, error) {
	return roleResponse(s.Identity.UpdateRoleDescription(ctx, caller, in.RoleName, value(in.Description)))
}

func (s *Server) updateAssumeRolePolicy(ctx context.Context, caller *policy.Caller, in *api.UpdateAssumeRolePolicyRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UpdateTrustPolicy(ctx, caller, in.RoleName, in.Document))
}

func (s *Server) deleteRole(ctx context.Context, caller *policy.Caller, in *api.RoleName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteRole(ctx, caller, in.RoleName))
}

func (s *Server) tagRole(ctx context.Context, caller *policy.Caller, in *api.TagRoleRequest) (*api.Empty, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return none(ctx, s.Identity.TagRole(ctx, caller, in.RoleName, tags))
}

func (s *Server) untagRole(ctx context.Context, caller *policy.Caller, in *api.UntagRoleRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UntagRole(ctx, caller, in.RoleName, in.TagKeys))
}

func (s *Server) listRoleTags(ctx context.Context, caller *policy.Caller, in *api.RolePage) (*api.ListTagsResponse, error) {
	return listTags(s.Identity.ListRoleTags(ctx, caller, in.RoleName, marked(in.Marker, in.MaxItems)))
}

func (s *Server) putRolePolicy(ctx context.Context, caller *policy.Caller, in *api.PutRolePolicyRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.PutRolePolicy(ctx, caller, in.RoleName, in.PolicyName, in.Document))
}

func (s *Server) getRolePolicy(ctx context.Context, caller *policy.Caller, in *api.RolePolicyName) (*api.GetRolePolicyResponse, error) {
	doc, err := s.Identity.GetRolePolicy(ctx, caller, in.RoleName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &api.GetRolePolicyResponse{RoleName: in.RoleName, PolicyName: in.PolicyName, Document: api.PolicyDocument(doc)}, nil
}

func (s *Server) listRolePolicies(ctx context.Context, caller *policy.Caller, in *api.RolePage) (*api.ListPolicyNamesResponse, error) {
	return policyNames(s.Identity.ListRolePolicies(ctx, caller, in.RoleName, marked(in.Marker, in.MaxItems)))
}

func (s *Server) deleteRolePolicy(ctx context.Context, caller *policy.Caller, in *api.RolePolicyName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteRolePolicy(ctx, caller, in.RoleName, in.PolicyName))
}

func (s *Server) attachRolePolicy(ctx context.Context, caller *policy.Caller, in *api.RoleAttachment) (*api.Empty, error) {
	return none(ctx, s.Identity.AttachRolePolicy(ctx, caller, in.RoleName, in.ARN))
}

func (s *Server) detachRolePolicy(ctx context.Context, caller *policy.Caller, in *api.RoleAttachment) (*api.Empty, error) {
	return none(ctx, s.Identity.DetachRolePolicy(ctx, caller, in.RoleName, in.ARN))
}

func (s *Server) listAttachedRolePolicies(ctx context.Context, caller *policy.Caller, in *api.ListAttachedRolePoliciesRequest) (*api.ListAttachedPoliciesResponse, error) {
	return attachedPolicies(s.Identity.ListAttachedRolePolicies(ctx, caller, in.RoleName, in.PathPrefix, marked(in.Marker, in.MaxItems)))
}

// listInstanceProfilesForRole lists none.
func (s *Server) listInstanceProfilesForRole(ctx context.Context, caller *policy.Caller, in *api.RolePage) (*api.ListInstanceProfilesForRoleResponse, error) {
	if err := s.Identity.ListInstanceProfilesForRole(ctx, caller, in.RoleName); err != nil {
		return nil, err
	}
	return &api.ListInstanceProfilesForRoleResponse{}, nil
}
