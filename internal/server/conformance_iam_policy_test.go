package server_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func newPolicy(t *testing.T, s *servertest.Service) *iam.Client {
	t.Helper()
	c := s.Client(s.Root).IAM
	out, err := c.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("managed"), PolicyDocument: aws.String(document), Description: aws.String("d"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	check(t, err)
	if p := out.Policy; aws.ToString(p.Arn) != policyARN || aws.ToString(p.DefaultVersionId) != "v1" || !p.IsAttachable {
		t.Errorf("made %+v", p)
	}
	return c
}

func testPolicies(t *testing.T, s *servertest.Service) {
	c := newPolicy(t, s)
	_, err := c.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("managed"), PolicyDocument: aws.String(document)})
	failsAs[*types.EntityAlreadyExistsException](t, err, 409)
	_, err = c.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("bad"), PolicyDocument: aws.String("{}")})
	failsAs[*types.MalformedPolicyDocumentException](t, err, 400)
	got, err := c.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: aws.String(policyARN)})
	check(t, err)
	if p := got.Policy; aws.ToInt32(p.AttachmentCount) != 0 || aws.ToString(p.Description) != "d" || len(p.Tags) != 1 || p.UpdateDate == nil {
		t.Errorf("got %+v", p)
	}
	list, err := c.ListPolicies(t.Context(), &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal})
	check(t, err)
	if len(list.Policies) != 1 || aws.ToString(list.Policies[0].Arn) != policyARN {
		t.Errorf("listed %+v", list.Policies)
	}
	if list, err = c.ListPolicies(t.Context(), &iam.ListPoliciesInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}); err != nil || len(list.Policies) != 0 {
		t.Errorf("boundaries are %+v, %v", list, err)
	}
	_, err = c.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: aws.String(policyARN)})
	check(t, err)
	_, err = c.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: aws.String(policyARN)})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}

func testPolicyVersions(t *testing.T, s *servertest.Service) {
	c, arn := newPolicy(t, s), aws.String(policyARN)
	made, err := c.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(document + " ")})
	check(t, err)
	if v := made.PolicyVersion; aws.ToString(v.VersionId) != "v2" || v.IsDefaultVersion {
		t.Errorf("made %+v", v)
	}
	_, err = c.SetDefaultPolicyVersion(t.Context(), &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	check(t, err)
	got, err := c.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	check(t, err)
	if !got.PolicyVersion.IsDefaultVersion {
		t.Errorf("got %+v", got.PolicyVersion)
	}
	sameDocument(t, got.PolicyVersion.Document, document+" ")
	_, err = c.DeletePolicyVersion(t.Context(), &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	failsAs[*types.DeleteConflictException](t, err, 409)
	_, err = c.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: arn})
	failsAs[*types.DeleteConflictException](t, err, 409)
	_, err = c.DeletePolicyVersion(t.Context(), &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	check(t, err)
	list, err := c.ListPolicyVersions(t.Context(), &iam.ListPolicyVersionsInput{PolicyArn: arn})
	check(t, err)
	if len(list.Versions) != 1 || aws.ToString(list.Versions[0].VersionId) != "v2" || list.Versions[0].Document != nil {
		t.Errorf("listed %+v", list.Versions)
	}
}

func testAttachments(t *testing.T, s *servertest.Service) {
	newIAM(t, s)
	newRole(t, s)
	c, arn, user, role := newPolicy(t, s), aws.String(policyARN), aws.String("person"), aws.String("role")
	_, err := c.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: user, PolicyArn: arn})
	check(t, err)
	_, err = c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: arn})
	check(t, err)
	_, err = c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: aws.String(policyARN + "x")})
	failsAs[*types.NoSuchEntityException](t, err, 404)
	ofUser, err := c.ListAttachedUserPolicies(t.Context(), &iam.ListAttachedUserPoliciesInput{UserName: user})
	check(t, err)
	ofRole, err := c.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: role})
	check(t, err)
	for _, list := range [][]types.AttachedPolicy{ofUser.AttachedPolicies, ofRole.AttachedPolicies} {
		if len(list) != 1 || aws.ToString(list[0].PolicyArn) != policyARN || aws.ToString(list[0].PolicyName) != "managed" {
			t.Errorf("listed %+v", list)
		}
	}
	all, err := c.ListEntitiesForPolicy(t.Context(), &iam.ListEntitiesForPolicyInput{PolicyArn: arn})
	check(t, err)
	roles, err := c.ListEntitiesForPolicy(t.Context(), &iam.ListEntitiesForPolicyInput{PolicyArn: arn, EntityFilter: types.EntityTypeRole})
	check(t, err)
	if len(all.PolicyUsers) != 1 || len(all.PolicyRoles) != 1 || len(all.PolicyGroups) != 0 || len(roles.PolicyUsers) != 0 || aws.ToString(roles.PolicyRoles[0].RoleName) != "role" {
		t.Errorf("entities are %+v and %+v", all, roles)
	}
	got, err := c.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: arn})
	check(t, err)
	if aws.ToInt32(got.Policy.AttachmentCount) != 2 {
		t.Errorf("attached %d times", aws.ToInt32(got.Policy.AttachmentCount))
	}
	_, err = c.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: arn})
	failsAs[*types.DeleteConflictException](t, err, 409)
	_, err = c.DetachUserPolicy(t.Context(), &iam.DetachUserPolicyInput{UserName: user, PolicyArn: arn})
	check(t, err)
	_, err = c.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
	check(t, err)
	_, err = c.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}

func testPolicyTags(t *testing.T, s *servertest.Service) {
	c, arn := newPolicy(t, s), aws.String(policyARN)
	_, err := c.TagPolicy(t.Context(), &iam.TagPolicyInput{PolicyArn: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	check(t, err)
	_, err = c.UntagPolicy(t.Context(), &iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"k"}})
	check(t, err)
	out, err := c.ListPolicyTags(t.Context(), &iam.ListPolicyTagsInput{PolicyArn: arn})
	check(t, err)
	if len(out.Tags) != 1 || aws.ToString(out.Tags[0].Key) != "a" {
		t.Errorf("tags are %+v", out.Tags)
	}
}
