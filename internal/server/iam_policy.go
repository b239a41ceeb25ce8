package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

func (s *Server) iamPolicyTable() []*route {
	return []*route{
		handle(api.CreatePolicy, s.createPolicy),
		handle(api.GetPolicy, s.getPolicy),
		handle(api.ListPolicies, s.listPolicies),
		handle(api.DeletePolicy, s.deletePolicy),
		handle(api.CreatePolicyVersion, s.createPolicyVersion),
		handle(api.GetPolicyVersion, s.getPolicyVersion),
		handle(api.ListPolicyVersions, s.listPolicyVersions),
		handle(api.SetDefaultPolicyVersion, s.setDefaultPolicyVersion),
		handle(api.DeletePolicyVersion, s.deletePolicyVersion),
		handle(api.ListEntitiesForPolicy, s.listEntitiesForPolicy),
		handle(api.TagPolicy, s.tagPolicy),
		handle(api.UntagPolicy, s.untagPolicy),
		handle(api.ListPolicyTags, s.listPolicyTags),
	}
}

func (s *Server) createPolicy(ctx context.Context, caller *policy.Caller, in *api.CreatePolicyRequest) (*api.PolicyResponse, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return policyResponse(s.Identity.CreatePolicy(ctx, caller, identity.NewPolicy{Name: in.PolicyName, Path: in.Path, Description: in.Description, Document: in.Document, Tags: tags}))
}

func (s *Server) getPolicy(ctx context.Context, caller *policy.Caller, in *api.PolicyARN) (*api.PolicyResponse, error) {
	return policyResponse(s.Identity.GetPolicy(ctx, caller, in.ARN))
}

func policyResponse(p *identity.ManagedPolicy, err error) (*api.PolicyResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.PolicyResponse{Policy: managedPolicy(p)}, nil
}

func managedPolicy(p *identity.ManagedPolicy) api.Policy {
	return api.Policy{PolicyName: p.Name, PolicyID: p.ID, ARN: p.ARN(), Path: p.Path, DefaultVersionID: p.Default, AttachmentCount: int32(p.Attachments),
		IsAttachable: true, Description: p.Description, CreateDate: api.Timestamp(p.CreatedAt), UpdateDate: api.Timestamp(p.UpdatedAt), Tags: tagList(p.Tags)}
}

// listPolicies answers nothing to who asks for boundaries: there are none.
func (s *Server) listPolicies(ctx context.Context, caller *policy.Caller, in *api.ListPoliciesRequest) (*api.ListPoliciesResponse, error) {
	l, err := s.Identity.ListPolicies(ctx, caller, identity.PolicyFilter{Scope: in.Scope, OnlyAttached: in.OnlyAttached, PathPrefix: in.PathPrefix}, marked(in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	if in.Usage == api.UsageBoundary {
		return &api.ListPoliciesResponse{}, nil
	}
	return &api.ListPoliciesResponse{IsTruncated: l.Next != "", Marker: l.Next, Policies: convert(l.Items, func(p *identity.ManagedPolicy) api.Policy {
		item := managedPolicy(p)
		item.Description, item.Tags = "", nil // lists have neither; GetPolicy does
		return item
	})}, nil
}

func (s *Server) deletePolicy(ctx context.Context, caller *policy.Caller, in *api.PolicyARN) (*api.Empty, error) {
	return none(ctx, s.Identity.DeletePolicy(ctx, caller, in.ARN))
}

func (s *Server) createPolicyVersion(ctx context.Context, caller *policy.Caller, in *api.CreatePolicyVersionRequest) (*api.PolicyVersionResponse, error) {
	v, err := s.Identity.CreatePolicyVersion(ctx, caller, in.ARN, in.Document, in.SetAsDefault)
	if err != nil {
		return nil, err
	}
	return &api.PolicyVersionResponse{Version: policyVersion(v)}, nil
}

func (s *Server) getPolicyVersion(ctx context.Context, caller *policy.Caller, in *api.PolicyVersionID) (*api.PolicyVersionResponse, error) {
	v, err := s.Identity.GetPolicyVersion(ctx, caller, in.ARN, in.VersionID)
	if err != nil {
		return nil, err
	}
	out := policyVersion(v)
	out.Document = api.PolicyDocument(v.Document)
	return &api.PolicyVersionResponse{Version: out}, nil
}

// policyVersion is a version without its document.
func policyVersion(v identity.PolicyVersion) api.PolicyVersion {
	return api.PolicyVersion{VersionID: v.ID, IsDefaultVersion: v.Default, CreateDate: api.Timestamp(v.CreatedAt)}
}

func (s *Server) listPolicyVersions(ctx context.Context, caller *policy.Caller, in *api.PolicyPage) (*api.ListPolicyVersionsResponse, error) {
	l, err := s.Identity.ListPolicyVersions(ctx, caller, in.ARN, marked(in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	return &api.ListPolicyVersionsResponse{IsTruncated: l.Next != "", Marker: l.Next, Versions: convert(l.Items, policyVersion)}, nil
}

func (s *Server) setDefaultPolicyVersion(ctx context.Context, caller *policy.Caller, in *api.PolicyVersionID) (*api.Empty, error) {
	return none(ctx, s.Identity.SetDefaultPolicyVersion(ctx, caller, in.ARN, in.VersionID))
}

func (s *Server) deletePolicyVersion(ctx context.Context, caller *policy.Caller, in *api.PolicyVersionID) (*api.Empty, error) {
	return none(ctx, s.Identity.DeletePolicyVersion(ctx, caller, in.ARN, in.VersionID))
}

// listEntitiesForPolicy answers nothing to who asks for boundaries: there are none. The filters by kind of policy name
// no entity.
func (s *Server) listEntitiesForPolicy(ctx context.Context, caller *policy.Caller, in *api.ListEntitiesForPolicyRequest) (*api.ListEntitiesForPolicyResponse, error) {
	l, err := s.Identity.ListEntitiesForPolicy(ctx, caller, in.ARN, identity.HolderFilter{Kind: in.Filter, PathPrefix: in.PathPrefix}, marked(in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &api.ListEntitiesForPolicyResponse{}
	if in.Usage == api.UsageBoundary {
		return out, nil
	}
	out.IsTruncated, out.Marker = l.Next != "", l.Next
	for _, h := range l.Items {
		if h.Kind == api.EntityUser {
			out.Users = append(out.Users, api.PolicyUser{UserName: h.Name, UserID: h.ID})
		} else {
			out.Roles = append(out.Roles, api.PolicyRole{RoleName: h.Name, RoleID: h.ID})
		}
	}
	return out, nil
}

func (s *Server) tagPolicy(ctx context.Context, caller *policy.Caller, in *api.TagPolicyRequest) (*api.Empty, error) {
	tags, err := tagMap("Tags", in.Tags)
	if err != nil {
		return nil, err
	}
	return none(ctx, s.Identity.TagPolicy(ctx, caller, in.ARN, tags))
}

func (s *Server) untagPolicy(ctx context.Context, caller *policy.Caller, in *api.UntagPolicyRequest) (*api.Empty, error) {
	return none(ctx, s.Identity.UntagPolicy(ctx, caller, in.ARN, in.TagKeys))
}

func (s *Server) listPolicyTags(ctx context.Context, caller *policy.Caller, in *api.PolicyPage) (*api.ListTagsResponse, error) {
	return listTags(s.Identity.ListPolicyTags(ctx, caller, in.ARN, marked(in.Marker, in.MaxItems)))
}

func policyNames(l identity.List[string], err error) (*api.ListPolicyNamesResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.ListPolicyNamesResponse{IsTruncated: l.Next != "", Marker: l.Next, Names: l.Items}, nil
}

func attachedPolicies(l identity.List[identity.AttachedPolicy], err error) (*api.ListAttachedPoliciesResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedPoliciesResponse{IsTruncated: l.Next != "", Marker: l.Next, Policies: convert(l.Items, func(p identity.AttachedPolicy) api.AttachedPolicy {
		return api.AttachedPolicy{PolicyName: p.Name, ARN: p.ARN}
	})}, nil
}
