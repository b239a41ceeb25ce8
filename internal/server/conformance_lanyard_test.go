package server_test

import (
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// page calls an operation of Lanyard's own and decodes its answer.
func page[T any](t testing.TB, s *servertest.Service, op api.Operation, body any) T {
	t.Helper()
	a := s.Call(t, s.Root, op, body)
	if a.Status != op.Status {
		t.Fatalf("%s answered %d: %s", op.Name, a.Status, a.Body)
	}
	var out T
	a.Into(t, &out)
	return out
}

func testFindAuditRecords(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	grant := s.Grants(t)[0].ID
	find := func(in map[string]any) []api.AuditRecord {
		t.Helper()
		var all []api.AuditRecord
		for in["maxResults"] = 2; ; {
			p := page[api.FindAuditRecordsResponse](t, s, api.FindAuditRecords, in)
			all = append(all, p.Records...)
			if p.NextToken == "" {
				return all
			}
			in["nextToken"] = p.NextToken
		}
	}
	got := find(map[string]any{"grantId": grant})
	if len(got) != 2 || got[0].Action != "bedrock-agentcore:GetResourceOauth2Token" || got[1].Action != "bedrock-agentcore:CompleteResourceTokenAuth" || got[1].User != "userid:alice" {
		t.Errorf("records of the grant: %+v", got)
	}
	if all := find(map[string]any{"action": "bedrock-agentcore:CreateWorkloadIdentity", "result": "allowed"}); len(all) != 1 || all[0].SourceIP != "127.0.0.1" || all[0].AccessKeyID != s.Root.AccessKeyID {
		t.Errorf("records of the creation: %+v", all)
	}
	future := float64(s.Clock.Now().Add(time.Hour).Unix())
	if len(find(map[string]any{"since": future})) != 0 {
		t.Error("records of the future")
	}
	refused(t, s.Call(t, s.Root, api.FindAuditRecords, `{"nextToken":"nonsense"}`), api.ValidationException)
	refused(t, s.Call(t, s.Root, api.FindAuditRecords, `{"since":"2026-01-01T00:00:00Z"}`), api.ValidationException)
}

func testListAuthorizationSessions(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	s.Clock.Advance(time.Second)
	begun := a.Begin(t, "bob")
	first := page[api.ListAuthorizationSessionsResponse](t, s, api.ListAuthorizationSessions, `{"maxResults":1}`)
	if len(first.Sessions) != 1 || first.NextToken == "" {
		t.Fatalf("first page: %+v", first)
	}
	newest := first.Sessions[0]
	if newest.Status != "pending" || newest.Workload != "agent" || newest.Provider != "provider" || newest.User != "userid:bob" || len(newest.ID) != 64 || newest.ID == *begun.SessionUri {
		t.Errorf("newest session: %+v", newest)
	}
	second := page[api.ListAuthorizationSessionsResponse](t, s, api.ListAuthorizationSessions, map[string]any{"maxResults": 1, "nextToken": first.NextToken})
	if len(second.Sessions) != 1 || second.NextToken != "" || second.Sessions[0].Status != "completed" || second.Sessions[0].GrantID != s.Grants(t)[0].ID {
		t.Errorf("second page: %+v", second)
	}
	refused(t, s.Call(t, s.Root, api.ListAuthorizationSessions, `{"nextToken":"c2Vzc2lvbgB4"}`), api.ValidationException)
}

func testListGrants(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	for _, user := range []string{"alice", "bob", "carol"} {
		a.Grant(t, user)
	}
	var users []string
	for in := map[string]any{"maxResults": 2}; ; {
		p := page[api.ListGrantsResponse](t, s, api.ListGrants, in)
		for _, g := range p.Grants {
			users = append(users, g.User)
			if g.Workload != "agent" || g.Provider != "provider" || g.State != "active" || !g.Refreshable || g.AccessExpiresAt == nil {
				t.Errorf("grant: %+v", g)
			}
		}
		if p.NextToken == "" {
			break
		}
		in["nextToken"] = p.NextToken
	}
	if len(users) != 3 {
		t.Errorf("grants of %v", users)
	}
	if p := page[api.ListGrantsResponse](t, s, api.ListGrants, `{"user":"userid:bob","workload":"agent","provider":"provider"}`); len(p.Grants) != 1 {
		t.Errorf("grants of bob: %+v", p)
	}
	refused(t, s.Call(t, s.Root, api.ListGrants, `{"workload":"absent"}`), api.ResourceNotFoundException)
}

func testRotateDataKeys(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	token := a.Grant(t, "alice")
	out := page[api.RotateDataKeysResponse](t, s, api.RotateDataKeys, nil)
	if out.KeyVersion != 2 || out.Rewrapped == 0 {
		t.Errorf("rotated: %+v", out)
	}
	if a.Get(t, "alice") != token {
		t.Error("the grant does not open any more")
	}
}
