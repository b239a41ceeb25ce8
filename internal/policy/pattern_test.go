package policy

import (
	"strings"
	"testing"
	"time"
)

func TestA40_ActionsCompareWithoutCaseAndWithWildcards(t *testing.T) {
	tests := []struct {
		pattern, action string
		want            bool
	}{
		{"bedrock-agentcore:GetWorkloadAccessToken", tokenAction, true},
		{"BEDROCK-AGENTCORE:getworkloadACCESStoken", tokenAction, true},
		{"bedrock-agentcore:getworkload*", tokenAction, true},
		{"bedrock-agentcore:*token", tokenAction, true},
		{"bedrock-agentcore:G*W*T*", tokenAction, true},
		{"bedrock-agentcore:?etWorkloadAccessToken", tokenAction, true},
		{"*", tokenAction, true},
		{"*:*", tokenAction, true},
		{"**", tokenAction, true},
		{"bedrock-agentcore:GetWorkloadAccessToken", tokenAction + "ForUserId", false},
		{"bedrock-agentcore:GetWorkloadAccessToken", tokenAction[:len(tokenAction)-1], false},
		{"bedrock-agentcore:?GetWorkloadAccessToken", tokenAction, false},
		{"bedrock-agentcore:GetWorkloadAccessToken?", tokenAction, false},
		{"bedrock:*", tokenAction, false},
		{"bedrock-agentcore-control:*", tokenAction, false},
		{"sts:*", "stsx:y", false},
		{"sts:A*B", "sts:AxC", false},
		{"sts:a", "sts:\u212a", false},
		{"sts:k", "sts:\u212a", false}, // the Kelvin sign, whose lower case is k
	}
	for _, tt := range tests {
		if got := allows(t, tt.pattern, "*", &Request{Action: tt.action, Resources: []string{workload}}); got != tt.want {
			t.Errorf("%s against %s: %v", tt.pattern, tt.action, got)
		}
	}
}

func TestA40_ResourcesCompareWithCaseAndWildcards(t *testing.T) {
	tests := []struct {
		pattern, arn string
		want         bool
	}{
		{workload, workload, true},
		{workload, strings.ToUpper(workload), false},
		{workload, workload + "x", false},
		{workload, directory, false},
		{directory + "*", directory, true},
		{directory + "*", workload, true},
		{directory + "/*", directory, false},
		{directory + "/*/agent", workload, true},
		{directory + "/workload-identity/a?ent", workload, true},
		{directory + "/workload-identity/agen??", workload, false},
		{directory + "/workload-identity/?", directory + "/workload-identity/ü", true},
		{directory + "/workload-identity/?", directory + "/workload-identity/üü", false},
		{"*", "*", true},
		{"arn:aws:bedrock-agentcore:*", "*", false},

		// A star at the end of a segment runs on beyond colons.
		{"arn:aws:bedrock-agentcore:*", workload, true},
		{"arn:aws:bedrock-agentcore:us-west-2:*", workload, true},
		{"arn:aws:bedrock-agentcore:us-*:workload-identity-directory/default", directory, true},
		{"arn:aws:bedrock-agentcore:*:*:workload-identity-directory/default", directory, true},
		{"arn:aws:bedrock-agentcore:*:workload-identity-directory/def*", directory, true},
		{"arn:aws:bedrock-agentcore:*:000000000000:*", directory, true},
		{"arn:aws:bedrock-agentcore:*:111111111111:*", directory, false},
		{"arn:aws:bedrock-agentcore:*:directory/default", directory, false},
		{"arn:aws:logs:*:group:*:stream", "arn:aws:logs:r:1:group:a:b:stream", true},
		{"arn:aws:logs:*:group:*:stream", "arn:aws:logs:r:1:group:stream", false},
		{"arn:aws:logs:r:1:a*:b*:c", "arn:aws:logs:r:1:ax:b:ay:bz:c", true},
		{"arn:aws:logs:r:1:*x:y", "arn:aws:logs:r:1:ax:y", true},

		// One within a segment, and a question mark, do not.
		{"arn:aws:bedrock-agentcore:us*2:000000000000:token-vault/default", vaultARN, true},
		{"arn:aws:bedrock-agentcore:us*0:token-vault/default:*", vaultARN, false},
		{"arn:aws:logs:r:1:a*c:d", "arn:aws:logs:r:1:ab:bc:d", false},
		{"arn:aws:logs:r:1:a?c", "arn:aws:logs:r:1:a:c", false},
		{"arn:aws:bedrock-agentcore:us-west-2?000000000000:token-vault/default:*", vaultARN, false},

		// Nothing reaches the service.
		{"arn:*:bedrock-agentcore:us-west-2:000000000000:token-vault/default", vaultARN, true},
		{"arn:aws*:bedrock-agentcore:us-west-2:000000000000:token-vault/default", vaultARN, true},
		{"arn:*:iam::1:x", "arn:aws:bedrock-agentcore:iam::1:x", false},
		{"arn:*:iam::1:x", "arn:aws:s3:r:1:iam:iam::1:x", false},
		{"arn:aws:iam::*", vaultARN, false},
		{"arn:aws:bedrock:*", vaultARN, false},
		{"arn:*:bedrock-agentcore:*", "xarn:aws:bedrock-agentcore:r:1:x", false},
		{"arn:*:bedrock-agentcore:*", "arn:aws:bedrock-agentcore", false},
	}
	for _, tt := range tests {
		if got := allows(t, "*", tt.pattern, ask(tt.arn)); got != tt.want {
			t.Errorf("%s against %s: %v", tt.pattern, tt.arn, got)
		}
	}
}

// TestA50_HostilePatternsAreCheap fills a document with the worst patterns for
// a matcher that tries every way. The bound is far above what is needed and
// far below what backtracking over all stars would take.
func TestA50_HostilePatternsAreCheap(t *testing.T) {
	for _, pattern := range []string{
		"arn:aws:x:r:1:" + strings.Repeat("*a", 900) + "b",
		"arn:aws:x:r:1:" + strings.Repeat("*:a", 600) + "b",
		"arn:aws:x:r:1:" + strings.Repeat("a*:", 600) + "b",
		"arn:aws:x:r:1:" + strings.Repeat("?*", 900) + "b",
		"arn:aws:x:r:1:" + strings.Repeat("*a*:", 450) + "b",
		"arn:aws:x:r:1:*" + strings.Repeat("a", 1800) + "b",
	} {
		statements := []string{}
		for range 4 {
			statements = append(statements, statementText("Deny", "*", pattern))
		}
		c := user(mustParse(t, documentText(statements...)))
		for _, text := range []string{strings.Repeat("a", 2000), strings.Repeat("a:", 1000), strings.Repeat(":", 2000)} {
			start := time.Now()
			if Evaluate(c, ask("arn:aws:x:r:1:"+text)).Explicit {
				t.Errorf("%.30s… matched", pattern)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%.30s… took %v", pattern, took)
			}
		}
	}
}
