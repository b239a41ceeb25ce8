package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// ensureRole returns the agent's role, and makes it where the file leaves that to launch.
func (c *cloud) ensureRole(ctx context.Context, a *agent) (arn string, made bool, err error) {
	if arn := a.roleARN(); arn != "" {
		role, err := c.role(ctx, roleName(arn))
		if err == nil && role == nil && boolAt(a.aws(), "execution_role_auto_create") {
			return c.makeRole(ctx, a)
		}
		if err == nil && role == nil {
			return "", false, roleMissing(c.env, a)
		}
		return arn, false, err
	}
	role, err := c.role(ctx, roleNameFor(a))
	if err != nil || role != nil {
		return orEmpty(role).ARN, false, err
	}
	return c.makeRole(ctx, a)
}

func orEmpty(r *api.Role) *api.Role {
	if r == nil {
		return &api.Role{}
	}
	return r
}

// role reads a role; nil if there is none.
func (c *cloud) role(ctx context.Context, name string) (*api.Role, error) {
	out, err := c.GetRole(ctx, name)
	if refusedAs(err, "NoSuchEntity") {
		return nil, nil
	}
	if err != nil {
		return nil, c.inPlain("IAM GetRole", err)
	}
	return &out.Role, nil
}

func (c *cloud) makeRole(ctx context.Context, a *agent) (string, bool, error) {
	tag := func(k, v string) api.Tag { return api.Tag{Key: k, Value: &v} }
	out, err := c.CreateRole(ctx, &api.CreateRoleRequest{
		RoleName: roleNameFor(a), Trust: trustDocument(a), Description: "What the agent " + a.name + " may do",
		Tags: []api.Tag{tag(madeByTag, madeByLaunch), tag(agentTag, a.name)},
	})
	if err != nil {
		return "", false, c.inPlain("IAM CreateRole", err)
	}
	return out.Role.ARN, true, nil
}

// madeByUs tells a role that launch made.
func madeByUs(r *api.Role) bool {
	return slices.ContainsFunc(r.Tags, func(t api.Tag) bool {
		return t.Key == madeByTag && t.Value != nil && *t.Value == madeByLaunch
	})
}

// permit brings launch's own inline policies of the role to what the agent needs now. Nobody else's are touched.
func (c *cloud) permit(ctx context.Context, role string, wanted map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if err := c.PutRolePolicy(ctx, &api.PutRolePolicyRequest{RoleName: role, PolicyName: name, Document: wanted[name]}); err != nil {
			return c.inPlain("IAM PutRolePolicy "+name, err)
		}
	}
	for _, name := range ownPolicies {
		if _, keep := wanted[name]; keep {
			continue
		}
		if err := c.dropInline(ctx, role, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *cloud) dropInline(ctx context.Context, role, name string) error {
	err := c.DeleteRolePolicy(ctx, &api.RolePolicyName{RoleName: role, PolicyName: name})
	if refusedAs(err, "NoSuchEntity") {
		return nil
	}
	return c.inPlain("IAM DeleteRolePolicy "+name, err)
}

// attached are the managed policies on a role.
func (c *cloud) attached(ctx context.Context, role string) ([]api.AttachedPolicy, error) {
	var list []api.AttachedPolicy
	in := &api.ListAttachedRolePoliciesRequest{RoleName: role}
	for range maxPages {
		page, err := c.ListAttachedRolePolicies(ctx, in)
		if err != nil {
			return nil, c.inPlain("IAM ListAttachedRolePolicies", err)
		}
		list = append(list, page.Policies...)
		if in.Marker = page.Marker; !page.IsTruncated {
			break
		}
	}
	return list, nil
}

// inline are the names of the inline policies of a role.
func (c *cloud) inline(ctx context.Context, role string) ([]string, error) {
	var list []string
	in := &api.RolePage{RoleName: role}
	for range maxPages {
		page, err := c.ListRolePolicies(ctx, in)
		if err != nil {
			return nil, c.inPlain("IAM ListRolePolicies", err)
		}
		list = append(list, page.Names...)
		if in.Marker = page.Marker; !page.IsTruncated {
			break
		}
	}
	return list, nil
}

// maxPages ends a list that a broken server makes endless: a role has a few policies.
const maxPages = 100
