package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/conformance/githubtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func clientOf(t *testing.T, endpoint, id, secret string) *client.Client {
	t.Helper()
	c, err := client.New(t.Context(), client.WithEndpoint(endpoint), client.WithRegion("us-west-2"), client.WithCredentials(credentials.NewStaticCredentialsProvider(id, secret, "")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bench is a development instance and a story beside it.
func bench(t *testing.T) (*servertest.Service, *client.Client, *story) {
	t.Helper()
	l := servertest.New(t, servertest.Dev())
	s := &story{dir: t.TempDir(), door: "127.0.0.1:8586", getenv: func(name string) string {
		return map[string]string{"GITHUB_CLIENT_ID": "Iv1.real", "GITHUB_CLIENT_SECRET": "real-secret"}[name]
	}}
	return l, clientOf(t, l.URL, l.Root.AccessKeyID, l.Root.Secret), s
}

func (s *story) registered(t *testing.T, c *client.Client, w *world) api.AccessKey {
	t.Helper()
	key, err := s.register(t.Context(), c, w)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestTheRealGitHubKeepsItsProvider: its callback URL is registered there, and grants hang on it.
func TestTheRealGitHubKeepsItsProvider(t *testing.T) {
	_, c, s := bench(t)
	first, second := &world{}, &world{}
	s.registered(t, c, first)
	s.registered(t, c, second)
	if first.callback == "" || first.callback != second.callback {
		t.Errorf("the callback URL was %q and is %q", first.callback, second.callback)
	}
}

// TestAStandInGetsAProviderOfItsOwn: also after a run with the real GitHub.
func TestAStandInGetsAProviderOfItsOwn(t *testing.T) {
	_, c, s := bench(t)
	before := &world{}
	s.registered(t, c, before)
	standIn := &world{github: githubtest.New(githubtest.Config{ClientID: clientID, ClientSecret: clientSecret}), githubURL: "http://127.0.0.1:1"}
	s.registered(t, c, standIn)
	got, err := c.GetOauth2CredentialProvider(t.Context(), provider)
	if err != nil || got.Vendor != "CustomOauth2" || standIn.callback == before.callback {
		t.Errorf("%+v %v", got, err)
	}
}

func TestReturnURLsFollowTheFrontDoor(t *testing.T) {
	_, c, s := bench(t)
	s.registered(t, c, &world{})
	s.door = "127.0.0.1:9999"
	s.registered(t, c, &world{})
	got, err := c.GetWorkloadIdentity(t.Context(), workload)
	if err != nil || len(got.ReturnURLs) != 1 || got.ReturnURLs[0] != "http://127.0.0.1:9999/oauth2/session-binding" {
		t.Errorf("%+v %v", got, err)
	}
}

// TestARefusedRegistrationIsReported: what is wrong with it is no sign of an earlier run.
func TestARefusedRegistrationIsReported(t *testing.T) {
	_, c, s := bench(t)
	s.door = "no host"
	if _, err := s.register(t.Context(), c, &world{}); !client.Is(err, api.ValidationException) {
		t.Errorf("a return URL that is none: %v", err)
	}
	if _, err := s.register(t.Context(), clientOf(t, c.Endpoint(), "AKIAIOSFODNN7EXAMPLE", "wrong"), &world{}); err == nil {
		t.Error("a stranger registered")
	}
}

// TestA53_TheStorysAgentCannotCompleteConsents: it has two permissions, and no key but its own.
func TestA53_TheStorysAgentCannotCompleteConsents(t *testing.T) {
	l, c, s := bench(t)
	old, key := s.registered(t, c, &world{}), s.registered(t, c, &world{})
	if _, err := clientOf(t, l.URL, old.AccessKeyID, string(old.SecretAccessKey)).GetWorkloadAccessTokenForUserId(t.Context(), workload, "alice"); err == nil {
		t.Error("the key of an earlier run is still good")
	}
	agent := clientOf(t, l.URL, key.AccessKeyID, string(key.SecretAccessKey))
	token, err := agent.GetWorkloadAccessTokenForUserId(t.Context(), workload, "alice")
	if err != nil {
		t.Fatal(err)
	}
	asked, err := agent.GetResourceOauth2Token(t.Context(), &api.GetResourceOauth2TokenRequest{WorkloadToken: token, ProviderName: provider, Flow: api.FlowUserFederation, Scopes: []string{"read:user"}})
	if err != nil {
		t.Fatal(err)
	}
	alice := "alice"
	err = agent.CompleteResourceTokenAuth(t.Context(), &api.CompleteResourceTokenAuthRequest{SessionURI: asked.SessionURI, User: api.UserIdentifier{UserID: &alice}})
	if !client.Is(err, api.AccessDeniedException) {
		t.Errorf("completing its own consent: %v", err)
	}
	if _, err := agent.GetOauth2CredentialProvider(t.Context(), provider); !client.Is(err, api.AccessDeniedException) {
		t.Errorf("reading the provider: %v", err)
	}
}

// TestA53_TheStorysAgentGetsNothingOfTheDevelopers in its environment.
func TestA53_TheStorysAgentGetsNothingOfTheDevelopers(t *testing.T) {
	s := &story{dir: t.TempDir(), door: "127.0.0.1:8586", getenv: func(string) string { return "" }}
	env := map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:8585", "AWS_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "ROOT-KEY", "AWS_SECRET_ACCESS_KEY": "root-secret",
		"AWS_CONFIG_FILE": "/dev/config", "LANYARD_DEV_PASSWORD": "password-of-dev", "LANYARD_DEV_CLIENT_SECRET": "secret-of-dev"}
	settings, err := s.settings(env, api.AccessKey{AccessKeyID: "AGENT-KEY", SecretAccessKey: "agent-secret"}, &world{}, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(settings, "\n")
	for _, hidden := range []string{"ROOT-KEY", "root-secret", "-of-dev", "/dev/config"} {
		if strings.Contains(all, hidden) {
			t.Errorf("the agent gets %s", hidden)
		}
	}
	for _, needed := range []string{"AWS_ACCESS_KEY_ID=AGENT-KEY", "AWS_SECRET_ACCESS_KEY=agent-secret", "AWS_ENDPOINT_URL_STS=http://127.0.0.1:8585", "AWS_REGION=us-west-2"} {
		if !strings.Contains(all, needed) {
			t.Errorf("the agent misses %s in\n%s", needed, all)
		}
	}
}
