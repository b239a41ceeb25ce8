package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// instance stands for a running Lanyard.
func instance() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case api.GetWorkloadAccessTokenForUserId.Path:
			fmt.Fprint(w, `{"workloadAccessToken":"sealed"}`)
		case api.GetResourceOauth2Token.Path:
			fmt.Fprint(w, `{"authorizationUrl":"https://lanyard.example.com/identities/oauth2/authorize?request_uri=urn","sessionUri":"urn:ietf:params:oauth:request_uri:x"}`)
		case api.ListGrants.Path:
			fmt.Fprint(w, `{"grants":[{"id":"gr-1","provider":"github","user":"userid:alice","scopes":["repo"],"state":"active"}]}`)
		default:
			w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"there is no workload identity nobody"}`)
		}
	}))
}

// Ask for a user's token. The first time there is none: show the user the authorization URL, and ask again with the
// session's URI until the application's return URL has completed the session.
func ExampleClient_GetResourceOauth2Token() {
	lanyard := instance()
	defer lanyard.Close()
	ctx := context.Background()
	c, err := client.New(ctx, client.WithEndpoint(lanyard.URL), client.WithRegion("us-west-2"),
		client.WithCredentials(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")))
	if err != nil {
		log.Fatal(err)
	}
	wat, err := c.GetWorkloadAccessTokenForUserId(ctx, "research-agent", "alice")
	if err != nil {
		log.Fatal(err)
	}
	returnURL := "https://app.example.com/oauth2/return"
	out, err := c.GetResourceOauth2Token(ctx, &api.GetResourceOauth2TokenRequest{
		WorkloadToken: wat, ProviderName: "github", Scopes: []string{"repo"}, Flow: api.FlowUserFederation, ReturnURL: &returnURL,
	})
	if err != nil {
		log.Fatal(err)
	}
	if out.AccessToken == "" {
		fmt.Println("send alice to", string(out.AuthorizationURL))
	}
	fmt.Println("the workload access token prints as", wat)
	// Output:
	// send alice to https://lanyard.example.com/identities/oauth2/authorize?request_uri=urn
	// the workload access token prints as [secret]
}

// Go through a list of any length.
func ExampleClient_Grants() {
	lanyard := instance()
	defer lanyard.Close()
	ctx := context.Background()
	c, err := client.New(ctx, client.WithEndpoint(lanyard.URL), client.WithRegion("us-west-2"),
		client.WithCredentials(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")))
	if err != nil {
		log.Fatal(err)
	}
	for grant, err := range c.Grants(ctx, api.ListGrantsRequest{Provider: "github"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(grant.ID, grant.User, grant.Scopes, grant.State)
	}
	// Output: gr-1 userid:alice [repo] active
}

// Tell refusals apart by their exception.
func ExampleIs() {
	lanyard := instance()
	defer lanyard.Close()
	ctx := context.Background()
	c, err := client.New(ctx, client.WithEndpoint(lanyard.URL), client.WithRegion("us-west-2"),
		client.WithCredentials(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")))
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.GetWorkloadIdentity(ctx, "nobody")
	fmt.Println(client.Is(err, api.ResourceNotFoundException))
	// Output: true
}
