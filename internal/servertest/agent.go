package servertest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
)

// ReturnURL is what an Agent's workload identity registers.
const ReturnURL = "https://app.example.com/session-binding"

// Agent is a workload identity and a credential provider at a scriptable authorization server, used by SDK clients.
type Agent struct {
	Clients
	Service  *Service
	IDP      *oauthtest.Server
	Workload string
	Provider string
	Callback string // registered at the authorization server
}

// NewAgent makes both with root's credentials.
func (s *Service) NewAgent(t testing.TB) *Agent {
	t.Helper()
	return s.NewAgentAs(t, s.Root)
}

// NewAgentAs makes both with the credentials given, which the agent goes on to use.
func (s *Service) NewAgentAs(t testing.TB, c Credentials) *Agent {
	t.Helper()
	a := &Agent{Clients: s.Client(c), Service: s, IDP: oauthtest.New(t), Workload: "agent", Provider: "provider"}
	a.CreateWorkload(t, a.Workload, ReturnURL)
	a.Callback = a.CreateProvider(t, a.Provider)
	a.IDP.RegisterRedirect(a.Callback)
	return a
}

// At is the same agent that talks to another replica, or with other credentials.
func (a *Agent) At(s *Service, c Credentials) *Agent {
	b := *a
	b.Service, b.Clients = s, s.Client(c)
	return &b
}

// CreateWorkload makes a workload identity.
func (a *Agent) CreateWorkload(t testing.TB, name string, returnURLs ...string) {
	t.Helper()
	_, err := a.Control.CreateWorkloadIdentity(context.Background(), &control.CreateWorkloadIdentityInput{Name: &name, AllowedResourceOauth2ReturnUrls: returnURLs})
	if err != nil {
		t.Fatal(err)
	}
}

// CreateProvider makes a credential provider at the agent's authorization server and returns its callback URL.
func (a *Agent) CreateProvider(t testing.TB, name string) string {
	t.Helper()
	out, err := a.Control.CreateOauth2CredentialProvider(context.Background(), &control.CreateOauth2CredentialProviderInput{
		Name: &name, CredentialProviderVendor: ctypes.CredentialProviderVendorTypeCustomOauth2, Oauth2ProviderConfigInput: CustomConfig(a.IDP),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.CallbackUrl)
}

// UpdateProvider points the agent's credential provider at another authorization server.
func (a *Agent) UpdateProvider(t testing.TB, idp *oauthtest.Server) {
	t.Helper()
	_, err := a.Control.UpdateOauth2CredentialProvider(context.Background(), &control.UpdateOauth2CredentialProviderInput{
		Name: &a.Provider, CredentialProviderVendor: ctypes.CredentialProviderVendorTypeCustomOauth2, Oauth2ProviderConfigInput: CustomConfig(idp),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// CustomConfig configures a CustomOauth2 provider by discovery.
func CustomConfig(idp *oauthtest.Server) ctypes.Oauth2ProviderConfigInput {
	return &ctypes.Oauth2ProviderConfigInputMemberCustomOauth2ProviderConfig{Value: ctypes.CustomOauth2ProviderConfigInput{
		OauthDiscovery: &ctypes.Oauth2DiscoveryMemberDiscoveryUrl{Value: idp.DiscoveryURL}, ClientId: &idp.ClientID, ClientSecret: &idp.ClientSecret,
	}}
}

// Token is a workload access token for a user id.
func (a *Agent) Token(t testing.TB, user string) string {
	t.Helper()
	out, err := a.Data.GetWorkloadAccessTokenForUserId(context.Background(), &data.GetWorkloadAccessTokenForUserIdInput{WorkloadName: &a.Workload, UserId: &user})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.WorkloadAccessToken)
}

// Input is a request for the user's resource token; change edits it.
func (a *Agent) Input(token string, change ...func(*data.GetResourceOauth2TokenInput)) *data.GetResourceOauth2TokenInput {
	in := &data.GetResourceOauth2TokenInput{
		WorkloadIdentityToken: &token, ResourceCredentialProviderName: &a.Provider, Scopes: []string{"read"},
		Oauth2Flow: dtypes.Oauth2FlowTypeUserFederation, ResourceOauth2ReturnUrl: aws.String(ReturnURL),
	}
	for _, f := range change {
		f(in)
	}
	return in
}

// Ask asks for a resource token with a workload access token.
func (a *Agent) Ask(token string, change ...func(*data.GetResourceOauth2TokenInput)) (*data.GetResourceOauth2TokenOutput, error) {
	return a.Data.GetResourceOauth2Token(context.Background(), a.Input(token, change...))
}

// Begin asks for a resource token and expects the way to consent.
func (a *Agent) Begin(t testing.TB, user string, change ...func(*data.GetResourceOauth2TokenInput)) *data.GetResourceOauth2TokenOutput {
	t.Helper()
	out, err := a.Ask(a.Token(t, user), change...)
	if err != nil {
		t.Fatal(err)
	}
	if out.AuthorizationUrl == nil || out.SessionUri == nil || out.AccessToken != nil {
		t.Fatal("no authorization session was begun")
	}
	return out
}

// Get asks for a resource token and expects one.
func (a *Agent) Get(t testing.TB, user string, change ...func(*data.GetResourceOauth2TokenInput)) string {
	t.Helper()
	out, err := a.Ask(a.Token(t, user), change...)
	if err != nil {
		t.Fatal(err)
	}
	if out.AccessToken == nil {
		t.Fatal("the user was asked to consent, where a token was due")
	}
	return *out.AccessToken
}

// Complete names the user who came back.
func (a *Agent) Complete(sessionURI, user string) error {
	_, err := a.Data.CompleteResourceTokenAuth(context.Background(), &data.CompleteResourceTokenAuthInput{
		SessionUri: &sessionURI, UserIdentifier: &dtypes.UserIdentifierMemberUserId{Value: user},
	})
	return err
}

// Grant takes the user through a whole consent and returns the resource token.
func (a *Agent) Grant(t testing.TB, user string, change ...func(*data.GetResourceOauth2TokenInput)) string {
	t.Helper()
	begun := a.Begin(t, user, change...)
	back := a.Service.Consent(t, *begun.AuthorizationUrl)
	if err := a.Complete(SessionURI(t, back), user); err != nil {
		t.Fatal(err)
	}
	return a.Get(t, user, change...)
}
