//go:build conformance

package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
)

// TestPolicyScript runs the commands by which the quickstart gives an agent's role access to one credential provider, in
// a directory with the configuration that its toolkit leaves.
func TestPolicyScript(t *testing.T) {
	t.Parallel()
	o, dir := newOperator(t, bench.Dev(t)), t.TempDir()
	o.role("AgentCoreRuntimeRole", trustAccount(), document(allow("bedrock-agentcore:GetWorkloadAccessTokenForUserId")))
	configuration := strings.NewReplacer("ROLE", roleARN("AgentCoreRuntimeRole"), "ACCOUNT", account).Replace(toolkitConfiguration)
	check(t, os.WriteFile(filepath.Join(dir, ".bedrock_agentcore.yaml"), []byte(configuration), 0o600))

	agent := o.become(o.assume("AgentCoreRuntimeRole", "agent"))
	control, data := bedrockagentcorecontrol.NewFromConfig(o.cfg), bedrockagentcore.NewFromConfig(agent.cfg)
	_, err := control.CreateWorkloadIdentity(t.Context(), &bedrockagentcorecontrol.CreateWorkloadIdentityInput{Name: aws.String("agent")})
	check(t, err)
	token, err := data.GetWorkloadAccessTokenForUserId(t.Context(), &bedrockagentcore.GetWorkloadAccessTokenForUserIdInput{WorkloadName: aws.String("agent"), UserId: aws.String("alice")})
	check(t, err)
	ask := func(provider string) error {
		_, err := data.GetResourceOauth2Token(t.Context(), &bedrockagentcore.GetResourceOauth2TokenInput{WorkloadIdentityToken: token.WorkloadAccessToken,
			ResourceCredentialProviderName: &provider, Scopes: []string{"openid"}, Oauth2Flow: "USER_FEDERATION"})
		return err
	}
	denied := func(provider string) bool {
		err := ask(provider)
		return err != nil && strings.Contains(err.Error(), "AccessDeniedException")
	}
	const named, other = "AgentCoreIdentityQuickStartProvider", "AnotherProvider"
	if !denied(named) || !denied(other) {
		t.Error("the role reaches the provider before it has the policy")
	}
	script, err := os.ReadFile("testdata/policy-script.sh")
	check(t, err)
	out, err := bench.AWSShell(t, o.server, dir, string(script))
	if err != nil || !strings.Contains(out, "attached arn:aws:iam::"+account+":policy/AgentCoreIdentityQuickStartPolicy") {
		t.Fatalf("the script: %v\n%s", err, out)
	}
	if err := ask(named); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") { // allowed, and not there
		t.Errorf("with the policy: %v", err)
	}
	if !denied(other) {
		t.Error("the policy reaches another provider than the one it names")
	}
}

// toolkitConfiguration is the part of the toolkit's file that the script reads.
const toolkitConfiguration = `default_agent: quickstart
agents:
  quickstart:
    name: quickstart
    entrypoint: agent.py
    aws:
      execution_role: ROLE
      execution_role_auto_create: false
      account: 'ACCOUNT'
      region: us-west-2
`
