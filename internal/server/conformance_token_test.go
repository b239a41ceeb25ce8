package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func apiKey(t testing.TB, a *servertest.Agent, name string) string {
	t.Helper()
	token := a.Token(t, "alice")
	out, err := a.Data.GetResourceApiKey(t.Context(), &data.GetResourceApiKeyInput{WorkloadIdentityToken: &token, ResourceCredentialProviderName: &name})
	check(t, err)
	return aws.ToString(out.ApiKey)
}

func testGetWorkloadAccessToken(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	out, err := a.Data.GetWorkloadAccessToken(t.Context(), &data.GetWorkloadAccessTokenInput{WorkloadName: &a.Workload})
	check(t, err)
	if n := len(aws.ToString(out.WorkloadAccessToken)); n == 0 || n > 3*1024 {
		t.Errorf("the token has %d characters", n)
	}
	_, err = a.Data.GetWorkloadAccessToken(t.Context(), &data.GetWorkloadAccessTokenInput{WorkloadName: aws.String("absent")})
	failsAs[*dtypes.ResourceNotFoundException](t, err, 404)
	_, err = a.Ask(*out.WorkloadAccessToken)
	if ex := failsAs[*dtypes.ValidationException](t, err, 400); ex.Reason == "" {
		t.Error("a token without a user cannot ask for a user's token, and says so with a reason")
	}
}

func testGetWorkloadAccessTokenForJWT(t *testing.T, s *servertest.Service) {
	a, iss := s.NewAgent(t), s.NewIssuer(t)
	ask := func(jwt string) (*data.GetWorkloadAccessTokenForJWTOutput, error) {
		return a.Data.GetWorkloadAccessTokenForJWT(t.Context(), &data.GetWorkloadAccessTokenForJWTInput{WorkloadName: &a.Workload, UserToken: &jwt})
	}
	_, err := ask(iss.Mint(t, "alice", time.Hour, nil))
	if ex := failsAs[*dtypes.UnauthorizedException](t, err, 401); !strings.Contains(ex.ErrorMessage(), "lanyard admin issuer add --issuer '"+iss.URL+"'") {
		t.Errorf("the refusal does not say how to list the issuer: %s", ex.ErrorMessage())
	}
	check(t, s.Identity.PutInboundIssuer(t.Context(), s.Account, "", issuer.Trust{Issuer: iss.URL, Audiences: []string{"lanyard"}}))
	out, err := ask(iss.Mint(t, "alice", time.Hour, nil))
	check(t, err)
	if aws.ToString(out.WorkloadAccessToken) == "" {
		t.Error("no token")
	}
	_, err = ask(iss.Mint(t, "alice", time.Hour, map[string]any{"aud": "somebody-else"}))
	failsAs[*dtypes.UnauthorizedException](t, err, 401)
	_, err = ask("not.a.jwt")
	failsAs[*dtypes.UnauthorizedException](t, err, 401)
	_, err = ask("no dots")
	failsAs[*dtypes.ValidationException](t, err, 400)
}

func testGetWorkloadAccessTokenForUserID(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	if first, second := a.Token(t, "alice"), a.Token(t, "alice"); first == second {
		t.Error("two tokens are the same text")
	}
	_, err := a.Data.GetWorkloadAccessTokenForUserId(t.Context(), &data.GetWorkloadAccessTokenForUserIdInput{WorkloadName: aws.String("absent"), UserId: aws.String("alice")})
	failsAs[*dtypes.ResourceNotFoundException](t, err, 404)
}

func testGetResourceOauth2Token(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	begun := a.Begin(t, "alice")
	if !strings.HasPrefix(*begun.AuthorizationUrl, s.URL+"/identities/oauth2/authorize?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A") ||
		!strings.HasPrefix(*begun.SessionUri, "urn:ietf:params:oauth:request_uri:") || begun.SessionStatus != dtypes.SessionStatusInProgress {
		t.Errorf("begun as %s %s %s", *begun.AuthorizationUrl, *begun.SessionUri, begun.SessionStatus)
	}
	token := a.Grant(t, "alice")
	if !a.IDP.Active(token) {
		t.Error("the token is not the provider's")
	}
	_, err := a.Ask("garbage")
	failsAs[*dtypes.UnauthorizedException](t, err, 401)
	_, err = a.Ask(a.Token(t, "bob"), func(in *data.GetResourceOauth2TokenInput) { in.ResourceCredentialProviderName = aws.String("absent") })
	failsAs[*dtypes.ResourceNotFoundException](t, err, 404)
	_, err = a.Ask(a.Token(t, "bob"), func(in *data.GetResourceOauth2TokenInput) { in.ResourceOauth2ReturnUrl = nil })
	if ex := failsAs[*dtypes.ValidationException](t, err, 400); !strings.HasPrefix(ex.ErrorMessage(), "You must register and use at least one ResourceOauth2ReturnUrl on your workload identity to use this flow") {
		t.Errorf("message is %s", ex.ErrorMessage())
	}
	_, err = a.Ask(a.Token(t, "bob"), func(in *data.GetResourceOauth2TokenInput) {
		in.Oauth2Flow = dtypes.Oauth2FlowTypeOnBehalfOfTokenExchange
	})
	failsAs[*dtypes.ValidationException](t, err, 400)
}

func testGetResourceAPIKey(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	_, err := a.Control.CreateApiKeyCredentialProvider(t.Context(), keyInput("key", "k3y"))
	check(t, err)
	if got := apiKey(t, a, "key"); got != "k3y" {
		t.Errorf("key is %q", got)
	}
	token := a.Token(t, "alice")
	_, err = a.Data.GetResourceApiKey(t.Context(), &data.GetResourceApiKeyInput{WorkloadIdentityToken: &token, ResourceCredentialProviderName: aws.String("absent")})
	failsAs[*dtypes.ResourceNotFoundException](t, err, 404)
	_, err = a.Data.GetResourceApiKey(t.Context(), &data.GetResourceApiKeyInput{WorkloadIdentityToken: aws.String("garbage"), ResourceCredentialProviderName: aws.String("key")})
	failsAs[*dtypes.UnauthorizedException](t, err, 401)
}

func testCompleteResourceTokenAuth(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	begun := a.Begin(t, "alice")
	expect := func(err error, what string) {
		t.Helper()
		if ex := failsAs[*dtypes.AccessDeniedException](t, err, 403); !strings.HasPrefix(ex.ErrorMessage(), "Invalid or expired session") {
			t.Errorf("%s: %s", what, ex.ErrorMessage())
		}
	}
	expect(a.Complete(*begun.SessionUri, "alice"), "nobody came back yet")
	expect(a.Complete("urn:ietf:params:oauth:request_uri:unknown", "alice"), "unknown session")
	back := s.Consent(t, *begun.AuthorizationUrl)
	expect(a.Complete(servertest.SessionURI(t, back), "bob"), "another user")
	check(t, a.Complete(servertest.SessionURI(t, back), "alice"))
	expect(a.Complete(servertest.SessionURI(t, back), "alice"), "twice")
}
