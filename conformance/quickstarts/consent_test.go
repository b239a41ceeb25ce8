//go:build quickstarts

package quickstarts_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
	"github.com/lanyard-id/lanyard/conformance/quickstarts/document"
	"github.com/lanyard-id/lanyard/conformance/quickstarts/terminal"
)

const (
	consentName     = "agentcoreidentityquickstart"
	consentProvider = "AgentCoreIdentityQuickStartProvider"
	consentUser     = "SampleUserID"
)

// consent is the state of one reading of the document.
type consent struct {
	*bed
	blocks    []document.Block
	variables map[string]string // those that the pool's script prints
	role      string
	before    string // records
	event     obtained
}

// obtained is the last event of the agent's stream.
type obtained struct {
	Message string         `json:"message"`
	Claims  map[string]any `json:"token_claims"`
	Length  int            `json:"token_length"`
	Preview string         `json:"token_preview"`
}

func (c *consent) block(n int) string { return c.blocks[n].Text }

// TestConsent reads the second document from its first command to its last, with the consent in a browser.
func TestConsent(t *testing.T) {
	t.Parallel()
	c := &consent{}
	_, c.blocks = consentBlocks(t)
	c.bed = newBed(t)
	c.before = c.records(t)
	steps(t, []step{
		{"install", c.install}, {"pool", c.pool}, {"provider", c.provider}, {"agent", c.agent}, {"configure", c.configure},
		{"launch", c.launch}, {"policy", c.policy}, {"interrupted", c.interrupted}, {"invoke", c.invoke}, {"logs", c.logs}, {"verified", c.verified},
		{"practices", c.practices}, {"cleanup", c.cleanUp},
	})
}

func (c *consent) install(t *testing.T) {
	c.run(t, c.block(consentInstall), install)
	c.run(t, linePath, quick)
	c.save(t, "requirements.txt", c.block(consentRequirements))
	want(t, c.run(t, "python --version\naws --version\naws configure get region\naws sts get-caller-identity\nreadlink \"$(command -v agentcore)\"\n", quick),
		`^Python 3\.1\d`, `^aws-cli/2`, `^us-west-2$`, `"Account": "000000000000"`, `^lanyard$`)
	shows(t, "C1", "C2", "C10", "C11", "C12", "C13")
}

var assignment = regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`)

// pool saves the script and runs it. One password in ninety begins with a dash, which the AWS CLI takes for an option:
// then the script is run again, as a person would.
func (c *consent) pool(t *testing.T) {
	c.save(t, "create_cognito.sh", c.block(consentPool))
	var out string
	for {
		out = c.try(t, "bash create_cognito.sh\n", quick).Output
		c.variables = map[string]string{}
		for _, m := range assignment.FindAllStringSubmatch(out, -1) {
			c.variables[m[1]] = m[2]
		}
		if !strings.HasPrefix(c.variables["COGNITO_PASSWORD"], "-") {
			break
		}
		c.run(t, "aws cognito-idp delete-user-pool --user-pool-id "+c.variables["USER_POOL_ID"]+"\n", quick)
	}
	for label, name := range map[string]string{"User Pool ID": "USER_POOL_ID", "Client ID": "CLIENT_ID", "Client Secret": "CLIENT_SECRET", "Issuer URL": "ISSUER_URL",
		"Hosted UI URL": "HOSTED_UI_URL", "Test User": "COGNITO_USERNAME", "Test Password": "COGNITO_PASSWORD"} {
		if c.variables[name] == "" || !strings.Contains(out, label+": "+c.variables[name]+"\n") {
			t.Errorf("%s is %q in\n%s", label, c.variables[name], out)
		}
	}
	c.run(t, strings.Join(assignment.FindAllString(out, -1), "\n")+"\n", quick)
	want(t, c.run(t, "aws cognito-idp describe-user-pool --user-pool-id $USER_POOL_ID\naws cognito-idp list-user-pool-clients --user-pool-id $USER_POOL_ID\n"+
		"aws cognito-idp admin-get-user --user-pool-id $USER_POOL_ID --username $COGNITO_USERNAME\n", quick),
		`"Name": "AgentCoreIdentityQuickStartPool"`, `"ClientName": "AgentCoreQuickStart"`, `"UserStatus": "CONFIRMED"`)
	shows(t, "C3", "C14", "C15", "C16", "C24")
}

func (c *consent) provider(t *testing.T) {
	out := c.run(t, c.block(consentRegister), quick)
	want(t, out, `"name": "`+consentProvider+`"`, `"callbackUrl": "`+c.endpoint+`/identities/oauth2/callback/`, `token-vault/default/oauth2credentialprovider/`)
	if strings.Contains(out, c.variables["CLIENT_SECRET"]) {
		t.Error("the answer has the client secret")
	}
	shows(t, "C4", "C25")
}

func (c *consent) agent(t *testing.T) {
	c.save(t, consentName+".py", c.block(consentAgent))
	shows(t, "C5")
}

// configure answers the questions: Enter to all, and "no" where the document says so.
func (c *consent) configure(t *testing.T) {
	out, asked := c.answering(t, c.block(consentConfigure))
	if !slices.ContainsFunc(asked, func(q string) bool { return strings.Contains(q, "OAuth authorizer") }) {
		t.Errorf("nobody asked about an OAuth authorizer: %q", asked)
	}
	want(t, out, "Configuration Success", "Name: "+consentName, "IAM")
	want(t, c.run(t, "cat .bedrock_agentcore.yaml\n", quick), "account: '000000000000'", "region: us-west-2")
	shows(t, "C6", "C27")
}

func (c *consent) launch(t *testing.T) {
	out := c.run(t, c.block(consentLaunch), install)
	want(t, out, "agentcore logs")
	c.role = group(t, c.run(t, "cat .bedrock_agentcore.yaml\n", quick), `execution_role: (arn:aws:iam::000000000000:role/\S+)`)
	shows(t, "C7", "C40")
}

func (c *consent) policy(t *testing.T) {
	out := c.run(t, c.block(consentPolicy), quick)
	want(t, out, "^Execution Role: "+regexp.QuoteMeta(c.role)+"$", "^Account: 000000000000$", "^Region: us-west-2$",
		"^Policy created and attached: arn:aws:iam::000000000000:policy/AgentCoreIdentityQuickStartPolicy[0-9]{4}$")
	want(t, c.run(t, "aws iam list-attached-role-policies --role-name "+roleName(c.role)+"\n", quick), "AgentCoreIdentityQuickStartPolicy")
	shows(t, "C8", "C28")
}

var authorizationURL = regexp.MustCompile(`Authorization URL, please copy to your preferred browser: (http://[^\s"\\]+)`)

const sessionID = "ALongThirtyThreeCharacterMinimumSessionIdYouCanChangeThisAsYouNeed"

// begin invokes until the agent has printed where the user consents.
func (c *consent) begin(t *testing.T, command string) (*terminal.Running, string) {
	t.Helper()
	r, err := c.terminal.Begin(command)
	check(t, err)
	m, err := r.Until(authorizationURL, install)
	check(t, err)
	t.Log(r.Screen())
	return r, m[1]
}

// interrupted begins in another session and gives up; a session id that is too short is refused.
func (c *consent) interrupted(t *testing.T) {
	if !strings.Contains(c.block(consentInvoke), sessionID) {
		t.Fatalf("the document's session is another one: %s", c.block(consentInvoke))
	}
	c.refused(t, strings.ReplaceAll(c.block(consentInvoke), sessionID, "short"), "33")
	r, _ := c.begin(t, strings.ReplaceAll(c.block(consentInvoke), sessionID, "Interrupted"+sessionID))
	check(t, r.Interrupt(quick))
	want(t, c.run(t, "echo back at the prompt\n", quick), "back at the prompt")
	shows(t, "C29", "C32")
}

// invoke runs the document's command in its new session, and consents in a browser as the user of the pool.
func (c *consent) invoke(t *testing.T) {
	r, url := c.begin(t, c.block(consentInvoke))
	tab := bench.Tab(t)
	tab.Open(url)
	tab.Reach(c.endpoint + "/cognito/")
	fill := func(selector, text string) chromedp.Action[chromedp.Void] {
		return chromedp.SetValue(chromedp.CSS(selector), text)
	}
	tab.Load(fill("#username", c.variables["COGNITO_USERNAME"]), fill("#password", c.variables["COGNITO_PASSWORD"]), chromedp.Click(chromedp.CSS(`button[type="submit"]`)))
	if strings.HasPrefix(tab.Reach(c.endpoint), c.endpoint+"/cognito/") {
		tab.Load(chromedp.Click(chromedp.CSS(`button[value="allow"]`)))
	}
	tab.Reach(c.endpoint + "/identities/")
	page := lab.Eval[string](tab, "document.body.innerText")
	want(t, page, "(?i)success|you can close|connected|done")

	result, err := r.Wait(install)
	check(t, err)
	t.Log(result.Output)
	if result.Status != 0 {
		t.Fatalf("status %d", result.Status)
	}
	c.event = lastEvent(t, result.Output)
	if c.event.Message == "" || c.event.Claims["username"] != c.variables["COGNITO_USERNAME"] || c.event.Claims["client_id"] != c.variables["CLIENT_ID"] {
		t.Errorf("the stream ends with %+v", c.event)
	}
	shows(t, "C9", "C26", "C30", "C31")
}

// lastEvent is the object behind which the answer has nothing.
func lastEvent(t *testing.T, output string) obtained {
	t.Helper()
	var e obtained
	start := strings.LastIndex(output, "\n{")
	if start < 0 {
		t.Fatalf("no event in\n%s", output)
	}
	check(t, json.Unmarshal([]byte(output[start:]), &e))
	return e
}

// verified lets the agent's next version hand out the token of the same consent, verifies it elsewhere, and compares it
// with what the document's agent said.
func (c *consent) verified(t *testing.T) {
	code, err := os.ReadFile("agents/witness.py")
	check(t, err)
	c.save(t, "witness.py", string(code))
	c.run(t, "agentcore configure -e witness.py --name "+consentName+" -ni\nagentcore launch\n", install)
	p := readProbe(t, c.run(t, "agentcore invoke --json '{}' --user-id "+consentUser+"\n", install))
	issuer := strings.TrimSuffix(c.variables["ISSUER_URL"], "/.well-known/openid-configuration")
	out := c.shell(t, "echo "+p.Token+" | "+c.program(t, "user_token.py", c.variables["CLIENT_ID"], issuer,
		c.endpoint+"/cognito/"+c.variables["USER_POOL_ID"]+"/.well-known/openid-configuration"))
	var got struct {
		Claims  map[string]any
		Length  int
		Preview string
	}
	check(t, json.Unmarshal([]byte(out), &got))
	if got.Length != c.event.Length || got.Preview != c.event.Preview || fmt.Sprint(got.Claims) != fmt.Sprint(c.event.Claims) {
		t.Errorf("verified %+v\nthe agent says %+v", got, c.event)
	}
	shows(t, "C33")
}

// logs reads what the agent wrote, by the command that launch prints.
func (c *consent) logs(t *testing.T) {
	want(t, c.run(t, "agentcore logs --agent "+consentName+"\n", quick), "Agent invocation started", "decorator succeeded")
	shows(t, "C34")
}

// practices checks those of the document's closing list that a program can check: no secret is in what the developer
// writes or reads, the role has no more than it needs, and the audit tells who did what.
func (c *consent) practices(t *testing.T) {
	files := c.run(t, "cat "+consentName+".py .bedrock_agentcore.yaml requirements.txt\nagentcore logs\n", quick)
	for _, secret := range []string{"CLIENT_SECRET", "COGNITO_PASSWORD"} {
		if strings.Contains(files, c.variables[secret]) {
			t.Errorf("%s is in a file or in the log", secret)
		}
	}
	reach := "aws iam simulate-principal-policy --policy-source-arn " + c.role + " --action-names bedrock-agentcore:GetResourceOauth2Token" +
		" --resource-arns arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/oauth2credentialprovider/%s --query EvaluationResults[].EvalDecision --output text\n"
	want(t, c.run(t, fmt.Sprintf(reach, consentProvider), quick), "^allowed$")
	want(t, c.run(t, fmt.Sprintf(reach, "AnotherProvider"), quick), "^implicitDeny$")
	c.run(t, strings.Replace(c.block(consentRegister), "create-oauth2", "update-oauth2", 1), quick)
	c.refused(t, "aws bedrock-agentcore get-resource-oauth2-token --workload-identity-token none --scopes openid --oauth2-flow USER_FEDERATION --resource-credential-provider-name "+consentProvider+"\n",
		"workload access token")
	want(t, c.run(t, "lanyard audit find --user "+consentUser+" --action GetResourceOauth2Token --json\n", quick), "GetResourceOauth2Token", consentUser)
	shows(t, "C17", "C18", "C19", "C20", "C21", "C22")
}

// cleanUp removes what the document lists, and looks whether anything is left.
func (c *consent) cleanUp(t *testing.T) {
	if c.records(t) == c.before {
		t.Error("nothing was made that could be left")
	}
	policy := strings.TrimSpace(c.run(t, "aws iam list-policies --scope Local --query Policies[0].Arn --output text\n", quick))
	c.run(t, "agentcore destroy --agent "+consentName+" --force\n", quick)
	c.refused(t, "aws iam get-role --role-name "+roleName(c.role)+"\n", "NoSuchEntity")
	c.run(t, "aws bedrock-agentcore-control delete-oauth2-credential-provider --name "+consentProvider+"\n"+
		"aws cognito-idp delete-user-pool-domain --user-pool-id $USER_POOL_ID --domain $(echo $HOSTED_UI_URL | sed -E 's,https://([^.]+).*,\\1,')\n"+
		"aws cognito-idp delete-user-pool --user-pool-id $USER_POOL_ID\naws iam delete-policy --policy-arn "+policy+"\n", quick)
	c.refused(t, "aws cognito-idp admin-get-user --user-pool-id $USER_POOL_ID --username $COGNITO_USERNAME\n", "ResourceNotFoundException")
	if left := c.records(t); left != c.before {
		t.Errorf("there was\n%s\nand is left\n%s", c.before, left)
	}
	nothingRuns(t, c.home+"/lanyard-data", "python")
	shows(t, "C23", "C35", "C36", "C37", "C38", "C39")
}
