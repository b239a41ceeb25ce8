//go:build conformance

package conformance_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// Terraform itself cannot be installed here. These tests replay, with the SDK that its AWS provider is built on, the calls
// that the provider makes for a resource: create, read after create, plan (read again, which must show no difference),
// update in place, and delete with the listings that come before it.

// gone checks that a resource is not there, as the provider does after delete.
func gone(t *testing.T, what string, err error) {
	t.Helper()
	if absent := new(types.NoSuchEntityException); !errors.As(err, &absent) {
		t.Errorf("%s: %v, want NoSuchEntityException", what, err)
	}
}

// same compares a document that IAM gives back, URL-encoded, with the one that was sent: a difference is a plan that
// never becomes empty.
func same(t *testing.T, what string, got, want *string) {
	t.Helper()
	text, err := url.QueryUnescape(aws.ToString(got))
	check(t, err)
	var g, w any
	check(t, json.Unmarshal([]byte(text), &g))
	check(t, json.Unmarshal([]byte(*want), &w))
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("%s drifted (-sent +read):\n%s", what, diff)
	}
}

func tagsOf(pairs ...string) []types.Tag {
	var tags []types.Tag
	for i := 0; i+1 < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return tags
}

func TestTerraformRole(t *testing.T) {
	t.Parallel()
	c, ctx := newOperator(t, bench.SharedDev(t)).iam, t.Context()
	name, trust := aws.String("tf-role"), trustAccount()
	created, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, Path: aws.String("/tf/"), AssumeRolePolicyDocument: trust,
		Description: aws.String("made by code"), MaxSessionDuration: aws.Int32(7200), Tags: tagsOf("owner", "tf")})
	check(t, err)
	read := func() *types.Role {
		t.Helper()
		out, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
		check(t, err)
		inline, err := c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})
		check(t, err)
		attached, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
		check(t, err)
		if len(inline.PolicyNames)+len(attached.AttachedPolicies) != 0 {
			t.Errorf("a new role has policies: %v %v", inline.PolicyNames, attached.AttachedPolicies)
		}
		return out.Role
	}
	for range 2 { // create, then plan
		role := read()
		same(t, "the trust policy", role.AssumeRolePolicyDocument, trust)
		if *role.Arn != *created.Role.Arn || *role.RoleId != *created.Role.RoleId || *role.Path != "/tf/" || *role.MaxSessionDuration != 7200 || len(role.Tags) != 1 {
			t.Errorf("the role is %+v", role)
		}
	}
	federated := document(map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]string{"AWS": account}})
	_, err = c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: federated})
	check(t, err)
	_, err = c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: aws.String(""), MaxSessionDuration: aws.Int32(3600)})
	check(t, err)
	_, err = c.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: name, Description: aws.String("again")})
	check(t, err)
	_, err = c.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"owner"}})
	check(t, err)
	_, err = c.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: tagsOf("owner", "us")})
	check(t, err)
	if role := read(); aws.ToString(role.Description) != "again" || *role.Tags[0].Value != "us" {
		t.Errorf("after the update the role is %+v", role)
	}
	_, err = c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name}) // before delete
	check(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	check(t, err)
	_, err = c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	gone(t, "the deleted role", err)
}

func TestTerraformPolicyAndAttachment(t *testing.T) {
	t.Parallel()
	o, ctx := newOperator(t, bench.SharedDev(t)), t.Context()
	c, first := o.iam, document(allow("bedrock-agentcore:Get*"))
	created, err := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("tf-policy"), PolicyDocument: first, Tags: tagsOf("owner", "tf")})
	check(t, err)
	arn := created.Policy.Arn
	read := func(want *string) {
		t.Helper()
		policy, err := c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
		check(t, err)
		version, err := c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: policy.Policy.DefaultVersionId})
		check(t, err)
		same(t, "the policy", version.PolicyVersion.Document, want)
		if *policy.Policy.PolicyId != *created.Policy.PolicyId || len(policy.Policy.Tags) != 1 {
			t.Errorf("the policy is %+v", policy.Policy)
		}
	}
	read(first)
	// An update makes a new default version, and removes the oldest where there are five.
	for i := range 6 {
		updated := document(allow("bedrock-agentcore:Get*", "bedrock-agentcore:List"+string(rune('A'+i))+"*"))
		versions, err := c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn})
		check(t, err)
		if len(versions.Versions) == 5 {
			oldest := oldestVersion(versions.Versions)
			_, err := c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: oldest.VersionId})
			check(t, err)
		}
		_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: updated, SetAsDefault: true})
		check(t, err)
		read(updated)
	}
	o.role("tf-attached", trustAccount(), first)
	attachment(t, c, aws.String("tf-attached"), arn)
	_, err = c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("tf-attached"), PolicyName: aws.String("work")})
	check(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("tf-attached")})
	check(t, err)
	deletePolicy(t, c, arn)
}

// oldestVersion is chosen by the date among those that are not the default.
func oldestVersion(versions []types.PolicyVersion) types.PolicyVersion {
	others := slices.DeleteFunc(slices.Clone(versions), func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	return slices.MinFunc(others, func(a, b types.PolicyVersion) int { return a.CreateDate.Compare(*b.CreateDate) })
}

// attachment is aws_iam_role_policy_attachment: attach, find it in the listing, detach, find it no more.
func attachment(t *testing.T, c *iam.Client, role, arn *string) {
	t.Helper()
	attached := func() int {
		out, err := c.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: role})
		check(t, err)
		return len(out.AttachedPolicies)
	}
	_, err := c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: arn})
	check(t, err)
	if attached() != 1 {
		t.Error("the policy is not attached")
	}
	_, err = c.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
	check(t, err)
	if attached() != 0 {
		t.Error("the policy is still attached")
	}
	_, err = c.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
	gone(t, "the attachment", err)
}

func deletePolicy(t *testing.T, c *iam.Client, arn *string) {
	t.Helper()
	versions, err := c.ListPolicyVersions(t.Context(), &iam.ListPolicyVersionsInput{PolicyArn: arn})
	check(t, err)
	for _, v := range versions.Versions {
		if !v.IsDefaultVersion {
			_, err := c.DeletePolicyVersion(t.Context(), &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: v.VersionId})
			check(t, err)
		}
	}
	_, err = c.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: arn})
	check(t, err)
	_, err = c.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: arn})
	gone(t, "the deleted policy", err)
}

func TestTerraformUserAndAccessKey(t *testing.T) {
	t.Parallel()
	c, ctx, name := newOperator(t, bench.SharedDev(t)).iam, t.Context(), aws.String("tf-user")
	_, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: name, Path: aws.String("/tf/"), Tags: tagsOf("owner", "tf")})
	check(t, err)
	got, err := c.GetUser(ctx, &iam.GetUserInput{UserName: name})
	check(t, err)
	if *got.User.Arn != "arn:aws:iam::"+account+":user/tf/tf-user" || len(got.User.Tags) != 1 || got.User.PermissionsBoundary != nil {
		t.Errorf("the user is %+v", got.User)
	}
	key, err := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	check(t, err)
	_, err = c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: name, AccessKeyId: key.AccessKey.AccessKeyId, Status: types.StatusTypeInactive})
	check(t, err)
	keys, err := c.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
	check(t, err)
	if len(keys.AccessKeyMetadata) != 1 || keys.AccessKeyMetadata[0].Status != types.StatusTypeInactive {
		t.Errorf("the keys are %+v", keys.AccessKeyMetadata)
	}
	_, err = c.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKey.AccessKeyId})
	check(t, err)
	groups, err := c.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: name}) // before delete
	check(t, err)
	if len(groups.Groups) != 0 {
		t.Errorf("a user is in groups: %+v", groups.Groups)
	}
	_, err = c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	check(t, err)
	_, err = c.GetUser(ctx, &iam.GetUserInput{UserName: name})
	gone(t, "the deleted user", err)
}

func TestTerraformOIDCProvider(t *testing.T) {
	t.Parallel()
	c, ctx := newOperator(t, bench.SharedDev(t)).iam, t.Context()
	created, err := c.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://tf.example.com/cluster"),
		ClientIDList: []string{"sts.amazonaws.com"}, Tags: tagsOf("owner", "tf")})
	check(t, err)
	arn := created.OpenIDConnectProviderArn
	_, err = c.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn,
		ThumbprintList: []string{"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"}})
	check(t, err)
	_, err = c.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("lanyard")})
	check(t, err)
	_, err = c.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("sts.amazonaws.com")})
	check(t, err)
	got, err := c.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	check(t, err)
	if *got.Url != "tf.example.com/cluster" || !cmp.Equal(got.ClientIDList, []string{"lanyard"}) || len(got.ThumbprintList) != 1 || len(got.Tags) != 1 {
		t.Errorf("the provider is %+v", got)
	}
	_, err = c.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	check(t, err)
	_, err = c.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	gone(t, "the deleted provider", err)
}
