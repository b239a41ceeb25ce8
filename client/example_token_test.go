package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"golang.org/x/oauth2"
)

// consented stands for a running Lanyard, at which alice has consented already.
func consented() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case api.GetWorkloadAccessTokenForUserId.Path:
			fmt.Fprint(w, `{"workloadAccessToken":"sealed"}`)
		case api.GetResourceOauth2Token.Path:
			fmt.Fprint(w, `{"accessToken":"token-of-alice"}`)
		}
	}))
}

// github stands for the API that the token is for.
func github() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-of-alice" {
			fmt.Fprint(w, `{"login":"alice"}`)
		}
	}))
}

func newClient(ctx context.Context, endpoint string) *client.Client {
	c, err := client.New(ctx, client.WithEndpoint(endpoint), client.WithRegion("us-west-2"),
		client.WithCredentials(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")))
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func get(ctx context.Context, hc *http.Client, url string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := hc.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	return string(b)
}

// An http.Client that has the user's token for one host, and for no other.
func ExampleClient_Transport() {
	lanyard, hub := consented(), github()
	defer lanyard.Close()
	defer hub.Close()
	ctx := context.Background()
	c := newClient(ctx, lanyard.URL)
	hc := &http.Client{Transport: c.Transport(client.TokenRequest{
		Provider: "github", Scopes: []string{"read:user"}, Flow: api.FlowUserFederation, ReturnURL: "https://app.example.com/oauth2/return",
		Workload: c.WorkloadTokenForUserID("research-agent", "alice"),
	}, client.AllowHosts{strings.TrimPrefix(hub.URL, "http://")}, nil)}
	fmt.Println(get(ctx, hc, hub.URL+"/user"))
	// Output: {"login":"alice"}
}

// A package that takes an oauth2.TokenSource, or an http.Client made of one.
func ExampleClient_TokenSource() {
	lanyard, hub := consented(), github()
	defer lanyard.Close()
	defer hub.Close()
	ctx := context.Background()
	c := newClient(ctx, lanyard.URL)
	hc := oauth2.NewClient(ctx, c.TokenSource(ctx, client.TokenRequest{
		Provider: "github", Scopes: []string{"read:user"}, Flow: api.FlowUserFederation, ReturnURL: "https://app.example.com/oauth2/return",
		Workload: c.WorkloadTokenForUserID("research-agent", "alice"),
	}))
	fmt.Println(get(ctx, hc, hub.URL+"/user"))
	// Output: {"login":"alice"}
}

// A tool for a model: it sees Repositories and List, and never the token.
func ExampleWithResourceToken() {
	lanyard := consented()
	defer lanyard.Close()
	ctx := context.Background()
	c := newClient(ctx, lanyard.URL)

	type Repositories struct {
		Visibility string `json:"visibility"`
	}
	type List struct {
		Names []string `json:"names"`
	}
	tool := client.WithResourceToken(c, client.TokenRequest{Provider: "github", Scopes: []string{"repo"}, Flow: api.FlowUserFederation},
		func(_ context.Context, token api.Sensitive, in Repositories) (List, error) {
			// Call the API with string(token) here.
			return List{Names: []string{in.Visibility + "-notes"}}, nil
		})

	ctx = client.WithWorkloadToken(ctx, "sealed") // an agent's invocation has done so
	out, err := tool(ctx, Repositories{Visibility: "private"})
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.Marshal(out)
	fmt.Println(string(text), err)
	// Output: {"names":["private-notes"]} <nil>
}

// The user has to consent first: show them the URL, and call again when they came back.
func ExampleAuthorizationRequiredError() {
	lanyard := instance()
	defer lanyard.Close()
	ctx := context.Background()
	c := newClient(ctx, lanyard.URL)
	_, err := c.ResourceToken(ctx, client.TokenRequest{
		Provider: "github", Scopes: []string{"repo"}, Flow: api.FlowUserFederation, ReturnURL: "https://app.example.com/oauth2/return",
		Workload: c.WorkloadTokenForUserID("research-agent", "alice"),
	})
	var need *client.AuthorizationRequiredError
	if errors.As(err, &need) {
		fmt.Println("open", need.URL)
	}
	fmt.Println(strings.Contains(err.Error(), need.URL), "is whether the error's text has it")
	// Output:
	// open https://lanyard.example.com/identities/oauth2/authorize?request_uri=urn
	// false is whether the error's text has it
}

// Wait for the consent where the user is at hand: a command line, a chat.
func ExampleTokenRequest_onAuthorizationURL() {
	asked := 0
	lanyard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			fmt.Fprint(w, `{"authorizationUrl":"https://lanyard.example.com/consent","sessionUri":"urn:ietf:params:oauth:request_uri:x"}`)
			return
		}
		fmt.Fprint(w, `{"accessToken":"token-of-alice"}`)
	}))
	defer lanyard.Close()
	ctx := context.Background()
	token, err := newClient(ctx, lanyard.URL).ResourceToken(ctx, client.TokenRequest{
		Provider: "github", Scopes: []string{"repo"}, Flow: api.FlowUserFederation, ReturnURL: "https://app.example.com/oauth2/return",
		Workload: client.FixedWorkloadToken("sealed"),
		OnAuthorizationURL: func(_ context.Context, url string) error {
			fmt.Println("please open", url)
			return nil
		},
		Poller: client.PollEvery(1, 0), // a nanosecond, for this example; zero is the usual five seconds
	})
	fmt.Println(token, err)
	// Output:
	// please open https://lanyard.example.com/consent
	// [secret] <nil>
}
