package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// live is a whole service with an agent, and the client under test.
type live struct {
	*servertest.Agent
	c *Client
}

func newLive(t *testing.T, opts ...Option) live {
	t.Helper()
	s := servertest.New(t)
	a := s.NewAgent(t)
	more := append([]Option{WithRegion(s.Region), WithClock(s.Clock.Now),
		WithCredentials(credentials.NewStaticCredentialsProvider(s.Root.AccessKeyID, s.Root.Secret, ""))}, opts...)
	return live{a, newTestClient(t, s.URL, more...)}
}

// request asks for the user's token, in the way of an agent that was invoked for them.
func (l live) request(change ...func(*TokenRequest)) TokenRequest {
	req := TokenRequest{Provider: l.Provider, Scopes: []string{"read"}, Flow: api.FlowUserFederation, ReturnURL: servertest.ReturnURL}
	for _, f := range change {
		f(&req)
	}
	return req
}

// as is the context of a request of the user.
func (l live) as(t *testing.T, user string) context.Context {
	t.Helper()
	return WithWorkloadToken(t.Context(), api.Sensitive(l.Token(t, user)))
}

// consent takes the user through the consent that an error or a callback asks for.
func (l live) consent(t *testing.T, url, user string) {
	t.Helper()
	back := l.Service.Consent(t, url)
	if err := l.Complete(servertest.SessionURI(t, back), user); err != nil {
		t.Fatal(err)
	}
}

// refuse takes the user to the provider, where they say no.
func (l live) refuse(t *testing.T, url string) {
	t.Helper()
	l.IDP.Behave(func(b *oauthtest.Behaviour) { b.AuthorizeError = "access_denied" })
	l.Service.NewBrowser(t).Consent(t, url)
}

// tokenRequests counts what the client asked of the service.
func (l live) sessions(t *testing.T) int {
	t.Helper()
	out, err := l.c.ListAuthorizationSessions(t.Context(), &api.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Sessions)
}

// required is the authorization-required error that err must be.
func required(t *testing.T, err error) *AuthorizationRequiredError {
	t.Helper()
	need, ok := errors.AsType[*AuthorizationRequiredError](err)
	if !ok {
		t.Fatalf("got %v, want that the user has to consent", err)
	}
	return need
}

// looks is a poller that looks at most n times, without a pause, and before each look does what happens meanwhile.
func looks(n int, meanwhile func(i int)) Poller {
	return PollerFunc(func(ctx context.Context, check func(context.Context) (bool, error)) error {
		for i := range n {
			meanwhile(i)
			if done, err := check(ctx); done || err != nil {
				return err
			}
		}
		return ErrConsentTimeout
	})
}

func (l live) createAPIKeyProvider(t *testing.T, name, key string) {
	t.Helper()
	if _, err := l.Control.CreateApiKeyCredentialProvider(t.Context(), &control.CreateApiKeyCredentialProviderInput{Name: &name, ApiKey: &key}); err != nil {
		t.Fatal(err)
	}
}

const longer = 2 * time.Hour
