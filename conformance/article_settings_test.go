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
	records, calls, workload, provider, model := w.records(t), w.Model.Calls(), set("WORKLOAD_IDENTITY_NAME"), set("GITHUB_PROVIDER_NAME"), set("INFERENCE_PROFILE_ID")
	if len(records) == 0 || len(calls) == 0 {
		t.Fatalf("there are %d records and %d calls of the model to look at", len(records), len(calls))
	}
	for _, r := range records {
		if r.Workload != workload || r.Action == "GetResourceOauth2Token" && r.Provider != provider {
			t.Errorf("%s was asked for the workload %q at the provider %q", r.Action, r.Workload, r.Provider)
		}
	}
	for _, call := range calls {
		if call.ModelID != model || call.Operation != "ConverseStream" {
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
	identity, err := w.as(t, w.Root(t)).GetWorkloadIdentity(t.Context(), workload)
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
