package client

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

type question struct {
	City string `json:"city"`
}

type forecast struct {
	Text string `json:"text"`
}

// TestToolsGetTheirCredentials: the credential reaches the tool, and neither its input nor its output.
func TestToolsGetTheirCredentials(t *testing.T) {
	l := newLive(t)
	l.createAPIKeyProvider(t, "weather", "MARKER-KEY")
	granted := l.Grant(t, "alice")
	if _, err := l.c.EnableOutboundWebIdentityFederation(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got string
	tool := func(_ context.Context, credential api.Sensitive, in question) (forecast, error) {
		got = string(credential)
		return forecast{"rain in " + in.City}, nil
	}
	for name, c := range map[string]struct {
		tool func(context.Context, question) (forecast, error)
		want func() bool
	}{
		"resource token":     {WithResourceToken(l.c, l.request(), tool), func() bool { return got == granted }},
		"API key":            {WithAPIKey(l.c, "weather", nil, tool), func() bool { return got == "MARKER-KEY" }},
		"API key by source":  {WithAPIKey(l.c, "weather", l.c.WorkloadTokenForSelf(l.Workload), tool), func() bool { return got == "MARKER-KEY" }},
		"web identity token": {WithWebIdentityToken(l.c, api.GetWebIdentityTokenRequest{Audience: []string{"https://x.example.com"}, SigningAlgorithm: "ES384"}, tool), func() bool { return strings.Count(got, ".") == 2 }},
	} {
		got = ""
		out, err := c.tool(l.as(t, "alice"), question{"Ulm"})
		text, _ := json.Marshal(out)
		if err != nil || string(text) != `{"text":"rain in Ulm"}` || !c.want() || strings.Contains(string(text), got) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

// TestToolsWithoutACredentialAreNotCalled.
func TestToolsWithoutACredentialAreNotCalled(t *testing.T) {
	l := newLive(t)
	tool := func(_ context.Context, credential api.Sensitive, _ question) (*forecast, error) {
		t.Errorf("called with a credential of %d bytes", len(credential))
		return &forecast{}, nil
	}
	out, err := WithResourceToken(l.c, l.request(), tool)(l.as(t, "alice"), question{})
	if required(t, err); out != nil {
		t.Error("there is a result")
	}
	if _, err := WithAPIKey(l.c, "weather", nil, tool)(l.as(t, "alice"), question{}); !Is(err, api.ResourceNotFoundException) {
		t.Errorf("an API key that is not there: %v", err)
	}
	if _, err := WithWebIdentityToken(l.c, api.GetWebIdentityTokenRequest{Audience: []string{"a"}, SigningAlgorithm: "ES384"}, tool)(t.Context(), question{}); !Is(err, api.OutboundFederationDisabled) {
		t.Errorf("federation is disabled: %v", err)
	}
}
