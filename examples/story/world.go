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
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/converse"
	"github.com/lanyard-id/lanyard/conformance/githubtest"
)

const (
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

// settings are the agent's: who signs users in is the front door beside `lanyard dev`. Of what leads to Lanyard it gets the
// endpoints and a key of its own, and nothing of the developer's.
func (s *story) settings(env map[string]string, key api.AccessKey, w *world, listen string) ([]string, error) {
	stateKey := filepath.Join(s.dir, "state.key")
	if err := makeKey(stateKey); err != nil {
		return nil, err
	}
	door := "http://" + s.door
	settings := []string{
		"LISTEN=" + listen, "ENVIRONMENT=story", "STATE_DIR=" + filepath.Join(s.dir, "conversations"), "STATE_KEY_FILE=" + stateKey,
		"OIDC_DATA_SIGNER=arn:aws:elasticloadbalancing:" + env["AWS_REGION"] + ":" + env["LANYARD_ACCOUNT_ID"] + ":loadbalancer/app/lanyard-dev/frontdoor",
		"OIDC_DATA_CLIENT=" + env["LANYARD_DEV_CLIENT_ID"], "OIDC_DATA_ISSUER=" + env["LANYARD_DEV_ISSUER"], "OIDC_DATA_KEYS_URL=" + door + "/oauth2/public-keys",
		"WORKLOAD_IDENTITY_NAME=" + workload, "SESSION_BINDING_URL=" + door + "/oauth2/session-binding",
		"GITHUB_PROVIDER_NAME=" + provider, "GITHUB_API_BASE=" + cmp.Or(w.githubURL, "https://api.github.com"),
	}
	settings = append(settings, "AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+string(key.SecretAccessKey), "AWS_REGION="+env["AWS_REGION"],
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	for name, value := range env {
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
			settings = append(settings, name+"="+value)
		}
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
