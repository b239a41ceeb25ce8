//go:build conformance

package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// oidcProvider lists an issuer with an audience.
func (o *operator) oidcProvider(issuer, audience string) {
	o.t.Helper()
	_, err := o.iam.CreateOpenIDConnectProvider(o.t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &issuer, ClientIDList: []string{audience}})
	check(o.t, err)
}

// trustIssuer is a trust policy for tokens of an issuer, with conditions on claims: claim to value, by operator.
func trustIssuer(issuer string, conditions map[string]map[string]any) *string {
	_, name, _ := strings.Cut(issuer, "://")
	condition := map[string]map[string]any{}
	for operator, claims := range conditions {
		condition[operator] = map[string]any{}
		for claim, value := range claims {
			condition[operator][name+":"+claim] = value
		}
	}
	return document(map[string]any{"Effect": "Allow", "Action": []string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"},
		"Principal": map[string]string{"Federated": "arn:aws:iam::" + account + ":oidc-provider/" + name}, "Condition": condition})
}

// agentPolicy is what the agents without keys may do here.
func agentPolicy() *string {
	return document(allow("bedrock-agentcore:CreateWorkloadIdentity", "bedrock-agentcore:GetWorkloadIdentity"))
}

// webIdentitySession takes a token in exchange for a session. Nothing is signed.
func (o *operator) webIdentitySession(role, token string) (*ststypes.Credentials, error) {
	out, err := sts.NewFromConfig(o.cfg, func(s *sts.Options) { s.Credentials = aws.AnonymousCredentials{} }).AssumeRoleWithWebIdentity(o.t.Context(),
		&sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(roleARN(role)), RoleSessionName: aws.String("agent"), WebIdentityToken: &token})
	if err != nil {
		return nil, err
	}
	return out.Credentials, nil
}

// keylessAgent is what an agent without keys is given: a role and a file with a token.
func keylessAgent(t *testing.T, role, token string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	check(t, os.WriteFile(file, []byte(token), 0o600))
	return []string{"AWS_ROLE_ARN=" + roleARN(role), "AWS_WEB_IDENTITY_TOKEN_FILE=" + file, "AWS_ROLE_SESSION_NAME=agent"}
}

// workload is an agent at one of the real identity providers, whose role trusts it.
func workload(t *testing.T, o *operator, provider string) (role string, token lab.WorkloadToken) {
	t.Helper()
	p := bench.Provider(t, provider)
	token, err := p.(lab.WorkloadIssuer).WorkloadToken(t.Context())
	check(t, err)
	role = "Agent-" + provider
	o.oidcProvider(p.Info().Issuer, token.Audience)
	o.role(role, trustIssuer(p.Info().Issuer, map[string]map[string]any{"StringEquals": {"sub": token.Subject, "aud": token.Audience}}), agentPolicy())
	return role, token
}

// The stock SDKs sign in with a role's name and a token file alone, with the tokens of real identity providers.
func TestStockClientsNeedNoKeys(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"oidc-provider", "keycloak"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			o := newOperator(t, bench.Dev(t))
			role, token := workload(t, o, provider)
			env := keylessAgent(t, role, token.Token)
			server := o.server.Keyless(env...)
			for _, program := range []struct {
				name string
				run  func(*testing.T)
			}{
				{"boto3", func(t *testing.T) { bench.Python(t, server, "keyless.py") }},
				{"AWS SDK for JavaScript", func(t *testing.T) { bench.Node(t, server, "keyless.mjs") }},
				{"AWS CLI", func(t *testing.T) { keylessCLI(cli{t, server}, role) }},
			} {
				t.Run(program.name, func(t *testing.T) {
					t.Parallel()
					program.run(t)
				})
			}
		})
	}
}

func keylessCLI(c cli, role string) {
	c.t.Helper()
	var who struct{ Arn string }
	c.run(&who, "sts", "get-caller-identity")
	if who.Arn != "arn:aws:sts::"+account+":assumed-role/"+role+"/agent" {
		c.t.Errorf("the AWS CLI is %s", who.Arn)
	}
	c.run(nil, "bedrock-agentcore-control", "create-workload-identity", "--name", "by-cli")
	c.refused("AccessDeniedException", "bedrock-agentcore-control", "list-workload-identities")
}

// The AWS SDK for Go does it by its default configuration; the environment is the process's own here.
func TestGoNeedsNoKeys(t *testing.T) {
	o := newOperator(t, bench.Dev(t))
	role, token := workload(t, o, "oidc-provider")
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	for _, assignment := range o.server.Keyless(keylessAgent(t, role, token.Token)...).Env() {
		name, value, _ := strings.Cut(assignment, "=")
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	check(t, err)
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	check(t, err)
	if *who.Arn != "arn:aws:sts::"+account+":assumed-role/"+role+"/agent" {
		t.Errorf("the SDK is %s", *who.Arn)
	}
	control := bedrockagentcorecontrol.NewFromConfig(cfg)
	_, err = control.CreateWorkloadIdentity(t.Context(), &bedrockagentcorecontrol.CreateWorkloadIdentityInput{Name: aws.String("by-go")})
	check(t, err)
	_, err = control.ListWorkloadIdentities(t.Context(), &bedrockagentcorecontrol.ListWorkloadIdentitiesInput{})
	refusedWith(t, err, "AccessDeniedException")
}

// A workload identity that an agent without keys gets tokens for, from the token file to a user's grant's first step:
// what it may not do for its role's policy, it may not.
func TestKeylessAgentActsForAUser(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.SharedDev(t))
	issuer := bench.Issuers().Issuer("id/acting")
	o.oidcProvider(issuer.URL, "lanyard")
	trust := trustIssuer(issuer.URL, map[string]map[string]any{"StringEquals": {"sub": "spiffe://example.org/acting"}})
	o.role("Acting", trust, document(allow("bedrock-agentcore:GetWorkloadAccessTokenForUserId", "bedrock-agentcore:CreateWorkloadIdentity")))
	creds, err := o.webIdentitySession("Acting", issuer.Sign(spiffe("spiffe://example.org/acting")))
	check(t, err)
	env := []string{"AWS_ACCESS_KEY_ID=" + *creds.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *creds.SecretAccessKey, "AWS_SESSION_TOKEN=" + *creds.SessionToken}
	c := cli{t, o.server.Keyless(env...)}
	c.run(nil, "bedrock-agentcore-control", "create-workload-identity", "--name", "acting")
	var token struct{ WorkloadAccessToken string }
	c.run(&token, "bedrock-agentcore", "get-workload-access-token-for-user-id", "--workload-name", "acting", "--user-id", "alice")
	c.refused("AccessDeniedException", "bedrock-agentcore", "get-resource-api-key", "--workload-identity-token", token.WorkloadAccessToken,
		"--resource-credential-provider-name", "any")
}
