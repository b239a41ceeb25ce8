package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func subject(name string) string { return `{"StringEquals":{"ISSUER:sub":"` + name + `"}}` }

// TestA23_BlockedPersonsSessionsEnd: a block ends the sessions that the person has already, and those assumed from them;
// what began before the block stays ended after it.
func TestA23_BlockedPersonsSessionsEnd(t *testing.T) {
	t.Parallel()
	k := newCluster(t, subject("bob"))
	k.allowRole(t, assumer())
	first, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, nil))
	check(t, err)
	trust := trusting(accountRoot, "")
	_, err = k.root.IAM.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: aws.String("next"), AssumeRolePolicyDocument: &trust})
	check(t, err)
	next := func(in *sts.AssumeRoleInput) {
		in.RoleArn = aws.String(strings.Replace(k.arn, "role/agent", "role/next", 1))
	}
	second, err := k.assume(first, next)
	check(t, err)
	bob := identity.User{Issuer: k.iss.URL, Subject: "bob"}
	check(t, k.Identity.BlockUser(context.Background(), k.Account, bob, ""))
	for _, c := range []servertest.Credentials{first, second} {
		_, err = k.Client(c).STS.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
		refusedQuery(t, err, "InvalidClientTokenId")
	}
	check(t, k.Identity.UnblockUser(context.Background(), k.Account, bob))
	_, err = k.assume(first, next)
	refusedQuery(t, err, "InvalidClientTokenId")
	k.Clock.Advance(time.Second)
	_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, nil))
	check(t, err)
}

// allowRole gives the role "agent" a policy.
func (w *roleWorld) allowRole(t *testing.T, policy string) {
	t.Helper()
	_, err := w.root.IAM.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: aws.String("agent"), PolicyName: aws.String("p"), PolicyDocument: &policy})
	check(t, err)
}

// TestA20_ClaimsThatComeToOneKey: which of two claims counts is never left to chance.
func TestA20_ClaimsThatComeToOneKey(t *testing.T) {
	t.Parallel()
	k := newCluster(t, `{"StringEquals":{"ISSUER:department":"admins"}}`)
	for range 8 { // maps have no order
		_, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"department": "interns", "Department": "admins"}))
		refusedQuery(t, err, "InvalidIdentityToken")
		_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"a/b": "x", "a": map[string]any{"b": "y"}}))
		refusedQuery(t, err, "InvalidIdentityToken")
	}
	_, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"department": "admins"}))
	check(t, err)
}

// TestA20_AudAndAzp: aud asks for whom a token is meant, or whom it was issued to; oaud for the first alone.
func TestA20_AudAndAzp(t *testing.T) {
	t.Parallel()
	k := newCluster(t, `{"StringEquals":{"ISSUER:aud":"lanyard"}}`)
	_, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"aud": "other", "azp": "lanyard"}))
	check(t, err)
	_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"aud": "other", "azp": "another"}))
	refusedQuery(t, err, "InvalidIdentityToken")
	o := newCluster(t, `{"StringEquals":{"ISSUER:oaud":"lanyard"}}`)
	_, err = o.signIn(o.iss.Mint(t, "bob", time.Hour, map[string]any{"azp": "other"}))
	check(t, err)
	_, err = o.signIn(o.iss.Mint(t, "bob", time.Hour, map[string]any{"aud": "other", "azp": "lanyard"}))
	refusedQuery(t, err, "AccessDenied")
}

// TestA50_RefusedWebIdentitiesAreCounted: at a shared issuer anybody gets a token for the listed audience; their refusals
// do not fill the audit.
func TestA50_RefusedWebIdentitiesAreCounted(t *testing.T) {
	t.Parallel()
	k := newCluster(t, subject("bob"))
	token := k.iss.Mint(t, "stranger", time.Hour, nil)
	const many = 260
	for range many {
		_, err := k.signIn(token)
		refusedQuery(t, err, "AccessDenied")
	}
	records := k.Audit(t, identity.AuditFilter{Action: "sts:AssumeRoleWithWebIdentity"})
	if len(records) == 0 || len(records) >= many {
		t.Errorf("%d refusals made %d records", many, len(records))
	}
}

// TestA61_OwnTokensAreNoUsersJWT, not even where any issuer on loopback is believed.
func TestA61_OwnTokensAreNoUsersJWT(t *testing.T) {
	t.Parallel()
	s, _ := federated(t, servertest.Dev())
	a := &jwtAgent{s.NewAgent(t), nil}
	out, err := a.STS.GetWebIdentityToken(context.Background(), &sts.GetWebIdentityTokenInput{Audience: []string{"https://elsewhere.example"}, SigningAlgorithm: aws.String("ES384")})
	check(t, err)
	_, err = a.token(aws.ToString(out.WebIdentityToken))
	refused(t, err, api.UnauthorizedException, "not trusted here")
}

// TestA49_RolesDoNotShow: the refusal for a role that is there differs from that for one that is not by its name alone.
func TestA49_RolesDoNotShow(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), "")
	for name, policy := range map[string]string{"nobody": "", "alice": servertest.Allow("*", "s3:GetObject")} {
		c := w.User(t, name, policy)
		_, there := w.assume(c)
		_, absent := w.assume(c, func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(w.arn + "s") })
		refusedQuery(t, there, "AccessDenied")
		refusedQuery(t, absent, "AccessDenied")
		_, a, _ := strings.Cut(there.Error(), "AccessDenied")
		_, b, _ := strings.Cut(absent.Error(), "AccessDenied")
		if strings.ReplaceAll(b, w.arn+"s", w.arn) != a {
			t.Errorf("%s can tell %q from %q", name, a, b)
		}
	}
}

// TestSessionTagsWin over the role's, in whatever case they are written, so that no reader sees both.
func TestSessionTagsWin(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}]}`)
	_, err := w.root.IAM.TagRole(context.Background(), &iam.TagRoleInput{RoleName: aws.String("agent"), Tags: []iamtypes.Tag{{Key: aws.String("Team"), Value: aws.String("red")}}})
	check(t, err)
	c, err := w.assume(w.Root, func(in *sts.AssumeRoleInput) {
		in.Tags = []ststypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
	})
	check(t, err)
	_, err = w.Client(c).IAM.ListRoles(context.Background(), &iam.ListRolesInput{})
	check(t, err)
}

// TestSessionTagsFromClaimsAreChecked like all tags: they go into signed tokens and conditions.
func TestSessionTagsFromClaimsAreChecked(t *testing.T) {
	t.Parallel()
	k := newCluster(t, subject("bob"))
	for _, tags := range []map[string]any{{"": []string{"x"}}, {"aws:x": []string{"x"}}, {"a\x00b": []string{"x"}}, {"a": []string{"x\n"}}, {"a": []string{"x"}, "A": []string{"y"}}, {"a": []string{"x", "y"}}} {
		_, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": tags}}))
		if err == nil {
			t.Errorf("tags %q were taken", tags)
		}
	}
}

// TestSessionTokensFitIntoRequests: credentials that no request could carry are not issued.
func TestSessionTokensFitIntoRequests(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), "")
	tags := func(n int) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) {
			for i := range n {
				in.Tags = append(in.Tags, ststypes.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String(strings.Repeat("v", 250))})
			}
		}
	}
	_, err := w.assume(w.Root, tags(50))
	refusedQuery(t, err, "PackedPolicyTooLarge")
	c, err := w.assume(w.Root, tags(10))
	check(t, err)
	_, err = w.Client(c).STS.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	check(t, err)
}

// TestSessionOfADeletedLimit: when what narrowed a session is gone, so is the session.
func TestSessionOfADeletedLimit(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), servertest.Allow("*", "*"))
	doc := servertest.Allow("*", "iam:ListRoles")
	p, err := w.root.IAM.CreatePolicy(context.Background(), &iam.CreatePolicyInput{PolicyName: aws.String("limit"), PolicyDocument: &doc})
	check(t, err)
	c, err := w.assume(w.Root, func(in *sts.AssumeRoleInput) { in.PolicyArns = []ststypes.PolicyDescriptorType{{Arn: p.Policy.Arn}} })
	check(t, err)
	list := func() error {
		_, err := w.Client(c).IAM.ListRoles(context.Background(), &iam.ListRolesInput{})
		return err
	}
	check(t, list())
	_, err = w.root.IAM.DeletePolicy(context.Background(), &iam.DeletePolicyInput{PolicyArn: p.Policy.Arn})
	check(t, err)
	refusedQuery(t, list(), "InvalidClientTokenId")
}

// TestA54_TokensFromBeforeTheSwitch: holding a workload to verified users ends its tokens for user ids.
func TestA54_TokensFromBeforeTheSwitch(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	byID, err := a.token(a.iss.Mint(t, "alice", time.Hour, nil))
	check(t, err)
	victim := a.Token(t, "victim")
	_, err = a.Service.Identity.SetWorkload(context.Background(), a.Service.Account, a.Workload, identity.WorkloadSettings{VerifiedUsersOnly: aws.Bool(true)})
	check(t, err)
	_, err = a.Ask(victim)
	refused(t, err, api.UnauthorizedException, "verified users only")
	_, err = a.Ask(byID)
	check(t, err)
}

// TestA41_AdviceIsSafeToPaste: no message hands out a command that makes an administrator, or one that does not help.
func TestA41_AdviceIsSafeToPaste(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), "")
	w.NewAgent(t)
	bob := w.User(t, "bob", "")
	_, err := w.Client(bob).IAM.AttachUserPolicy(context.Background(), &iam.AttachUserPolicyInput{UserName: aws.String("bob"), PolicyArn: aws.String("arn:aws:iam::aws:policy/LanyardReadOnly")})
	refusedQuery(t, err, "AccessDenied")
	if strings.Contains(err.Error(), "policy put") {
		t.Errorf("ready to paste: %v", err)
	}
	err = w.mint(bob)
	if !strings.Contains(err.Error(), "--resource 'arn:aws:bedrock-agentcore:") {
		t.Errorf("the command would allow more than was asked: %v", err)
	}
	err = w.mint(w.User(t, "carol", servertest.AllowAllBut("bedrock-agentcore:*")))
	if strings.Contains(err.Error(), "policy put") || !strings.Contains(err.Error(), "An Allow does not help") {
		t.Errorf("an Allow cannot lift a Deny: %v", err)
	}
}
