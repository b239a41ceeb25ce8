package identity

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Tags decide where policies ask for them (aws:ResourceTag, aws:PrincipalTag), so setting them is a permission of its own
// (A41: who may tag a principal may change what it may do).

const maxTags = 50

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// Tag is one tag.
type Tag struct{ Key, Value string }

// checkTags refuses tags that IAM would not take. Keys compare without case, as condition keys do: of two that differ in
// case alone, nobody could say which one decides.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return refuse(LimitExceeded, "there are %d tags, more than the %d that one thing may have", len(tags), maxTags)
	}
	seen := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		v := tags[k]
		switch folded := strings.ToLower(k); {
		case k == "" || utf8.RuneCountInString(k) > 128 || !tagText.MatchString(k):
			return invalid("Tags", "a tag's key has 1 to 128 letters, digits, spaces and _.:/=+-@; %q has not", clip(k))
		case utf8.RuneCountInString(v) > 256 || !tagText.MatchString(v):
			return invalid("Tags", "a tag's value has at most 256 letters, digits, spaces and _.:/=+-@; that of %q has not", clip(k))
		case strings.HasPrefix(folded, "aws:"):
			return invalid("Tags", "tag %q: keys that begin with aws: are reserved", clip(k))
		case seen[folded] != "":
			return invalid("Tags", "tags %q and %q differ in case alone; keep one", clip(seen[folded]), clip(k))
		default:
			seen[folded] = k
		}
	}
	return nil
}

// withTags is the tags with those given added: one whose key is there, in whatever case, is replaced.
func withTags(old, add map[string]string) (map[string]string, error) {
	if err := checkTags(add); err != nil {
		return nil, err
	}
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for k := range add {
		maps.DeleteFunc(out, func(o, _ string) bool { return strings.EqualFold(o, k) })
	}
	maps.Copy(out, add)
	return out, checkTags(out)
}

func withoutTags(old map[string]string, keys []string) map[string]string {
	out := maps.Clone(old)
	maps.DeleteFunc(out, func(o, _ string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(o, k) })
	})
	return out
}

// tagged is an entity whose tags can be set.
type taggable interface {
	entity
	setLabels(tags map[string]string)
}

func (u *Principal) setLabels(tags map[string]string)     { u.Tags = tags }
func (r *Role) setLabels(tags map[string]string)          { r.Tags = tags }
func (p *ManagedPolicy) setLabels(tags map[string]string) { p.Tags = tags }
func (p *OIDCProvider) setLabels(tags map[string]string)  { p.Tags = tags }

func tag[T taggable](ctx context.Context, s *Service, caller *policy.Caller, operation string, t target[T], tags map[string]string) error {
	q := iamRequest{caller: caller, operation: operation, conditions: func(c *call) { c.requestTags(tags) }}
	_, err := editEntity(ctx, s, q, t, func(_ context.Context, e T) error {
		all, err := withTags(e.labels(), tags)
		e.setLabels(all)
		return err
	})
	return err
}

func untag[T taggable](ctx context.Context, s *Service, caller *policy.Caller, operation string, t target[T], keys []string) error {
	q := iamRequest{caller: caller, operation: operation, conditions: func(c *call) { c.condition("aws:TagKeys", keys...) }}
	_, err := editEntity(ctx, s, q, t, func(_ context.Context, e T) error {
		e.setLabels(withoutTags(e.labels(), keys))
		return nil
	})
	return err
}

func listTags[T taggable](ctx context.Context, s *Service, caller *policy.Caller, operation string, t target[T], p Page) (List[Tag], error) {
	q := iamRequest{caller: caller, operation: operation, read: true}
	return onEntity(ctx, s, q, t, func(_ context.Context, e T) (List[Tag], error) {
		all := make([]Tag, 0, len(e.labels()))
		for _, k := range slices.Sorted(maps.Keys(e.labels())) {
			all = append(all, Tag{k, e.labels()[k]})
		}
		return pageOf("tag", all, p, func(t Tag) string { return t.Key })
	})
}

// TagUser adds tags to a user.
func (s *Service) TagUser(ctx context.Context, caller *policy.Caller, name string, tags map[string]string) error {
	return tag(ctx, s, caller, "TagUser", s.userTarget(caller.Account, name), tags)
}

// UntagUser takes tags off a user.
func (s *Service) UntagUser(ctx context.Context, caller *policy.Caller, name string, keys []string) error {
	return untag(ctx, s, caller, "UntagUser", s.userTarget(caller.Account, name), keys)
}

// ListUserTags returns a page of a user's tags.
func (s *Service) ListUserTags(ctx context.Context, caller *policy.Caller, name string, p Page) (List[Tag], error) {
	return listTags(ctx, s, caller, "ListUserTags", s.userTarget(caller.Account, name), p)
}

// TagRole adds tags to a role.
func (s *Service) TagRole(ctx context.Context, caller *policy.Caller, name string, tags map[string]string) error {
	return tag(ctx, s, caller, "TagRole", s.roleTarget(caller.Account, name), tags)
}

// UntagRole takes tags off a role.
func (s *Service) UntagRole(ctx context.Context, caller *policy.Caller, name string, keys []string) error {
	return untag(ctx, s, caller, "UntagRole", s.roleTarget(caller.Account, name), keys)
}

// ListRoleTags returns a page of a role's tags.
func (s *Service) ListRoleTags(ctx context.Context, caller *policy.Caller, name string, p Page) (List[Tag], error) {
	return listTags(ctx, s, caller, "ListRoleTags", s.roleTarget(caller.Account, name), p)
}

// TagPolicy adds tags to a managed policy.
func (s *Service) TagPolicy(ctx context.Context, caller *policy.Caller, arn string, tags map[string]string) error {
	return tag(ctx, s, caller, "TagPolicy", s.ownPolicyTarget(caller.Account, arn), tags)
}

// UntagPolicy takes tags off a managed policy.
func (s *Service) UntagPolicy(ctx context.Context, caller *policy.Caller, arn string, keys []string) error {
	return untag(ctx, s, caller, "UntagPolicy", s.ownPolicyTarget(caller.Account, arn), keys)
}

// ListPolicyTags returns a page of a managed policy's tags.
func (s *Service) ListPolicyTags(ctx context.Context, caller *policy.Caller, arn string, p Page) (List[Tag], error) {
	return listTags(ctx, s, caller, "ListPolicyTags", s.policyTarget(caller.Account, arn), p)
}

// TagOIDCProvider adds tags to an OpenID Connect provider.
func (s *Service) TagOIDCProvider(ctx context.Context, caller *policy.Caller, arn string, tags map[string]string) error {
	return tag(ctx, s, caller, "TagOpenIDConnectProvider", s.oidcTarget(caller.Account, arn), tags)
}

// UntagOIDCProvider takes tags off an OpenID Connect provider.
func (s *Service) UntagOIDCProvider(ctx context.Context, caller *policy.Caller, arn string, keys []string) error {
	return untag(ctx, s, caller, "UntagOpenIDConnectProvider", s.oidcTarget(caller.Account, arn), keys)
}

// ListOIDCProviderTags returns a page of an OpenID Connect provider's tags.
func (s *Service) ListOIDCProviderTags(ctx context.Context, caller *policy.Caller, arn string, p Page) (List[Tag], error) {
	return listTags(ctx, s, caller, "ListOpenIDConnectProviderTags", s.oidcTarget(caller.Account, arn), p)
}
