package identity_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA50_PendingSessionsAreBounded: one workload and user may leave so many consents open and no more; others are not
// held up, and ended sessions make room.
func TestA50_PendingSessionsAreBounded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.Configure(func(c *identity.Config) { c.MaxPendingSessions = 3 }))
	a := s.NewAgent(t)
	first := a.Begin(t, "alice")
	a.Begin(t, "alice")
	a.Begin(t, "alice")
	_, err := a.Ask(a.Token(t, "alice"))
	refused(t, err, api.ThrottlingException, "have 3 authorization sessions open already")
	a.Begin(t, "bob")
	s.Consent(t, *first.AuthorizationUrl)
	a.Begin(t, "alice")
	s.Clock.Advance(10 * time.Minute)
	a.Begin(t, "alice")
}

// TestA50_RefusalsDoNotFillTheAudit: a flood of strangers leaves a bounded number of records, the answer stays the same,
// and the first record after it counts what was left out.
func TestA50_RefusalsDoNotFillTheAudit(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for range 300 {
		a := s.Do(t, s.Request(t, api.ListGrants, `{}`))
		if a.Exception.Name != api.MissingAuthenticationToken {
			t.Fatalf("answer is %d %s", a.Status, a.Body)
		}
	}
	denied := s.Audit(t, identity.AuditFilter{Result: identity.AuditDenied})
	if len(denied) < 200 || len(denied) > 210 {
		t.Errorf("%d records of 300 refusals", len(denied))
	}
	s.Clock.Advance(time.Second)
	s.Do(t, s.Request(t, api.ListGrants, `{}`))
	denied = s.Audit(t, identity.AuditFilter{Result: identity.AuditDenied})
	if last := denied[len(denied)-1]; !strings.Contains(last.Reason, "refusals before it were not recorded one by one") {
		t.Errorf("the last record does not count what was left out: %s", last.Reason)
	}
}

// TestA49_RefusalsTellNothing: who may not, learns by no answer whether a thing exists.
func TestA49_RefusalsTellNothing(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	nobody := s.User(t, "nobody", "")
	for _, op := range []api.Operation{api.GetWorkloadIdentity, api.GetOauth2CredentialProvider, api.GetWorkloadAccessToken, api.DeleteWorkloadIdentity} {
		member, there := "name", a.Workload
		if op.Name == api.GetWorkloadAccessToken.Name {
			member = "workloadName"
		}
		if op.Name == api.GetOauth2CredentialProvider.Name {
			there = a.Provider
		}
		exists, absent := s.Call(t, nobody, op, map[string]any{member: there}), s.Call(t, nobody, op, map[string]any{member: "absent"})
		if exists.Status != 403 || exists.Status != absent.Status || strings.NewReplacer("/"+there+" ", "/absent ", "/"+there+"'", "/absent'").Replace(exists.Exception.Message) != absent.Exception.Message {
			t.Errorf("%s: %s and %s", op.Name, exists.Body, absent.Body)
		}
	}
	// An unknown session, and one of another account, are one and the same.
	back := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "alice").AuthorizationUrl))
	stranger := a.At(s, s.RootOf(t, "222222222222"))
	foreign, unknown := stranger.Complete(back, "alice"), stranger.Complete("urn:ietf:params:oauth:request_uri:unknown", "alice")
	refused(t, foreign, api.AccessDeniedException, "no session of that URI is open in this account")
	refused(t, unknown, api.AccessDeniedException, "no session of that URI is open in this account")
	// Keys that are unknown, switched off, or of a deleted user are refused in the same words.
	off := s.User(t, "off", servertest.Allow("*", "*"))
	check(t, s.Identity.UpdateAccessKey(t.Context(), identity.LocalAdmin(s.Account), "off", off.AccessKeyID, false))
	unknownKey := servertest.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", Secret: off.Secret}
	if x, y := s.Call(t, off, api.ListGrants, `{}`), s.Call(t, unknownKey, api.ListGrants, `{}`); x.Exception.Name != api.UnrecognizedClient || x.Exception.Message != y.Exception.Message {
		t.Errorf("%s and %s", x.Body, y.Body)
	}
}

// TestA50_DenialsDoNotEmptyTheCaches: a caller who may nothing cannot make everybody else's requests slow.
func TestA50_DenialsDoNotEmptyTheCaches(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	nobody := s.User(t, "nobody", "")
	var read atomic.Int64
	s.OnStore(func(call string) error {
		if call == "RecordByID" || call == "Record" {
			read.Add(1)
		}
		return nil
	})
	a.Token(t, "alice")
	for range 5 {
		s.Call(t, nobody, api.ListGrants, `{}`)
		before := read.Load()
		a.Token(t, "alice")
		if now := read.Load(); now != before {
			t.Fatalf("after a denial, %d records had to be read again for another caller", now-before)
		}
	}
}
