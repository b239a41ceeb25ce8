package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
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
		return aws.ToString(orEmpty(role).Arn), false, err
	}
	return c.makeRole(ctx, a)
}

func orEmpty(r *types.Role) *types.Role {
	if r == nil {
		return &types.Role{}
	}
	return r
}

// role reads a role; nil if there is none.
func (c *cloud) role(ctx context.Context, name string) (*types.Role, error) {
	out, err := c.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if refusedAs(err, "NoSuchEntity") {
		return nil, nil
	}
	if err != nil {
		return nil, c.inPlain("IAM GetRole", err)
	}
	return out.Role, nil
}

func (c *cloud) makeRole(ctx context.Context, a *agent) (string, bool, error) {
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	out, err := c.iam().CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String(roleNameFor(a)), AssumeRolePolicyDocument: aws.String(trustDocument(a)),
		Description: aws.String("What the agent " + a.name + " may do"),
		Tags:        []types.Tag{tag(madeByTag, madeByLaunch), tag(agentTag, a.name)},
	})
	if err != nil {
		return "", false, c.inPlain("IAM CreateRole", err)
	}
	return aws.ToString(out.Role.Arn), true, nil
}

// madeByUs tells a role that launch made.
func madeByUs(r *types.Role) bool {
	return slices.ContainsFunc(r.Tags, func(t types.Tag) bool {
		return aws.ToString(t.Key) == madeByTag && aws.ToString(t.Value) == madeByLaunch
	})
}

// permit brings launch's own inline policies of the role to what the agent needs now. Nobody else's are touched.
func (c *cloud) permit(ctx context.Context, role string, wanted map[string]string) error {
	svc := c.iam()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if _, err := svc.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: aws.String(wanted[name])}); err != nil {
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
	_, err := c.iam().DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name})
	if refusedAs(err, "NoSuchEntity") {
		return nil
	}
	return c.inPlain("IAM DeleteRolePolicy "+name, err)
}

// attached are the managed policies on a role. (The client's own paginators would take it as an interface, and then the
// linker keeps all of its two hundred operations.)
func (c *cloud) attached(ctx context.Context, role string) ([]types.AttachedPolicy, error) {
	var list []types.AttachedPolicy
	in := &iam.ListAttachedRolePoliciesInput{RoleName: &role}
	for range maxPages {
		page, err := c.iam().ListAttachedRolePolicies(ctx, in)
		if err != nil {
			return nil, c.inPlain("IAM ListAttachedRolePolicies", err)
		}
		list = append(list, page.AttachedPolicies...)
		if in.Marker = page.Marker; !page.IsTruncated {
			break
		}
	}
	return list, nil
}

// inline are the names of the inline policies of a role.
func (c *cloud) inline(ctx context.Context, role string) ([]string, error) {
	var list []string
	in := &iam.ListRolePoliciesInput{RoleName: &role}
	for range maxPages {
		page, err := c.iam().ListRolePolicies(ctx, in)
		if err != nil {
			return nil, c.inPlain("IAM ListRolePolicies", err)
		}
		list = append(list, page.PolicyNames...)
		if in.Marker = page.Marker; !page.IsTruncated {
			break
		}
	}
	return list, nil
}

// maxPages ends a list that a broken server makes endless: a role has a few policies.
const maxPages = 100
