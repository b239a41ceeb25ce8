package server

import (
	"context"
	"maps"
	"slices"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// iamTable binds the operations of IAM, noun by noun.
func (s *Server) iamTable() []*route {
	return slices.Concat(s.iamUserTable(), s.iamRoleTable(), s.iamPolicyTable(), s.iamOIDCTable(), s.iamSimulateTable(), []*route{
		handle(api.EnableOutboundWebIdentityFederation, s.enableOutboundFederation),
		handle(api.DisableOutboundWebIdentityFederation, s.disableOutboundFederation),
		handle(api.GetOutboundWebIdentityFederationInfo, s.outboundFederationInfo),
		handle(api.ListAccountAliases, s.listAccountAliases),
	})
}

func (s *Server) enableOutboundFederation(ctx context.Context, caller *policy.Caller, _ *api.Empty) (*api.OutboundFederation, error) {
	issuer, err := s.Identity.EnableOutboundFederation(ctx, caller)
	if err != nil {
		return nil, err
	}
	return &api.OutboundFederation{IssuerURL: issuer}, nil
}

func (s *Server) disableOutboundFederation(ctx context.Context, caller *policy.Caller, _ *api.Empty) (*api.Empty, error) {
	return none(ctx, s.Identity.DisableOutboundFederation(ctx, caller))
}

func (s *Server) outboundFederationInfo(ctx context.Context, caller *policy.Caller, _ *api.Empty) (*api.OutboundFederationInfo, error) {
	issuer, enabled, err := s.Identity.OutboundFederation(ctx, caller)
	if err != nil {
		return nil, err
	}
	return &api.OutboundFederationInfo{IssuerURL: issuer, Enabled: enabled}, nil
}

// listAccountAliases lists none.
func (s *Server) listAccountAliases(ctx context.Context, caller *policy.Caller, _ *api.MarkerRequest) (*api.ListAccountAliasesResponse, error) {
	if err := s.Identity.ListAccountAliases(ctx, caller); err != nil {
		return nil, err
	}
	return &api.ListAccountAliasesResponse{}, nil
}

// marked is the page that an IAM list asks for: a hundred items unless the client says otherwise.
func marked(marker string, maxItems *int32) identity.Page { return pageOf(marker, maxItems, 100) }

// tagMap refuses a key that is sent twice: which value counts would be a guess.
func tagMap(member string, tags []api.Tag) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		if _, twice := m[t.Key]; twice {
			return nil, &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: member + " has the key '" + clip(t.Key) + "' twice; send it once"}
		}
		m[t.Key] = value(t.Value)
	}
	return m, nil
}

// tagList is in order of key, so that answers are alike.
func tagList(m map[string]string) []api.Tag {
	list := make([]api.Tag, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		list = append(list, api.Tag{Key: k, Value: &v})
	}
	return list
}

func listTags(l identity.List[identity.Tag], err error) (*api.ListTagsResponse, error) {
	if err != nil {
		return nil, err
	}
	return &api.ListTagsResponse{IsTruncated: l.Next != "", Marker: l.Next, Tags: convert(l.Items, func(t identity.Tag) api.Tag { return api.Tag{Key: t.Key, Value: &t.Value} })}, nil
}
