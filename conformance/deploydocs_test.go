//go:build conformance

package conformance_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shown are the code blocks of a language in a page of the deploy directory.
func shown(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(deployed(t, page)[0])
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var block *strings.Builder
	for line := range strings.Lines(string(text)) {
		switch fence := strings.TrimSpace(line); {
		case block == nil && fence == "```"+language:
			block = new(strings.Builder)
		case block != nil && fence == "```":
			out, block = append(out, block.String()), nil
		case block != nil:
			block.WriteString(line)
		}
	}
	if len(out) == 0 {
		t.Fatalf("deploy/%s has no code in %s", page, language)
	}
	return out
}

// TestDeployTrustPolicy: the trust policy of the page on ECS is accepted as it stands, and names one task role: without
// the subject every role of the AWS account would open it.
func TestDeployTrustPolicy(t *testing.T) {
	t.Parallel()
	c := cli{t, bench.Dev(t)}
	c.run(nil, "iam", "create-open-id-connect-provider", "--url", "https://1a2b3c4d.tokens.sts.global.api.aws", "--client-id-list", "lanyard")
	policies := shown(t, "ecs/README.md", "json")
	trust := policies[len(policies)-1]
	if !strings.Contains(trust, `1a2b3c4d.tokens.sts.global.api.aws:sub": "arn:aws:iam::111122223333:role/session-binding-task"`) {
		t.Errorf("the trust policy does not say whose token it means:\n%s", trust)
	}
	c.run(nil, "iam", "create-role", "--role-name", "session-binding", "--assume-role-policy-document", trust)
}

// TestDeployTaskRolePolicy: a task role may ask for tokens for Lanyard and for nobody else, and says so.
func TestDeployTaskRolePolicy(t *testing.T) {
	t.Parallel()
	c := cli{t, bench.SharedDev(t)} // nothing is kept there
	policy := `{"Version":"2012-10-17","Statement":[` + shown(t, "ecs/README.md", "json")[0] + `]}`
	for audience, want := range map[string]string{"lanyard": "allowed", "https://elsewhere.example.com": "implicitDeny"} {
		context, err := json.Marshal([]map[string]any{
			{"ContextKeyName": "sts:IdentityTokenAudience", "ContextKeyType": "stringList", "ContextKeyValues": []string{audience}},
			{"ContextKeyName": "sts:DurationSeconds", "ContextKeyType": "numeric", "ContextKeyValues": []string{"900"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			EvaluationResults []struct{ EvalDecision string }
		}
		c.run(&answer, "iam", "simulate-custom-policy", "--policy-input-list", policy, "--action-names", "sts:GetWebIdentityToken", "--context-entries", string(context))
		if len(answer.EvaluationResults) != 1 || answer.EvaluationResults[0].EvalDecision != want {
			t.Errorf("a token for %s: %+v, want %s", audience, answer.EvaluationResults, want)
		}
	}
}

const lambdaHead = `package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/lanyard-id/lanyard/client"
)

func main() { _, _ = signIn(context.Background(), "https://lanyard.example.com", "arn:aws:iam::000000000000:role/function") }

`

// TestDeployLambdaPrograms: what the page shows is code.
func TestDeployLambdaPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "main.go")
	if err := os.WriteFile(program, []byte(lambdaHead+shown(t, "lambda/README.md", "go")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	vet := exec.CommandContext(t.Context(), "go", "vet", program)
	vet.Dir = ".." // where the module is whose packages it imports
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	script := filepath.Join(dir, "function.py")
	if err := os.WriteFile(script, []byte(shown(t, "lambda/README.md", "python")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	passes(t, bench.Tool(t, "python", "bin", "python"), "-m", "py_compile", script)
}
