package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/conformance/converse"
	"github.com/lanyard-id/lanyard/conformance/githubtest"
)

const (
	workload     = "github-agent"
	provider     = "github"
	clientID     = "story"
	clientSecret = "story-secret" // of the stand-in, which anybody on this machine may use
)

// world is what the picture has outside: the real thing where the environment names it, else a stand-in.
type world struct {
	github    *githubtest.Server // nil: the real GitHub
	githubURL string
	modelURL  string // empty: a real model
	callback  string
	servers   []*http.Server
}

func (s *story) world(ctx context.Context) (*world, error) {
	w := &world{}
	var err error
	if s.getenv("GITHUB_CLIENT_ID") == "" {
		w.github = githubtest.New(githubtest.Config{ClientID: clientID, ClientSecret: clientSecret, GitHubApp: true})
		w.githubURL, err = w.serve(ctx, w.github)
	}
	if err == nil && s.getenv("OPENAI_BASE_URL") == "" {
		w.modelURL, err = w.serve(ctx, &converse.Model{})
	}
	return w, err
}

func (w *world) serve(ctx context.Context, h http.Handler) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, server)
	go server.Serve(l) //nolint:errcheck // it ends with close
	return "http://" + l.Addr().String(), nil
}

func (w *world) close() {
	for _, s := range w.servers {
		_ = s.Close()
	}
}

// register makes the agent's workload identity and the credential provider, or finds those of an earlier run.
func (s *story) register(ctx context.Context, env map[string]string, w *world) error {
	c, err := client.New(ctx, client.WithEndpoint(env["LANYARD_ENDPOINT"]), client.WithRegion(env["AWS_REGION"]),
		client.WithCredentials(credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")))
	if err != nil {
		return err
	}
	back := []string{"http://" + s.door + "/oauth2/session-binding"}
	if _, err := c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: workload, ReturnURLs: back}); err != nil && !client.Is(err, api.ValidationException) && !client.Is(err, api.ConflictException) {
		return err
	}
	if err := c.DeleteOauth2CredentialProvider(ctx, provider); err != nil && !client.Is(err, api.ResourceNotFoundException) {
		return err // its endpoints are those of an earlier stand-in
	}
	made, err := c.CreateOauth2CredentialProvider(ctx, s.provider(w))
	if err != nil {
		return err
	}
	w.callback = made.CallbackURL
	if w.github != nil {
		w.github.RegisterCallback(made.CallbackURL)
	}
	return nil
}

// settings are the agent's: who signs users in is the front door beside `lanyard dev`.
func (s *story) settings(env map[string]string, w *world, listen string) ([]string, error) {
	key := filepath.Join(s.dir, "state.key")
	if err := makeKey(key); err != nil {
		return nil, err
	}
	door := "http://" + s.door
	settings := []string{
		"LISTEN=" + listen, "ENVIRONMENT=story", "STATE_DIR=" + filepath.Join(s.dir, "conversations"), "STATE_KEY_FILE=" + key,
		"OIDC_DATA_SIGNER=arn:aws:elasticloadbalancing:" + env["AWS_REGION"] + ":" + env["LANYARD_ACCOUNT_ID"] + ":loadbalancer/app/lanyard-dev/frontdoor",
		"OIDC_DATA_CLIENT=" + env["LANYARD_DEV_CLIENT_ID"], "OIDC_DATA_ISSUER=" + env["LANYARD_DEV_ISSUER"], "OIDC_DATA_KEYS_URL=" + door + "/oauth2/public-keys",
		"WORKLOAD_IDENTITY_NAME=" + workload, "SESSION_BINDING_URL=" + door + "/oauth2/session-binding",
		"GITHUB_PROVIDER_NAME=" + provider, "GITHUB_API_BASE=" + cmp.Or(w.githubURL, "https://api.github.com"),
	}
	for name, value := range env {
		settings = append(settings, name+"="+value)
	}
	if w.modelURL == "" {
		return append(settings, "MODEL=openai"), nil
	}
	return append(settings, "MODEL=bedrock", "INFERENCE_PROFILE_ID=us.stand-in-v1:0", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME="+w.modelURL), nil
}

func makeKey(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key))
	return errors.Join(err, f.Close())
}

// provider is GitHub by its own name, or the stand-in by its endpoints.
func (s *story) provider(w *world) *api.CreateOauth2CredentialProviderRequest {
	if w.github == nil {
		return &api.CreateOauth2CredentialProviderRequest{Name: provider, Vendor: "GithubOauth2", Config: api.Oauth2ProviderConfigInput{
			Github: &api.VendorOauth2ProviderConfigInput{ClientID: s.getenv("GITHUB_CLIENT_ID"), ClientSecret: api.Sensitive(s.getenv("GITHUB_CLIENT_SECRET"))},
		}}
	}
	metadata := &api.AuthorizationServers{Issuer: w.githubURL, AuthorizationEndpoint: w.githubURL + "/login/oauth/authorize",
		TokenEndpoint: w.githubURL + "/login/oauth/access_token", TokenAuthMethods: []string{"client_secret_post"}}
	return &api.CreateOauth2CredentialProviderRequest{Name: provider, Vendor: "CustomOauth2", Config: api.Oauth2ProviderConfigInput{
		Custom: &api.CustomOauth2ProviderConfigInput{ClientID: clientID, ClientSecret: clientSecret, Discovery: api.Oauth2Discovery{Metadata: metadata}},
	}}
}
