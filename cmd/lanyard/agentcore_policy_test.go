package main

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// permittedAgent is an agent with two providers, an API key, a workload identity and two audiences.
func permittedAgent(t *testing.T) *agent {
	t.Helper()
	a := parsed(t, "{}").put("my_agent", newAgentDoc("my_agent"))
	a.set("aws.account", "000000000000")
	a.set("aws.region", "us-west-2")
	return a
}

// allows asks the policy engine, as the server will.
func allows(t *testing.T, documents map[string]string, action string, resources []string, conditions map[string][]string) bool {
	t.Helper()
	c := &policy.Caller{Account: "000000000000", ARN: "arn:aws:sts::000000000000:assumed-role/r/s", Kind: policy.KindRoleSession}
	for name, text := range documents {
		doc, err := policy.Parse(name, []byte(text))
		if err != nil {
			t.Fatalf("%s is no policy: %v\n%s", name, err, text)
		}
		if w := policy.Lint(doc); len(w) > 0 {
			t.Errorf("%s: %v", name, w)
		}
		c.Policies = append(c.Policies, doc)
	}
	ctx := policy.Context{}
	for k, v := range conditions {
		ctx.Set(k, v...)
	}
	return policy.Evaluate(c, &policy.Request{Action: action, Resources: resources, Context: ctx, Now: cliNow}).Allowed
}

// TestJWTPermission: exactly the audiences, the algorithm and the duration configured.
func TestJWTPermission(t *testing.T) {
	a := permittedAgent(t)
	a.setJWT(jwtSettings{Enabled: true, Audiences: []string{"https://a.example", "https://b.example"}, Algorithm: "ES384", Duration: 300})
	ask := func(action, algorithm, duration string, audiences ...string) bool {
		return allows(t, wantedPolicies(a), action, []string{"*"}, map[string][]string{"sts:IdentityTokenAudience": audiences, "sts:SigningAlgorithm": {algorithm}, "sts:DurationSeconds": {duration}})
	}
	for _, ok := range [][]string{{"https://a.example"}, {"https://b.example"}, {"https://a.example", "https://b.example"}} {
		if !ask("sts:GetWebIdentityToken", "ES384", "300", ok...) || !ask("sts:TagGetWebIdentityToken", "ES384", "300", ok...) {
			t.Errorf("%v is refused", ok)
		}
	}
	for name, got := range map[string]bool{
		"another audience":            ask("sts:GetWebIdentityToken", "ES384", "300", "https://evil.example"),
		"one more audience":           ask("sts:GetWebIdentityToken", "ES384", "300", "https://a.example", "https://evil.example"),
		"no audience":                 ask("sts:GetWebIdentityToken", "ES384", "300"),
		"another algorithm":           ask("sts:GetWebIdentityToken", "RS256", "300", "https://a.example"),
		"a longer duration":           ask("sts:GetWebIdentityToken", "ES384", "301", "https://a.example"),
		"tags for another audience":   ask("sts:TagGetWebIdentityToken", "ES384", "300", "https://evil.example"),
		"tags for one more audience":  ask("sts:TagGetWebIdentityToken", "ES384", "300", "https://a.example", "https://evil.example"),
		"assuming a role":             ask("sts:AssumeRole", "ES384", "300", "https://a.example"),
		"minting a workload's tokens": ask("bedrock-agentcore:GetWorkloadAccessTokenForUserId", "ES384", "300", "https://a.example"),
	} {
		if got {
			t.Errorf("%s is allowed", name)
		}
	}
}

func TestNoJWTPermissionWithoutAudiences(t *testing.T) {
	a := permittedAgent(t)
	for _, s := range []jwtSettings{{}, {Enabled: true}, {Audiences: []string{"https://a.example"}}} {
		a.setJWT(s)
		if _, ok := wantedPolicies(a)[policyJWT]; ok {
			t.Errorf("%+v brings a permission", s)
		}
	}
}

const here = "arn:aws:bedrock-agentcore:us-west-2:000000000000:"

// tokenResources are what the server asks about for a resource token.
func tokenResources(kind, provider, workload string) []string {
	return []string{here + "token-vault/default/" + kind + "/" + provider, here + "token-vault/default",
		here + "workload-identity-directory/default/workload-identity/" + workload, here + "workload-identity-directory/default"}
}

// TestIdentityPermission: the providers that the file lists, for this agent's own workload identities, and nothing else.
func TestIdentityPermission(t *testing.T) {
	a := permittedAgent(t)
	if identityDocument(a) != "" {
		t.Error("an agent that uses nothing has a permission")
	}
	a.putProvider(usedProvider{Name: "github", ARN: here + "token-vault/default/oauth2credentialprovider/github"})
	a.putProvider(usedProvider{Name: "google"})
	a.set("api_key_credential_provider_name", "weather")
	a.setWorkload(usedWorkload{Name: "mine", ARN: here + "workload-identity-directory/default/workload-identity/mine"})
	docs := map[string]string{policyIdentity: identityDocument(a)}
	const own, oauth, keys = "my_agent-a1b2c3d4e5", "oauth2credentialprovider", "apikeycredentialprovider"
	directory := here + "workload-identity-directory/default"
	for _, tc := range []struct {
		name, action string
		resources    []string
		want         bool
	}{
		{"its provider", "GetResourceOauth2Token", tokenResources(oauth, "github", own), true},
		{"its other provider", "GetResourceOauth2Token", tokenResources(oauth, "google", own), true},
		{"its API key", "GetResourceApiKey", tokenResources(keys, "weather", own), true},
		{"its provider, as its workload", "GetResourceOauth2Token", tokenResources(oauth, "github", "mine"), true},
		{"acting as its workload", "GetWorkloadAccessToken", []string{directory, directory + "/workload-identity/mine"}, true},
		{"acting for who proves to be a user", "GetWorkloadAccessTokenForJWT", []string{directory, directory + "/workload-identity/mine"}, true},
		{"acting for a user of its own choice", "GetWorkloadAccessTokenForUserId", []string{directory, directory + "/workload-identity/mine"}, false},
		{"another provider", "GetResourceOauth2Token", tokenResources(oauth, "payroll", own), false},
		{"a provider with its name in front", "GetResourceOauth2Token", tokenResources(oauth, "github2", own), false},
		{"another agent's workload", "GetResourceOauth2Token", tokenResources(oauth, "github", "other_agent-a1b2c3d4e5"), false},
		{"another agent with its name in front", "GetResourceOauth2Token", tokenResources(oauth, "github", "my_agent_two-a1b2c3d4e5"), false},
		{"another API key", "GetResourceApiKey", tokenResources(keys, "github", own), false},
		{"an OAuth provider as an API key", "GetResourceApiKey", tokenResources(oauth, "github", own), false},
		{"acting as another workload", "GetWorkloadAccessToken", []string{directory, directory + "/workload-identity/other"}, false},
		{"acting as its own runtime's workload", "GetWorkloadAccessToken", []string{directory, directory + "/workload-identity/" + own}, false},
		{"reading providers", "GetOauth2CredentialProvider", []string{here + "token-vault/default", here + "token-vault/default/oauth2credentialprovider/github"}, false},
		{"making workloads", "CreateWorkloadIdentity", []string{directory}, false},
	} {
		if got := allows(t, docs, "bedrock-agentcore:"+tc.action, tc.resources, nil); got != tc.want {
			t.Errorf("%s: allowed %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestTrust: the runtime service, for this account and region.
func TestTrust(t *testing.T) {
	doc, err := policy.ParseTrust("trust", []byte(trustDocument(permittedAgent(t))))
	if err != nil {
		t.Fatal(err)
	}
	service := func(name string) *policy.Caller {
		return &policy.Caller{Account: "000000000000", Kind: policy.KindService, Name: name}
	}
	ask := func(c *policy.Caller, account, arn string) bool {
		ctx := policy.Context{}
		ctx.Set("aws:SourceAccount", account)
		ctx.Set("aws:SourceArn", arn)
		return policy.EvaluateTrust(doc, c, &policy.Request{Action: "sts:AssumeRole", Resources: []string{"arn:aws:iam::000000000000:role/r"}, Context: ctx, Now: cliNow}).Allowed
	}
	const runtime = here + "runtime/my_agent-a1b2c3d4e5"
	if !ask(service("bedrock-agentcore.amazonaws.com"), "000000000000", runtime) {
		t.Error("the runtime service is kept out")
	}
	for name, got := range map[string]bool{
		"another service":  ask(service("lambda.amazonaws.com"), "000000000000", runtime),
		"another account":  ask(service("bedrock-agentcore.amazonaws.com"), "111111111111", runtime),
		"another region":   ask(service("bedrock-agentcore.amazonaws.com"), "000000000000", strings.Replace(runtime, "us-west-2", "eu-west-1", 1)),
		"a user":           ask(&policy.Caller{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/u", Kind: policy.KindUser}, "000000000000", runtime),
		"the account root": ask(&policy.Caller{Account: "000000000000", ARN: "arn:aws:iam::000000000000:root", Kind: policy.KindRoot}, "000000000000", runtime),
	} {
		if got {
			t.Errorf("%s may take the role on", name)
		}
	}
}

func TestModelPermission(t *testing.T) {
	docs := map[string]string{policyModels: modelDocument(permittedAgent(t))}
	for _, arn := range []string{"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude", "arn:aws:bedrock:us-west-2:000000000000:inference-profile/us.anthropic.claude"} {
		if !allows(t, docs, "bedrock:InvokeModel", []string{arn}, nil) || !allows(t, docs, "bedrock:InvokeModelWithResponseStream", []string{arn}, nil) {
			t.Errorf("%s is refused", arn)
		}
		if allows(t, docs, "bedrock:DeleteCustomModel", []string{arn}, nil) {
			t.Errorf("deleting %s is allowed", arn)
		}
	}
}

// TestRoleNameIsTheToolkits: both programs find the role that either made.
func TestRoleNameIsTheToolkits(t *testing.T) {
	a := parsed(t, "{}").put("aws_jwt_demo", newAgentDoc("aws_jwt_demo"))
	a.set("aws.region", "us-west-2")
	if got, want := roleNameFor(a), "AmazonBedrockAgentCoreSDKRuntime-us-west-2-514085d196"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
