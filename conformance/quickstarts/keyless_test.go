//go:build quickstarts

package quickstarts_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/quickstarts/document"
)

// Places of the fenced blocks in the first document.
const (
	keylessInstall = iota
	keylessAgent
	keylessRequirements
	keylessConfigure
	keylessEnable
	keylessEnabled // what it prints
	keylessSecondAudience
	keylessList
	keylessListed
	keylessLaunch
	keylessLaunched
	keylessInvoke
	keylessInvoked
	keylessClaims
	keylessDestroy
	keylessRegion
	keylessAudience
	keylessUpgrade
	keylessDecorator
)

const (
	keylessName     = "aws_jwt_demo"
	firstAudience   = "https://api.example.com"
	secondAudience  = "https://api2.example.com"
	correctAudience = "https://correct-audience.example.com"
)

// keyless is the state of one reading of the document.
type keyless struct {
	*bed
	blocks []document.Block
	issuer string // as setup-aws-jwt printed it
	role   string
	before string // records
}

// block is one of the document's, as it stands.
func (k *keyless) block(n int) string { return k.blocks[n].Text }

func keylessBlocks(t *testing.T) (document.Lines, []document.Block) {
	t.Helper()
	lines := seed(t, keylessDocument)
	blocks, err := lines.Fenced()
	check(t, err)
	return lines, blocks
}

// TestKeyless reads the first document from its first command to its last, and on the way makes every mistake that it
// knows a remedy for.
func TestKeyless(t *testing.T) {
	t.Parallel()
	k := &keyless{}
	_, k.blocks = keylessBlocks(t)
	k.bed = newBed(t)
	k.before = k.records(t)
	steps(t, []step{
		{"install", k.install}, {"files", k.files}, {"configure", k.configure}, {"enable", k.enable}, {"list", k.list},
		{"launch", k.launch}, {"invoke", k.invoke}, {"claims", k.claims}, {"decorator", k.decorator},
		{"no region", k.noRegion}, {"wrong audience", k.wrongAudience}, {"service rejects", k.serviceRejects},
		{"not enabled", k.notEnabled}, {"denied", k.denied}, {"old boto3", k.oldBoto3}, {"cleanup", k.cleanUp},
	})
}

type step struct {
	name string
	do   func(*testing.T)
}

// steps runs one after the other until one fails: what follows builds on it.
func steps(t *testing.T, list []step) {
	for _, s := range list {
		if !t.Run(s.name, s.do) {
			return
		}
	}
}

func (k *keyless) install(t *testing.T) {
	out := k.run(t, k.block(keylessInstall), install)
	want(t, out, `^boto3 version: 1\.\d+\.\d+$`)
	k.run(t, linePath, quick)
	want(t, k.run(t, "python --version\naws --version\naws sts get-caller-identity\nreadlink \"$(command -v agentcore)\"\n", quick),
		`^Python 3\.1\d`, `^aws-cli/2`, `"Account": "000000000000"`, `^lanyard$`)
	shows(t, "K1", "K27", "K28", "K29", "K30", "K31")
}

func (k *keyless) files(t *testing.T) {
	k.save(t, "agent.py", k.block(keylessAgent))
	k.save(t, "requirements.txt", k.block(keylessRequirements))
	shows(t, "K2", "K3")
}

func (k *keyless) configure(t *testing.T) {
	out, _ := k.answering(t, k.block(keylessConfigure))
	want(t, out, "Configuration Success", "Name: "+keylessName)
	want(t, k.run(t, "cat .bedrock_agentcore.yaml\n", quick), `^default_agent: `+keylessName, `account: '000000000000'`, `region: us-west-2`, `mode: NO_MEMORY`, `execution_role_auto_create: true`)
	shows(t, "K4", "K32", "K33")
}

func (k *keyless) enable(t *testing.T) {
	if info := k.try(t, "aws iam get-outbound-web-identity-federation-info\n", quick); info.Status == 0 {
		t.Error("federation is enabled before the document enables it")
	}
	out := k.run(t, k.block(keylessEnable), quick)
	k.issuer = group(t, out, `Issuer URL: +(http://\S+/issuer/\S+)`)
	likeShown(t, k.block(keylessEnabled), out, k.issuer, "Configure your external service", "must be configured")
	shows(t, "K5", "K6", "K34", "K36")

	again := k.run(t, k.block(keylessSecondAudience), quick)
	want(t, again, "Issuer URL: +"+regexp.QuoteMeta(k.issuer), "Audiences: +"+firstAudience+", "+secondAudience, "Algorithm: +ES384", "Duration: +300s")
	shows(t, "K7")
}

func (k *keyless) list(t *testing.T) {
	out := k.run(t, k.block(keylessList), quick)
	likeShown(t, k.block(keylessListed), out, k.issuer)
	want(t, out, regexp.QuoteMeta(secondAudience))
	want(t, k.run(t, "cat .bedrock_agentcore.yaml\n", quick), "aws_jwt:", firstAudience, secondAudience)
	shows(t, "K8", "K9", "K35")
}

// ofOwn is in the document's output what belongs to the machine on which it was written.
var ofOwn = regexp.MustCompile(`https://a1b4d687[^│\s]*`)

// likeShown checks that the output has every line that the document shows, whatever frame is around it. The issuer is
// this instance's; lines that have one of the texts may be told in other words.
func likeShown(t *testing.T, shown, output, issuer string, otherWords ...string) {
	t.Helper()
	have := words(output)
	for line := range strings.Lines(shown) {
		line = words(ofOwn.ReplaceAllLiteralString(line, issuer))
		other := false
		for _, o := range otherWords {
			other = other || strings.Contains(line, o)
		}
		if line != "" && !other && !strings.Contains(have, line) {
			t.Errorf("the document shows %q, which is not in\n%s", line, output)
		}
	}
}

var (
	frame  = regexp.MustCompile(`[─-╿]`)
	spaces = regexp.MustCompile(`\s+`)
)

func words(s string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(frame.ReplaceAllString(s, " "), " "))
}

func (k *keyless) launch(t *testing.T) {
	out := k.run(t, k.block(keylessLaunch), install)
	likeShown(t, strings.TrimSpace(k.block(keylessLaunched))+", "+secondAudience, out, k.issuer)
	k.role = group(t, k.run(t, "cat .bedrock_agentcore.yaml\n", quick), `execution_role: (arn:aws:iam::000000000000:role/\S+)`)
	policy := k.run(t, "aws iam get-role-policy --role-name "+roleName(k.role)+" --policy-name AgentCoreAwsJwtAccess\n", quick)
	want(t, policy, "sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken", "sts:IdentityTokenAudience", regexp.QuoteMeta(secondAudience))
	want(t, k.run(t, "agentcore status\n", quick), "(?i)ready", "(?i)endpoint")
	shows(t, "K10", "K11", "K37", "K38", "K39", "K40", "K41", "K42", "K50")
}

func roleName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// answer invokes with the document's command and returns what the agent said.
func (k *keyless) answer(t *testing.T) string {
	t.Helper()
	out := k.run(t, k.block(keylessInvoke), install)
	_, said, ok := strings.Cut(out, "Response:")
	if !ok {
		t.Fatalf("no response in\n%s", out)
	}
	return strings.ReplaceAll(said, `\n`, "\n")
}

func (k *keyless) invoke(t *testing.T) {
	said := k.answer(t)
	want(t, said, "AWS IAM JWT Token Obtained!", `Token Length: \d{3,} characters`, "Issuer: "+regexp.QuoteMeta(k.issuer),
		"Audience: "+firstAudience+"$", `Subject \(IAM Role\): arn:aws:\S+/`+roleName(k.role), `Expires: \d{10}`, "This JWT is signed by", "JWKS")
	calls := k.model.Calls()
	if len(calls) != 2 || calls[0].Answer != "tool authenticate_external_service" || calls[0].Operation != "ConverseStream" {
		t.Fatalf("the model was called as %+v", calls)
	}
	if calls[0].Required != "" {
		t.Errorf("the model is asked for %s", calls[0].Required)
	}
	for _, c := range calls {
		if c.KeyID != operatorKeyID || c.Service != "bedrock" {
			t.Errorf("the call of the model was signed by %q for %q, want the operator's key %s: %+v", c.KeyID, c.Service, operatorKeyID, c)
		}
	}
	shows(t, "K12", "K13", "K20", "K21", "K22", "K23", "K24", "K26", "K48", "K51", "K59", "K61")
}

// probed is what the probe answers.
type probed struct {
	Text, Token string
	Into        []string
}

// probe launches our agent beside a copy of the document's.
func (k *keyless) startProbe(t *testing.T) {
	t.Helper()
	code, err := os.ReadFile("agents/probe.py")
	check(t, err)
	k.run(t, "mkdir ../probe && cp agent.py requirements.txt ../probe && cd ../probe\n", quick)
	k.save(t, "probe.py", string(code))
	k.run(t, "agentcore configure -e probe.py --name probe -dm -ni\nagentcore identity setup-aws-jwt -a "+firstAudience+"\nagentcore launch\ncd - >/dev/null\n", install)
}

func (k *keyless) ask(t *testing.T, payload string) probed {
	t.Helper()
	out := k.run(t, "(cd ../probe && agentcore invoke --json '"+payload+"')\n", install)
	return readProbe(t, out)
}

// readProbe finds the probe's answer among the lines of `invoke --json`.
func readProbe(t *testing.T, out string) probed {
	t.Helper()
	var p probed
	for line := range strings.Lines(out) {
		var event any
		if json.Unmarshal([]byte(line), &event) == nil {
			find(event, &p)
		}
	}
	if p.Token == "" {
		t.Fatalf("no token in\n%s", out)
	}
	return p
}

// find looks for an object with a token, however deep.
func find(v any, p *probed) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["token"]; ok {
			b, _ := json.Marshal(v)
			_ = json.Unmarshal(b, p)
		}
		for _, member := range v {
			find(member, p)
		}
	case string:
		var inner any
		if json.Unmarshal([]byte(v), &inner) == nil {
			if _, again := inner.(string); !again {
				find(inner, p)
			}
		}
	}
}

// verify asks PyJWT, which knows the issuer's address and the audience.
func (k *keyless) verify(t *testing.T, issuer, audience, token string) (claims map[string]any, refusal string) {
	t.Helper()
	line := bench.Verifiers()["PyJWT"](t, issuer, audience, []string{token})[0]
	if strings.HasPrefix(line, "refused: ") {
		return nil, line
	}
	check(t, json.Unmarshal([]byte(line), &claims))
	return claims, ""
}

func (k *keyless) claims(t *testing.T) {
	k.startProbe(t)
	p := k.ask(t, `{}`)
	claims, refusal := k.verify(t, k.issuer, firstAudience, p.Token)
	if refusal != "" {
		t.Fatal(refusal)
	}
	var shown map[string]any
	check(t, json.Unmarshal([]byte(k.block(keylessClaims)), &shown))
	same(t, "claims", claims, shown)
	const about = "https://sts.amazonaws.com/"
	same(t, about, claims[about].(map[string]any), shown[about].(map[string]any))
	account := claims[about].(map[string]any)
	if claims["iss"] != k.issuer || claims["aud"] != firstAudience || account["aws_account"] != "000000000000" || account["source_region"] != "us-west-2" {
		t.Errorf("claims %v", claims)
	}
	if lifetime := claims["exp"].(float64) - claims["iat"].(float64); lifetime != 300 {
		t.Errorf("the token lives %v seconds, want 300", lifetime)
	}
	want(t, p.Text, fmt.Sprintf("Token Length: %d characters", len(p.Token)), "Issuer: "+regexp.QuoteMeta(k.issuer),
		"Audience: "+firstAudience, fmt.Sprintf(`Subject \(IAM Role\): %v$`, claims["sub"]), fmt.Sprintf("Expires: %.0f", claims["exp"]))
	shows(t, "K14", "K25", "K58")
}

// same checks that every member that the document shows is there, of the same kind. What a token has besides is the
// issuer's affair.
func same(t *testing.T, what string, got, shown map[string]any) {
	t.Helper()
	for name, v := range shown {
		if g, ok := got[name]; !ok || fmt.Sprintf("%T", g) != fmt.Sprintf("%T", v) {
			t.Errorf("%s: %s is %v, and the document shows %v", what, name, g, v)
		}
	}
}

// decorator uses every setting of the reference, in the words of its block.
func (k *keyless) decorator(t *testing.T) {
	text := k.block(keylessDecorator)
	for _, setting := range []string{"audience", "signing_algorithm", "duration_seconds", "tags", "into"} {
		if !strings.Contains(text, setting+"=") {
			t.Fatalf("the reference does not name %s:\n%s", setting, text)
		}
	}
	p := k.ask(t, `{"settings": {"audience": ["`+firstAudience+`"], "signing_algorithm": "ES384", "duration_seconds": 60, "tags": [{"Key": "env", "Value": "prod"}], "into": "proof"}}`)
	claims, refusal := k.verify(t, k.issuer, firstAudience, p.Token)
	if refusal != "" {
		t.Fatal(refusal)
	}
	tags := claims["https://sts.amazonaws.com/"].(map[string]any)["request_tags"]
	if fmt.Sprint(tags) != "map[env:prod]" || claims["exp"].(float64)-claims["iat"].(float64) != 60 || fmt.Sprint(p.Into) != "[proof]" {
		t.Errorf("into %v, claims %v", p.Into, claims)
	}
	k.run(t, "(cd ../probe && agentcore identity setup-aws-jwt -a "+secondAudience+" -s RS256 -d 3600 && agentcore launch)\n", install)
	p = k.ask(t, `{"settings": {"audience": ["`+firstAudience+`", "`+secondAudience+`"], "signing_algorithm": "RS256"}}`)
	claims, refusal = k.verify(t, k.issuer, secondAudience, p.Token)
	if refusal != "" || !strings.HasPrefix(p.Token, "eyJ") || claims["exp"].(float64)-claims["iat"].(float64) != 300 {
		t.Errorf("%s, claims %v", refusal, claims)
	}
	k.run(t, "(cd ../probe && agentcore identity setup-aws-jwt -a "+firstAudience+" -s ES384 -d 300 && agentcore launch)\n", install)
	shows(t, "K19")
}
