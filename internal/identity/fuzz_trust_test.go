package identity

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// FuzzSharedIssuer: whatever a trust policy looks like, the check ends, and one that the policy language accepts is read
// here as it is read there. No subject pattern opens GitHub to more than one organization.
func FuzzSharedIssuer(f *testing.F) {
	for _, sub := range []string{"repo:acme/*", "repo:*", "*", "repo:acme*", "", "${aws:username}", "repo:a/b:ref:refs/heads/main", "repo:a${*}/*", "repo:${*}*"} {
		f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}`, sub)
	}
	f.Fuzz(func(t *testing.T, document, sub string) {
		err := checkSharedText(document)
		if _, bad := policy.ParseTrust("fuzz", []byte(document)); bad == nil && err != nil && !strings.Contains(err.Error(), "trusts everybody at") {
			t.Errorf("%s parses as a trust policy, and is refused here: %v", document, err)
		}
		text, _ := json.Marshal(sub)
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"},` +
			`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":` + string(text) + `}}}]}`
		sub = strings.NewReplacer("${*}", "x", "${?}", "x", "${$}", "x").Replace(sub) // these stand for themselves
		if checkSharedText(trust) == nil && strings.ContainsAny(sub, "*?") {
			name, _, _ := strings.Cut(strings.TrimPrefix(sub, "repo:"), "/")
			if name == "" || strings.ContainsAny(name, "*?") || !strings.HasPrefix(sub, "repo:") || !strings.Contains(sub, "/") {
				t.Errorf("%q is taken for one organization", sub)
			}
		}
	})
}

func checkSharedText(trust string) error {
	doc, err := policy.ParseTrust("fuzz", []byte(trust))
	if err != nil {
		return err
	}
	return checkShared(doc)
}
