package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// roleWorld is a service with a role "agent", which root made, and clients of root.
type roleWorld struct {
	*servertest.Service
	root servertest.Clients
	arn  string
}

// newRole makes the role with a trust policy and one inline policy.
func newRole(t *testing.T, trust, permissions string) *roleWorld {
	t.Helper()
	w := &roleWorld{Service: servertest.New(t)}
	w.root = w.Client(w.Root)
	out, err := w.root.IAM.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: aws.String("agent"), AssumeRolePolicyDocument: &trust, MaxSessionDuration: aws.Int32(7200)})
	check(t, err)
	w.arn = aws.ToString(out.Role.Arn)
	if permissions != "" {
		_, err = w.root.IAM.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: aws.String("agent"), PolicyName: aws.String("permissions"), PolicyDocument: &permissions})
		check(t, err)
	}
	return w
}

// trusting is a trust policy that lets the AWS principal assume the role, and whatever else a session may carry.
func trusting(principal, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]` + condition + `}]}`
}

const accountRoot = "arn:aws:iam::" + servertest.Account + ":root"

func (w *roleWorld) assume(c servertest.Credentials, change ...func(*sts.AssumeRoleInput)) (servertest.Credentials, error) {
	in := &sts.AssumeRoleInput{RoleArn: &w.arn, RoleSessionName: aws.String("session")}
	for _, f := range change {
		f(in)
	}
	out, err := w.Client(c).STS.AssumeRole(context.Background(), in)
	if err != nil {
		return servertest.Credentials{}, err
	}
	return session(out.Credentials), nil
}

func session(c *ststypes.Credentials) servertest.Credentials {
	return servertest.Credentials{Account: servertest.Account, AccessKeyID: aws.ToString(c.AccessKeyId), Secret: aws.ToString(c.SecretAccessKey), SessionToken: aws.ToString(c.SessionToken)}
}

// mint asks for a workload access token, the least that an agent's role is for.
func (w *roleWorld) mint(c servertest.Credentials) error {
	_, err := w.Client(c).Data.GetWorkloadAccessToken(context.Background(), &data.GetWorkloadAccessTokenInput{WorkloadName: aws.String("agent")})
	return err
}

func assumer() string {
	return servertest.Allow("*", "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
}

// TestAssumeRole: a session acts as its role and as nothing else, and says so.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), servertest.Allow("*", "bedrock-agentcore:GetWorkloadAccessToken"))
	w.NewAgent(t)
	alice := w.User(t, "alice", assumer())
	refusedQuery(t, w.mint(alice), "AccessDeniedException")
	c, err := w.assume(alice)
	check(t, err)
	check(t, w.mint(c))
	who, err := w.Client(c).STS.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	check(t, err)
	if got := aws.ToString(who.Arn); got != "arn:aws:sts::"+w.Account+":assumed-role/agent/session" || !strings.HasPrefix(aws.ToString(who.UserId), "AROA") || !strings.HasSuffix(aws.ToString(who.UserId), ":session") {
		t.Errorf("the session is %s, %s", got, aws.ToString(who.UserId))
	}
	_, err = w.Client(c).IAM.ListUsers(context.Background(), &iam.ListUsersInput{})
	refusedQuery(t, err, "AccessDenied")
	w.Clock.Advance(time.Hour)
	refusedQuery(t, w.mint(c), "ExpiredTokenException")
}

// TestAssumeRoleBothSidesDecide: what names the account leaves it to the caller's own policies; what names the caller
// does not; a Deny of either side wins; a role that trusts nobody of them is nobody's, and so is one that is not there.
func TestAssumeRoleBothSidesDecide(t *testing.T) {
	t.Parallel()
	alice := "arn:aws:iam::" + servertest.Account + ":user/alice"
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}`
	for name, c := range map[string]struct {
		trust, own string
		allowed    bool
	}{
		"account, allowed":     {trusting(accountRoot, ""), assumer(), true},
		"account, not allowed": {trusting(accountRoot, ""), "", false},
		"named, not allowed":   {trusting("USER", ""), "", true},
		"named, denied":        {trusting("USER", ""), deny, false},
		"not named":            {trusting("OTHER", ""), assumer(), false},
		"external id missing":  {trusting(accountRoot, `{"StringEquals":{"sts:ExternalId":"x1"}}`), assumer(), false},
		"session name":         {trusting(accountRoot, `{"StringLike":{"sts:RoleSessionName":"sess*"}}`), assumer(), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRole(t, trusting(accountRoot, ""), "")
			creds := w.User(t, "alice", c.own)
			w.User(t, "bob", "")
			trust := strings.NewReplacer("USER", alice, "OTHER", "arn:aws:iam::"+servertest.Account+":user/bob").Replace(c.trust)
			_, err := w.root.IAM.UpdateAssumeRolePolicy(context.Background(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("agent"), PolicyDocument: &trust})
			check(t, err)
			_, err = w.assume(creds)
			if c.allowed {
				check(t, err)
				return
			}
			refusedQuery(t, err, "AccessDenied")
		})
	}
	w := newRole(t, trusting(accountRoot, ""), "")
	_, err := w.assume(w.User(t, "alice", assumer()), func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(w.arn + "x") })
	refusedQuery(t, err, "AccessDenied")
}

// TestA11_RolesOfOtherAccounts are nobody's here, whatever they trust.
func TestA11_RolesOfOtherAccounts(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting("*", ""), "")
	_, err := w.assume(w.RootOf(t, "111111111111"))
	refusedQuery(t, err, "AccessDenied")
}

// TestA31_RevokedSessions: sessions begun before the revocation are refused at once, on every replica, and later ones not.
func TestA31_RevokedSessions(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), servertest.Allow("*", "bedrock-agentcore:GetWorkloadAccessToken"))
	w.NewAgent(t)
	old, err := w.assume(w.Root)
	check(t, err)
	check(t, w.mint(old))
	w.Clock.Advance(time.Second)
	check(t, w.Identity.RevokeRoleSessions(context.Background(), w.Account, "agent", w.Clock.Now()))
	refusedQuery(t, w.mint(old), "UnrecognizedClientException")
	w.Clock.Advance(time.Second)
	fresh, err := w.assume(w.Root)
	check(t, err)
	check(t, w.mint(fresh))
}

// TestA59_RoleMadeAgain: sessions of a role that was deleted are refused, also when one of its name is there again.
func TestA59_RoleMadeAgain(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), "")
	w.NewAgent(t)
	c, err := w.assume(w.Root)
	check(t, err)
	_, err = w.root.IAM.DeleteRole(context.Background(), &iam.DeleteRoleInput{RoleName: aws.String("agent")})
	check(t, err)
	refusedQuery(t, w.mint(c), "UnrecognizedClientException")
	trust := trusting(accountRoot, "")
	_, err = w.root.IAM.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: aws.String("agent"), AssumeRolePolicyDocument: &trust})
	check(t, err)
	refusedQuery(t, w.mint(c), "UnrecognizedClientException")
}

// TestA26_SessionTokens: a token of another key, an altered one and none at all are refused.
func TestA26_RoleSessionTokens(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), servertest.Allow("*", "*"))
	w.NewAgent(t)
	one, err := w.assume(w.Root)
	check(t, err)
	two, err := w.assume(w.Root)
	check(t, err)
	for name, token := range map[string]string{"another session's": two.SessionToken, "altered": one.SessionToken[:len(one.SessionToken)-2] + "AA", "none": "", "another account's": strings.Replace(one.SessionToken, w.Account, "111111111111", 1)} {
		c := one
		c.SessionToken = token
		if err := w.mint(c); err == nil {
			t.Errorf("a session token that is %s was accepted", name)
		}
	}
	check(t, w.mint(one))
}

// TestSessionPolicies narrow a session and never widen it.
func TestSessionPolicies(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), servertest.Allow("*", "bedrock-agentcore:GetWorkloadAccessToken"))
	w.NewAgent(t)
	none, all := servertest.Allow("*", "sts:GetCallerIdentity"), servertest.Allow("*", "*")
	c, err := w.assume(w.Root, func(in *sts.AssumeRoleInput) { in.Policy = &none })
	check(t, err)
	refusedQuery(t, w.mint(c), "AccessDeniedException")
	c, err = w.assume(w.Root, func(in *sts.AssumeRoleInput) { in.Policy = &all })
	check(t, err)
	check(t, w.mint(c))
	_, err = w.Client(c).IAM.ListRoles(context.Background(), &iam.ListRolesInput{})
	refusedQuery(t, err, "AccessDenied")
	for name, p := range map[string]string{"malformed": `{"Version":"2012-10-17"}`, "too long": servertest.Allow("*", strings.Repeat("s3:GetObject\",\"", 200)+"s3:GetObject")} {
		if _, err := w.assume(w.Root, func(in *sts.AssumeRoleInput) { in.Policy = &p }); err == nil {
			t.Errorf("a session policy that is %s was accepted", name)
		}
	}
	c, err = w.assume(w.Root, func(in *sts.AssumeRoleInput) {
		in.PolicyArns = []ststypes.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/LanyardSessionBinding")}}
	})
	check(t, err)
	refusedQuery(t, w.mint(c), "AccessDeniedException")
}

// TestSessionDurations: what the role allows, and an hour at most when a session begets another.
func TestSessionDurations(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), assumer())
	seconds := func(n int32) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.DurationSeconds = &n }
	}
	c, err := w.assume(w.Root, seconds(7200))
	check(t, err)
	_, err = w.assume(w.Root, seconds(7201))
	refusedQuery(t, err, "ValidationError")
	_, err = w.assume(w.Root, seconds(899))
	refusedQuery(t, err, "ValidationError")
	_, err = w.assume(c, seconds(3601))
	refusedQuery(t, err, "ValidationError")
	_, err = w.assume(c, seconds(3600))
	check(t, err)
}

// TestChainsKeepWhoIsBehindThem: transitive tags and the source identity pass on and cannot be changed on the way.
func TestChainsKeepWhoIsBehindThem(t *testing.T) {
	t.Parallel()
	w := newRole(t, trusting(accountRoot, ""), assumer())
	tag := func(k, v string) []ststypes.Tag { return []ststypes.Tag{{Key: &k, Value: &v}} }
	first, err := w.assume(w.Root, func(in *sts.AssumeRoleInput) {
		in.Tags, in.TransitiveTagKeys, in.SourceIdentity = tag("team", "red"), []string{"team"}, aws.String("alice")
	})
	check(t, err)
	_, err = w.assume(first, func(in *sts.AssumeRoleInput) { in.Tags = tag("team", "blue") })
	refusedQuery(t, err, "ValidationError")
	_, err = w.assume(first, func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("mallory") })
	refusedQuery(t, err, "ValidationError")
	second, err := w.assume(first)
	check(t, err)
	red := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red","aws:SourceIdentity":"alice"}}}]}`
	_, err = w.root.IAM.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: aws.String("agent"), PolicyName: aws.String("red"), PolicyDocument: &red})
	check(t, err)
	_, err = w.Client(second).IAM.ListRoles(context.Background(), &iam.ListRolesInput{})
	check(t, err)
	plain, err := w.assume(w.Root)
	check(t, err)
	_, err = w.Client(plain).IAM.ListRoles(context.Background(), &iam.ListRolesInput{})
	refusedQuery(t, err, "AccessDenied")
}
