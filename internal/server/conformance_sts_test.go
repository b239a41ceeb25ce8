package server_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func testGetCallerIdentity(t *testing.T, s *servertest.Service) {
	out, err := s.Client(s.Root).STS.GetCallerIdentity(t.Context(), nil)
	check(t, err)
	if aws.ToString(out.Arn) != iamPrefix+"root" || aws.ToString(out.Account) != s.Account || aws.ToString(out.UserId) != s.Account {
		t.Errorf("root is %s %s %s", aws.ToString(out.Arn), aws.ToString(out.Account), aws.ToString(out.UserId))
	}
	out, err = s.Client(s.User(t, "nobody", "")).STS.GetCallerIdentity(t.Context(), nil) // needs no permission
	check(t, err)
	if aws.ToString(out.Arn) != iamPrefix+"user/nobody" || !strings.HasPrefix(aws.ToString(out.UserId), "AIDA") {
		t.Errorf("the user is %s %s", aws.ToString(out.Arn), aws.ToString(out.UserId))
	}
}

func testGetWebIdentityToken(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root)
	in := &sts.GetWebIdentityTokenInput{Audience: []string{"https://api.example.com"}, SigningAlgorithm: aws.String("ES384"),
		Tags: []ststypes.Tag{{Key: aws.String("team"), Value: aws.String("")}}}
	_, err := c.STS.GetWebIdentityToken(t.Context(), in)
	failsAs[*ststypes.OutboundWebIdentityFederationDisabledException](t, err, 403)
	_, err = c.IAM.EnableOutboundWebIdentityFederation(t.Context(), nil)
	check(t, err)
	in.DurationSeconds = aws.Int32(60)
	out, err := c.STS.GetWebIdentityToken(t.Context(), in)
	check(t, err)
	if n := strings.Count(aws.ToString(out.WebIdentityToken), "."); n != 2 {
		t.Errorf("the token has %d dots", n)
	}
	if left := aws.ToTime(out.Expiration).Sub(s.Clock.Now()); left < 58*time.Second || left > 61*time.Second {
		t.Errorf("it lasts %v", left)
	}
}

func testAssumeRole(t *testing.T, s *servertest.Service) {
	root := identity.LocalAdmin(s.Account)
	_, err := s.Identity.CreateRole(t.Context(), root, identity.NewRole{Name: "role", Trust: trust})
	check(t, err)
	user := s.Client(s.User(t, "user", servertest.Allow("*", "sts:AssumeRole"))).STS
	in := &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String("session"), DurationSeconds: aws.Int32(900), MinimumSessionTokenSize: aws.Int32(2048)}
	out, err := user.AssumeRole(t.Context(), in)
	check(t, err)
	const arn = "arn:aws:sts::000000000000:assumed-role/role/session"
	if aws.ToString(out.AssumedRoleUser.Arn) != arn || !strings.HasSuffix(aws.ToString(out.AssumedRoleUser.AssumedRoleId), ":session") {
		t.Errorf("assumed as %+v", out.AssumedRoleUser)
	}
	if left := aws.ToTime(out.Credentials.Expiration).Sub(s.Clock.Now()); left < 898*time.Second || left > 901*time.Second {
		t.Errorf("it lasts %v", left)
	}
	session := servertest.Credentials{Account: s.Account, AccessKeyID: *out.Credentials.AccessKeyId, Secret: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	who, err := s.Client(session).STS.GetCallerIdentity(t.Context(), nil)
	check(t, err)
	if aws.ToString(who.Arn) != arn {
		t.Errorf("the session is %s", aws.ToString(who.Arn))
	}
	in.Policy = aws.String("{")
	_, err = user.AssumeRole(t.Context(), in)
	failsAs[*ststypes.MalformedPolicyDocumentException](t, err, 400)
	in.Policy = nil
	for name, unserved := range map[string]func(*sts.AssumeRoleInput){
		"SerialNumber": func(in *sts.AssumeRoleInput) { in.SerialNumber = aws.String("arn:aws:iam::000000000000:mfa/x") },
		"TokenCode":    func(in *sts.AssumeRoleInput) { in.TokenCode = aws.String("123456") },
		"ProvidedContexts": func(in *sts.AssumeRoleInput) {
			in.ProvidedContexts = []ststypes.ProvidedContext{{ProviderArn: aws.String("p")}}
		},
	} {
		bad := *in
		unserved(&bad)
		if _, err := user.AssumeRole(t.Context(), &bad); err == nil || !strings.Contains(err.Error(), "'"+name+"' failed to satisfy constraint: Member must be left out") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testAssumeRoleWithWebIdentity brings tokens of a cluster, without credentials of any kind.
func testAssumeRoleWithWebIdentity(t *testing.T, s *servertest.Service) {
	idp := issuertest.New(t).Issuer("id/cluster")
	_, bare, _ := strings.Cut(idp.URL, "://")
	c := s.Client(s.Root).IAM
	made, err := c.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: aws.String(idp.URL), ClientIDList: []string{"sts"}})
	check(t, err)
	arn := aws.ToString(made.OpenIDConnectProviderArn)
	if arn != iamPrefix+"oidc-provider/"+bare {
		t.Fatalf("the provider is %s", arn)
	}
	_, err = c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("role"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",
		"Principal":{"Federated":"` + arn + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + bare + `:sub":"system:serviceaccount:agents:one"}}}}`)})
	check(t, err)
	bring := func(token string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
		return s.Client(servertest.Credentials{}).STS.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String("session"), WebIdentityToken: aws.String(token)})
	}
	one := issuertest.Kubernetes("agents", "one", "sts")
	out, err := bring(idp.Sign(one))
	check(t, err)
	if aws.ToString(out.SubjectFromWebIdentityToken) != "system:serviceaccount:agents:one" || aws.ToString(out.Provider) != arn || aws.ToString(out.Audience) != "sts" || aws.ToString(out.Credentials.SessionToken) == "" {
		t.Errorf("assumed as %s by %s for %s", aws.ToString(out.SubjectFromWebIdentityToken), aws.ToString(out.Provider), aws.ToString(out.Audience))
	}
	_, err = bring("a.b.c")
	failsAs[*ststypes.InvalidIdentityTokenException](t, err, 400)
	_, err = bring(idp.Sign(one.With("aud", "another")))
	failsAs[*ststypes.InvalidIdentityTokenException](t, err, 400)
	_, err = bring(idp.Sign(one.With("exp", s.Clock.Now().Add(-time.Hour).Unix())))
	failsAs[*ststypes.ExpiredTokenException](t, err, 400)
	_, err = bring(idp.Sign(issuertest.Kubernetes("agents", "two", "sts")))
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "AccessDenied" {
		t.Errorf("another account of the cluster: %v", err)
	}
}
