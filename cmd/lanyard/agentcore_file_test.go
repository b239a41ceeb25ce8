package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A file as the AWS toolkit writes it, with members that are nobody's business here.
const toolkitFile = `default_agent: writer
agents:
  writer:
    name: writer
    language: python
    node_version: '20'
    entrypoint: /srv/agents/writer/main.py
    deployment_type: direct_code_deploy
    runtime_type: PYTHON_3_11
    platform: linux/arm64
    container_runtime: null
    source_path: /srv/agents/writer
    aws:
      execution_role: arn:aws:iam::012345678901:role/AmazonBedrockAgentCoreSDKRuntime-eu-west-1-0123456789
      execution_role_auto_create: false
      account: '012345678901'
      region: eu-west-1
      ecr_repository: null
      ecr_auto_create: false
      s3_path: s3://a-bucket/with/a/prefix
      s3_auto_create: false
      network_configuration:
        network_mode: PUBLIC
        network_mode_config: null
      protocol_configuration:
        server_protocol: HTTP
      observability:
        enabled: true
      lifecycle_configuration:
        idle_runtime_session_timeout: 600
        max_lifetime: null
      a_member_of_next_year:
      - deep: 1
        list:
        - x
        - 'y: z'
    bedrock_agentcore:
      agent_id: writer-a1b2c3d4e5
      agent_arn: arn:aws:bedrock-agentcore:eu-west-1:012345678901:runtime/writer-a1b2c3d4e5
      agent_session_id: 5c1b0f9e-7d0a-4d6e-8a53-0c2f9a9f8f11
    codebuild:
      project_name: null
      execution_role: null
      source_bucket: null
    memory:
      mode: STM_ONLY
      memory_id: writer_mem-0123456789
      event_expiry_days: 30
      was_created_by_toolkit: true
    identity:
      credential_providers:
      - name: calendar
        arn: arn:aws:bedrock-agentcore:eu-west-1:012345678901:token-vault/default/oauth2credentialprovider/calendar
        type: google
        callback_url: https://bedrock-agentcore.eu-west-1.amazonaws.com/identities/oauth2/callback/1
      workload: null
    aws_jwt:
      enabled: true
      audiences:
      - https://api.example.com
      signing_algorithm: RS256
      issuer_url: https://a1.tokens.sts.global.api.aws
      duration_seconds: 900
    authorizer_configuration:
      customJWTAuthorizer:
        discoveryUrl: https://idp.example.com/.well-known/openid-configuration
        allowedClients:
        - client-1
    request_header_configuration: null
    oauth_configuration: null
    api_key_env_var_name: null
    is_generated_by_agentcore_create: false
  reader:
    name: reader
    entrypoint: /srv/agents/reader/main.py
    aws:
      account: '000000000007'
      region: us-east-1
`

func parsed(t *testing.T, text string) *project {
	t.Helper()
	p := &project{path: projectFileName}
	if err := p.parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}

func encoded(t *testing.T, p *project) string {
	t.Helper()
	b, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestToolkitFileSurvives: what is not changed stays as it was, to the byte.
func TestToolkitFileSurvives(t *testing.T) {
	if d := cmp.Diff(toolkitFile, encoded(t, parsed(t, toolkitFile))); d != "" {
		t.Errorf("the file changed by being read and written (-was +is):\n%s", d)
	}
}

// TestAChangeIsThatChangeAlone: one member changes, and one line with it.
func TestAChangeIsThatChangeAlone(t *testing.T) {
	p := parsed(t, toolkitFile)
	a, err := p.agent(testEnvironment(nil, io.Discard, io.Discard), "")
	if err != nil {
		t.Fatal(err)
	}
	s := a.jwt()
	s.Audiences = append(s.Audiences, "https://api2.example.com")
	a.setJWT(s)
	want := strings.Replace(toolkitFile, "      - https://api.example.com\n", "      - https://api.example.com\n      - https://api2.example.com\n", 1)
	if d := cmp.Diff(want, encoded(t, p)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestCommentsSurvive(t *testing.T) {
	const text = "# ours\ndefault_agent: a\nagents:\n  a:\n    name: a # the first\n    # where it lives\n    aws:\n      account: '000000000000'\n      region: us-west-2\n"
	p := parsed(t, text)
	if got := encoded(t, p); got != text {
		t.Errorf("got:\n%s", got)
	}
	p.remove("a")
	if got := encoded(t, p); strings.Contains(got, "us-west-2") {
		t.Errorf("the agent is still there:\n%s", got)
	}
}

// TestOneAgentAtTheTop: the toolkit's first form.
func TestOneAgentAtTheTop(t *testing.T) {
	p := parsed(t, "name: old\nentrypoint: agent.py\naws:\n  account: '000000000000'\n  region: us-west-2\n")
	a, err := p.agent(testEnvironment(nil, io.Discard, io.Discard), "")
	if err != nil || a.name != "old" || a.region() != "us-west-2" {
		t.Fatalf("got %+v, %v", a, err)
	}
	says(t, encoded(t, p), "default_agent: old\n", "agents:\n  old:\n    name: old\n")
}

// TestAccountIsAlwaysQuoted: scripts cut it out between the quotes, and one that looks like a number would lose its zeros.
func TestAccountIsAlwaysQuoted(t *testing.T) {
	for _, account := range []string{"000000000000", "012345678901", "089999999999", "123456789012"} {
		p := parsed(t, "{}")
		p.put("a", newAgentDoc("a")).set("aws.account", account)
		text := encoded(t, p)
		says(t, text, "      account: '"+account+"'\n")
		if got := (&agent{project: parsed(t, text), name: "a"}).account(); got != account {
			t.Errorf("%s was read back as %s", account, got)
		}
	}
	if got := (&agent{project: parsed(t, "agents: {a: {aws: {account: 123456789012}}}"), name: "a"}).account(); got != "123456789012" {
		t.Errorf("an account without quotes is read as %q", got)
	}
}

// TestScriptsFindTheirLines: the commands with which people cut values out of the file.
func TestScriptsFindTheirLines(t *testing.T) {
	newFolder(t)
	p := parsed(t, "{}")
	p.path = projectFileName
	a := p.put("my_agent", newAgentDoc("my_agent"))
	a.set("aws.account", "000000000000")
	a.set("aws.region", "us-west-2")
	a.set("aws.execution_role", "arn:aws:iam::000000000000:role/r")
	if err := p.save(); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{
		`grep "execution_role:" .bedrock_agentcore.yaml | head -1 | awk '{print $2}'`:         "arn:aws:iam::000000000000:role/r\n",
		`grep "account:" .bedrock_agentcore.yaml | head -1 | awk '{print $2}' | tr -d "'"`:    "000000000000\n",
		`grep "region:" .bedrock_agentcore.yaml | awk '{print $2}'`:                           "us-west-2\n",
		`grep -c "region:" .bedrock_agentcore.yaml`:                                           "1\n",
		`grep "account:" .bedrock_agentcore.yaml | head -1 | awk '{print $2}' | cut -c1,14`:   "''\n",
		`stat -c %a .bedrock_agentcore.yaml; ls -A | grep -c 'bedrock_agentcore.yaml\.' || :`: "644\n0\n",
	} {
		out, err := exec.Command("sh", "-c", script).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s\nsays %q (%v), want %q", script, out, err, want)
		}
	}
}

func TestSaveKeepsTheFilesMode(t *testing.T) {
	newFolder(t)
	write(t, projectFileName, toolkitFile)
	p, err := openProjectIfAny()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(projectFileName); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: a file that was private must stay so", info.Mode(), err)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	newFolder(t)
	env := testEnvironment(nil, io.Discard, io.Discard)
	for text, want := range map[string]string{
		"agents: [a, b]":                  "agents is not a map",
		"a: b: c":                         "no YAML that can be read",
		"agents:\n\tx: 1":                 "no YAML that can be read",
		"name: [1]\nentrypoint: x":        "name is not a text",
		"agents: {}":                      "has no agent; configure one with: lanyard configure",
		"agents: {a: {}, b: {}}":          "several agents and no default_agent; choose one with --agent: a, b",
		"default_agent: c\nagents: {a: }": `has no agent "c"; it has a`,
	} {
		write(t, projectFileName, text)
		p, err := openProject(env)
		if err == nil {
			_, err = p.agent(env, "")
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if read(t, projectFileName) != text {
			t.Errorf("%q was changed", text)
		}
	}
	if err := os.Remove(projectFileName); err != nil {
		t.Fatal(err)
	}
	if _, err := openProject(env); err == nil || !strings.Contains(err.Error(), "lanyard configure -e agent.py") {
		t.Errorf("without a file: %v", err)
	}
}

func TestAgentNames(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "Agent_1": true, strings.Repeat("a", 48): true,
		"": false, "1a": false, "_a": false, "a-b": false, "a.b": false, "a b": false, "ä": false, strings.Repeat("a", 49): false, "a\n": false} {
		if err := checkAgentName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
