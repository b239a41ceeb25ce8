package identity_test

import (
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// TestA61_SharedIssuersNeedASubject: a role that trusts an issuer of everybody must say whom.
func TestA61_SharedIssuersNeedASubject(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	const github, gitlab, google = "token.actions.githubusercontent.com", "gitlab.com", "accounts.google.com"
	for _, c := range []struct {
		name, issuer, condition string
		ok                      bool
	}{
		{"no condition", github, `{}`, false},
		{"audience alone", github, `{"StringEquals":{"` + github + `:aud":"sts.amazonaws.com"}}`, false},
		{"any subject", github, `{"StringLike":{"` + github + `:sub":"*"}}`, false},
		{"any subject in other words", github, `{"StringLike":{"` + github + `:sub":"?*"}}`, false},
		{"any repository", github, `{"StringLike":{"` + github + `:sub":"repo:*"}}`, false},
		{"any repository of that name", github, `{"StringLike":{"` + github + `:sub":"repo:*/agents:*"}}`, false},
		{"names that begin like ours", github, `{"StringLike":{"` + github + `:sub":"repo:acme*"}}`, false},
		{"no name", github, `{"StringLike":{"` + github + `:sub":"repo:/*"}}`, false},
		{"one of several is open", github, `{"StringLike":{"` + github + `:sub":["repo:acme/x:*","repo:*"]}}`, false},
		{"one that may be missing", github, `{"StringEqualsIfExists":{"` + github + `:sub":"repo:acme/x:ref:refs/heads/main"}}`, false},
		{"all of none", github, `{"ForAllValues:StringEquals":{"` + github + `:sub":"repo:acme/x:ref:refs/heads/main"}}`, false},
		{"none but", github, `{"StringNotEquals":{"` + github + `:sub":"repo:evil/x:ref:refs/heads/main"}}`, false},
		{"another issuer's subject", github, `{"StringEquals":{"gitlab.com:sub":"repo:acme/x:ref:refs/heads/main"}}`, false},
		{"a form that is not known, with a wildcard", github, `{"StringLike":{"` + github + `:sub":"environment:*"}}`, false},
		{"one repository", github, `{"StringLike":{"` + github + `:sub":"repo:acme/agents:*"}}`, true},
		{"one organization", github, `{"StringLike":{"` + github + `:sub":"repo:acme/*"},"StringEquals":{"` + github + `:aud":"x"}}`, true},
		{"one branch", github, `{"StringEquals":{"` + github + `:sub":"repo:acme/agents:ref:refs/heads/main"}}`, true},
		{"key in another case", github, `{"StringEquals":{"` + github + `:SUB":"repo:acme/agents:ref:refs/heads/main"}}`, true},
		{"GitLab's group", gitlab, `{"StringLike":{"gitlab.com:sub":"project_path:acme/*"}}`, true},
		{"GitLab's every group", gitlab, `{"StringLike":{"gitlab.com:sub":"project_path:*/agents:*"}}`, false},
		{"one Google account", google, `{"StringEquals":{"accounts.google.com:sub":"1234567890"}}`, true},
		{"many Google accounts", google, `{"StringLike":{"accounts.google.com:sub":"1*"}}`, false},
		{"every tenant of Entra", "login.microsoftonline.com/common/v2.0", `{}`, false},
		{"a tenant of Entra", "login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0", `{}`, true},
		{"a cluster of one's own", "oidc.eks.us-west-2.amazonaws.com/id/ABC", `{}`, true},
		{"an issuer whose name ends like a shared one", "mygitlab.com", `{}`, true},
		{"Google with a slash", google + "/", `{}`, false},
		{"a tenant's older issuer", "sts.windows.net/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/", `{}`, true},
		{"everybody's older issuer", "sts.windows.net/common/", `{}`, false},
		{"subject under the key with the slash", "sts.windows.net/common/", `{"StringEquals":{"sts.windows.net/common/:sub":"x"}}`, true},
		{"subject under the key without it", "sts.windows.net/common/", `{"StringEquals":{"sts.windows.net/common:sub":"x"}}`, false},
		{"a subject with a variable", github, `{"StringEquals":{"` + github + `:sub":"repo:${` + github + `:repository}:ref:refs/heads/main"}}`, false},
		{"a literal star", github, `{"StringLike":{"` + github + `:sub":"repo:acme/${*}"}}`, true},
		{"an enterprise's path at GitHub", github + "/acme", `{}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + b.Account + `:oidc-provider/` + c.issuer +
				`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + c.condition + `}]}`
			_, err := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "agent", Trust: trust})
			if c.ok {
				check(t, err)
				check(t, b.Identity.DeleteRole(t.Context(), b.admin, "agent"))
				return
			}
			coded(t, err, identity.MalformedPolicy, "trusts everybody")
		})
	}
}
