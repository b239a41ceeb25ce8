package policy

import (
	"fmt"
	"testing"
	"time"
)

const (
	tokenAction = "bedrock-agentcore:GetWorkloadAccessToken"
	directory   = "arn:aws:bedrock-agentcore:us-west-2:000000000000:workload-identity-directory/default"
	workload    = directory + "/workload-identity/agent"
	vaultARN    = "arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default"

	account    = "000000000000"
	aliceARN   = "arn:aws:iam::000000000000:user/alice"
	roleARN    = "arn:aws:iam::000000000000:role/agents"
	sessionARN = "arn:aws:sts::000000000000:assumed-role/agents/run-1"
	targetARN  = "arn:aws:iam::000000000000:role/target"
	issuerHost = "issuer.example.com/tenant"
	issuerARN  = "arn:aws:iam::000000000000:oidc-provider/" + issuerHost
)

func mustParse(t testing.TB, doc string) *Document {
	t.Helper()
	d, err := Parse("test", []byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return d
}

func mustParseTrust(t testing.TB, doc string) *Document {
	t.Helper()
	d, err := ParseTrust("trust", []byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return d
}

func user(docs ...*Document) *Caller {
	return &Caller{Account: account, ARN: aliceARN, UserID: "AIDAEXAMPLEALICE", Name: "alice", Kind: KindUser, Policies: docs}
}

func session(docs ...*Document) *Caller {
	return &Caller{
		Account: account, ARN: sessionARN, UserID: "AROAEXAMPLE", Name: "agents", Kind: KindRoleSession, Policies: docs,
		Session: &Session{
			RoleARN: roleARN, RoleID: "AROAEXAMPLE", Name: "run-1",
			IssuedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), ExpiresAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
		},
	}
}

func webIdentity(provider string) *Caller {
	return &Caller{Account: account, Name: "subject", Kind: KindWebIdentity, Session: &Session{FederatedProvider: provider}}
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

// trustText is a trust policy of one statement; an empty condition is left
// out.
func trustText(principal, action, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return documentText(fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":%q%s}`, principal, action, condition))
}

// conditionText is a policy that says effect to everything under a condition.
func conditionText(effect, condition string) string {
	return documentText(`{"Effect":"` + effect + `","Action":"*","Resource":"*","Condition":` + condition + `}`)
}

// allows evaluates one statement.
func allows(t testing.TB, action, resource string, r *Request) bool {
	t.Helper()
	return Evaluate(user(mustParse(t, documentText(statementText("Allow", action, resource)))), r).Allowed
}
