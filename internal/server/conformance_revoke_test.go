package server_test

import (
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func testRevokeGrant(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	token := a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	got := page[api.RevokeGrantResponse](t, s, api.RevokeGrant, map[string]any{"grantId": id})
	want := api.RevokeGrantResponse{GrantID: id, Workload: "agent", Provider: "provider", User: "userid:alice", Outcome: api.OutcomeRevoked, Status: 200}
	at := time.Time(got.At)
	if got.Receipt != "revoked at "+a.IDP.RevocationEndpoint+": HTTP 200" || at.Before(s.Clock.Now().Add(-time.Minute)) || a.IDP.Active(token) {
		t.Errorf("receipt: %+v", got)
	}
	got.Receipt, got.At = "", api.Timestamp{}
	if got.GrantID != want.GrantID || got.Workload != want.Workload || got.Provider != want.Provider || got.User != want.User || got.Outcome != want.Outcome || got.Status != want.Status || got.AlsoEnded != nil {
		t.Errorf("answered %+v, want %+v", got, want)
	}
	if again := page[api.RevokeGrantResponse](t, s, api.RevokeGrant, map[string]any{"grantId": id, "localOnly": true}); again.Outcome != api.OutcomeAlreadyRevoked || a.IDP.Count(oauthtest.CountRevoke) != 1 {
		t.Errorf("again: %+v", again)
	}
	a.Begin(t, "alice")
	refused(t, s.Call(t, s.Root, api.RevokeGrant, `{"grantId":"gr-absent"}`), api.ResourceNotFoundException)
	refused(t, s.Call(t, s.Root, api.RevokeGrant, `{}`), api.ValidationException)
	refused(t, s.Call(t, s.Root, api.RevokeGrant, `{"grantId":""}`), api.ValidationException)
}
