//go:build conformance

package conformance_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// interactiveDocs sends a question from the page of the agent's own API.
func (w *world) interactiveDocs(t *testing.T, alice *person) {
	tab := alice.Beside()
	tab.Open(w.URL("agents") + "/docs")
	for _, look := range lab.Looks {
		if seen := tab.See("article-docs", look); seen.ScrollWidth > seen.InnerWidth {
			t.Errorf("%v: /docs scrolls sideways", look)
		}
	}
	tab.Shown("form")
	tab.Do(chromedp.SetValue(chromedp.CSS("[name=message]"), whoAmI), chromedp.Click(chromedp.CSS("form button[type=submit]")))
	if err := lab.Eventually("the answer stands on the page", func() bool {
		return strings.Contains(lab.Eval[string](tab, "document.body.innerText"), alice.login)
	}); err != nil {
		t.Error(err, lab.Eval[string](tab, "document.body.innerText"))
	}
}

// as is a client with the credentials of one of the two services.
func (w *world) as(t *testing.T, credentials map[string]string) *client.Client {
	t.Helper()
	c, err := client.New(t.Context(), client.WithEndpoint(w.URL("lanyard")), client.WithRegion("us-west-2"), client.WithTransport(w.Transport(t)),
		client.WithCredentials(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: credentials["AWS_ACCESS_KEY_ID"], SecretAccessKey: credentials["AWS_SECRET_ACCESS_KEY"]}, nil
		})))
	check(t, err)
	return c
}

// splitCredentials: the agent cannot complete a session, and the session binding service cannot ask for a token.
func (w *world) splitCredentials(t *testing.T, alice *person) {
	sub := w.subject(t, alice)
	agent, binding := w.as(t, w.AgentCredentials(t)), w.as(t, w.ServiceEnv(t, "session-binding"))
	if _, err := agent.GetWorkloadAccessTokenForUserId(t.Context(), "github-agent", sub); err != nil {
		t.Errorf("the agent itself: %v", err)
	}
	err := agent.CompleteResourceTokenAuth(t.Context(), &api.CompleteResourceTokenAuthRequest{SessionURI: "urn:ietf:params:oauth:request_uri:x", User: api.UserIdentifier{UserID: &sub}})
	if !client.Is(err, api.AccessDeniedException) {
		t.Errorf("the agent completes a session: %v", err)
	}
	if _, err := binding.GetWorkloadAccessTokenForUserId(t.Context(), "github-agent", sub); !client.Is(err, api.AccessDeniedException) {
		t.Errorf("the session binding service gets a token: %v", err)
	}
}

// verifiedUser is what the text could not have: the front door forwards a JWT for the application, and Lanyard verifies
// the user itself.
func (w *world) verifiedUser(t *testing.T, alice *person) {
	w.Lanyard(t, "admin", "policy", "put", "--user", "github-agent", "--name", "least", "--config", w.Path("compose/lanyard.yaml"),
		"--allow", "bedrock-agentcore:GetWorkloadAccessTokenForJWT", "--allow", "bedrock-agentcore:GetResourceOauth2Token")
	w.Rewrite(t, "compose/front-door.yaml", "  - path: /\n", "  - path: /\n    forward_jwt: access_token\n    jwt_audiences: [github-agent]\n")
	w.Service(t, "front-door").Restart(t)
	agent := w.Service(t, "agent")
	agent.Setenv("WORKLOAD_TOKEN_BY=jwt")
	agent.Restart(t)
	alice.Open(w.URL("agents") + "/")
	alice.Shown("#message")
	alice.ask(whoAmI)
	tab := alice.consent(alice.consentLink())
	if page := lab.Eval[string](tab, "document.body.innerText"); strings.Contains(page, "Authorization complete") {
		t.Error("a session begun for a verified user was completed for a user id")
	}

	// The session binding service shows Lanyard the JWT too.
	w.Rewrite(t, "compose/front-door.yaml", "  - path: /oauth2/session-binding\n", "  - path: /oauth2/session-binding\n    access_token: true\n")
	w.Service(t, "front-door").Restart(t)
	w.Rewrite(t, "compose/session-binding.yaml", "signer:", "user: jwt\njwt_header: x-amzn-oidc-accesstoken\nsigner:")
	w.Service(t, "session-binding").Restart(t)
	alice.Open(w.URL("agents") + "/")
	alice.Shown("#message")
	alice.Shown(".consent a.button") // of the question that is still kept
	alice.Do(chromedp.Click(chromedp.CSS("#fresh")))
	alice.ask(myProjects)
	tab = alice.consent(alice.consentLink())
	if page := lab.Eval[string](tab, "document.body.innerText"); !strings.Contains(page, "Authorization complete") {
		t.Errorf("for a verified user the session binding service shows:\n%s", page)
	}
	alice.answered(t, alice.login+"-secret-plans")
	if verified := w.find(t, func(r api.AuditRecord) bool {
		return r.Action == "GetWorkloadAccessTokenForJWT" && r.Result == "allowed"
	}); len(verified) == 0 {
		t.Error("the audit has no workload access token for a JWT")
	}
}

// cleanUp deletes what was made: the grants go with it.
func (w *world) cleanUp(t *testing.T, alice *person) {
	operator := w.as(t, w.Root(t))
	check(t, operator.DeleteOauth2CredentialProvider(t.Context(), "github"))
	check(t, operator.DeleteWorkloadIdentity(t.Context(), "github-agent"))
	if grants := w.Lanyard(t, "grants", "--json"); strings.TrimSpace(grants) != "" {
		t.Errorf("grants are left:\n%s", grants)
	}
}
