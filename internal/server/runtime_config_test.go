package server_test

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA41_RolesArePassedByPermission: nobody gives an agent a role that they may not pass, that is not the account's, or
// that does not trust agents: the agent would be a way to permissions its maker never had.
func TestA41_RolesArePassedByPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := identity.LocalAdmin(w.Account)
	for name, trust := range map[string]string{
		"users-only": trust, "everybody": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`,
		"another-service":  strings.Replace(serviceTrust, "bedrock-agentcore.amazonaws.com", "lambda.amazonaws.com", 1),
		"another-account":  strings.Replace(serviceTrust, "000000000000", "111111111111", 1),
		"denied":           denyingTrust,
		"another-resource": strings.Replace(serviceTrust, "000000000000:*", "000000000000:gateway/*", 1),
	} {
		_, err := w.Identity.CreateRole(t.Context(), root, identity.NewRole{Name: name, Trust: trust})
		check(t, err)
		sample := w.sample(api.CreateAgentRuntime)
		sample["roleArn"] = iamPrefix + "role/" + name
		a := w.Call(t, w.Root, api.CreateAgentRuntime, sample)
		refused(t, a, api.ValidationException)
		if !strings.Contains(a.Exception.Message, "does not trust agent runtimes") {
			t.Errorf("%s: %s", name, a.Exception.Message)
		}
	}
	for name, c := range map[string]struct {
		policy string
		status int
	}{
		"creator":        {servertest.Allow("*", "bedrock-agentcore:CreateAgentRuntime"), 403},
		"passes-another": {twoStatements(`"iam:PassRole"`, iamPrefix+"role/other", ""), 403},
		"to-another":     {twoStatements(`"iam:PassRole"`, runtimeRoleARN, `,"Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}`), 403},
		"passes":         {twoStatements(`"iam:PassRole"`, runtimeRoleARN, `,"Condition":{"StringEquals":{"iam:PassedToService":"bedrock-agentcore.amazonaws.com"}}`), 202},
	} {
		sample := w.sample(api.CreateAgentRuntime)
		sample["agentRuntimeName"] = strings.ReplaceAll(name, "-", "_")
		a := w.Call(t, w.User(t, name, c.policy), api.CreateAgentRuntime, sample)
		if a.Status != c.status {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		r := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
		if c.status == 403 && (!strings.Contains(a.Exception.Message, "iam:PassRole") || len(r) != 1 || r[0].Result != identity.AuditDenied) {
			t.Errorf("%s: %s, audited as %+v", name, a.Exception.Message, r)
		}
	}
	for _, arn := range []string{iamPrefix + "role/nonesuch", "arn:aws:iam::111111111111:role/agents", iamPrefix + "role/path/agents"} {
		sample := w.sample(api.UpdateAgentRuntime)
		sample["roleArn"] = arn
		refused(t, w.Call(t, w.Root, api.UpdateAgentRuntime, sample), api.ValidationException)
	}
}

const denyingTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock-agentcore.amazonaws.com"},"Action":"sts:AssumeRole"},
	{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}`

func twoStatements(action, resource, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock-agentcore:*","Resource":"*"},{"Effect":"Allow","Action":` + action + `,"Resource":"` + resource + `"` + condition + `}]}`
}

// TestWhatIsNotServedIsSaid: what unmodified clients may send and Lanyard does not run is refused by its name, with what
// to do.
func TestWhatIsNotServedIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.check = func(s *hostlink.Spec) error {
		if s.Source.Directory == "/etc" {
			return hostlink.Errorf(hostlink.CodeSource, "the directory /etc is not below one that the configuration lists")
		}
		return nil
	}
	code := func(change func(code, s3 map[string]any)) map[string]any {
		s3 := map[string]any{"bucket": "lanyard-directory", "prefix": "/srv/agent"}
		c := map[string]any{"code": map[string]any{"s3": s3}, "runtime": "PYTHON_3_12", "entryPoint": []any{"agent.py"}}
		change(c, s3)
		return map[string]any{"codeConfiguration": c}
	}
	jwt := func(members map[string]any) map[string]any { return map[string]any{"customJWTAuthorizer": members} }
	claim := func(kind, operator string, value map[string]any) map[string]any {
		return jwt(map[string]any{"discoveryUrl": w.agent.IDP.DiscoveryURL, "customClaims": []any{map[string]any{"inboundTokenClaimName": "c", "inboundTokenClaimValueType": kind,
			"authorizingClaimMatchValue": map[string]any{"claimMatchOperator": operator, "claimMatchValue": value}}}})
	}
	for name, c := range map[string]struct {
		member string
		value  any
		says   string
	}{
		"container":  {"agentRuntimeArtifact", map[string]any{"containerConfiguration": map[string]any{"containerUri": "123456789012.dkr.ecr.us-west-2.amazonaws.com/a:1"}}, "lanyard launch"},
		"S3 bucket":  {"agentRuntimeArtifact", code(func(_, s3 map[string]any) { s3["bucket"] = "my-bucket" }), "lanyard launch"},
		"not a hash": {"agentRuntimeArtifact", code(func(_, s3 map[string]any) { s3["bucket"], s3["prefix"] = "lanyard-archives", "sha256/../../etc" }), "SHA-256"},
		"archive not there": {"agentRuntimeArtifact", code(func(_, s3 map[string]any) {
			s3["bucket"], s3["prefix"] = "lanyard-archives", "sha256/"+strings.Repeat("a", 64)
		}), "lanyard launch"},
		"directory":          {"agentRuntimeArtifact", code(func(_, s3 map[string]any) { s3["prefix"] = "/etc" }), "not below one"},
		"relative directory": {"agentRuntimeArtifact", code(func(_, s3 map[string]any) { s3["prefix"] = "../agent" }), "clean absolute path"},
		"object version":     {"agentRuntimeArtifact", code(func(_, s3 map[string]any) { s3["versionId"] = "abc" }), "versionId"},
		"VPC":                {"networkConfiguration", map[string]any{"networkMode": "VPC"}, "PUBLIC"},
		"file system":        {"filesystemConfigurations", []any{}, "file systems"},
		"MCP":                {"protocolConfiguration", map[string]any{"serverProtocol": "MCP"}, "protocol MCP"},
		"credentials":        {"environmentVariables", map[string]any{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil"}, "set by the agent host"},
		"NUL":                {"environmentVariables", map[string]any{"A": "a\x00b"}, "NUL"},
		"lifetimes":          {"lifecycleConfiguration", map[string]any{"idleRuntimeSessionTimeout": 700, "maxLifetime": 600}, "longer than maxLifetime"},
		"identity header":    {"requestHeaderConfiguration", map[string]any{"requestHeaderAllowlist": []any{"Workloadaccesstoken"}}, "set by Lanyard"},
		"everybody's tokens": {"authorizerConfiguration", jwt(map[string]any{"discoveryUrl": w.agent.IDP.DiscoveryURL}), "at least one of"},
		"no document":        {"authorizerConfiguration", jwt(map[string]any{"discoveryUrl": w.URL + "/nowhere/.well-known/openid-configuration", "allowedAudience": []any{"a"}}), "discovery document"},
		"metadata address":   {"authorizerConfiguration", jwt(map[string]any{"discoveryUrl": "http://169.254.169.254/.well-known/openid-configuration", "allowedAudience": []any{"a"}}), "discovery document"},
		"EQUALS of a list":   {"authorizerConfiguration", claim("STRING_ARRAY", "EQUALS", map[string]any{"matchValueString": "x"}), "CONTAINS"},
		"CONTAINS of a text": {"authorizerConfiguration", claim("STRING", "CONTAINS", map[string]any{"matchValueString": "x"}), "EQUALS"},
		"list for a text":    {"authorizerConfiguration", claim("STRING", "EQUALS", map[string]any{"matchValueStringList": []any{"x"}}), "EQUALS"},
		"workload chains":    {"authorizerConfiguration", jwt(map[string]any{"discoveryUrl": w.agent.IDP.DiscoveryURL, "allowedAudience": []any{"a"}, "allowedWorkloadConfiguration": map[string]any{}}), "chains"},
	} {
		sample := w.sample(api.CreateAgentRuntime)
		delete(sample, "authorizerConfiguration")
		sample[c.member] = c.value
		a := w.Call(t, w.Root, api.CreateAgentRuntime, sample)
		if a.Exception.Name != api.ValidationException || !strings.Contains(a.Exception.Message, c.says) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if l := w.Records(t, w.Account, identity.KindRuntime); len(l) != 1 {
		t.Errorf("%d runtimes exist, want the one of before", len(l))
	}
	if l := w.Records(t, w.Account, identity.KindWorkload); len(l) != 2 {
		t.Errorf("%d workload identities exist, want the two of before", len(l))
	}
}

// TestClientTokens: what is sent again with its token is done once; with other parameters it is refused.
func TestClientTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := strings.Repeat("t", 40)
	sample := w.sample(api.CreateAgentRuntime)
	sample["clientToken"] = token
	var first, again api.CreateAgentRuntimeResponse
	w.Call(t, w.Root, api.CreateAgentRuntime, sample).Into(t, &first)
	w.Call(t, w.Root, api.CreateAgentRuntime, sample).Into(t, &again)
	if first.ID == "" || first.ID != again.ID {
		t.Errorf("made %s, then %s", first.ID, again.ID)
	}
	sample["environmentVariables"] = map[string]any{"A": "another"}
	refused(t, w.Call(t, w.Root, api.CreateAgentRuntime, sample), api.ValidationException)
	delete(sample, "clientToken")
	refused(t, w.Call(t, w.Root, api.CreateAgentRuntime, sample), api.ConflictException)

	update := w.sample(api.UpdateAgentRuntime)
	update["clientToken"] = token
	var two, same, three api.UpdateAgentRuntimeResponse
	w.Call(t, w.Root, api.UpdateAgentRuntime, update).Into(t, &two)
	w.Call(t, w.Root, api.UpdateAgentRuntime, update).Into(t, &same)
	update["clientToken"] = strings.Repeat("u", 40)
	w.Call(t, w.Root, api.UpdateAgentRuntime, update).Into(t, &three)
	if two.Version != "2" || same.Version != "2" || three.Version != "3" {
		t.Errorf("versions %s, %s, %s", two.Version, same.Version, three.Version)
	}
	endpoint := map[string]any{"agentRuntimeId": w.runtime, "name": "prod", "clientToken": token}
	for range 2 {
		if a := w.Call(t, w.Root, api.CreateAgentRuntimeEndpoint, endpoint); a.Status != 202 {
			t.Errorf("an endpoint: %d %s", a.Status, a.Body)
		}
	}
	delete(endpoint, "clientToken")
	refused(t, w.Call(t, w.Root, api.CreateAgentRuntimeEndpoint, endpoint), api.ConflictException)
}

// TestVersionsAreKept: a version that an endpoint leads to stays, and numbers are never used twice.
func TestVersionsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	remove := func(version string) *servertest.Answer {
		return w.Call(t, w.Root, api.DeleteAgentRuntime, map[string]any{"agentRuntimeId": w.runtime, "agentRuntimeVersion": version})
	}
	for range 2 {
		if a := w.Call(t, w.Root, api.UpdateAgentRuntime, w.sample(api.UpdateAgentRuntime)); a.Status != 202 {
			t.Fatal(string(a.Body))
		}
	}
	w.Call(t, w.Root, api.CreateAgentRuntimeEndpoint, map[string]any{"agentRuntimeId": w.runtime, "name": "prod", "agentRuntimeVersion": "1"})
	refused(t, remove("3"), api.ConflictException)
	refused(t, remove("1"), api.ConflictException)
	refused(t, remove("9"), api.ResourceNotFoundException)
	if a := remove("2"); a.Status != 202 {
		t.Errorf("an idle version: %d %s", a.Status, a.Body)
	}
	refused(t, w.Call(t, w.Root, api.GetAgentRuntime, map[string]any{"agentRuntimeId": w.runtime, "agentRuntimeVersion": "2"}), api.ResourceNotFoundException)
	var next api.UpdateAgentRuntimeResponse
	w.Call(t, w.Root, api.UpdateAgentRuntime, w.sample(api.UpdateAgentRuntime)).Into(t, &next)
	if next.Version != "4" {
		t.Errorf("the next version is %s", next.Version)
	}
}

// TestMembersInTheWrongPlace: a member of the path or query that is sent in the body means something that the operation
// does not do.
func TestMembersInTheWrongPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, body := range []string{`{"agentRuntimeId":"other-0123456789"}`, `{"maxResults":5}`} {
		req := w.Request(t, api.ListAgentRuntimeVersions, map[string]any{"agentRuntimeId": w.runtime})
		again := mustRequest(t, req, body)
		refused(t, w.Send(t, w.Root, again), api.ValidationException)
	}
	twice := w.Request(t, api.ListAgentRuntimes, map[string]any{})
	twice.URL.RawQuery = "maxResults=1&maxResults=2"
	refused(t, w.Send(t, w.Root, twice), api.ValidationException)
	text := w.Request(t, api.ListAgentRuntimes, map[string]any{"maxResults": "many"})
	refused(t, w.Send(t, w.Root, text), api.ValidationException)
}
