package main

import (
	"os"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func TestCreateProvider(t *testing.T) {
	w := newWorkshop(t, servertest.Dev())
	w.must("configure", "-e", "agent.py")
	says(t, w.must("identity", "list-credential-providers"), "No credential provider is configured for agent", "agentcore identity create-credential-provider")
	w.vars["LANYARD_CLIENT_SECRET"] = "MARKER-SECRET"
	out := w.must("identity", "create-credential-provider", "--name", "gh", "--type", "github", "--client-id", "id-1")
	says(t, out, "✅ Success", "Credential Provider Created", "Name: gh", "Type: github", "ARN: arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/oauth2credentialprovider/gh",
		"Callback URL: "+w.Public+"/identities/oauth2/callback/", `@requires_access_token(provider_name="gh", ...)`)
	list := w.agent().providers()
	if len(list) != 1 || list[0].Name != "gh" || list[0].Type != "github" || !strings.Contains(out, list[0].Callback) {
		t.Errorf("noted %+v", list)
	}
	saysNot(t, out+read(t, projectFileName), "MARKER")
	says(t, w.must("identity", "list-credential-providers"), "NAME  TYPE    CALLBACK URL", "gh    github  http")
	says(t, w.must("identity", "list-credential-providers", "--json"), `{"name":"gh","arn":"arn:`)
	w.fails(1, "a credential provider named gh exists already", "identity", "create-credential-provider", "--name", "gh", "--type", "github", "--client-id", "id-1")
}

func TestProviderMisuse(t *testing.T) {
	w := newWorkshop(t)
	for says, args := range map[string]string{
		"--name is missing": "--type github --client-id x",
		`--type "" is not one of cognito, github, google, salesforce, custom`: "--name n --client-id x",
		"--client-id is missing":                         "--name n --type github",
		"--discovery-url is missing: --type cognito":     "--name n --type cognito --client-id x",
		"--discovery-url does not go with --type github": "--name n --type github --client-id x --discovery-url https://x",
		"--cognito-pool-id goes with --type cognito":     "--name n --type github --client-id x --cognito-pool-id p",
	} {
		w.fails(2, says, append([]string{"identity", "create-credential-provider"}, strings.Fields(args)...)...)
	}
	w.fails(1, "the client secret is missing: set LANYARD_CLIENT_SECRET", "identity", "create-credential-provider", "-n", "n", "-t", "github", "--client-id", "x")
}

func TestProviderRequests(t *testing.T) {
	const url = "https://idp.example.com/.well-known/openid-configuration"
	for kind, vendor := range map[string]string{"cognito": "CustomOauth2", "custom": "CustomOauth2", "github": "GithubOauth2", "google": "GoogleOauth2", "salesforce": "SalesforceOauth2"} {
		o := providerOptions{name: "n", kind: kind, clientID: "c", clientSecret: "s", discovery: url}
		in := o.request()
		members := 0
		for _, own := range []*api.VendorOauth2ProviderConfigInput{in.Config.Github, in.Config.Google, in.Config.Salesforce} {
			if own != nil {
				members++
			}
		}
		if in.Config.Custom != nil {
			members++
			if *in.Config.Custom.Discovery.DiscoveryURL != url || in.Config.Custom.ClientSecret != "s" {
				t.Errorf("%s: %+v", kind, in.Config.Custom)
			}
		}
		if in.Vendor != vendor || members != 1 {
			t.Errorf("%s: vendor %s with %d members", kind, in.Vendor, members)
		}
	}
}

func TestWorkloadVerbs(t *testing.T) {
	w := newWorkshop(t)
	says(t, w.must("identity", "create-workload-identity", "-n", "lonely", "--json"), `{"name":"lonely","arn":"arn:`, `"returnUrls":[]`)
	w.must("configure", "-e", "agent.py")
	out := w.must("identity", "create-workload-identity", "--return-urls", "https://a.example/cb, https://b.example/cb")
	says(t, out, "Workload Identity Created", "│ Name        │ agent-workload", "│ Return URLs │ https://a.example/cb", "│             │ https://b.example/cb")
	got, _ := w.agent().workload()
	if got.Name != "agent-workload" || len(got.ReturnURLs) != 2 {
		t.Errorf("noted %+v", got)
	}
	w.must("identity", "update-workload-identity", "--name", "agent-workload", "--add-return-urls", "https://c.example/cb,https://a.example/cb")
	if got, _ = w.agent().workload(); strings.Join(got.ReturnURLs, " ") != "https://a.example/cb https://b.example/cb https://c.example/cb" {
		t.Errorf("noted %+v", got)
	}
	says(t, w.must("identity", "update-workload-identity", "-n", "agent-workload", "--set-return-urls", ""), "│ Return URLs │ none")
	w.must("identity", "update-workload-identity", "-n", "lonely", "--set-return-urls", "https://z.example/cb")
	if got, _ = w.agent().workload(); got.Name != "agent-workload" || len(got.ReturnURLs) != 0 {
		t.Errorf("another workload's change was noted: %+v", got)
	}
	w.fails(2, "--name is missing", "identity", "update-workload-identity", "--add-return-urls", "x")
	w.fails(2, "give either --add-return-urls or --set-return-urls", "identity", "update-workload-identity", "-n", "x")
	w.fails(2, "give either", "identity", "update-workload-identity", "-n", "x", "--add-return-urls", "a", "--set-return-urls", "b")
	w.fails(1, "ResourceNotFoundException", "identity", "update-workload-identity", "-n", "gone", "--set-return-urls", "https://x.example")
}

// TestSetupCognito: pools, users and clients that work, and secrets that only their owner reads.
func TestSetupCognito(t *testing.T) {
	w := newPoolWorkshop(t)
	out := w.must("identity", "setup-cognito")
	s, err := readPools(flowUser)
	if err != nil || s == nil || s.Runtime.ClientSecret != "" || s.Identity.ClientSecret == "" || s.Identity.Domain == "" {
		t.Fatalf("%+v, %v", s, err)
	}
	says(t, out, "Pool ID: "+s.Runtime.PoolID, "Test User: "+s.Identity.Username, "export $(grep -v '^#' .agentcore_identity_user.env | xargs)")
	saysNot(t, out, s.Runtime.Password, s.Identity.Password, s.Identity.ClientSecret)
	for _, name := range []string{setupFile(flowUser), setupEnv(flowUser)} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	for line := range strings.Lines(read(t, setupEnv(flowUser))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			w.vars[name] = value
		}
	}
	token := w.must("identity", "get-inbound-token")
	if claims, ok := claimsOf(api.Sensitive(strings.TrimSpace(token))); !ok || claims["username"] != s.Runtime.Username || claims["client_id"] != s.Runtime.ClientID || strings.Count(token, "\n") != 1 {
		t.Errorf("token of %v", claims)
	}
	says(t, w.must("identity", "get-cognito-inbound-token", "--json"), `{"accessToken":"ey`)
	errOut := w.fails(1, "NotAuthorizedException", "identity", "get-inbound-token", "-p", "MARKER-PASSWORD")
	saysNot(t, errOut, "MARKER")

	// Its pool as a credential provider, with the callback URL registered at the pool's client.
	w.must("configure", "-e", "agent.py")
	w.vars["LANYARD_CLIENT_SECRET"] = s.Identity.ClientSecret
	out = w.must("identity", "create-credential-provider", "-n", "idp", "-t", "custom", "--client-id", s.Identity.ClientID, "--discovery-url", "https://idp.example.com/.well-known/openid-configuration", "--json")
	says(t, out, `"type":"custom"`)
	c, err := openCloud(t.Context(), w.environment(os.Stdout, os.Stdout), "", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := c.registerCallback(t.Context(), s.Identity.PoolID, s.Identity.ClientID, "https://lanyard.example.com/identities/oauth2/callback/x"); err != nil {
			t.Fatal(err)
		}
	}

	w.fails(1, "is there already, and knows pools that would be forgotten", "identity", "setup-cognito")
	w.fails(2, "there is no terminal to ask on; add --force", "identity", "cleanup")
	out = w.must("identity", "cleanup", "-f")
	says(t, out, "✓ Removed credential provider idp", "✓ Removed user pools "+s.Runtime.PoolID+" and "+s.Identity.PoolID)
	if left, err := readPools(flowUser); left != nil || err != nil || len(w.agent().providers()) != 0 {
		t.Errorf("left: %+v, %v, %v", left, err, w.agent().providers())
	}
	w.fails(1, "ResourceNotFoundException", "identity", "get-inbound-token")
	says(t, w.must("identity", "cleanup", "-f"), "There was nothing to remove")
}

func TestSetupCognitoM2M(t *testing.T) {
	w := newPoolWorkshop(t)
	out := w.must("identity", "setup-cognito", "--auth-flow", "m2m", "--json")
	s, err := readPools(flowM2M)
	if err != nil || s == nil {
		t.Fatal(err)
	}
	saysNot(t, out, s.Identity.ClientSecret, s.Runtime.Password)
	says(t, out, `"flow_type":"m2m"`, `"resource_server_identifier":"agentcore-m2m-`)
	args := []string{"identity", "get-inbound-token", "--auth-flow", "m2m", "--pool-id", s.Identity.PoolID, "--client-id", s.Identity.ClientID, "--client-secret"}
	token := w.must(append(args, s.Identity.ClientSecret)...)
	if claims, ok := claimsOf(api.Sensitive(strings.TrimSpace(token))); !ok || claims["scope"] == "" || claims["sub"] != s.Identity.ClientID {
		t.Errorf("token of %v", claims)
	}
	saysNot(t, w.fails(1, "answered 401", append(args, "MARKER-SECRET")...), "MARKER")
	w.must("identity", "cleanup", "-f") // without a .bedrock_agentcore.yaml
}

// TestSetupCognitoLeavesNothingHalf: pools that nobody could find again are taken away.
func TestSetupCognitoLeavesNothingHalf(t *testing.T) {
	w := newPoolWorkshop(t)
	write(t, setupEnv(flowUser)+"/taken", "") // where the second file should go
	w.fails(1, "writing "+setupEnv(flowUser), "identity", "setup-cognito")
	c, err := openCloud(t.Context(), w.environment(os.Stdout, os.Stdout), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if n := c.countPools(t); n != 0 {
		t.Errorf("%d pools are left", n)
	}
	if _, err := os.Stat(setupFile(flowUser)); err == nil {
		t.Error("a file names pools that are gone")
	}
}

func TestInboundMisuse(t *testing.T) {
	w := newWorkshop(t)
	for says, args := range map[string]string{
		`--auth-flow "x" is not one of user, m2m`: "--auth-flow x",
		"--pool-id is missing":                    "",
		`"../x" is not the id of a user pool`:     "--pool-id ../x --client-id c -u u",
		"--client-id is missing":                  "--pool-id us-west-2_abc",
		"--username is missing":                   "--pool-id us-west-2_abc --client-id c",
		"--client-secret is missing":              "--pool-id us-west-2_abc --client-id c --auth-flow m2m",
	} {
		w.fails(2, says, append([]string{"identity", "get-inbound-token"}, strings.Fields(args)...)...)
	}
	w.fails(1, "the password is missing: set RUNTIME_PASSWORD", "identity", "get-inbound-token", "--pool-id", "us-west-2_abc", "--client-id", "c", "-u", "u")
	w.fails(2, `--auth-flow "x" is not one of`, "identity", "setup-cognito", "--auth-flow", "x")
	w.fails(1, "there is no .bedrock_agentcore.yaml here", "identity", "cleanup", "-f")
}
