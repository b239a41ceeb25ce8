package identity_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

var errDisk = errors.New("disk full: /secret/path/of/the/database")

// failing makes calls of the store fail.
func failing(calls ...string) func(string) error {
	return func(call string) error {
		for _, c := range calls {
			if c == call || c == "*" {
				return errDisk
			}
		}
		return nil
	}
}

// TestAuditThatCannotBeWrittenFailsTheRequest: no token is handed out and no refusal is given in silence.
func TestAuditThatCannotBeWrittenFailsTheRequest(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	token := a.Token(t, "alice")
	s.OnStore(failing("AppendAudit"))
	_, err := a.Ask(token)
	refused(t, err, api.InternalServerException, "the audit record could not be written, so the request fails")
	for name, answer := range map[string]*servertest.Answer{
		"read":           s.Call(t, s.Root, api.GetWorkloadIdentity, map[string]any{"name": "agent"}),
		"wrong request":  s.Call(t, s.Root, api.GetWorkloadIdentity, `{}`),
		"no credentials": s.Do(t, s.Request(t, api.GetWorkloadIdentity, `{}`)),
	} {
		if answer.Exception.Name != api.InternalServerException || !strings.Contains(answer.Exception.Message, "the audit record could not be written") {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	begun := s.Replica(t)
	s.OnStore(nil)
	if strings.Contains(err.Error(), "/secret/path") || begun == nil {
		t.Error("the answer tells what only the log should")
	}
	if !strings.Contains(s.Logs(), "/secret/path") {
		t.Error("the log does not tell the cause")
	}
	a.Get(t, "alice")
}

// TestNothingIsAttemptedWithoutItsIntent: while the audit cannot be written, no provider is called, no session is stuck
// and no lease stays behind.
func TestNothingIsAttemptedWithoutItsIntent(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	back := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "bob").AuthorizationUrl))
	calls := a.IDP.Count("token")
	s.OnStore(failing("AppendAudit"))
	refused(t, a.Complete(back, "bob"), api.InternalServerException, "")
	s.OnStore(nil)
	if n := a.IDP.Count("token"); n != calls {
		t.Errorf("%d calls of the provider without an intent", n-calls)
	}
	check(t, a.Complete(back, "bob"))
	s.Clock.Advance(59*time.Minute + 50*time.Second)
	token := a.Token(t, "alice")
	calls = a.IDP.Count("token")
	s.OnStore(failing("AppendAudit"))
	_, err := a.Ask(token)
	refused(t, err, api.InternalServerException, "")
	s.OnStore(nil)
	if n := a.IDP.Count("token"); n != calls || s.Grants(t)[0].LeaseOwner != "" {
		t.Errorf("%d calls of the provider without an intent, lease %q", n-calls, s.Grants(t)[0].LeaseOwner)
	}
	a.Get(t, "alice")
}

// TestDatabaseGone: every operation answers a retryable error that tells nothing of the inside, readiness says so, and
// all is well when the database is back.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	want := a.Grant(t, "alice")
	token := a.Token(t, "alice")
	s.Clock.Advance(time.Second)
	s.OnStore(failing("*"))
	_, err := a.Ask(token)
	refused(t, err, api.InternalServerException, "")
	if strings.Contains(err.Error(), "/secret/path") {
		t.Errorf("the answer tells what only the log should: %v", err)
	}
	if p := s.NewBrowser(t).Open(t, s.URL+"/readyz"); p.Status != 503 || strings.Contains(p.Body, "/secret/path") {
		t.Errorf("readiness answers %d %s", p.Status, p.Body)
	}
	if p := s.NewBrowser(t).Open(t, s.URL+"/healthz"); p.Status != 200 {
		t.Errorf("liveness answers %d", p.Status)
	}
	if p := s.NewBrowser(t).Open(t, s.URL+"/identities/oauth2/authorize?request_uri=urn:ietf:params:oauth:request_uri:x"); p.Status != 500 || strings.Contains(p.Body, "/secret/path") {
		t.Errorf("a browser is answered %d %s", p.Status, p.Body)
	}
	s.OnStore(nil)
	if p := s.NewBrowser(t).Open(t, s.URL+"/readyz"); p.Status != 200 {
		t.Errorf("readiness answers %d %s", p.Status, p.Body)
	}
	if a.Get(t, "alice") != want {
		t.Error("the grant was lost")
	}
}

// TestRefreshedTokenIsStoredAgainstAFault: the provider has replaced the refresh token, so storing the new one is tried
// until it succeeds.
func TestRefreshedTokenIsStoredAgainstAFault(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	begun := a.Begin(t, "bob")
	back := servertest.SessionURI(t, s.Consent(t, *begun.AuthorizationUrl))
	var once, twice sync.Once
	s.OnStore(func(call string) (err error) {
		if call == "UpdateGrant" {
			once.Do(func() { err = errDisk })
		}
		if call == "CompleteSession" {
			twice.Do(func() { err = errDisk })
		}
		return err
	})
	check(t, a.Complete(back, "bob"))
	s.Clock.Advance(time.Hour)
	if !a.IDP.Active(a.Get(t, "alice")) || a.IDP.Count("refresh_token") != 1 {
		t.Error("the refreshed token was lost")
	}
	if strings.Count(s.Logs(), "could not be stored yet; trying again") != 2 {
		t.Error("the log does not tell of the trouble")
	}
	s.Clock.Advance(time.Hour)
	if !a.IDP.Active(a.Get(t, "alice")) {
		t.Error("the replaced refresh token was lost")
	}
}

// died is a replica that was killed at a step of its work: the step never returns while the test runs, and afterwards
// finds that everything is gone.
func died(t *testing.T, s *servertest.Service, at string) (reached chan struct{}) {
	t.Helper()
	reached = make(chan struct{})
	over := make(chan struct{})
	var dead atomic.Bool
	s.OnStore(func(call string) error {
		if call == at && dead.CompareAndSwap(false, true) {
			close(reached)
		}
		if dead.Load() && call != "AppendAudit" {
			<-over
			if call == at {
				return identity.ErrVersion // what it was about to store is out of date
			}
			return identity.ErrNotFound
		}
		return nil
	})
	t.Cleanup(func() { close(over) })
	return reached
}

// TestCrashDuringARefreshIsNeverSilent: a replica that dies between the provider's answer and the commit leaves its lease
// behind. The next refresh says so in the audit, in the log, and, when the provider has burnt the token, in the grant.
func TestCrashDuringARefreshIsNeverSilent(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	s.Clock.Advance(time.Hour)
	other := s.Replica(t)
	survivor := a.At(other, s.Root)
	token := a.Token(t, "alice")
	reached := died(t, s, "UpdateGrant")
	ctx, kill := context.WithCancel(context.Background())
	var gone sync.WaitGroup
	gone.Go(func() {
		_, _ = a.Data.GetResourceOauth2Token(ctx, a.Input(token)) // its client sees the connection end
	})
	<-reached
	kill()
	gone.Wait()
	if a.IDP.Count("refresh_token") != 1 {
		t.Fatal("the provider was not asked")
	}
	s.Clock.Advance(46 * time.Second)
	survivor.Begin(t, "alice")
	grant := s.Grants(t)[0]
	if grant.State != identity.GrantNeedsConsent || !strings.Contains(grant.Reason, "an earlier refresh had been interrupted") {
		t.Errorf("the grant: %s, %s", grant.State, grant.Reason)
	}
	audited(t, other, identity.AuditFilter{Result: identity.AuditIntent, GrantID: grant.ID}, "an earlier refresh was interrupted and its outcome is unknown")
	if !strings.Contains(other.Logs(), "a refresh was interrupted earlier") {
		t.Error("the log does not tell of the interruption")
	}
}

// TestForcedConsentAfterACrash: a lease that a dead replica left does not keep the user from starting over.
func TestForcedConsentAfterACrash(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	edit(t, s, `UPDATE grants SET lease_owner = 'dead', lease_until = ?`, s.Clock.Now().Add(-time.Second).UnixMilli())
	a.Begin(t, "alice", force)
	if g := s.Grants(t)[0]; g.State != identity.GrantNeedsConsent || g.Sealed != nil {
		t.Errorf("the grant: %+v", g)
	}
}

// TestCrashDuringAnExchangeIsNeverSilent: a completion that died is seen by the next one, once its lease has ended.
func TestCrashDuringAnExchangeIsNeverSilent(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	back := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "alice").AuthorizationUrl))
	other := s.Replica(t)
	survivor := a.At(other, s.Root)
	var gone sync.WaitGroup
	t.Cleanup(gone.Wait) // after the cleanup of died, which lets the dead go on
	reached := died(t, s, "CompleteSession")
	gone.Go(func() { _ = a.Complete(back, "alice") })
	<-reached
	refused(t, survivor.Complete(back, "alice"), api.ThrottlingException, "is being completed by another request")
	s.Clock.Advance(46 * time.Second)
	refused(t, survivor.Complete(back, "alice"), api.AccessDeniedException, "invalid_grant")
	audited(t, other, identity.AuditFilter{Action: "bedrock-agentcore:CompleteResourceTokenAuth", Result: identity.AuditIntent}, "an earlier exchange was interrupted and its outcome is unknown")
}

// TestRotationWhileReadersRun: data keys are rotated online; nobody notices.
func TestRotationWhileReadersRun(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	want := a.Grant(t, "alice")
	token := a.Token(t, "alice")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if out, err := a.Ask(token); err != nil || out.AccessToken == nil || *out.AccessToken != want {
					t.Errorf("a reader was disturbed: %v", err)
					return
				}
			}
		})
	}
	for i := range 4 {
		var out api.RotateDataKeysResponse
		s.Call(t, s.Root, api.RotateDataKeys, nil).Into(t, &out)
		if out.KeyVersion != int64(i+2) {
			t.Errorf("rotation %d made version %d", i, out.KeyVersion)
		}
	}
	close(stop)
	readers.Wait()
	if a.At(s.Replica(t), s.Root).Get(t, "alice") != want {
		t.Error("another replica cannot read what was rewrapped")
	}
}

// TestPanicIsAuditedAndSparesTheProcess: a defect in one use-case fails that request, with its record, and neither the
// process nor the requests that share a refresh with it.
func TestPanicIsAuditedAndSparesTheProcess(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	token := a.Token(t, "alice")
	s.OnStore(func(call string) error {
		if call == "InsertRecord" || call == "ClaimRefresh" {
			panic("a defect that names s3cret")
		}
		return nil
	})
	answer := s.Call(t, s.Root, api.CreateWorkloadIdentity, map[string]any{"name": "another"})
	s.Clock.Advance(59*time.Minute + 58*time.Second)
	_, err := a.Ask(token)
	refused(t, err, api.InternalServerException, "internal fault")
	s.OnStore(nil)
	if answer.Exception.Name != api.InternalServerException || strings.Contains(string(answer.Body), "s3cret") {
		t.Errorf("answer is %d %s", answer.Status, answer.Body)
	}
	for _, action := range []string{"bedrock-agentcore:CreateWorkloadIdentity", "bedrock-agentcore:GetResourceOauth2Token"} {
		if r := s.Audit(t, identity.AuditFilter{Action: action, Result: identity.AuditFailed}); len(r) != 1 || r[0].Code != "Internal" {
			t.Errorf("%s is audited as %+v", action, r)
		}
	}
	if !strings.Contains(s.Logs(), "fault_test.go") {
		t.Error("the log does not say where the defect is")
	}
	a.Get(t, "alice")
}
