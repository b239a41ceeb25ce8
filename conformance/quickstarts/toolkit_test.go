//go:build quickstarts

package quickstarts_test

import (
	"fmt"
	"os"
	"testing"
)

// toolkit puts the starter toolkit's own program where the documents' `agentcore` is looked for.
func (b *bed) toolkit(t *testing.T) {
	t.Helper()
	b.run(t, fmt.Sprintf("export PATH=%s:\"$PATH\" AGENTCORE_SUPPRESS_RECOMMENDATION=1\neval \"$(~/bin/lanyard env --toolkit)\"\n", bench.ToolkitPython(t)), quick)
}

// exported reads the variables that the toolkit left. Their passwords have characters that a shell would read.
const exported = "while IFS= read -r line; do case $line in \"\" | \\#*) ;; *) export \"$line\" ;; esac; done < .agentcore_identity_user.env\n"

// TestToolkit runs the unmodified starter toolkit's identity commands against the instance: its file is its own affair,
// and what it asked for must be here.
func TestToolkit(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.toolkit(t)
	b.run(t, "mkdir project && cd project\necho bedrock-agentcore > requirements.txt\n", quick)
	code, err := os.ReadFile("agents/echo.py")
	check(t, err)
	b.save(t, "agent.py", string(code))

	t.Run("configure", func(t *testing.T) {
		want(t, b.run(t, "agentcore configure -e agent.py --name toolkit_agent --disable-memory --disable-otel -ni -dt direct_code_deploy -rt PYTHON_3_11\n", quick),
			"Configuration Success", "Account: 000000000000", "Region: us-west-2")
	})
	t.Run("aws-jwt", func(t *testing.T) {
		first := b.run(t, "agentcore identity setup-aws-jwt --audience https://api.example.com\n", quick)
		want(t, first, "AWS IAM JWT Federation Configured", "Algorithm: ES384")
		issuer := group(t, first, `Issuer URL: (http://\S+/issuer/\S+)`)
		want(t, b.run(t, "agentcore identity setup-aws-jwt --audience https://api2.example.com\n", quick), "Issuer URL: "+issuer)
		want(t, b.run(t, "agentcore identity list-aws-jwt\n", quick), "api2.example.com", "ES384")
	})
	t.Run("workload identity", func(t *testing.T) {
		b.run(t, "agentcore identity create-workload-identity --name toolkit-workload --return-urls http://localhost:8081/oauth2/callback\n", quick)
		b.run(t, "agentcore identity update-workload-identity --name toolkit-workload --add-return-urls http://localhost:8082/callback\n", quick)
		want(t, b.shell(t, "aws bedrock-agentcore-control get-workload-identity --name toolkit-workload"), "localhost:8081/oauth2/callback", "localhost:8082/callback")
	})
	t.Run("credential providers", func(t *testing.T) {
		b.run(t, "agentcore identity create-credential-provider --name toolkit-github --type github --client-id id --client-secret secret\n", quick)
		b.run(t, "agentcore identity setup-cognito --auth-flow user\n"+exported, quick)
		b.run(t, `agentcore identity create-credential-provider --name toolkit-pool --type cognito --client-id "$IDENTITY_CLIENT_ID"`+
			` --client-secret "$IDENTITY_CLIENT_SECRET" --discovery-url "$IDENTITY_DISCOVERY_URL" --cognito-pool-id "$IDENTITY_POOL_ID"`+"\n", quick)
		want(t, b.run(t, "agentcore identity list-credential-providers\n", quick), "toolkit-github", "toolkit-pool")
		want(t, b.shell(t, "aws bedrock-agentcore-control list-oauth2-credential-providers"), "toolkit-github", "toolkit-pool")
	})
	t.Run("inbound token", func(t *testing.T) {
		token := b.run(t, "agentcore identity get-cognito-inbound-token\n", quick)
		want(t, token, `^[\w-]+\.[\w-]+\.[\w-]+$`)
	})
	t.Run("invoke", func(t *testing.T) {
		b.run(t, "~/bin/agentcore launch\n", install)
		want(t, b.run(t, "agentcore status\n", quick), "Ready", "toolkit_agent")
		want(t, b.run(t, "agentcore status --verbose\n", quick), `"status": "READY"`)
		session := "a-session-of-the-toolkit-with-enough-characters"
		want(t, b.run(t, "agentcore invoke '{\"prompt\": \"one two\"}' --session-id "+session+" --user-id somebody\n", install), `"word": "one"`, `"word": "two"`, session)
		want(t, b.run(t, "agentcore invoke 'no JSON' --user-id somebody\n", quick), `"word": "JSON"`)
		b.run(t, "agentcore stop-session --session-id "+session+"\n", quick)
	})
	t.Run("our file", func(t *testing.T) { b.sharesOurFile(t) })
	t.Run("cleanup", func(t *testing.T) {
		b.run(t, "agentcore identity cleanup --agent toolkit_agent --force\n", quick)
		b.run(t, "~/bin/agentcore destroy --agent toolkit_agent --force\n", quick)
		if left := b.shell(t, "aws bedrock-agentcore-control list-oauth2-credential-providers --query credentialProviders[].name --output text;"+
			"aws bedrock-agentcore-control list-workload-identities --query workloadIdentities[].name --output text"); left != "" {
			t.Errorf("left: %s", left)
		}
	})
}

// sharesOurFile lets Lanyard's program write the file and the toolkit read it. What Lanyard's destroy leaves, the toolkit's
// own cleanup finds by it.
func (b *bed) sharesOurFile(t *testing.T) {
	t.Helper()
	b.run(t, "mkdir ../ours && cp agent.py requirements.txt ../ours && cd ../ours\n", quick)
	b.run(t, "~/bin/agentcore configure -e agent.py --name our_agent -ni\n"+
		"~/bin/agentcore identity setup-aws-jwt --audience https://ours.example.com\n"+
		"~/bin/agentcore identity create-credential-provider --name our-github --type github --client-id id --client-secret secret\n"+
		"~/bin/agentcore identity create-workload-identity --name our-workload --return-urls http://localhost:8081/callback\n", quick)
	want(t, b.run(t, "agentcore status\n", quick), "our_agent")
	want(t, b.run(t, "agentcore configure list\n", quick), "our_agent")
	want(t, b.run(t, "agentcore identity list-credential-providers\n", quick), "our-github")
	want(t, b.run(t, "agentcore identity list-aws-jwt\n", quick), "ours.example.com")
	want(t, b.run(t, "~/bin/agentcore destroy --force\n", quick), "identity cleanup --agent our_agent")
	b.run(t, "agentcore identity cleanup --agent our_agent --force\n", quick)
	want(t, b.run(t, "~/bin/agentcore destroy --force\n", quick), "whose only agent it was")
	if left := b.shell(t, "aws bedrock-agentcore-control list-oauth2-credential-providers --query \"credentialProviders[?name=='our-github'].name\" --output text;"+
		"aws bedrock-agentcore-control list-workload-identities --query \"workloadIdentities[?name=='our-workload'].name\" --output text"); left != "" {
		t.Errorf("left: %s", left)
	}
	b.run(t, "cd ../project\n", quick)
}
