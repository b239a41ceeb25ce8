package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigure(t *testing.T) {
	w := newWorkshop(t)
	out := w.must("configure", "-e", "agent.py", "--name", "aws_jwt_demo", "--disable-memory")
	equal(t, out, `

╭──────────────── ✅ Configuration Success ────────────────╮
│ Agent                                                    │
│ Name: aws_jwt_demo                                       │
│ Entrypoint: agent.py                                     │
│ Runtime: PYTHON_3_12                                     │
│ Region: us-west-2                                        │
│ Account: 000000000000                                    │
│                                                          │
│ Protection                                               │
│ Execution role: made by launch                           │
│ Authorization: IAM (callers sign with AWS credentials)   │
│ Memory: Disabled                                         │
│                                                          │
│ Saved to .bedrock_agentcore.yaml                         │
│                                                          │
│ Next Steps:                                              │
│ 1. agentcore launch                                      │
│ 2. agentcore invoke '{"prompt": "Hello"}'                │
╰──────────────────────────────────────────────────────────╯
`)
	a := w.agent()
	if got := textAt(a.doc(), "entrypoint"); got != w.dir+"/agent.py" {
		t.Errorf("entrypoint %s: the toolkit expects an absolute path", got)
	}
}

// TestConfigureAgainKeeps: what is not named stays, what the toolkit and other verbs wrote too.
func TestConfigureAgainKeeps(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py", "-er", "mine", "-ac", `{"customJWTAuthorizer":{"discoveryUrl":"https://idp.example.com/.well-known/openid-configuration","allowedClients":["c"]}}`, "-rha", "X-A, X-B")
	w.must("identity", "setup-aws-jwt", "--audience", "https://api.example.com", "-s", "RS256", "-d", "900")
	write(t, projectFileName, read(t, projectFileName)+"    of_next_year: 1\n")
	before := read(t, projectFileName)
	w.must("configure", "-e", "agent.py", "-ni")
	if d := cmp.Diff(before, read(t, projectFileName)); d != "" {
		t.Errorf("-was +is:\n%s", d)
	}
	says(t, before, "execution_role: arn:aws:iam::000000000000:role/mine\n", "allowedClients:\n        - c\n", "- X-A\n      - X-B\n", "signing_algorithm: RS256", "of_next_year: 1")
	w.must("configure", "-e", "agent.py", "-ac", "", "-er", "", "-rha=", "-rt", "PYTHON_3_13", "--idle-timeout", "120")
	says(t, read(t, projectFileName), "execution_role: null\n", "authorizer_configuration: null\n", "request_header_configuration: null\n", "runtime_type: PYTHON_3_13\n", "idle_runtime_session_timeout: 120\n", "of_next_year: 1")
}

func TestConfigureJSON(t *testing.T) {
	w := newWorkshop(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(w.must("configure", "-e", ".", "--json")), &got); err != nil || got["name"] != "agent" || got["aws"].(map[string]any)["account"] != "000000000000" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestConfigureElsewhere: what was deployed to another account is not mistaken for what is here.
func TestConfigureElsewhere(t *testing.T) {
	w := newWorkshop(t)
	write(t, projectFileName, toolkitFile)
	write(t, "main.py", "")
	out := w.must("configure", "-e", "main.py", "-n", "writer", "-rt", "PYTHON_3_11")
	says(t, out, "writer was deployed to account 012345678901 in eu-west-1; here it is new")
	a := w.agent()
	if a.id() != "" || a.arn() != "" || a.session() != "" || a.roleARN() != "" || a.account() != "000000000000" || a.region() != "us-west-2" {
		t.Errorf("%+v", a.doc())
	}
	says(t, read(t, projectFileName), "a_member_of_next_year:\n", "memory_id: writer_mem-0123456789\n", "account: '000000000007'\n")
}

// TestConfigureRefuses: misuse ends with 2, what cannot be done with 1, and nothing is written.
func TestConfigureRefuses(t *testing.T) {
	w := newWorkshop(t)
	write(t, "two/main.py", "")
	write(t, "two/app.py", "")
	write(t, "none/x.txt", "")
	write(t, "web/index.ts", "")
	write(t, "my.agent-é.py", "")
	for _, tc := range []struct {
		code int
		says string
		args string
	}{
		{2, "a VPC's protection would not be there", "-e agent.py --vpc --subnets subnet-1 --security-groups sg-1"},
		{2, "a VPC's protection would not be there", "-e agent.py --subnets subnet-1"},
		{2, "--protocol MCP is not served", "-e agent.py -p mcp"},
		{2, `--protocol "FTP" is not one of`, "-e agent.py -p ftp"},
		{2, "--idle-timeout 59 is not between 60 and 28800", "-e agent.py --idle-timeout 59"},
		{2, "--max-lifetime 28801 is not between", "-e agent.py --max-lifetime 28801"},
		{2, "is longer than --max-lifetime", "-e agent.py --idle-timeout 600 --max-lifetime 300"},
		{2, "--name \"a-b\" is not an agent's name", "-e agent.py -n a-b"},
		{2, `--runtime "PYTHON_2_7" is not one of`, "-e agent.py -rt python_2_7"},
		{2, `--deployment-type "zip" is not one of`, "-e agent.py -dt zip"},
		{2, "--create writes projects for AWS", "-e agent.py -c"},
		{2, `unknown command "surplus"`, "surplus"},
		{1, "-e gone.py: there is no such file or folder", "-e gone.py"},
		{1, "has main.py and app.py; say which one", "-e two"},
		{1, "has none of main.py, agent.py, app.py", "-e none"},
		{1, "index.ts is TypeScript: compile it", "-e web/index.ts"},
		{1, "is neither Python (.py), JavaScript", "-e none/x.txt"},
		{1, "--authorizer-config is no JSON object", "-e agent.py -ac {"},
		{1, "--authorizer-config must look like", `-e agent.py -ac {"x":{}}`},
		{1, "no name can be made of", "-e my.agent-é.py"},
		{1, "--execution-role \"arn:aws:iam::1:role/x\" is neither", "-e agent.py -er arn:aws:iam::1:role/x"},
		{1, `"a:b" is not the name of a header`, "-e agent.py --request-header-allowlist=X-A,a:b"},
		{1, "there is no file gone.txt", "-e agent.py -rf gone.txt"},
		{1, "--runtime NODE_22 does not start agent.py", "-e agent.py -rt NODE_22"},
	} {
		w.fails(tc.code, tc.says, append([]string{"configure"}, strings.Fields(tc.args)...)...)
	}
	if _, err := os.Stat(projectFileName); err == nil {
		t.Error("a refused configure wrote the file")
	}
}

// TestNoRegion: said with its cure, and before anything is asked for.
func TestNoRegion(t *testing.T) {
	w := newWorkshop(t)
	delete(w.vars, "AWS_REGION")
	home := t.TempDir()
	w.vars["HOME"] = home
	for _, verb := range [][]string{{"configure", "-e", "agent.py"}, {"identity", "setup-aws-jwt", "--audience", "https://a.example"}} {
		w.fails(1, "No AWS region configured. Name one with --region, or set a default:\n\n    aws configure set region us-west-2", verb...)
	}
	w.must("configure", "-e", "agent.py", "--region", "eu-central-1")
	if got := w.agent().region(); got != "eu-central-1" {
		t.Errorf("--region: %s", got)
	}
	// What the cure writes is found.
	write(t, home+"/.aws/config", "[default]\nregion = ap-south-1\n")
	w.must("configure", "-e", "agent.py")
	if got := w.agent().region(); got != "ap-south-1" {
		t.Errorf("shared configuration: %s", got)
	}
	w.vars["AWS_DEFAULT_REGION"] = "us-east-1"
	w.must("configure", "-e", "agent.py")
	if got := w.agent().region(); got != "us-east-1" {
		t.Errorf("AWS_DEFAULT_REGION: %s", got)
	}
}

// TestNobodyIsCalledUnnamed: without an endpoint, real AWS must not be called with somebody's keys.
func TestNobodyIsCalledUnnamed(t *testing.T) {
	w := newWorkshop(t)
	delete(w.vars, "LANYARD_ENDPOINT")
	for _, verb := range []string{"configure -e agent.py", "identity setup-aws-jwt --audience a", "identity setup-cognito", "identity create-workload-identity"} {
		w.fails(1, "no endpoint is set", strings.Fields(verb)...)
	}
	w.vars["LANYARD_ENDPOINT"] = "http://lanyard.example.com"
	w.fails(1, "plain http to lanyard.example.com", "configure", "-e", "agent.py")
	w.vars["LANYARD_ENDPOINT"], w.vars["AWS_ENDPOINT_URL_IAM"] = w.URL, "http://iam.example.com"
	w.fails(1, "AWS_ENDPOINT_URL_IAM", "configure", "-e", "agent.py")
}

// TestShortFlags: the toolkit's short flags of several letters, wherever they stand.
func TestShortFlags(t *testing.T) {
	for _, name := range []string{"agentcore", "/opt/bin/agentcore.exe", "lanyard", ""} {
		env := testEnvironment(nil, nil, nil)
		env.program = name
		root := rootCommand(env)
		for line, want := range map[string]string{
			"configure -e a.py -dm -ni":         "configure -e a.py --disable-memory --non-interactive",
			"configure -rt PYTHON_3_11 -er=x":   "configure --runtime PYTHON_3_11 --execution-role=x",
			"configure -n -dm":                  "configure -n -dm",
			"configure --name=-dm -dm":          "configure --name=-dm --disable-memory",
			"configure -- -dm":                  "configure -- -dm",
			"configure -s3 auto -ecr auto":      "configure --s3 auto --ecr auto",
			"launch -auc -env A=1 -env B=2 -lb": "launch --auto-update-on-conflict --env A=1 --env B=2 --local-build",
			"deploy -frd":                       "deploy --force-rebuild-deps",
			"invoke -bt T {} -u x":              "invoke --bearer-token T {} -u x",
			"invoke -- -bt":                     "invoke -- -bt",
			"identity cleanup -dm":              "identity cleanup -dm",
			"-dm":                               "-dm",
			"":                                  "",
		} {
			if got := strings.Join(spelledOut(root, strings.Fields(line)), " "); got != want {
				t.Errorf("%s %s: %s, want %s", name, line, got, want)
			}
		}
	}
}

// TestCalledAgentcore: the verbs at the top, and nothing that serves or administers.
func TestCalledAgentcore(t *testing.T) {
	for name, root := range map[string]string{"agentcore": "agentcore", "/usr/bin/agentcore": "agentcore", "lanyard": "lanyard", "": "lanyard", "agentcore-x": "lanyard"} {
		env := testEnvironment(nil, nil, nil)
		env.program = name
		c := rootCommand(env)
		if c.Name() != root {
			t.Errorf("called %q, the binary is %s", name, c.Name())
		}
		for _, verb := range []string{"configure", "launch", "deploy", "invoke", "status", "logs", "stop-session", "destroy", "identity"} {
			if sub, _, err := c.Find([]string{verb}); err != nil || sub == c {
				t.Errorf("%s has no %s", root, verb)
			}
		}
		if sub, _, _ := c.Find([]string{"serve"}); (sub != c) != (root == "lanyard") {
			t.Errorf("%s: serve is found as %s", root, sub.Name())
		}
	}
	w := newWorkshop(t)
	w.fails(2, `agentcore: there is no command "dev"; see: agentcore --help`, "dev")
	says(t, w.must(), "Run agents:", "agentcore configure -e agent.py")
}

// asking is an asker whose person has typed these lines.
func asking(b *bytes.Buffer, lines string) *asker {
	return &asker{t: drawingOn(b, 80, false), in: bufio.NewReader(strings.NewReader(lines))}
}

func TestConfigurePrompts(t *testing.T) {
	dir := newFolder(t)
	for _, tc := range []struct {
		name, lines string
		want        map[string]string
		asked       []string
	}{
		{"Enter everywhere", strings.Repeat("\n", 8), map[string]string{"name": "agent", "runtime_type": "PYTHON_3_12"},
			[]string{"Name of the agent: [agent]", "Python version: [3.12]", "Execution role", "Configure OAuth authorizer instead? (yes/no) [no]", "Pass headers of callers on to the agent? (yes/no) [no]"}},
		{"no OAuth authorizer", "\n\n\n\nNo\n\n", map[string]string{"name": "agent"}, nil},
		{"own answers", "agent.py\nmine\n3.11\nr\nyes\nhttps://idp.example.com/.well-known/openid-configuration\nc1,c2\n\n\nyes\nX-A\n", map[string]string{"name": "mine", "runtime_type": "PYTHON_3_11"}, nil},
		{"wrong answers are asked again", "gone\nagent.py\nbad-name\ngood\n2.7\n3.13\n\nperhaps\nno\n\n", map[string]string{"name": "good", "runtime_type": "PYTHON_3_13"},
			[]string{"there is no such file", "is not an agent's name", `"2.7" is not one of`, "answer yes or no"}},
	} {
		var b bytes.Buffer
		ask, o := asking(&b, tc.lines), configureOptions{given: func(string) bool { return false }}
		e, err := o.source(ask.t, ask)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		a, err := o.fill(ask.t, ask, parsed(t, "{}"), e, place{"000000000000", "us-west-2"})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		for member, want := range tc.want {
			if got := textAt(a.doc(), member); got != want {
				t.Errorf("%s: %s is %q, want %q", tc.name, member, got, want)
			}
		}
		if a.bearer() != (tc.name == "own answers") {
			t.Errorf("%s: authorizer %v", tc.name, mapAt(a.doc(), "authorizer_configuration"))
		}
		if got := textAt(a.doc(), "entrypoint"); got != dir+"/agent.py" {
			t.Errorf("%s: entrypoint %s", tc.name, got)
		}
		says(t, b.String(), tc.asked...)
	}
}

// TestPromptsEndWithTheInput: whoever closes the terminal has not agreed to anything.
func TestPromptsEndWithTheInput(t *testing.T) {
	var b bytes.Buffer
	if ok, err := asking(&b, "").yes("Remove everything?", true); ok || err == nil || !strings.Contains(err.Error(), "Nothing was changed") {
		t.Errorf("got %v, %v", ok, err)
	}
	if got, err := (&asker{t: drawingOn(&b, 80, false)}).question("x", "offered", nil); got != "offered" || err != nil {
		t.Errorf("nobody was asked, and the answer is %q, %v", got, err)
	}
}

func TestOtherLanguages(t *testing.T) {
	w := newWorkshop(t)
	write(t, "index.mjs", "")
	write(t, "prog", "#!/bin/sh\n")
	if err := os.Chmod("prog", 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	w.must("configure", "-e", "index.mjs", "-n", "node")
	says(t, read(t, projectFileName), "language: typescript\n", "deployment_type: container\n", "runtime_type: NODE_22\n")
	w.must("configure", "-e", "prog")
	if a := w.agent(); textAt(a.doc(), "runtime_type") != "EXECUTABLE" || a.name != "prog" {
		t.Errorf("%+v", a.doc())
	}
	w.fails(1, "is for Python agents", "configure", "-e", "prog", "-rf", "requirements.txt")
	out := w.must("configure", "list")
	says(t, out, "   node   index.mjs", "*  prog   prog ")
	w.must("configure", "set-default", "node")
	says(t, w.must("configure", "list", "--json"), `{"name":"node","default":true`)
	w.fails(1, `has no agent "x"; it has node, prog`, "configure", "set-default", "x")
}
