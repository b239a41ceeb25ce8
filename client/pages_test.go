package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// paged answers three pages of two items, in the member that the operation's answer has.
func paged(t *testing.T, calls *[]string) *Client {
	t.Helper()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		var in struct{ NextToken, Provider, Action string }
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		*calls = append(*calls, in.NextToken+in.Provider+in.Action)
		page := 0
		_, _ = fmt.Sscanf(in.NextToken, "t%d", &page)
		items := []map[string]any{{"name": fmt.Sprint(2 * page), "id": fmt.Sprint(2 * page)}, {"name": fmt.Sprint(2*page + 1), "id": fmt.Sprint(2*page + 1)}}
		out := map[string]any{"workloadIdentities": items, "credentialProviders": items, "records": items, "sessions": items, "grants": items}
		if page < 2 {
			out["nextToken"] = fmt.Sprintf("t%d", page+1)
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Error(err)
		}
	})
	return newTestClient(t, s.URL)
}

func TestPagesGoOnToTheEnd(t *testing.T) {
	var calls []string
	c := paged(t, &calls)
	got := map[string][]string{}
	add := func(list, name string, err error) {
		if err != nil {
			t.Fatal(err)
		}
		got[list] = append(got[list], name)
	}
	for v, err := range c.WorkloadIdentities(t.Context()) {
		add("workloads", v.Name, err)
	}
	for v, err := range c.Oauth2CredentialProviders(t.Context()) {
		add("oauth2", v.Name, err)
	}
	for v, err := range c.ApiKeyCredentialProviders(t.Context()) {
		add("apikey", v.Name, err)
	}
	for v, err := range c.AuthorizationSessions(t.Context()) {
		add("sessions", v.ID, err)
	}
	for v, err := range c.Grants(t.Context(), api.ListGrantsRequest{}) {
		add("grants", v.ID, err)
	}
	for v, err := range c.AuditRecords(t.Context(), api.FindAuditRecordsRequest{}) {
		add("audit", v.ID, err)
	}
	for _, list := range []string{"workloads", "oauth2", "apikey", "sessions", "grants", "audit"} {
		if !slices.Equal(got[list], []string{"0", "1", "2", "3", "4", "5"}) {
			t.Errorf("%s: got %v", list, got[list])
		}
	}
}

func TestPagesFetchNoMoreThanIsRead(t *testing.T) {
	var calls []string
	c := paged(t, &calls)
	for v, err := range c.AuditRecords(t.Context(), api.FindAuditRecordsRequest{NextToken: "t1", Action: "A"}) {
		if err != nil {
			t.Fatal(err)
		}
		if v.ID == "3" {
			break
		}
	}
	if !slices.Equal(calls, []string{"t1A"}) {
		t.Errorf("fetched %v, want the one page from where the caller began", calls)
	}
}

func TestPagesKeepTheFilter(t *testing.T) {
	var calls []string
	c := paged(t, &calls)
	for _, err := range c.Grants(t.Context(), api.ListGrantsRequest{Provider: "P"}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(calls, []string{"P", "t1P", "t2P"}) {
		t.Errorf("fetched %v", calls)
	}
}

func TestPagesEndWithTheirError(t *testing.T) {
	n, why := 0, errors.New("why")
	for v, err := range pages("", func(token string) ([]string, string, error) {
		if n++; n == 2 {
			return nil, "", why
		}
		return []string{"a"}, "next", nil
	}) {
		if err != nil && (!errors.Is(err, why) || v != "") {
			t.Errorf("got %q, %v", v, err)
		}
	}
	if n != 2 {
		t.Errorf("fetched %d times after an error", n)
	}
}

// TestA37_EndlessLists: a page that names itself as the next one is not read for ever.
func TestA37_EndlessLists(t *testing.T) {
	n, last := 0, error(nil)
	for _, err := range pages("", func(string) ([]int, string, error) { n++; return []int{1}, "same", nil }) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "does not end") || n != 2 {
		t.Errorf("fetched %d pages, ended with %v", n, last)
	}
}
