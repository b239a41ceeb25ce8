package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

func TestSetupJWT(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	out := w.must("identity", "setup-aws-jwt", "--audience", "https://api.example.com")
	says(t, out, "✓ AWS IAM JWT federation is now enabled for the account", "✓ Added audience: https://api.example.com", "✅ Success", "AWS IAM JWT Federation Configured",
		"Issuer URL: "+w.Public+"/issuer/", "Algorithm: ES384", "Duration: 300s", "Run agentcore launch", "/.well-known/jwks.json")
	issuer := w.agent().jwt().Issuer

	// Further audiences come on top, and what was set stays set.
	w.must("identity", "setup-aws-jwt", "-a", "https://b.example", "-s", "rs256", "--duration", "900")
	out = w.must("identity", "setup-aws-jwt", "--audience", "https://c.example", "--audience", "https://api.example.com")
	says(t, out, "enabled already", "✓ Added audience: https://c.example", "Audience configured already: https://api.example.com", "Algorithm: RS256", "Duration: 900s")
	s := w.agent().jwt()
	if got := strings.Join(s.Audiences, " "); got != "https://api.example.com https://b.example https://c.example" || s.Algorithm != "RS256" || s.Duration != 900 || s.Issuer != issuer {
		t.Errorf("%+v", s)
	}
	says(t, w.must("identity", "list-aws-jwt"), "│ Enabled            │ ✅ Yes", "│ Issuer URL         │ "+issuer, "│ Signing Algorithm  │ RS256", "│ Duration (seconds) │ 900", "│ Audiences          │ https://api.example.com")
	var shown jwtSettings
	if err := json.Unmarshal([]byte(w.must("identity", "list-aws-jwt", "--json")), &shown); err != nil || len(shown.Audiences) != 3 {
		t.Errorf("%+v, %v", shown, err)
	}
}

// TestSetupJWTWithoutFile: the account is set up all the same, and the file's absence is no failure.
func TestSetupJWTWithoutFile(t *testing.T) {
	w := newWorkshop(t)
	out := w.must("identity", "setup-aws-jwt", "--audience", "https://api.example.com")
	says(t, out, "Issuer URL: ", "There is no .bedrock_agentcore.yaml here, so launch will not know of the audience. Run agentcore configure first")
	if _, err := os.Stat(projectFileName); err == nil {
		t.Error("a file was made")
	}
	w.fails(1, "agentcore configure -e agent.py", "identity", "list-aws-jwt")
}

// TestSetupJWTBehindOurBack: somebody disabled it, and somebody enables it at the same time.
func TestSetupJWTBehindOurBack(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	w.must("identity", "setup-aws-jwt", "--audience", "https://a.example")
	svc := w.Client(w.Root).IAM
	if _, err := svc.DisableOutboundWebIdentityFederation(t.Context(), &iam.DisableOutboundWebIdentityFederationInput{}); err != nil {
		t.Fatal(err)
	}
	says(t, w.must("identity", "setup-aws-jwt", "--audience", "https://a.example"), "is now enabled", "configured already")
	if out := w.must("identity", "setup-aws-jwt", "--audience", "https://a.example", "--json"); !strings.HasPrefix(out, `{"enabled":true,"audiences":["https://a.example"]`) {
		t.Errorf("--json says %s", out)
	}
}

func TestJWTMisuse(t *testing.T) {
	w := newWorkshop(t)
	for says, args := range map[string]string{
		"--audience is missing":                              "",
		"--signing-algorithm \"HS256\" is not one of":        "-a x -s HS256",
		"--duration 59 is not between 60 and 3600":           "-a x -d 59",
		"--duration 3601 is not between":                     "-a x -d 3601",
		"--audience must be 1 to 1000 printable":             "-a a\x1bb",
		"invalid argument \"x\" for \"-d, --duration\" flag": "-a x -d x",
	} {
		w.fails(2, says, append([]string{"identity", "setup-aws-jwt"}, strings.Fields(args)...)...)
	}
	w.must("configure", "-e", "agent.py")
	says(t, w.must("identity", "list-aws-jwt"), "is not set up for this agent", "agentcore identity setup-aws-jwt --audience")
	says(t, w.must("identity", "list-aws-jwt", "--json"), `{"enabled":false,"audiences":[],"signingAlgorithm":"ES384"`)
}

// TestRefusedCredentials: an AWS client's refusal is told in plain words.
func TestRefusedCredentials(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py")
	w.vars["AWS_SECRET_ACCESS_KEY"] = "wrong"
	errOut := w.fails(1, "The instance does not know these credentials", "identity", "setup-aws-jwt", "-a", "x")
	says(t, errOut, `eval "$(lanyard env)"`)
	saysNot(t, errOut, "operation error", "https response error", "StatusCode")
	w.vars["LANYARD_ENDPOINT"] = "http://127.0.0.1:1"
	errOut = w.fails(1, "Is it running? Start a development instance with: lanyard dev", "identity", "setup-aws-jwt", "-a", "x")
	saysNot(t, errOut, "operation error")
}
