package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// grantsToRevoke answers with three grants, of which one is revoked already, and receipts by their ids.
func grantsToRevoke(t *testing.T, outcomes map[string]any) *fakeLanyard {
	t.Helper()
	f := newFakeLanyard(t)
	grant := func(id, state string) api.GrantItem {
		return api.GrantItem{ID: "gr-" + strings.Repeat(id, 32), Workload: "research-agent", Provider: "github", User: "userid:alice", Scopes: []string{"repo"}, State: state}
	}
	f.always(api.ListGrants, api.ListGrantsResponse{Grants: []api.GrantItem{grant("1", "active"), grant("2", "revoking"), grant("3", "revoked")}})
	f.on(api.RevokeGrant, func(in map[string]any) any {
		id := in["grantId"].(string)
		switch answer := outcomes[id[3:4]].(type) {
		case *api.Exception:
			return answer
		case string:
			return api.RevokeGrantResponse{GrantID: id, Workload: "research-agent", Provider: "github", User: "userid:alice", Outcome: answer, Status: 200,
				Receipt: "the words of " + answer, At: at(0), AlsoEnded: []string{"gr-9"}}
		}
		t.Errorf("revoked %s", id)
		return api.RevokeGrantResponse{}
	})
	return f
}

func TestRevokeOneGrant(t *testing.T) {
	f := grantsToRevoke(t, map[string]any{"1": api.OutcomeRevoked, "3": api.OutcomeAlreadyRevoked})
	code, out, errOut := cli(t, f.shell(), "grants", "revoke", "gr-111", "--yes")
	if code != 0 {
		t.Fatal(errOut)
	}
	says(t, out, "OUTCOME", "revoked", "research-agent → github", "alice", "gr-"+strings.Repeat("1", 32), "the words of revoked", "1 other grant of the user ended with it")
	if calls := f.calls(api.RevokeGrant); len(calls) != 1 || calls[0]["grantId"] != "gr-"+strings.Repeat("1", 32) || calls[0]["localOnly"] != nil {
		t.Errorf("sent %v", calls)
	}
	code, out, _ = cli(t, f.shell("COLUMNS", "90"), "grants", "revoke", "gr-3", "--yes", "--local")
	if code != 0 || f.calls(api.RevokeGrant)[1]["localOnly"] != true {
		t.Errorf("code %d, sent %v", code, f.calls(api.RevokeGrant))
	}
	fits(t, out, 90)
	says(t, out, "already revoked")
}

// TestRevokeMany: those that are revoked already are left out, one failure does not spare the others, and the exit code
// tells of it.
func TestRevokeMany(t *testing.T) {
	for outcome, c := range map[string]struct {
		first        any
		says, unsaid string
	}{
		"failed":  {api.OutcomeFailed, "--local", "refused"},
		"refused": {&api.Exception{Name: api.AccessDeniedException, Message: "not yours"}, "Lanyard refused the request", "--local"},
	} {
		t.Run(outcome, func(t *testing.T) {
			f := grantsToRevoke(t, map[string]any{"1": c.first, "2": api.OutcomeRevoked})
			code, out, errOut := cli(t, f.shell(), "grants", "revoke", "--user", "alice", "--provider", "p", "--workload", "w", "--yes")
			if code != 1 {
				t.Errorf("code %d", code)
			}
			says(t, out, outcome, "gr-"+strings.Repeat("2", 32), "the words of revoked")
			says(t, errOut, "1 of 2 grants", c.says)
			if strings.Contains(errOut, c.unsaid) {
				t.Errorf("a %s row is told as another thing: %s", outcome, errOut)
			}
			if in := f.calls(api.ListGrants)[0]; in["user"] != "userid:alice" || in["provider"] != "p" || in["workload"] != "w" {
				t.Errorf("listed %v", in)
			}
			_, out, _ = cli(t, f.shell(), "grants", "revoke", "--user", "alice", "--yes", "--json")
			if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.Contains(lines[0], `"outcome":"`+outcome+`"`) || !strings.Contains(lines[1], `"outcome":"revoked"`) {
				t.Errorf("--json: %s", out)
			}
		})
	}
}

// TestRevokeAsksFirst: without a terminal and without --yes nothing is revoked, and neither is everything by mistake.
func TestRevokeAsksFirst(t *testing.T) {
	f := grantsToRevoke(t, nil)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"gr-1"}, "add --yes"},
		{[]string{"--user", "alice"}, "before it ends 2 grants"},
		{[]string{"--yes"}, "say which grants"},
		{nil, "say which grants"},
		{[]string{"gr-1", "--user", "alice", "--yes"}, "say which grants"},
		{[]string{"--user", "alice", "--json"}, "--json leaves no room to ask"},
	} {
		code, _, errOut := cli(t, f.shell(), append([]string{"grants", "revoke"}, c.args...)...)
		if code != 2 {
			t.Errorf("%v: code %d", c.args, code)
		}
		says(t, errOut, c.want)
	}
	if calls := f.calls(api.RevokeGrant); len(calls) != 0 {
		t.Errorf("revoked %v", calls)
	}
}

func TestRevokeNothing(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.ListGrants, api.ListGrantsResponse{Grants: []api.GrantItem{{ID: "gr-1", State: "revoked"}}})
	code, out, _ := cli(t, f.shell(), "grants", "revoke", "--provider", "p")
	if code != 0 {
		t.Error(code)
	}
	says(t, out, "No grant is left to revoke")
	f.always(api.RevokeGrant, &api.Exception{Name: api.ResourceNotFoundException, Message: "there is no grant"})
	code, _, errOut := cli(t, f.shell(), "grants", "revoke", "gr-"+strings.Repeat("0", 32), "--yes")
	if code != 1 {
		t.Error(code)
	}
	says(t, errOut, "there is no grant")
}

// TestRevokeRefusedByName: of a grant that was named and refused nothing is known, so no arrow leads from nothing to
// nothing.
func TestRevokeRefusedByName(t *testing.T) {
	gone := &api.Exception{Name: api.ResourceNotFoundException, Message: "there is no grant"}
	f := grantsToRevoke(t, map[string]any{"1": gone, "2": api.OutcomeRevoked})
	code, out, errOut := cli(t, f.shell(), "grants", "revoke", "gr-"+strings.Repeat("1", 32), "gr-"+strings.Repeat("2", 32), "--yes")
	if code != 1 {
		t.Errorf("code %d", code)
	}
	says(t, out, "refused", "there is no grant", "research-agent → github")
	says(t, errOut, "1 of 2 grants: Lanyard refused")
	if strings.Count(out, "→") != 2 { // of the heading and of the grant that was revoked
		t.Errorf("a bare arrow: %s", out)
	}
}

// TestRevokeBreaksOff: when Lanyard goes away in the middle, the receipts so far are shown, and how many grants are left.
func TestRevokeBreaksOff(t *testing.T) {
	for _, more := range [][]string{nil, {"--json"}} {
		f := newFakeLanyard(t)
		id := func(n string) string { return "gr-" + strings.Repeat(n, 32) }
		f.on(api.RevokeGrant, func(in map[string]any) any {
			if in["grantId"] != id("1") {
				panic(http.ErrAbortHandler)
			}
			return api.RevokeGrantResponse{GrantID: id("1"), Workload: "w", Provider: "p", Outcome: api.OutcomeRevoked, Status: 200, Receipt: "the first receipt", At: at(0)}
		})
		code, out, errOut := cli(t, f.shell(), append([]string{"grants", "revoke", id("1"), id("2"), id("3"), id("4"), "--yes"}, more...)...)
		if code != 1 {
			t.Errorf("%v: code %d", more, code)
		}
		says(t, out, "the first receipt")
		says(t, errOut, "at grant "+id("2"), "2 grants after it were not tried")
	}
}
