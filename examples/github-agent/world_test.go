package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
	"github.com/lanyard-id/lanyard/conformance/githubtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// world is everything around an agent, each the real thing or a stand-in in this process: Lanyard, GitHub, the model, the
// front door's signature and the session binding service.
type world struct {
	lanyard *servertest.Service
	github  *githubtest.Server
	api     *httptest.Server // GitHub's web and API host
	model   *scriptedModel
	door    *frontDoor
	agent   *httptest.Server
	binding *httptest.Server
	server  *server
	logs    *lockedBuffer

	mu       sync.Mutex
	repos    string // what GET /user/repos answers
	profile  string // what GET /user answers instead of the stand-in's, where set
	requests []*http.Request
}

const agentPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["bedrock-agentcore:GetWorkloadAccessTokenForUserId","bedrock-agentcore:GetWorkloadAccessTokenForJWT","bedrock-agentcore:GetResourceOauth2Token"],"Resource":"*"}]}`

const testRepos = `[{"name":"lanyard","full_name":"alice/lanyard","private":true,"html_url":"https://github.example.com/alice/lanyard","stargazers_count":7,"updated_at":"2026-01-02T03:04:05Z","owner":{"login":"alice"}}]`

// newWorld starts it all. settings are added to the agent's environment.
func newWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	w := &world{repos: testRepos, logs: &lockedBuffer{}}
	w.github = githubtest.New(githubtest.Config{ClientID: "Iv1.agent", ClientSecret: "github-client-secret"})
	w.api = httptest.NewServer(http.HandlerFunc(w.serveGitHub))
	t.Cleanup(w.api.Close)
	w.lanyard = servertest.New(t, servertest.Dev(), servertest.Vendors(map[string]string{"GithubOauth2": w.api.URL}))
	w.model = newScriptedModel(t)
	w.door = newFrontDoor(t)
	w.binding = httptest.NewUnstartedServer(nil)
	bindingURL := "http://" + w.binding.Listener.Addr().String() + sessionbinding.Path
	w.register(t, bindingURL)
	w.startAgent(t, bindingURL, settings)
	w.startBinding(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent's log:\n%s", w.logs)
		}
	})
	return w
}

// register makes the workload identity and the credential provider.
func (w *world) register(t *testing.T, bindingURL string) {
	t.Helper()
	root := w.lanyard.Client(w.lanyard.Root)
	_, err := root.Control.CreateWorkloadIdentity(t.Context(), &control.CreateWorkloadIdentityInput{Name: aws.String("github-agent"), AllowedResourceOauth2ReturnUrls: []string{bindingURL}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := root.Control.CreateOauth2CredentialProvider(t.Context(), &control.CreateOauth2CredentialProviderInput{
		Name: aws.String("github-provider"), CredentialProviderVendor: ctypes.CredentialProviderVendorTypeGithubOauth2,
		Oauth2ProviderConfigInput: &ctypes.Oauth2ProviderConfigInputMemberGithubOauth2ProviderConfig{
			Value: ctypes.GithubOauth2ProviderConfigInput{ClientId: aws.String("Iv1.agent"), ClientSecret: aws.String("github-client-secret")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.github.RegisterCallback(*out.CallbackUrl)
}

// clientOf signs with these credentials.
func (w *world) clientOf(t *testing.T, me servertest.Credentials) *client.Client {
	t.Helper()
	return newClient(t, w.lanyard.URL, credentials.NewStaticCredentialsProvider(me.AccessKeyID, me.Secret, me.SessionToken))
}

func newClient(t *testing.T, endpoint string, p aws.CredentialsProvider) *client.Client {
	t.Helper()
	c, err := client.New(t.Context(), client.WithEndpoint(endpoint), client.WithRegion("us-west-2"), client.WithCredentials(p))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cloud leads to the model.
func (w *world) cloud() aws.Config {
	return aws.Config{Region: "us-west-2", BaseEndpoint: aws.String(w.model.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
}

// startAgent starts the agent from settings as of an environment.
func (w *world) startAgent(t *testing.T, bindingURL string, settings map[string]string) {
	t.Helper()
	environment := map[string]string{
		"OIDC_DATA_SIGNER": testSigner, "OIDC_DATA_CLIENT": testClient, "OIDC_DATA_ISSUER": testIssuer, "OIDC_DATA_KEYS_URL": w.door.URL,
		"WORKLOAD_IDENTITY_NAME": "github-agent", "GITHUB_PROVIDER_NAME": "github-provider", "GITHUB_API_BASE": w.api.URL, "SESSION_BINDING_URL": bindingURL,
		"INFERENCE_PROFILE_ID": "eu.model-1:0", "STATE_DIR": filepath.Join(t.TempDir(), "state"), "STATE_KEY_FILE": keyFile(t), "LOG_LEVEL": "DEBUG",
	}
	for name, value := range settings {
		environment[name] = value
	}
	c, err := configFrom(func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	me := w.lanyard.User(t, "github-agent", agentPolicy)
	w.server, err = newServer(c, w.clientOf(t, me), w.cloud(), slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: c.LogLevel})))
	if err != nil {
		t.Fatal(err)
	}
	w.agent = httptest.NewServer(w.server.handler())
	t.Cleanup(w.agent.Close)
}

// startBinding starts the session binding service, a principal of its own that can do nothing but complete.
func (w *world) startBinding(t *testing.T) {
	t.Helper()
	me := w.lanyard.User(t, "session-binding", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock-agentcore:CompleteResourceTokenAuth","Resource":"*"}]}`)
	h, err := sessionbinding.New(sessionbinding.Config{Client: w.clientOf(t, me), User: sessionbinding.FromOIDCData(w.server.users), State: w.server.binding})
	if err != nil {
		t.Fatal(err)
	}
	w.binding.Config.Handler = h
	w.binding.Start()
	t.Cleanup(w.binding.Close)
}

func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveGitHub adds to the stand-in what the tests decide. Whether a token is good is the stand-in's to say.
func (w *world) serveGitHub(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.requests = append(w.requests, r.Clone(r.Context()))
	repos, profile := w.repos, w.profile
	w.mu.Unlock()
	instead := map[string]string{"/user/repos": repos, "/user": profile}[r.URL.Path]
	if instead == "" {
		w.github.ServeHTTP(out, r)
		return
	}
	asUser := r.Clone(r.Context())
	asUser.URL.Path = "/user"
	answer := httptest.NewRecorder()
	w.github.ServeHTTP(answer, asUser)
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(answer.Code)
	if answer.Code == http.StatusOK {
		_, _ = io.WriteString(out, instead)
		return
	}
	_, _ = out.Write(answer.Body.Bytes())
}

// apiRequests are those to GitHub so far, those of its OAuth endpoints left out.
func (w *world) apiRequests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*http.Request
	for _, r := range w.requests {
		if strings.HasPrefix(r.URL.Path, "/user") {
			out = append(out, r)
		}
	}
	return out
}

// do sends a request as a user whom the front door has signed in.
func (w *world) do(t *testing.T, user, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.agent.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		r.Header.Set(oidcdata.HeaderData, w.door.sign(t, user))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return send(t, r)
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

// ask sends a message and reads the events of the answer.
func (w *world) ask(t *testing.T, user, session, message string) []event {
	t.Helper()
	body, err := json.Marshal(map[string]string{"sessionId": session, "message": message})
	if err != nil {
		t.Fatal(err)
	}
	resp, answer := w.do(t, user, http.MethodPost, "/invocations", string(body))
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("the agent answered %d as %s: %s", resp.StatusCode, resp.Header.Get("Content-Type"), answer)
	}
	var out []event
	for block := range strings.SplitSeq(strings.TrimSuffix(answer, "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(block, "\n")
		var e event
		if err := json.Unmarshal([]byte(strings.TrimPrefix(data, "data: ")), &e); err != nil {
			t.Fatalf("the event %q: %v", block, err)
		}
		if "event: "+e.Type != name {
			t.Fatalf("the event %q is of type %s", name, e.Type)
		}
		out = append(out, e)
	}
	return out
}

// textOf is the text of an answer that came to its end.
func textOf(t *testing.T, events []event) string {
	t.Helper()
	var text strings.Builder
	for _, e := range events {
		switch e.Type {
		case eventText:
			text.WriteString(e.Text)
		case eventAuthorization, eventError:
			t.Fatalf("the answer has %+v", e)
		}
	}
	if events[len(events)-1].Type != eventDone {
		t.Fatalf("the answer ends with %+v", events[len(events)-1])
	}
	return text.String()
}

// consentOf is the event by which an answer asks for consent.
func consentOf(t *testing.T, events []event) event {
	t.Helper()
	for _, e := range events {
		if e.Type == eventAuthorization {
			return e
		}
	}
	t.Fatalf("no consent is asked for: %+v", events)
	return event{}
}

// consent walks a browser from an authorization URL through GitHub to the session binding service, where user is signed in.
func (w *world) consent(t *testing.T, user, login, authorizationURL, decision string) (status int, page string) {
	t.Helper()
	browser := w.lanyard.NewBrowser(t)
	at := browser.Open(t, authorizationURL).Location
	form := url.Values{"login": {login}, "decision": {decision}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, body := send(t, r)
	back := browser.Open(t, resp.Header.Get("Location")).Location
	if back == "" {
		t.Fatalf("the consent led nowhere: %s", body)
	}
	if r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, back, nil); err != nil {
		t.Fatal(err)
	}
	r.Header.Set(oidcdata.HeaderData, w.door.sign(t, user))
	resp, body = send(t, r)
	return resp.StatusCode, body
}

// lockedBuffer collects what is logged.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// nameOf is where a session of a user of the test's issuer rests.
func (s *server) nameOf(user, session string) string {
	return conversationName(&oidcdata.Claims{Issuer: testIssuer, Subject: user}, session)
}
