//go:build conformance

package conformance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// settings are those with which the article's agent is deployed: each by what it decides in the picture.
func (w *world) settings(t *testing.T, _ *person) {
	agent := w.Service(t, "agent")
	set := func(name string) string {
		value := agent.Getenv(name)
		if value == "" {
			t.Errorf("the agent of deploy/compose.yaml is started without %s", name)
		}
		return value
	}
	for _, r := range w.records(t) {
		if r.Workload != set("WORKLOAD_IDENTITY_NAME") || r.Action == "GetResourceOauth2Token" && r.Provider != set("GITHUB_PROVIDER_NAME") {
			t.Errorf("%s was asked for the workload %q at the provider %q", r.Action, r.Workload, r.Provider)
		}
	}
	for _, call := range w.Model.Calls() {
		if call.ModelID != set("INFERENCE_PROFILE_ID") || call.Operation != "ConverseStream" {
			t.Errorf("the model was asked as %s by %s", call.ModelID, call.Operation)
		}
	}
	if len(w.GitHub.Calls()) == 0 || set("GITHUB_API_BASE") != w.Setting("GITHUB_API_BASE") {
		t.Error("no call of a tool went where GITHUB_API_BASE leads")
	}
	if status, body := w.request(t, http.MethodGet, w.URL("agents")+"/ping", nil); status != http.StatusOK || !strings.Contains(body, `"environment":"`+set("ENVIRONMENT")+`"`) {
		t.Errorf("/ping answers %d %s", status, body)
	}
	w.bucket(t, set("S3_BUCKET_NAME"), set("AWS_REGION"))
	identity, err := w.as(t, w.Root(t)).GetWorkloadIdentity(t.Context(), set("WORKLOAD_IDENTITY_NAME"))
	check(t, err)
	if back := set("SESSION_BINDING_URL"); back != w.URL("agents")+"/oauth2/session-binding" || !slices.Equal(identity.ReturnURLs, []string{back}) {
		t.Errorf("the session binding URL is %s, and the workload identity's are %v", back, identity.ReturnURLs)
	}
}

// bucket holds the conversations, and is open to what is signed for the agent's region only.
func (w *world) bucket(t *testing.T, name, region string) {
	t.Helper()
	if len(w.Objects(t, name)) == 0 {
		t.Errorf("the bucket %s is empty", name)
	}
	for _, signed := range []string{region, "eu-north-1"} {
		_, err := w.ObjectStore(signed).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
		if own := signed == region; own != (err == nil) {
			t.Errorf("signed for %s: %v", signed, err)
		}
	}
}
