package server_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func newIAM(t *testing.T, s *servertest.Service) *iam.Client {
	t.Helper()
	c := s.Client(s.Root).IAM
	_, err := c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("person"), Path: aws.String("/team/"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	check(t, err)
	return c
}

func testUsers(t *testing.T, s *servertest.Service) {
	before := s.Clock.Now()
	c := newIAM(t, s)
	_, err := c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("person")})
	failsAs[*types.EntityAlreadyExistsException](t, err, 409)
	_, err = c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("other"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
	if err == nil {
		t.Error("a permissions boundary is taken and not enforced")
	}
	got, err := c.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("person")})
	check(t, err)
	u := got.User
	if aws.ToString(u.Arn) != iamPrefix+"user/team/person" || aws.ToString(u.Path) != "/team/" || len(aws.ToString(u.UserId)) < 16 || len(u.Tags) != 1 || aws.ToString(u.Tags[0].Value) != "v" {
		t.Errorf("got %+v", u)
	}
	if d := aws.ToTime(u.CreateDate).Sub(before); d < -2*time.Second || d > 2*time.Second {
		t.Errorf("created at %v, now is %v", u.CreateDate, before)
	}
	_, err = c.UpdateUser(t.Context(), &iam.UpdateUserInput{UserName: aws.String("person"), NewPath: aws.String("/elsewhere/")})
	check(t, err)
	_, err = c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("zoe")})
	check(t, err)
	first, err := c.ListUsers(t.Context(), &iam.ListUsersInput{MaxItems: aws.Int32(1)})
	check(t, err)
	rest, err := c.ListUsers(t.Context(), &iam.ListUsersInput{Marker: first.Marker})
	check(t, err)
	if !first.IsTruncated || rest.IsTruncated || len(first.Users) != 1 || len(rest.Users) != 1 || aws.ToString(first.Users[0].Path) != "/elsewhere/" || aws.ToString(rest.Users[0].UserName) != "zoe" {
		t.Errorf("listed %+v, then %+v", first, rest)
	}
	groups, err := c.ListGroupsForUser(t.Context(), &iam.ListGroupsForUserInput{UserName: aws.String("zoe")})
	check(t, err)
	if groups.Groups == nil || len(groups.Groups) != 0 {
		t.Errorf("groups are %v, want an empty list", groups.Groups)
	}
	_, err = c.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: aws.String("zoe")})
	check(t, err)
	_, err = c.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("zoe")})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}

// testOwnUser: without a name, the operations are about who calls.
func testOwnUser(t *testing.T, s *servertest.Service) {
	c := s.Client(s.User(t, "self", servertest.Allow("*", "iam:*"))).IAM
	got, err := c.GetUser(t.Context(), nil)
	check(t, err)
	keys, err := c.ListAccessKeys(t.Context(), nil)
	check(t, err)
	if aws.ToString(got.User.UserName) != "self" || len(keys.AccessKeyMetadata) != 1 || aws.ToString(keys.AccessKeyMetadata[0].UserName) != "self" {
		t.Errorf("got %+v and %+v", got.User, keys.AccessKeyMetadata)
	}
}

func testUserTags(t *testing.T, s *servertest.Service) {
	c := newIAM(t, s)
	_, err := c.TagUser(t.Context(), &iam.TagUserInput{UserName: aws.String("person"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("k"), Value: aws.String("w é@x")}}})
	check(t, err)
	_, err = c.TagUser(t.Context(), &iam.TagUserInput{UserName: aws.String("person"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("2")}}})
	if err == nil {
		t.Error("one key with two values is taken")
	}
	out, err := c.ListUserTags(t.Context(), &iam.ListUserTagsInput{UserName: aws.String("person")})
	check(t, err)
	if len(out.Tags) != 2 || aws.ToString(out.Tags[0].Key) != "a" || aws.ToString(out.Tags[0].Value) != "" || out.Tags[1].Value == nil {
		t.Errorf("tags are %+v", out.Tags)
	}
	_, err = c.UntagUser(t.Context(), &iam.UntagUserInput{UserName: aws.String("person"), TagKeys: []string{"a", "k"}})
	check(t, err)
	out, err = c.ListUserTags(t.Context(), &iam.ListUserTagsInput{UserName: aws.String("person")})
	check(t, err)
	if len(out.Tags) != 0 {
		t.Errorf("tags are %+v", out.Tags)
	}
}

func testAccessKeys(t *testing.T, s *servertest.Service) {
	c := newIAM(t, s)
	made, err := c.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("person")})
	check(t, err)
	k := made.AccessKey
	if aws.ToString(k.UserName) != "person" || k.Status != types.StatusTypeActive || len(aws.ToString(k.SecretAccessKey)) != 40 {
		t.Errorf("made %s %s, secret of %d characters", aws.ToString(k.UserName), k.Status, len(aws.ToString(k.SecretAccessKey)))
	}
	own := s.Client(servertest.Credentials{AccessKeyID: *k.AccessKeyId, Secret: *k.SecretAccessKey})
	_, err = own.STS.GetCallerIdentity(t.Context(), nil)
	check(t, err)
	used, err := c.GetAccessKeyLastUsed(t.Context(), &iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
	check(t, err)
	if aws.ToString(used.UserName) != "person" || aws.ToString(used.AccessKeyLastUsed.ServiceName) != "sts" || used.AccessKeyLastUsed.LastUsedDate == nil {
		t.Errorf("used %+v", used)
	}
	_, err = c.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: aws.String("person")})
	failsAs[*types.DeleteConflictException](t, err, 409)
	_, err = c.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("person")})
	check(t, err)
	_, err = c.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("person")})
	failsAs[*types.LimitExceededException](t, err, 409)
	_, err = c.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{UserName: aws.String("person"), AccessKeyId: k.AccessKeyId, Status: types.StatusTypeInactive})
	check(t, err)
	s.Clock.Advance(time.Second)
	if _, err = own.STS.GetCallerIdentity(t.Context(), nil); err == nil {
		t.Error("a key that was switched off works")
	}
	list, err := c.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: aws.String("person")})
	check(t, err)
	i := slices.IndexFunc(list.AccessKeyMetadata, func(m types.AccessKeyMetadata) bool { return *m.AccessKeyId == *k.AccessKeyId })
	if len(list.AccessKeyMetadata) != 2 || i < 0 || list.AccessKeyMetadata[i].Status != types.StatusTypeInactive {
		t.Errorf("listed %+v", list.AccessKeyMetadata)
	}
	_, err = c.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: aws.String("person"), AccessKeyId: k.AccessKeyId})
	check(t, err)
	_, err = c.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: aws.String("person"), AccessKeyId: k.AccessKeyId})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}
