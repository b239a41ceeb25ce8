package policy

import (
	"fmt"
	"testing"
)

const (
	tokenAction = "bedrock-agentcore:GetWorkloadAccessToken"
	directory   = "arn:aws:bedrock-agentcore:us-west-2:000000000000:workload-identity-directory/default"
	workload    = directory + "/workload-identity/agent"
	vaultARN    = "arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default"
)

func mustParse(t testing.TB, doc string) *Document {
	t.Helper()
	d, err := Parse("test", []byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return d
}

func user(docs ...*Document) *Caller {
	return &Caller{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/alice", Name: "alice", Kind: KindUser, Policies: docs}
}

func statementText(effect, action, resource string) string {
	return fmt.Sprintf(`{"Effect":%q,"Action":%q,"Resource":%q}`, effect, action, resource)
}

func documentText(statements ...string) string {
	text := `{"Version":"2012-10-17","Statement":[`
	for i, s := range statements {
		if i > 0 {
			text += ","
		}
		text += s
	}
	return text + "]}"
}

// allows evaluates one statement.
func allows(t testing.TB, action, resource string, r *Request) bool {
	t.Helper()
	return Evaluate(user(mustParse(t, documentText(statementText("Allow", action, resource)))), r).Allowed
}
