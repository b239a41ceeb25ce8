package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/lanyard-id/lanyard/api"
)

// launched is a workshop whose agent is launched.
func launched(t *testing.T) *workshop {
	t.Helper()
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py", "--name", "aws_jwt_demo")
	w.must("launch")
	return w
}

// inlineOf are the inline policies of the agent's role.
func (w *workshop) inlineOf(role string) []string {
	w.t.Helper()
	out, err := w.Client(w.Root).IAM.ListRolePolicies(w.t.Context(), &iam.ListRolePoliciesInput{RoleName: &role})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.PolicyNames
}

func TestLaunch(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py", "--name", "aws_jwt_demo", "--idle-timeout", "120")
	w.must("identity", "setup-aws-jwt", "--audience", "https://api.example.com")
	out := w.must("launch", "--env", "LOG_LEVEL=debug", "-env", "EMPTY=")
	a := w.agent()
	says(t, out, "✓ Packed 2 files", "✓ Execution role created: arn:aws:iam::000000000000:role/AmazonBedrockAgentCoreSDKRuntime-us-west-2-514085d196",
		"✅ AWS IAM JWT permissions added automatically\n   Audiences: https://api.example.com\n", "✓ Code uploaded", "✓ Runtime ready, version 1",
		"✅ Deployment Success", "Agent ARN: "+a.arn(), "agentcore status", `agentcore invoke '{"prompt": "Hello"}'`, "agentcore logs -f")
	if !regexp.MustCompile(`^aws_jwt_demo-[a-zA-Z0-9]{10}$`).MatchString(a.id()) || !strings.HasSuffix(a.arn(), "runtime/"+a.id()) {
		t.Errorf("id %s, arn %s", a.id(), a.arn())
	}
	spec := w.host.specs[len(w.host.specs)-1]
	if spec.Environment["LOG_LEVEL"] != "debug" || !slices.Equal(spec.EntryPoint, []string{"agent.py"}) || spec.Language != "PYTHON_3_12" || spec.IdleTimeout != 120 || spec.RoleARN != a.roleARN() {
		t.Errorf("the agent host is told %+v", spec)
	}
	if w.host.archives[spec.Source.Archive] == nil {
		t.Errorf("the archive %s did not arrive", spec.Source.Archive)
	}
	if got := w.inlineOf(roleName(a.roleARN())); !slices.Equal(got, []string{policyJWT, policyModels}) {
		t.Errorf("inline policies %v", got)
	}
	role, err := w.Client(w.Root).IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(roleName(a.roleARN()))})
	if err != nil || !slices.ContainsFunc(role.Role.Tags, func(t types.Tag) bool { return *t.Key == madeByTag && *t.Value == madeByLaunch }) || !strings.Contains(aws.ToString(role.Role.AssumeRolePolicyDocument), "bedrock-agentcore.amazonaws.com") {
		t.Errorf("role %+v, %v", role, err)
	}
}

// TestLaunchAgain: the same runtime and role, the next version, and permissions as the file has them now.
func TestLaunchAgain(t *testing.T) {
	w := launched(t)
	was := w.agent()
	role := roleName(was.roleARN())
	w.must("identity", "setup-aws-jwt", "--audience", "https://api.example.com")
	w.vars["LANYARD_CLIENT_SECRET"] = "s"
	w.must("identity", "create-credential-provider", "-n", "github", "-t", "github", "--client-id", "c")
	write(t, "agent.py", "app = 1\n")
	out := w.must("launch", "--env", "A=1")
	says(t, out, "✅ Identity permissions added automatically\n   Providers: github\n", "✅ AWS IAM JWT permissions added automatically", "✓ Runtime ready, version 2", "Agent updated")
	saysNot(t, out, "role created")
	if a := w.agent(); a.id() != was.id() || a.roleARN() != was.roleARN() {
		t.Errorf("%s with %s, was %s with %s", a.id(), a.roleARN(), was.id(), was.roleARN())
	}
	if got := w.inlineOf(role); !slices.Equal(got, []string{policyJWT, policyIdentity, policyModels}) {
		t.Errorf("inline policies %v", got)
	}
	if len(w.host.archives) != 2 {
		t.Errorf("%d archives, want one for each state of the code", len(w.host.archives))
	}

	// What the file no longer says is no longer allowed. Variables stay when none is named.
	w.must("identity", "cleanup", "--force")
	a := w.agent()
	a.setJWT(jwtSettings{})
	if err := a.project.save(); err != nil {
		t.Fatal(err)
	}
	w.must("launch")
	if got := w.inlineOf(role); !slices.Equal(got, []string{policyModels}) {
		t.Errorf("inline policies %v", got)
	}
	if spec := w.host.specs[len(w.host.specs)-1]; spec.Environment["A"] != "1" || spec.Version != "3" {
		t.Errorf("version %s with %v", spec.Version, spec.Environment)
	}
}

func TestLaunchJSON(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	var got launchedAgent
	out := w.must("launch", "--json")
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Version != "1" || got.Updated || got.ARN != w.agent().arn() || strings.Count(out, "\n") != 1 {
		t.Errorf("%s: %+v, %v", out, got, err)
	}
}

// TestLaunchUsesTheRoleGiven: it gets the permissions, and keeps its own.
func TestLaunchUsesTheRoleGiven(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py", "-er", "mine")
	w.fails(1, "the execution role arn:aws:iam::000000000000:role/mine of agent agent does not exist. Let launch make one", "launch")
	svc := w.Client(w.Root).IAM
	if _, err := svc.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("mine"), AssumeRolePolicyDocument: aws.String(trustDocument(w.agent()))}); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("mine"), PolicyName: aws.String("own"), PolicyDocument: aws.String(modelDocument(w.agent()))}); err != nil {
		t.Fatal(err)
	}
	says(t, w.must("launch"), "✓ Execution role: arn:aws:iam::000000000000:role/mine")
	if got := w.inlineOf("mine"); !slices.Equal(got, []string{policyModels, "own"}) {
		t.Errorf("inline policies %v", got)
	}
	out := w.must("destroy", "--force")
	says(t, out, "inline policy AgentCoreModelAccess of role mine", "role mine, which launch did not make", "aws iam delete-role --role-name mine")
	if got := w.inlineOf("mine"); !slices.Equal(got, []string{"own"}) {
		t.Errorf("inline policies after destroy %v", got)
	}
}

// TestLaunchMeetsAnotherRuntime: one of the same name is not taken over unasked.
func TestLaunchMeetsAnotherRuntime(t *testing.T) {
	w := launched(t)
	id := w.agent().id()
	a := w.agent()
	a.set("bedrock_agentcore.agent_id", nil)
	if err := a.project.save(); err != nil {
		t.Fatal(err)
	}
	w.fails(1, "launch with --auto-update-on-conflict", "launch")
	w.must("launch", "-auc")
	if got := w.agent().id(); got != id {
		t.Errorf("%s, want %s", got, id)
	}
	// One that is gone is made anew.
	if _, err := w.Client(w.Root).Control.DeleteAgentRuntime(t.Context(), &control.DeleteAgentRuntimeInput{AgentRuntimeId: &id}); err != nil {
		t.Fatal(err)
	}
	says(t, w.must("status"), "Gone - the runtime "+id)
	says(t, w.must("deploy"), "The runtime "+id+" that was launched before was gone; it is made anew", "version 1")
	if got := w.agent().id(); got == id || got == "" {
		t.Errorf("id %q", got)
	}
}

func TestLaunchRefuses(t *testing.T) {
	w := newWorkshop(t)
	w.fails(1, "there is no .bedrock_agentcore.yaml here", "launch")
	w.fails(2, "--local: leave it out", "launch", "-l")
	w.fails(2, "Lanyard runs the code itself", "launch", "-lb")
	w.fails(2, "Lanyard runs the code itself", "launch", "-t", "v1")
	w.fails(2, `--env "NOVALUE" is not KEY=VALUE`, "launch", "--env", "NOVALUE")
	errOut := w.fails(2, "is not KEY=VALUE", "launch", "--env", "=MARKER-SECRET")
	saysNot(t, errOut, "MARKER")
	w.must("configure", "-e", "agent.py")
	w.fails(1, `has no agent "other"; it has agent`, "launch", "-a", "other")
	write(t, "bare/agent.py", "")
	says(t, w.must("configure", "-e", "bare/agent.py", "-n", "bare"), "there is no requirements.txt beside agent.py")
	w.fails(1, "there is no requirements.txt in bare: write one that names what the agent imports", "launch")
	w.must("configure", "set-default", "agent")
	a := w.agent()
	a.set("aws.network_configuration.network_mode", "VPC")
	if err := a.project.save(); err != nil {
		t.Fatal(err)
	}
	w.fails(1, "is configured for a VPC, whose protection would not be there", "launch")
	a.set("aws.network_configuration.network_mode", "PUBLIC")
	a.set("aws.account", "123456789012")
	if err := a.project.save(); err != nil {
		t.Fatal(err)
	}
	w.fails(1, "is configured for account 123456789012, and the credentials in the environment are of account 000000000000", "launch")
	w.fails(1, "nothing was removed", "destroy", "--force")
	if _, err := w.Client(w.Root).IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(roleNameFor(a))}); err == nil {
		t.Error("a refused launch made a role")
	}
}

func TestDestroy(t *testing.T) {
	w := launched(t)
	a := w.agent()
	role := roleName(a.roleARN())
	w.must("identity", "setup-aws-jwt", "--audience", "https://api.example.com")
	w.vars["LANYARD_CLIENT_SECRET"] = "s"
	w.must("identity", "create-credential-provider", "-n", "github", "-t", "github", "--client-id", "c")
	w.must("identity", "create-workload-identity")
	w.must("launch")
	svc := w.Client(w.Root).IAM
	own, err := svc.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("QuickStart"), PolicyDocument: aws.String(modelDocument(a))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := svc.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: own.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	before := read(t, projectFileName)
	dry := w.must("destroy", "--dry-run")
	says(t, dry, "Nothing was removed yet", "runtime "+a.id(), "role "+role)
	if got := w.inlineOf(role); len(got) != 3 || read(t, projectFileName) != before {
		t.Errorf("a dry run changed something: %v", got)
	}
	w.fails(2, "there is no terminal to ask on; add --force", "destroy")

	out := w.must("destroy", "--agent", "aws_jwt_demo", "--force")
	says(t, out, "✅ Destroyed", "runtime "+a.id()+", its sessions and its workload identity", "inline policy AgentCoreAwsJwtAccess", "role "+role,
		"policy QuickStart, detached from the role\n      aws iam delete-policy --policy-arn "+aws.ToString(own.Policy.Arn),
		"credential provider github\n      aws bedrock-agentcore-control delete-oauth2-credential-provider --name github",
		"workload identity aws_jwt_demo-workload\n",
		"agent aws_jwt_demo in .bedrock_agentcore.yaml, which names the above\n      agentcore identity cleanup --agent aws_jwt_demo && agentcore destroy --agent aws_jwt_demo", "aws iam disable-outbound-web-identity-federation")
	if _, err := svc.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role}); err == nil {
		t.Error("the role is still there")
	}
	if _, err := svc.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: own.Policy.Arn}); err != nil {
		t.Errorf("the user's own policy was deleted: %v", err)
	}
	list, err := w.Client(w.Root).Control.ListAgentRuntimes(t.Context(), &control.ListAgentRuntimesInput{})
	if err != nil || len(list.AgentRuntimes) != 0 {
		t.Errorf("runtimes %v, %v", list.AgentRuntimes, err)
	}
	if a := w.agent(); a.id() != "" || a.arn() != "" || a.roleARN() != "" || len(a.providers()) != 1 {
		t.Errorf("the file says %+v", a.doc())
	}
	w.must("identity", "cleanup", "--agent", "aws_jwt_demo", "--force")
	says(t, w.must("destroy", "--force"), "whose only agent it was")
	w.fails(1, "there is no .bedrock_agentcore.yaml here", "destroy", "--force")
}

// TestDestroyAfterDeletionElsewhere: names of what is gone do not keep an agent in the file.
func TestDestroyAfterDeletionElsewhere(t *testing.T) {
	w := launched(t)
	w.vars["LANYARD_CLIENT_SECRET"] = "s"
	w.must("identity", "create-credential-provider", "-n", "github", "-t", "github", "--client-id", "c")
	if _, err := w.Client(w.Root).Control.DeleteOauth2CredentialProvider(t.Context(), &control.DeleteOauth2CredentialProviderInput{Name: aws.String("github")}); err != nil {
		t.Fatal(err)
	}
	out := w.must("destroy", "--force")
	says(t, out, "whose only agent it was")
	saysNot(t, out, "credential provider github")
}

// TestDestroySparesOthers: another agent of the file, and a role that only looks like launch's.
func TestDestroySparesOthers(t *testing.T) {
	w := launched(t)
	first := w.agent()
	w.must("configure", "-e", "agent.py", "--name", "second", "-er", first.roleARN())
	out := w.must("destroy", "-a", "aws_jwt_demo", "--force")
	says(t, out, "which second uses too", "agent aws_jwt_demo in .bedrock_agentcore.yaml")
	if a := w.agent(); a.name != "second" || len(a.project.names()) != 1 {
		t.Errorf("left are %v", a.project.names())
	}
	w.must("launch")
	svc := w.Client(w.Root).IAM
	role := roleName(first.roleARN())
	if _, err := svc.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: &role, TagKeys: []string{madeByTag}}); err != nil {
		t.Fatal(err)
	}
	says(t, w.must("destroy", "--force", "--json"), `"left":[{"what":"role `+role+`, which launch did not make"`)
	if _, err := svc.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role}); err != nil {
		t.Errorf("a role without launch's tag was deleted: %v", err)
	}
}

func TestMadeByUs(t *testing.T) {
	tag := func(k, v string) api.Tag { return api.Tag{Key: k, Value: &v} }
	for name, tc := range map[string]struct {
		tags []api.Tag
		want bool
	}{"launch's": {[]api.Tag{tag("x", "y"), tag(madeByTag, madeByLaunch)}, true}, "none": {nil, false}, "another's": {[]api.Tag{tag(madeByTag, "terraform")}, false}, "turned round": {[]api.Tag{tag(madeByLaunch, madeByTag)}, false}} {
		if got := madeByUs(&api.Role{Tags: tc.tags}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
