package server_test

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func newRole(t *testing.T, s *servertest.Service) *iam.Client {
	t.Helper()
	c := s.Client(s.Root).IAM
	_, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("role"), AssumeRolePolicyDocument: aws.String(trust), Description: aws.String("d"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	check(t, err)
	return c
}

// sameDocument expects a document in the form of IAM's answers, which is percent-encoded.
func sameDocument(t *testing.T, got *string, want string) {
	t.Helper()
	plain, err := url.QueryUnescape(aws.ToString(got)) // as IAM's clients undo it: a raw + would become a space
	if err != nil || plain != want {
		t.Errorf("document is %s, %v", aws.ToString(got), err)
	}
}

func testRoles(t *testing.T, s *servertest.Service) {
	c := newRole(t, s)
	_, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("role"), AssumeRolePolicyDocument: aws.String(trust)})
	failsAs[*types.EntityAlreadyExistsException](t, err, 409)
	_, err = c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("other"), AssumeRolePolicyDocument: aws.String(`{"a+b": "`)})
	failsAs[*types.MalformedPolicyDocumentException](t, err, 400)
	_, err = c.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: aws.String("role"), MaxSessionDuration: aws.Int32(7200)})
	check(t, err)
	got, err := c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("role")})
	check(t, err)
	r := got.Role
	if aws.ToString(r.Arn) != roleARN || aws.ToInt32(r.MaxSessionDuration) != 7200 || aws.ToString(r.Description) != "d" || len(r.Tags) != 1 || aws.ToString(r.Path) != "/" {
		t.Errorf("got %+v", r)
	}
	sameDocument(t, r.AssumeRolePolicyDocument, trust)
	described, err := c.UpdateRoleDescription(t.Context(), &iam.UpdateRoleDescriptionInput{RoleName: aws.String("role"), Description: aws.String("")})
	check(t, err)
	if described.Role.Description != nil || aws.ToInt32(described.Role.MaxSessionDuration) != 7200 {
		t.Errorf("described as %+v", described.Role)
	}
	const spaced = "{ \"Version\": \"2012-10-17\",\n \"Statement\": [{\"Sid\": \"S\", \"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"sts:AssumeRole\", \"Condition\": {\"StringEquals\": {\"aws:PrincipalTag/a+b\": \"\u00e9 %20\"}}}] }"
	_, err = c.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("role"), PolicyDocument: aws.String(spaced)})
	check(t, err)
	list, err := c.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/")})
	check(t, err)
	if len(list.Roles) != 1 {
		t.Fatalf("listed %+v", list.Roles)
	}
	sameDocument(t, list.Roles[0].AssumeRolePolicyDocument, spaced)
	profiles, err := c.ListInstanceProfilesForRole(t.Context(), &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String("role")})
	check(t, err)
	if profiles.InstanceProfiles == nil || len(profiles.InstanceProfiles) != 0 {
		t.Errorf("instance profiles are %v, want an empty list", profiles.InstanceProfiles)
	}
	_, err = c.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("role")})
	check(t, err)
	_, err = c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("role")})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}

func testRoleTags(t *testing.T, s *servertest.Service) {
	c := newRole(t, s)
	_, err := c.TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String("role"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	check(t, err)
	_, err = c.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: aws.String("role"), TagKeys: []string{"k"}})
	check(t, err)
	out, err := c.ListRoleTags(t.Context(), &iam.ListRoleTagsInput{RoleName: aws.String("role")})
	check(t, err)
	if len(out.Tags) != 1 || aws.ToString(out.Tags[0].Key) != "a" || aws.ToString(out.Tags[0].Value) != "1" {
		t.Errorf("tags are %+v", out.Tags)
	}
}

func testInlinePolicies(t *testing.T, s *servertest.Service) {
	newIAM(t, s)
	c := newRole(t, s)
	user, role, name, doc := aws.String("person"), aws.String("role"), aws.String("inline"), aws.String(document)
	_, err := c.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: user, PolicyName: name, PolicyDocument: doc})
	check(t, err)
	_, err = c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: role, PolicyName: name, PolicyDocument: doc})
	check(t, err)
	ofUser, err := c.GetUserPolicy(t.Context(), &iam.GetUserPolicyInput{UserName: user, PolicyName: name})
	check(t, err)
	sameDocument(t, ofUser.PolicyDocument, document)
	ofRole, err := c.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: role, PolicyName: name})
	check(t, err)
	sameDocument(t, ofRole.PolicyDocument, document)
	userNames, err := c.ListUserPolicies(t.Context(), &iam.ListUserPoliciesInput{UserName: user})
	check(t, err)
	roleNames, err := c.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: role})
	check(t, err)
	if len(userNames.PolicyNames) != 1 || userNames.PolicyNames[0] != "inline" || len(roleNames.PolicyNames) != 1 {
		t.Errorf("listed %v and %v", userNames.PolicyNames, roleNames.PolicyNames)
	}
	_, err = c.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: role})
	failsAs[*types.DeleteConflictException](t, err, 409)
	_, err = c.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: user, PolicyName: name, PolicyDocument: aws.String(`{"Version":`)})
	failsAs[*types.MalformedPolicyDocumentException](t, err, 400)
	_, err = c.DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{UserName: user, PolicyName: name})
	check(t, err)
	_, err = c.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: name})
	check(t, err)
	_, err = c.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: role, PolicyName: name})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}
