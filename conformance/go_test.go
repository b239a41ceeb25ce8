//go:build conformance

package conformance_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// agent is a workload identity with a credential provider, used through the AWS SDK for Go with the environment that
// lanyard wrote.
type agent struct {
	t        *testing.T
	server   *lab.Server
	control  *control.Client
	data     *data.Client
	idp      lab.Provider
	workload string
	provider string
	app      *httptest.Server
	sessions chan string // session URIs that browsers brought to the application
}

func newAgent(t *testing.T, server *lab.Server, providerName string) *agent {
	t.Helper()
	a := &agent{
		t: t, server: server, idp: bench.Provider(t, providerName),
		workload: "go-agent", provider: "go-" + providerName, sessions: make(chan string, 10),
	}
	a.connect()
	a.app = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("session_id"); id != "" {
			a.sessions <- id
		}
	}))
	t.Cleanup(a.app.Close)
	_, err := a.control.CreateWorkloadIdentity(t.Context(), &control.CreateWorkloadIdentityInput{
		Name: &a.workload, AllowedResourceOauth2ReturnUrls: []string{a.app.URL + "/back"},
	})
	check(t, err)
	created, err := a.control.CreateOauth2CredentialProvider(t.Context(), a.createProvider())
	check(t, err)
	check(t, a.idp.RegisterCallback(t.Context(), aws.ToString(created.CallbackUrl)))
	return a
}

// connect makes the clients as any program does: from the environment.
func (a *agent) connect() {
	a.t.Helper()
	a.t.Setenv("HOME", a.t.TempDir())
	a.t.Setenv("AWS_PROFILE", "")
	a.t.Setenv("AWS_SESSION_TOKEN", "")
	for _, assignment := range a.server.Env() {
		name, value, _ := strings.Cut(assignment, "=")
		a.t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(a.t.Context())
	check(a.t, err)
	a.control, a.data = control.NewFromConfig(cfg), data.NewFromConfig(cfg)
}

func (a *agent) createProvider() *control.CreateOauth2CredentialProviderInput {
	info := a.idp.Info()
	return &control.CreateOauth2CredentialProviderInput{
		Name:                     &a.provider,
		CredentialProviderVendor: ctypes.CredentialProviderVendorTypeCustomOauth2,
		Oauth2ProviderConfigInput: &ctypes.Oauth2ProviderConfigInputMemberCustomOauth2ProviderConfig{
			Value: ctypes.CustomOauth2ProviderConfigInput{
				OauthDiscovery: &ctypes.Oauth2DiscoveryMemberDiscoveryUrl{Value: info.DiscoveryURL},
				ClientId:       aws.String(info.ClientID),
				ClientSecret:   aws.String(info.ClientSecret),
			},
		},
	}
}

func (a *agent) workloadToken(user string) *string {
	a.t.Helper()
	out, err := a.data.GetWorkloadAccessTokenForUserId(a.t.Context(), &data.GetWorkloadAccessTokenForUserIdInput{
		WorkloadName: &a.workload, UserId: &user,
	})
	check(a.t, err)
	return out.WorkloadAccessToken
}

func (a *agent) request(user string) *data.GetResourceOauth2TokenInput {
	a.t.Helper()
	return &data.GetResourceOauth2TokenInput{
		WorkloadIdentityToken:          a.workloadToken(user),
		ResourceCredentialProviderName: &a.provider,
		Scopes:                         a.idp.Info().UserScopes,
		Oauth2Flow:                     dtypes.Oauth2FlowTypeUserFederation,
		ResourceOauth2ReturnUrl:        aws.String(a.app.URL + "/back"),
	}
}

func (a *agent) ask(user string) *data.GetResourceOauth2TokenOutput {
	a.t.Helper()
	out, err := a.data.GetResourceOauth2Token(a.t.Context(), a.request(user))
	check(a.t, err)
	return out
}

// begin asks for a token that is not there yet and returns the link for the user.
func (a *agent) begin(user string) string {
	a.t.Helper()
	out := a.ask(user)
	if out.AccessToken != nil || out.SessionStatus != dtypes.SessionStatusInProgress {
		a.t.Fatalf("before any consent: token present %t, status %q", out.AccessToken != nil, out.SessionStatus)
	}
	return aws.ToString(out.AuthorizationUrl)
}

// visit sends the user's browser to the link and returns the session that arrives at the application.
func (a *agent) visit(user, link string) string {
	a.t.Helper()
	landing := bench.Visit(a.t, a.idp.Info().Name, lab.Visit{URL: link, User: user})
	select {
	case session := <-a.sessions:
		return session
	default:
		a.t.Fatalf("the browser ended at %s: %s", landing.URL, landing.Text)
		return ""
	}
}

func (a *agent) complete(user, session string) error {
	_, err := a.data.CompleteResourceTokenAuth(a.t.Context(), &data.CompleteResourceTokenAuthInput{
		SessionUri: &session, UserIdentifier: &dtypes.UserIdentifierMemberUserId{Value: user},
	})
	return err
}

// hasToken checks that the user's token is served without a question, and returns it.
func (a *agent) hasToken(user string) string {
	a.t.Helper()
	token := aws.ToString(a.ask(user).AccessToken)
	if token == "" {
		a.t.Fatalf("%s has no token", user)
	}
	return token
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestGoStory(t *testing.T) {
	a := newAgent(t, bench.Dev(t), "oidc-provider")
	session := a.visit("alice", a.begin("alice"))
	if denied := new(dtypes.AccessDeniedException); !errors.As(a.complete("mallory", session), &denied) {
		t.Error("another user completed the session")
	}
	check(t, a.complete("alice", session))
	if user := newRelyingParty(t, a.idp).user(a.hasToken("alice")); user != "alice" {
		t.Errorf("the token is %q's", user)
	}
	a.begin("bob") // another user has no token
}

func TestGoPaginatesAndTypesErrors(t *testing.T) {
	a := newAgent(t, bench.Dev(t), "oidc-provider")
	for _, name := range []string{"one", "two", "three"} {
		_, err := a.control.CreateApiKeyCredentialProvider(t.Context(), &control.CreateApiKeyCredentialProviderInput{Name: &name, ApiKey: &name})
		check(t, err)
	}
	pages, items := 0, 0
	paginator := control.NewListApiKeyCredentialProvidersPaginator(a.control, &control.ListApiKeyCredentialProvidersInput{MaxResults: aws.Int32(2)})
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(t.Context())
		check(t, err)
		pages, items = pages+1, items+len(page.CredentialProviders)
		for _, item := range page.CredentialProviders {
			if age := time.Since(aws.ToTime(item.CreatedTime)).Abs(); age > 5*time.Minute {
				t.Errorf("createdTime of %s is %v off", aws.ToString(item.Name), age)
			}
		}
	}
	if pages != 2 || items != 3 {
		t.Errorf("%d items on %d pages, want 3 on 2", items, pages)
	}

	_, err := a.control.CreateOauth2CredentialProvider(t.Context(), a.createProvider())
	if conflict := new(ctypes.ConflictException); !errors.As(err, &conflict) {
		t.Errorf("a duplicate was answered with %v", err)
	}
	_, err = a.control.GetWorkloadIdentity(t.Context(), &control.GetWorkloadIdentityInput{Name: aws.String("absent")})
	if notFound := new(ctypes.ResourceNotFoundException); !errors.As(err, &notFound) {
		t.Errorf("an absent workload identity was answered with %v", err)
	}
	if re := new(awshttp.ResponseError); !errors.As(err, &re) || re.RequestID == "" ||
		re.HTTPResponse().Header.Get("X-Amzn-ErrorType") != "ResourceNotFoundException" {
		t.Errorf("the answer has no request id or no X-Amzn-ErrorType: %v", err)
	}
}

// A consent outlives kill -9, at every stage of it.
func TestGoConsentSurvivesKill(t *testing.T) {
	a := newAgent(t, bench.Dev(t), "oidc-provider")
	again := func() {
		a.server.Kill()
		a.server.Start(t)
	}
	check(t, a.complete("alice", a.visit("alice", a.begin("alice"))))
	alices := a.hasToken("alice")
	again()
	if got := a.hasToken("alice"); got != alices {
		t.Error("alice has another token after the kill")
	}

	link := a.begin("bob")
	again()
	session := a.visit("bob", link)
	again()
	check(t, a.complete("bob", session))
	again()
	if bobs := a.hasToken("bob"); bobs == alices {
		t.Error("bob got alice's token")
	}
}
