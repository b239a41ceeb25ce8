package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func goodSettings() map[string]string {
	return map[string]string{
		"OIDC_DATA_SIGNER": testSigner, "OIDC_DATA_CLIENT": testClient, "OIDC_DATA_ISSUER": testIssuer, "WORKLOAD_IDENTITY_NAME": "agent",
		"GITHUB_PROVIDER_NAME": "github-provider", "SESSION_BINDING_URL": "https://agent.example.com/oauth2/session-binding",
		"INFERENCE_PROFILE_ID": "eu.model-1:0", "S3_BUCKET_NAME": "conversations", "STATE_KEY_FILE": "/run/secrets/state.key",
	}
}

func settings(change map[string]string) (*Config, error) {
	all := goodSettings()
	maps.Copy(all, change)
	return configFrom(func(name string) string { return all[name] })
}

func TestSettings(t *testing.T) {
	c, err := settings(map[string]string{"AWS_REGION": "eu-west-1", "IDENTITY_AWS_REGION": "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.APIBase != "https://api.github.com" || c.Region != "eu-west-1" || c.IdentityRegion != "eu-central-1" ||
		c.OIDC.KeysURL != "https://public-keys.auth.elb.eu-west-1.amazonaws.com" || c.WorkloadTokenBy != byUserID || c.Limits.Turns != 8 {
		t.Errorf("%+v", c)
	}
	if c, err = settings(map[string]string{"PORT": "9000"}); err != nil || c.Listen != ":9000" {
		t.Errorf("with a PORT: %v %v", c, err)
	}
	google := map[string]string{"TOOLS": "google", "GOOGLE_PROVIDER_NAME": "google-provider"}
	if c, err = settings(google); err != nil || c.Provider != "google-provider" || c.APIBase != "https://www.googleapis.com" {
		t.Errorf("with Google: %v %v", c, err)
	}
	openai := map[string]string{"MODEL": "openai", "OPENAI_MODEL": "m", "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "OPENAI_API_KEY": "sk-secret"}
	if c, err = settings(openai); err != nil || strings.Contains(fmt.Sprintf("%v %+v %#v", c.ModelKey, c, c), "sk-secret") {
		t.Errorf("with another model: %v %v", c, err)
	}
}

// TestPlainHTTPToTheModel: to one's own without a key, or by a setting that the log tells of.
func TestPlainHTTPToTheModel(t *testing.T) {
	elsewhere := map[string]string{"MODEL": "openai", "OPENAI_MODEL": "m", "OPENAI_BASE_URL": "http://host.docker.internal:11434/v1"}
	if c, err := settings(elsewhere); err != nil || !c.modelInClear() {
		t.Errorf("without a key: %v", err)
	}
	elsewhere["OPENAI_API_KEY"] = "sk-secret"
	if _, err := settings(elsewhere); err == nil || !strings.Contains(err.Error(), "OPENAI_INSECURE_HTTP=true") || strings.Contains(err.Error(), "sk-secret") {
		t.Errorf("with a key: %v", err)
	}
	elsewhere["OPENAI_INSECURE_HTTP"] = "true"
	if c, err := settings(elsewhere); err != nil || !c.modelInClear() {
		t.Errorf("with a key, by a setting: %v", err)
	}
	for _, at := range []string{"http://127.0.0.1:11434/v1", "https://model.example.com/v1"} {
		elsewhere["OPENAI_BASE_URL"] = at
		if c, err := settings(elsewhere); err != nil || c.modelInClear() {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, at := range []string{"ftp://model.example.com", "http://", "http://a:b@model.example.com", "model.example.com", ""} {
		elsewhere["OPENAI_BASE_URL"], elsewhere["OPENAI_API_KEY"] = at, ""
		if _, err := settings(elsewhere); err == nil || !strings.Contains(err.Error(), "OPENAI_BASE_URL") {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"no signer":          {map[string]string{"OIDC_DATA_SIGNER": ""}, "OIDC_DATA_SIGNER is missing"},
		"no client":          {map[string]string{"OIDC_DATA_CLIENT": ""}, "OIDC_DATA_CLIENT is missing"},
		"no issuer":          {map[string]string{"OIDC_DATA_ISSUER": ""}, "OIDC_DATA_ISSUER is missing"},
		"no workload":        {map[string]string{"WORKLOAD_IDENTITY_NAME": ""}, "WORKLOAD_IDENTITY_NAME is missing"},
		"no provider":        {map[string]string{"GITHUB_PROVIDER_NAME": ""}, "GITHUB_PROVIDER_NAME is missing"},
		"no Google provider": {map[string]string{"TOOLS": "google"}, "GOOGLE_PROVIDER_NAME is missing"},
		"no return URL":      {map[string]string{"SESSION_BINDING_URL": ""}, "SESSION_BINDING_URL is missing"},
		"no model":           {map[string]string{"INFERENCE_PROFILE_ID": ""}, "INFERENCE_PROFILE_ID is missing"},
		"no key":             {map[string]string{"STATE_KEY_FILE": ""}, "STATE_KEY_FILE is missing"},
		"no store":           {map[string]string{"S3_BUCKET_NAME": ""}, "set one of S3_BUCKET_NAME and STATE_DIR"},
		"two stores":         {map[string]string{"STATE_DIR": "/tmp/x"}, "set one of S3_BUCKET_NAME and STATE_DIR"},
		"other tools":        {map[string]string{"TOOLS": "gitlab"}, `TOOLS is "gitlab"`},
		"other model":        {map[string]string{"MODEL": "x"}, `MODEL is "x"`},
		"other way":          {map[string]string{"WORKLOAD_TOKEN_BY": "x"}, `WORKLOAD_TOKEN_BY is "x"`},
		"no model's URL":     {map[string]string{"MODEL": "openai", "OPENAI_MODEL": "m"}, "OPENAI_BASE_URL"},
		"plain http":         {map[string]string{"GITHUB_API_BASE": "http://api.github.example.com"}, "GITHUB_API_BASE"},
		"http by a name":     {map[string]string{"GITHUB_API_BASE": "http://127.0.0.1.example.com"}, "GITHUB_API_BASE"},
		"a user in the URL":  {map[string]string{"GITHUB_API_BASE": "https://a:b@api.github.com"}, "GITHUB_API_BASE"},
		"no URL":             {map[string]string{"GITHUB_API_BASE": "api.github.com"}, "GITHUB_API_BASE"},
		"script":             {map[string]string{"SIGN_OUT_URL": "javascript:alert(1)"}, "SIGN_OUT_URL"},
		"another host":       {map[string]string{"SIGN_OUT_URL": "//evil.example.com"}, "SIGN_OUT_URL"},
		"a key without KMS":  {map[string]string{"S3_SSE_KMS_KEY_ID": "k"}, "S3_SSE=aws:kms"},
		"no number":          {map[string]string{"MAX_TURNS": "many"}, "MAX_TURNS"},
		"a large number":     {map[string]string{"MAX_TURNS": "51"}, "MAX_TURNS"},
		"no level":           {map[string]string{"LOG_LEVEL": "loud"}, "level"},
		"no region":          {map[string]string{"AWS_REGION": "nowhere"}, "region"},
	} {
		if _, err := settings(c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	_, err := configFrom(func(string) string { return "" })
	if err == nil || strings.Count(err.Error(), "is missing: ") != 8 {
		t.Fatalf("%v", err)
	}
}

// stopper ends the program when it says that it listens.
type stopper struct {
	bytes.Buffer
	stop context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("the agent listens")) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

func TestRunStartsAndStops(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "",
		"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": "http://127.0.0.1:1"} {
		t.Setenv(name, value)
	}
	all := goodSettings()
	all["STATE_KEY_FILE"], all["S3_BUCKET_NAME"], all["STATE_DIR"], all["LISTEN"] = keyFile(t), "", filepath.Join(t.TempDir(), "state"), "127.0.0.1:0"
	ctx, stop := context.WithCancel(t.Context())
	out := &stopper{stop: stop}
	if err := run(ctx, func(name string) string { return all[name] }, out); err != nil || !strings.Contains(out.String(), "127.0.0.1:") {
		t.Fatalf("%v: %s", err, out)
	}
	maps.Copy(all, map[string]string{"MODEL": "openai", "OPENAI_MODEL": "m", "OPENAI_BASE_URL": "http://model.example.com/v1"})
	ctx, out.stop = context.WithCancel(t.Context())
	if err := run(ctx, func(name string) string { return all[name] }, out); err != nil || !strings.Contains(out.String(), `"insecure: the model is asked in plain http`) {
		t.Fatalf("%v: %s", err, out)
	}
	all["STATE_KEY_FILE"] = filepath.Join(t.TempDir(), "none")
	if err := run(t.Context(), func(name string) string { return all[name] }, out); err == nil {
		t.Fatal("it runs without a key")
	}
}

// TestSettingsReachWhatTheySet: each of the ten that such an agent is deployed with becomes what it names.
func TestSettingsReachWhatTheySet(t *testing.T) {
	all := map[string]string{
		"AWS_REGION": "eu-west-1", "IDENTITY_AWS_REGION": "eu-central-1", "ENVIRONMENT": "staging", "LOG_LEVEL": "WARN", "S3_BUCKET_NAME": "a-bucket",
		"SESSION_BINDING_URL": "https://agents.example.com/oauth2/session-binding", "INFERENCE_PROFILE_ID": "eu.a-model-1:0", "WORKLOAD_IDENTITY_NAME": "an-agent",
		"GITHUB_PROVIDER_NAME": "a-provider", "GITHUB_API_BASE": "https://github.example.com/api/v3/",
	}
	c, err := settings(all)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"AWS_REGION": c.Region, "IDENTITY_AWS_REGION": c.IdentityRegion, "ENVIRONMENT": c.Environment, "LOG_LEVEL": c.LogLevel.String(), "S3_BUCKET_NAME": c.S3.Bucket,
		"SESSION_BINDING_URL": c.SessionBindingURL, "INFERENCE_PROFILE_ID": c.ModelID, "WORKLOAD_IDENTITY_NAME": c.Workload,
		"GITHUB_PROVIDER_NAME": c.Provider, "GITHUB_API_BASE": c.APIBase + "/",
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Error(diff)
	}
}

// TestLanyardsRegionIsItsOwn: what is asked of Lanyard is signed for its region, whatever that of the model and the bucket is.
func TestLanyardsRegionIsItsOwn(t *testing.T) {
	scopes := make(chan string, 1)
	lanyard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scopes <- r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"workloadAccessToken":"the-token"}`)
	}))
	t.Cleanup(lanyard.Close)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "",
		"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": lanyard.URL, "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": lanyard.URL} {
		t.Setenv(name, value)
	}
	for change, region := range map[string]string{"eu-central-1": "eu-central-1", "": "eu-west-1"} {
		c, err := settings(map[string]string{"AWS_REGION": "eu-west-1", "IDENTITY_AWS_REGION": change})
		if err != nil {
			t.Fatal(err)
		}
		identity, err := newLanyard(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := identity.GetWorkloadAccessTokenForUserId(t.Context(), c.Workload, "alice"); err != nil {
			t.Fatal(err)
		}
		if signed := <-scopes; !strings.Contains(signed, "/"+region+"/bedrock-agentcore/aws4_request") {
			t.Errorf("IDENTITY_AWS_REGION=%q: signed as %s", change, signed)
		}
	}
}
