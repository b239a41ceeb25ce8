package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// cluster is a world in which a role trusts the service accounts of an issuer.
type cluster struct {
	*roleWorld
	iss *servertest.Issuer
}

// newCluster lists the issuer with the audience "lanyard" and makes the role "agent", whose trust policy has the
// condition; ISSUER in it stands for the issuer without its scheme.
func newCluster(t *testing.T, condition string) *cluster {
	t.Helper()
	s := servertest.New(t, servertest.Dev())
	k := &cluster{&roleWorld{Service: s, root: s.Client(s.Root)}, s.NewIssuer(t)}
	name := strings.TrimPrefix(k.iss.URL, "http://")
	p, err := k.root.IAM.CreateOpenIDConnectProvider(context.Background(), &iam.CreateOpenIDConnectProviderInput{Url: &k.iss.URL, ClientIDList: []string{"lanyard"}})
	check(t, err)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + aws.ToString(p.OpenIDConnectProviderArn) + `"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":` + strings.ReplaceAll(condition, "ISSUER", name) + `}]}`
	out, err := k.root.IAM.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: aws.String("agent"), AssumeRolePolicyDocument: &trust})
	check(t, err)
	k.arn = aws.ToString(out.Role.Arn)
	return k
}

func (k *cluster) signIn(token string) (servertest.Credentials, error) {
	out, err := k.Client(servertest.Credentials{}).STS.AssumeRoleWithWebIdentity(context.Background(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: &k.arn, RoleSessionName: aws.String("pod"), WebIdentityToken: &token})
	if err != nil {
		return servertest.Credentials{}, err
	}
	return session(out.Credentials), nil
}

// TestWebIdentity: a service account's token alone gives credentials that act as the role.
func TestWebIdentity(t *testing.T) {
	t.Parallel()
	k := newCluster(t, `{"StringEquals":{"ISSUER:sub":"system:serviceaccount:agents:github","ISSUER:aud":"lanyard","ISSUER:kubernetes.io/namespace":"agents"}}`)
	claims := map[string]any{"kubernetes.io": map[string]any{"namespace": "agents", "serviceaccount": map[string]any{"name": "github"}}}
	c, err := k.signIn(k.iss.Mint(t, "system:serviceaccount:agents:github", time.Hour, claims))
	check(t, err)
	who, err := k.Client(c).STS.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	check(t, err)
	if aws.ToString(who.Arn) != "arn:aws:sts::"+k.Account+":assumed-role/agent/pod" {
		t.Errorf("the session is %s", aws.ToString(who.Arn))
	}
	audited(t, k.Service, identity.AuditFilter{Action: "sts:AssumeRoleWithWebIdentity"}, "session arn:aws:sts::")
}

// TestA20_WebIdentityRefusals: each claim that the trust policy or the provider asks for must be right.
func TestA20_WebIdentityRefusals(t *testing.T) {
	t.Parallel()
	k := newCluster(t, `{"StringEquals":{"ISSUER:sub":"system:serviceaccount:agents:github","ISSUER:kubernetes.io/namespace":"agents"}}`)
	agents := map[string]any{"namespace": "agents"}
	for name, c := range map[string]struct {
		subject  string
		lifetime time.Duration
		claims   map[string]any
		want     string
	}{
		"another subject":   {"system:serviceaccount:agents:other", time.Hour, map[string]any{"kubernetes.io": agents}, "AccessDenied"},
		"another namespace": {"system:serviceaccount:agents:github", time.Hour, map[string]any{"kubernetes.io": map[string]any{"namespace": "other"}}, "AccessDenied"},
		"no namespace":      {"system:serviceaccount:agents:github", time.Hour, nil, "AccessDenied"},
		"another audience":  {"system:serviceaccount:agents:github", time.Hour, map[string]any{"kubernetes.io": agents, "aud": "elsewhere"}, "InvalidIdentityToken"},
		"expired":           {"system:serviceaccount:agents:github", -time.Minute, map[string]any{"kubernetes.io": agents}, "ExpiredTokenException"},
	} {
		_, err := k.signIn(k.iss.Mint(t, c.subject, c.lifetime, c.claims))
		t.Log(name, err)
		refusedQuery(t, err, c.want)
	}
	_, err := k.signIn(k.Service.NewIssuer(t).Mint(t, "system:serviceaccount:agents:github", time.Hour, map[string]any{"kubernetes.io": agents}))
	refusedQuery(t, err, "InvalidIdentityToken")
}

// TestA23_BlockedUsersAreRefusedEverything: no role, no token, and what was issued before stays revoked after the block.
func TestA23_BlockedUsersAreRefusedEverything(t *testing.T) {
	t.Parallel()
	k := newCluster(t, `{"StringEquals":{"ISSUER:sub":"bob"}}`)
	bob := identity.User{Issuer: k.iss.URL, Subject: "bob"}
	_, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, nil))
	check(t, err)
	check(t, k.Identity.BlockUser(context.Background(), k.Account, bob, "left"))
	_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, nil))
	refusedQuery(t, err, "AccessDenied")
	check(t, k.Identity.UnblockUser(context.Background(), k.Account, bob))
	_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, nil))
	check(t, err)
}

// TestA23_InboundJWTOfABlockedUser: neither the JWT nor tokens minted with it before are good for anything.
func TestA23_InboundJWTOfABlockedUser(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	jwt := a.iss.Mint(t, "alice", time.Hour, nil)
	token, err := a.token(jwt)
	check(t, err)
	_, err = a.Ask(token)
	check(t, err)
	alice := identity.User{Issuer: a.iss.URL, Subject: "alice"}
	check(t, a.Service.Identity.BlockUser(context.Background(), a.Service.Account, alice, ""))
	_, err = a.token(jwt)
	refused(t, err, "AccessDeniedException", "blocked")
	_, err = a.Ask(token)
	refused(t, err, "AccessDeniedException", "blocked")
	check(t, a.Service.Identity.UnblockUser(context.Background(), a.Service.Account, alice))
	_, err = a.Ask(token)
	refused(t, err, "UnauthorizedException", "revoked")
	a.Service.Clock.Advance(time.Second)
	_, err = a.token(jwt)
	check(t, err)
	blocked, err := a.Service.Identity.BlockedUsers(context.Background(), a.Service.Account, identity.Page{Max: 10})
	if err != nil || len(blocked.Items) != 0 {
		t.Errorf("blocked users are %v, %v", blocked.Items, err)
	}
}

// TestWebIdentityTags: session tags and a source identity come from the token only if the trust policy allows them.
func TestWebIdentityTags(t *testing.T) {
	t.Parallel()
	k := newCluster(t, `{"StringEquals":{"ISSUER:sub":"bob"}}`)
	tags := map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"team": []string{"red"}}, "transitive_tag_keys": []string{"team"}}}
	_, err := k.signIn(k.iss.Mint(t, "bob", time.Hour, tags))
	check(t, err)
	_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"https://aws.amazon.com/source_identity": "bob"}))
	refusedQuery(t, err, "AccessDenied") // sts:SetSourceIdentity is not in the trust policy
	_, err = k.signIn(k.iss.Mint(t, "bob", time.Hour, map[string]any{"https://aws.amazon.com/tags": "team=red"}))
	refusedQuery(t, err, "InvalidIdentityToken")
}
