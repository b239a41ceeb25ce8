//go:build conformance

package conformance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// cli is the AWS CLI against one server.
type cli struct {
	t      *testing.T
	server *lab.Server
}

// run runs a command that must succeed and decodes what it prints.
func (c cli) run(answer any, args ...string) {
	c.t.Helper()
	out, err := bench.AWS(c.t, c.server, args...)
	if err != nil {
		c.t.Fatalf("aws %s: %v\n%s", strings.Join(args[:2], " "), err, out)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal([]byte(out), answer); err != nil {
		c.t.Fatalf("aws %s: %v\n%s", strings.Join(args[:2], " "), err, out)
	}
}

// refused runs a command that must fail with the exception.
func (c cli) refused(exception string, args ...string) {
	c.t.Helper()
	out, err := bench.AWS(c.t, c.server, args...)
	if err == nil || !strings.Contains(out, "("+exception+")") {
		c.t.Errorf("aws %s: %v, want %s\n%s", strings.Join(args[:2], " "), err, exception, out)
	}
}

func TestAWSCLI(t *testing.T) {
	t.Parallel()
	c := cli{t, bench.Dev(t)}
	idp := bench.Provider(t, "oidc-provider")
	const controlPlane, dataPlane = "bedrock-agentcore-control", "bedrock-agentcore"

	var workload struct{ Name, WorkloadIdentityArn string }
	c.run(&workload, controlPlane, "create-workload-identity", "--name", "cli-agent",
		"--allowed-resource-oauth2-return-urls", "https://app.example.com/back", "--tags", "team=conformance")
	if !strings.HasSuffix(workload.WorkloadIdentityArn, "/workload-identity/cli-agent") {
		t.Errorf("the workload identity is %+v", workload)
	}
	c.refused("ValidationException", controlPlane, "create-workload-identity", "--name", "cli-agent")
	c.refused("ResourceNotFoundException", controlPlane, "get-workload-identity", "--name", "absent")

	info := idp.Info()
	providerConfig, err := json.Marshal(map[string]any{"customOauth2ProviderConfig": map[string]any{
		"oauthDiscovery": map[string]string{"discoveryUrl": info.DiscoveryURL},
		"clientId":       info.ClientID, "clientSecret": info.ClientSecret,
	}})
	check(t, err)
	var provider struct{ CallbackURL, CredentialProviderArn string }
	c.run(&provider, controlPlane, "create-oauth2-credential-provider", "--name", "cli-oauth",
		"--credential-provider-vendor", "CustomOauth2", "--oauth2-provider-config-input", string(providerConfig))
	check(t, idp.RegisterCallback(t.Context(), provider.CallbackURL))
	c.run(nil, controlPlane, "create-api-key-credential-provider", "--name", "cli-key", "--api-key", "the-api-key")

	var listed struct{ CredentialProviders []struct{ Name string } }
	c.run(&listed, controlPlane, "list-oauth2-credential-providers", "--max-results", "1")
	if len(listed.CredentialProviders) != 1 || listed.CredentialProviders[0].Name != "cli-oauth" {
		t.Errorf("the list is %+v", listed)
	}

	var token struct{ WorkloadAccessToken string }
	c.run(&token, dataPlane, "get-workload-access-token", "--workload-name", "cli-agent")
	var machine struct{ AccessToken string }
	c.run(&machine, dataPlane, "get-resource-oauth2-token", "--workload-identity-token", token.WorkloadAccessToken,
		"--resource-credential-provider-name", "cli-oauth", "--scopes", info.MachineScopes[0], "--oauth2-flow", "M2M")
	if machine.AccessToken == "" {
		t.Error("no machine token")
	}
	var key struct{ APIKey string }
	c.run(&key, dataPlane, "get-resource-api-key", "--workload-identity-token", token.WorkloadAccessToken,
		"--resource-credential-provider-name", "cli-key")
	if key.APIKey != "the-api-key" {
		t.Error("not the API key")
	}
	c.consents(idp)
}

// consents goes through a user's consent, which the operator of a terminal completes by hand.
func (c cli) consents(idp lab.Provider) {
	c.t.Helper()
	const dataPlane = "bedrock-agentcore"
	var token struct{ WorkloadAccessToken string }
	c.run(&token, dataPlane, "get-workload-access-token-for-user-id", "--workload-name", "cli-agent", "--user-id", "alice")
	app := newRelyingParty(c.t, idp) // only its address is needed: a place where the browser may land
	ask := []string{
		dataPlane, "get-resource-oauth2-token", "--workload-identity-token", token.WorkloadAccessToken,
		"--resource-credential-provider-name", "cli-oauth", "--scopes", "openid", "--oauth2-flow", "USER_FEDERATION",
		"--resource-oauth2-return-url", app.callback,
	}
	var pending struct{ AuthorizationURL, SessionURI, SessionStatus string }
	c.run(&pending, ask...)
	if pending.SessionStatus != "IN_PROGRESS" {
		c.t.Errorf("the session is %s", pending.SessionStatus)
	}
	bench.Visit(c.t, idp.Info().Name, lab.Visit{URL: pending.AuthorizationURL, User: "alice"})
	c.refused("AccessDeniedException", dataPlane, "complete-resource-token-auth", "--session-uri", pending.SessionURI,
		"--user-identifier", "userId=mallory")
	c.run(nil, dataPlane, "complete-resource-token-auth", "--session-uri", pending.SessionURI, "--user-identifier", "userId=alice")
	var got struct{ AccessToken string }
	c.run(&got, append(ask, "--session-uri", pending.SessionURI)...)
	if app.user(got.AccessToken) != "alice" {
		c.t.Error("the token is not alice's")
	}
}
