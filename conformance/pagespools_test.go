//go:build conformance

package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	static "github.com/aws/aws-sdk-go-v2/credentials"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	ctypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

const (
	poolUser     = "somebody-with-a-rather-long-name@mail.example.com"
	poolPassword = "a-Password-of-the-pool-1"
)

// hosted is a user pool with its client, its user and the application behind it, as a person at its pages meets them.
type hosted struct {
	*visitor
	name, base, client, back string
}

// newHosted makes the pool by the SDK of AWS. Its names are as long as people make them.
func newHosted(t *testing.T, server *lab.Server) *hosted {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><link rel="icon" href="data:,"><title>app</title>the application`))
	}))
	t.Cleanup(app.Close)
	h := &hosted{visitor: newVisitor(t, server, nil), name: "AgentCoreIdentityQuickStartPoolOfAnOrganisation", back: app.URL + "/back"}
	h.allowed = append(h.allowed, app.URL+"/")
	c := cognito.New(cognito.Options{Region: "us-west-2", BaseEndpoint: &server.URL,
		Credentials: static.NewStaticCredentialsProvider(server.Getenv("AWS_ACCESS_KEY_ID"), server.Getenv("AWS_SECRET_ACCESS_KEY"), "")})
	pool, err := c.CreateUserPool(t.Context(), &cognito.CreateUserPoolInput{PoolName: &h.name})
	check(t, err)
	client, err := c.CreateUserPoolClient(t.Context(), &cognito.CreateUserPoolClientInput{UserPoolId: pool.UserPool.Id, ClientName: aws.String("an agent that reads calendars"), GenerateSecret: true,
		CallbackURLs: []string{h.back}, AllowedOAuthFlows: []ctypes.OAuthFlowType{ctypes.OAuthFlowTypeCode}, AllowedOAuthScopes: []string{"openid", "email", "profile"},
		AllowedOAuthFlowsUserPoolClient: true, SupportedIdentityProviders: []string{"COGNITO"}})
	check(t, err)
	_, err = c.AdminCreateUser(t.Context(), &cognito.AdminCreateUserInput{UserPoolId: pool.UserPool.Id, Username: aws.String(poolUser), MessageAction: ctypes.MessageActionTypeSuppress})
	check(t, err)
	_, err = c.AdminSetUserPassword(t.Context(), &cognito.AdminSetUserPasswordInput{UserPoolId: pool.UserPool.Id, Username: aws.String(poolUser), Password: aws.String(poolPassword), Permanent: true})
	check(t, err)
	h.base, h.client = server.URL+"/cognito/"+*pool.UserPool.Id, *client.UserPoolClient.ClientId
	return h
}

// link is where the application sends the browser.
func (h *hosted) link(change ...string) string {
	q := url.Values{"client_id": {h.client}, "response_type": {"code"}, "redirect_uri": {h.back}, "scope": {"openid email profile"}, "state": {"state of the application"}}
	for i := 0; i < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return h.base + "/oauth2/authorize?" + q.Encode()
}

// cameBack is what the application was told.
func (h *hosted) cameBack() url.Values {
	h.t.Helper()
	at, err := url.Parse(h.Reach(h.back))
	check(h.t, err)
	if got := at.Query().Get("state"); got != "state of the application" {
		h.t.Errorf("the application gets the state %q", got)
	}
	return at.Query()
}

// visitPool goes through the pages that a user pool hosts: signing in, consent answered both ways, signing out, and the
// ends of links that lead nowhere.
func visitPool(t *testing.T, server *lab.Server) {
	h := newHosted(t, server)
	h.Open(h.link())
	h.page("pool-sign-in", http.StatusOK, "Sign in", "an agent that reads calendars", h.name)
	waitFor(t, "the user name has the focus", func() bool { return h.focused() == "username" })
	h.Press(poolUser)
	h.tabTo("password")
	h.Press("not the password")
	h.enter()
	h.page("pool-sign-in-wrong", http.StatusForbidden, "The user name or the password is not right")
	waitFor(t, "the password has the focus", func() bool { return h.focused() == "password" })
	h.Press(poolPassword)
	h.enter()
	h.page("pool-consent", http.StatusOK, "Allow an agent that reads calendars?", poolUser, "openid", "email", "profile")
	h.refuse()
	if q := h.cameBack(); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("after a refusal the application is told %v", q)
	}
	h.Open(h.link()) // signed in by now
	h.allow()
	if q := h.cameBack(); q.Get("code") == "" || q.Has("error") {
		t.Errorf("after the consent the application is told %v", q)
	}
	h.Open(h.link("scope", "aws.cognito.signin.user.admin"))
	if q := h.cameBack(); q.Get("error") != "invalid_scope" {
		t.Errorf("for a scope that its client does not have the application is told %v", q)
	}
	h.Open(h.base + "/logout")
	h.page("pool-sign-out", http.StatusOK, "Sign out?", poolUser)
	h.tabTo("Sign out")
	h.enter()
	h.page("pool-signed-out", http.StatusOK, "You are signed out")
	h.Open(h.link())
	waitFor(t, "the link leads to the sign-in page again", func() bool { return h.focused() == "username" })
}

// visitPoolInVain: what cannot be trusted ends on a page of its own, and never at the address in the link.
func visitPoolInVain(t *testing.T, server *lab.Server) {
	h := newHosted(t, server)
	h.Open(h.link("redirect_uri", "https://evil.example.com/"))
	h.page("pool-wrong-return", http.StatusBadRequest, "This sign-in cannot go on")
	h.Open(h.link("client_id", "nobody"))
	h.page("pool-unknown-client", http.StatusBadRequest, "This sign-in cannot go on")
	h.Open(strings.Replace(h.link(), "/cognito/us-west-2_", "/cognito/us-west-2_gone", 1))
	h.page("pool-gone", http.StatusNotFound, "There is no such user pool")
}
