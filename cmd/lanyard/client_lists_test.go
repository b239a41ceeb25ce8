package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

func TestSessions(t *testing.T) {
	f := newFakeLanyard(t)
	session := func(id, status, failure, user string) api.AuthorizationSession {
		return api.AuthorizationSession{ID: strings.Repeat(id, 64), Status: status, Failure: failure, Workload: "research-agent", Provider: "github", User: user,
			Scopes: []string{"repo", "read:user"}, CreatedAt: at(-2 * time.Minute), ExpiresAt: at(8 * time.Minute)}
	}
	f.always(api.ListAuthorizationSessions, api.ListAuthorizationSessionsResponse{Sessions: []api.AuthorizationSession{
		session("a", "pending", "", "userid:alice"), session("b", "completed", "", "userid:bob"), session("c", "failed", "expired", "userid:alice"),
		session("d", "failed", "the user refused consent at provider github (access_denied)", "userid:alice"), session("e", "authorized", "", "userid:alice"),
	}})
	code, out, errOut := cli(t, f.shell("COLUMNS", "80"), "sessions")
	if code != 0 {
		t.Fatal(errOut)
	}
	fits(t, out, 80)
	says(t, out, "BEGUN", "2m ago", "pending", "completed", "failed expired", "aaaaaaaaaaaa\n")
	_, out, _ = cli(t, f.shell(), "sessions", "--user", "bob")
	says(t, out, strings.Repeat("b", 64))
	saysNot(t, out, "alice")
	_, out, _ = cli(t, f.shell(), "sessions", "--json", "-n", "2")
	if strings.Count(out, "\n") != 2 || !strings.Contains(out, `"status":"pending"`) {
		t.Errorf("--json -n 2: %s", out)
	}
	_, out, _ = cli(t, f.shell(), "sessions", "--workload", "other")
	says(t, out, "No authorization session matches")
}

func TestGrants(t *testing.T) {
	f := newFakeLanyard(t)
	soon := at(90 * time.Minute)
	grant := func(id, state, reason string, refreshable bool, expires *api.Timestamp) api.GrantItem {
		return api.GrantItem{ID: "gr-" + strings.Repeat(id, 32), Workload: "research-agent", Provider: "github", User: "userid:alice", Scopes: []string{"repo"},
			State: state, Reason: reason, Refreshable: refreshable, AccessExpiresAt: expires, LastUsedAt: at(-time.Hour), CreatedAt: at(-time.Hour)}
	}
	f.always(api.ListGrants, api.ListGrantsResponse{Grants: []api.GrantItem{
		grant("1", "active", "", true, &soon), grant("2", "active", "", false, &soon), grant("3", "active", "", false, nil), grant("4", "needs_consent", "invalid_grant", false, nil),
	}})
	code, out, errOut := cli(t, f.shell("COLUMNS", "120"), "grants", "--workload", "w", "--provider", "p", "--user", "alice")
	if code != 0 {
		t.Fatal(errOut)
	}
	fits(t, out, 120)
	says(t, out, "renews in 1h", "ends in 1h", "endless", "needs consent", "invalid_grant", "1h ago", "gr-111111111")
	if got := f.calls(api.ListGrants)[0]; got["workload"] != "w" || got["provider"] != "p" || got["user"] != "userid:alice" {
		t.Errorf("sent %v", got)
	}
	_, out, _ = cli(t, f.shell("COLUMNS", "80"), "grants")
	fits(t, out, 80)
	says(t, out, "research-agent → g", "gr-111111111\n")
	_, out, _ = cli(t, f.shell(), "grants", "--json")
	if strings.Count(out, "\n") != 4 {
		t.Errorf("--json: %s", out)
	}
}

func TestKeysRotate(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.RotateDataKeys, api.RotateDataKeysResponse{KeyVersion: 7, Rewrapped: 42})
	code, out, _ := cli(t, f.shell(), "keys", "rotate")
	if code != 0 {
		t.Error(code)
	}
	says(t, out, "data key version 7", "42 records rewrapped")
	_, out, _ = cli(t, f.shell(), "keys", "rotate", "--json")
	says(t, out, `{"keyVersion":7,"rewrapped":42}`)
}

// TestVerbsTeach: a shell that is not set up is the first thing that everybody meets.
func TestVerbsTeach(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	f := newFakeLanyard(t)
	f.always(api.ListGrants, &api.Exception{Name: api.UnrecognizedClient, Message: "no such key"})
	gone := newFakeLanyard(t)
	gone.Close()
	shell := f.shell()
	for _, tc := range []struct {
		name string
		vars map[string]string
		want []string
	}{
		{"no endpoint", map[string]string{}, []string{"no endpoint is set", `eval "$(lanyard env)"`}},
		{"no credentials", map[string]string{"LANYARD_ENDPOINT": f.URL}, []string{"no AWS credentials", `eval "$(lanyard env)"`}},
		{"unknown key", shell, []string{"UnrecognizedClientException", "no such key", `eval "$(lanyard env)"`, "request-1"}},
		{"plain http", map[string]string{"LANYARD_ENDPOINT": "http://lanyard.example"}, []string{"LANYARD_ENDPOINT is plain http", "LANYARD_INSECURE_HTTP=1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, _, errOut := cli(t, tc.vars, "grants")
			if code != 1 {
				t.Errorf("code %d", code)
			}
			says(t, errOut, tc.want...)
			saysNot(t, errOut, "secret")
		})
	}
	if got := explain(unreachable(t, gone)); !strings.Contains(got.Error(), "lanyard dev") {
		t.Errorf("a refused connection says %v", got)
	}
}

// unreachable is the error of an instance that is not there. A change is not tried again, unless it was never sent.
func unreachable(t *testing.T, f *fakeLanyard) error {
	t.Helper()
	c, err := connect(t.Context(), testEnvironment(f.shell(), nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ListGrants(t.Context(), &api.ListGrantsRequest{})
	if err == nil {
		t.Fatal("a closed instance answered")
	}
	return err
}
