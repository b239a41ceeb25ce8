package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// agentOf is an agent of a whole service, with a tool that reports which resource token it was given.
func agentOf(t *testing.T, s *servertest.Service, provider string) *App {
	t.Helper()
	c, err := client.New(t.Context(), client.WithEndpoint(s.URL), client.WithRegion(s.Region), client.WithClock(s.Clock.Now), client.WithEnvironment(func(string) string { return "" }),
		client.WithCredentials(credentials.NewStaticCredentialsProvider(s.Root.AccessKeyID, s.Root.Secret, "")))
	if err != nil {
		t.Fatal(err)
	}
	tool := client.WithResourceToken(c, client.TokenRequest{Provider: provider, Scopes: []string{"read"}, Flow: api.FlowUserFederation},
		func(ctx context.Context, token api.Sensitive, in words) (words, error) {
			r, _ := FromContext(ctx)
			return words{in.Text + " " + r.UserID + " " + r.SessionID + " " + string(token)}, nil
		})
	a, _ := newApp(JSON(tool))
	return a
}

// TestA52_InvocationsDoNotMix: two users' invocations at once, each with the token of its own user and of nobody else.
func TestA52_InvocationsDoNotMix(t *testing.T) {
	s := servertest.New(t)
	of := s.NewAgent(t)
	app := agentOf(t, s, of.Provider)
	users := []string{"alice", "bob"}
	wat, granted := map[string]string{}, map[string]string{}
	for _, u := range users {
		granted[u], wat[u] = of.Grant(t, u), of.Token(t, u)
	}
	agent := served(t, app)
	var wg sync.WaitGroup
	for i := range 200 {
		user := users[i%2]
		wg.Go(func() {
			body, err := invokeAs(t.Context(), agent, user, wat[user])
			if want := `{"text":"hello ` + user + " session-of-" + user + " " + granted[user] + `"}`; err != nil || body != want {
				t.Errorf("%s was answered of another: %v", user, err)
			}
		})
	}
	wg.Wait()
	if body, err := invokeAs(t.Context(), agent, "alice", ""); err == nil || !strings.Contains(body, "there is no workload access token") {
		t.Errorf("an invocation without a token took one from another: %s", body)
	}
}

// TestConsentOfAnInvocation: its return URL is the one that the host brought, and the consent URL is not in the answer.
func TestConsentOfAnInvocation(t *testing.T) {
	s := servertest.New(t)
	of := s.NewAgent(t)
	app := agentOf(t, s, of.Provider)
	var need *client.AuthorizationRequiredError
	tool := app.Handler
	app.Handler = func(ctx context.Context, in Invocation, out *Response) error {
		err := tool(ctx, in, out)
		errors.As(err, &need)
		return err
	}
	body, err := invokeAs(t.Context(), served(t, app), "alice", of.Token(t, "alice"))
	if err == nil || need == nil || strings.Contains(body, "request_uri") {
		t.Fatalf("answered %s", body)
	}
	back := s.Consent(t, need.URL)
	if !strings.HasPrefix(back, servertest.ReturnURL+"?") {
		t.Errorf("the consent returned to %s", back)
	}
}

func invokeAs(ctx context.Context, agent *httptest.Server, user, wat string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, agent.URL+"/invocations", strings.NewReader(`{"text":"hello"}`))
	if err != nil {
		return "", err
	}
	r.Header = http.Header{api.HeaderRuntimeUser: {user}, api.HeaderRuntimeSession: {"session-of-" + user}, headerReturnURL: {servertest.ReturnURL}}
	if wat != "" {
		r.Header.Set(headerWorkloadToken, wat)
	}
	resp, err := agent.Client().Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = errors.New(resp.Status)
	}
	return string(b), err
}
