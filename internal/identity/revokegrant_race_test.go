package identity_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA39_TwoReplicasRevokeOnce: two replicas revoke one grant at the same moment; the provider is asked once, one of them
// has its receipt, and the other the same words.
func TestA39_TwoReplicasRevokeOnce(t *testing.T) {
	t.Parallel()
	revokeTwice(t, servertest.New(t))
}

func revokeTwice(t *testing.T, s *servertest.Service) {
	t.Helper()
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	other := s.Replica(t)
	id := s.Grants(t)[0].ID
	arrived, open := make(chan struct{}, 8), make(chan struct{})
	a.IDP.OnRevoke(func(http.ResponseWriter, *http.Request) bool {
		arrived <- struct{}{}
		<-open
		return false
	})
	answers := make(chan api.RevokeGrantResponse, 2)
	var both sync.WaitGroup
	both.Go(func() { answers <- revoke(t, s, id, false) })
	<-arrived
	waits := make(chan struct{})
	other.OnStore(func(call string) error {
		if call == "ClaimRefresh" {
			select {
			case waits <- struct{}{}:
			default:
			}
		}
		return nil
	})
	both.Go(func() { answers <- revoke(t, other, id, false) })
	<-waits
	<-waits // it has been refused the lease once
	close(open)
	both.Wait()
	x, y := <-answers, <-answers
	if x.Outcome != api.OutcomeRevoked {
		x, y = y, x
	}
	outcome(t, x, api.OutcomeRevoked, 200, "")
	outcome(t, y, api.OutcomeAlreadyRevoked, 0, x.Receipt)
	if n := a.IDP.Count(oauthtest.CountRevoke); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// firstCall closes when the store is asked for the first time, from now on.
func firstCall(s *servertest.Service, name string) <-chan struct{} {
	asked := make(chan struct{})
	var once sync.Once
	s.OnStore(func(call string) error {
		if call == name {
			once.Do(func() { close(asked) })
		}
		return nil
	})
	return asked
}

// TestRefreshDoesNotResurrect: a grant is revoked while its token is refreshed. The refresh hands nothing out, and what it
// brought is what the provider is told to end.
func TestRefreshDoesNotResurrect(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	token := a.Token(t, "alice")
	s.Clock.Advance(59*time.Minute + 59*time.Second)
	hold := a.IDP.HoldTokens()
	var both sync.WaitGroup
	both.Go(func() {
		_, err := a.Ask(token)
		refused(t, err, api.ConflictException, "was revoked while its token was refreshed")
	})
	<-hold.Arrived()
	retired := firstCall(s, "ClaimRefresh")
	both.Go(func() { outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "") })
	<-retired
	if g := stateOf(t, s, id); g.State != identity.GrantRevoking {
		t.Errorf("while the refresh is under way the grant is %s", g.State)
	}
	if out, err := a.Ask(token); err != nil || out.AccessToken != nil {
		t.Errorf("a grant that is being revoked is handed out: %v", err)
	}
	hold.Release()
	both.Wait()
	if told := a.IDP.Last(oauthtest.CountRevoke).Form.Get("token"); told != a.IDP.LastRefreshToken() || a.IDP.Count("refresh_token") != 1 {
		t.Error("the provider was not told to end what it issued last")
	}
	if g := stateOf(t, s, id); g.State != identity.GrantRevoked || g.Sealed != nil {
		t.Errorf("the grant: %+v", g)
	}
	a.Begin(t, "alice")
}

// TestFailedRefreshHandsOutNothingRevoked: a grant is revoked while its token is refreshed ahead of its end, and the
// provider fails. The old token, which is good for a while, is not what the waiting request gets.
func TestFailedRefreshHandsOutNothingRevoked(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	token := a.Token(t, "alice")
	s.Clock.Advance(59*time.Minute + 30*time.Second)
	hold := a.IDP.HoldTokens()
	a.IDP.FailNext(1, http.StatusServiceUnavailable)
	var both sync.WaitGroup
	both.Go(func() {
		_, err := a.Ask(token)
		refused(t, err, api.ConflictException, "was revoked while its token was refreshed")
	})
	<-hold.Arrived()
	retired := firstCall(s, "ClaimRefresh")
	both.Go(func() { outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "") })
	<-retired
	hold.Release()
	both.Wait()
}

// TestRefreshThatComesTooLate: a refresh whose lease ran out answers after the revocation is over. It brings nothing back.
func TestRefreshThatComesTooLate(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	token := a.Token(t, "alice")
	s.Clock.Advance(59*time.Minute + 59*time.Second)
	hold := a.IDP.HoldTokens()
	var late sync.WaitGroup
	late.Go(func() {
		_, err := a.Ask(token)
		refused(t, err, api.ConflictException, "was revoked while its token was refreshed")
	})
	<-hold.Arrived()
	a.IDP.OnRevoke(oauthtest.Raw(200, "text/plain", "")) // and the provider goes on to answer the refresh
	s.Clock.Advance(46 * time.Second)
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
	hold.Release()
	late.Wait()
	if g := stateOf(t, s, id); g.State != identity.GrantRevoked || g.Sealed != nil || a.IDP.Count("refresh_token") != 1 {
		t.Errorf("the grant: %+v", g)
	}
	if !strings.Contains(s.Logs(), "a provider answered a refresh after the grant was revoked") {
		t.Error("the log says nothing")
	}
}

// TestRefreshRefusedWhileRevoking: a refresh that the provider refuses gives its lease back, so that the revocation does
// not wait for it to run out.
func TestRefreshRefusedWhileRevoking(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	token := a.Token(t, "alice")
	s.Clock.Advance(59*time.Minute + 59*time.Second)
	a.IDP.RevokeConsent()
	hold := a.IDP.HoldTokens()
	var both sync.WaitGroup
	both.Go(func() { _, _ = a.Ask(token) })
	<-hold.Arrived()
	retired := firstCall(s, "ClaimRefresh")
	both.Go(func() { outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "") })
	<-retired
	hold.Release()
	both.Wait()
}

// TestReviveDoesNotResurrect: a suspended grant is about to live again when it is revoked.
func TestReviveDoesNotResurrect(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	edit(t, s, `UPDATE grants SET state = 'suspended'`)
	other := s.Replica(t)
	token := a.Token(t, "alice")
	var once sync.Once
	s.OnStore(func(call string) error {
		if call == "UpdateGrant" {
			once.Do(func() { outcome(t, revoke(t, other, id, false), api.OutcomeRevoked, 200, "") })
		}
		return nil
	})
	if out, err := a.Ask(token); err != nil || out.AccessToken != nil {
		t.Errorf("the revoked grant was handed out: %v", err)
	}
}

// TestCrashDuringARevocationIsNeverSilent: a replica dies between the provider's answer and the commit. Nothing is handed
// out meanwhile, the next attempt says what happened, and the provider may be asked again.
func TestCrashDuringARevocationIsNeverSilent(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	other := s.Replica(t)
	survivor := a.At(other, s.Root)
	var gone sync.WaitGroup
	t.Cleanup(gone.Wait)
	reached := died(t, s, "UpdateGrant")
	gone.Go(func() { s.Call(t, s.Root, api.RevokeGrant, map[string]any{"grantId": id}) })
	<-reached
	survivor.Begin(t, "alice")
	if g := stateOf(t, other, id); g.State != identity.GrantRevoking || g.LeaseOwner == "" {
		t.Errorf("the grant: %+v", g)
	}
	s.Clock.Advance(46 * time.Second)
	outcome(t, revoke(t, other, id, false), api.OutcomeRevoked, 200, "")
	audited(t, other, identity.AuditFilter{Result: identity.AuditIntent, GrantID: id}, "an earlier attempt was interrupted and its outcome is unknown")
}

// TestNothingIsRevokedWithoutItsIntent: while the audit cannot be written the provider is not asked and no lease stays,
// yet the grant is out of use.
func TestNothingIsRevokedWithoutItsIntent(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	s.OnStore(failing("AppendAudit"))
	got := s.Call(t, s.Root, api.RevokeGrant, map[string]any{"grantId": id})
	s.OnStore(nil)
	if got.Exception.Name != api.InternalServerException || strings.Contains(string(got.Body), "/secret/path") {
		t.Errorf("answered %d %s", got.Status, got.Body)
	}
	if g := stateOf(t, s, id); a.IDP.Count(oauthtest.CountRevoke) != 0 || g.State != identity.GrantRevoking || g.LeaseOwner != "" {
		t.Errorf("%d calls of the provider without an intent; the grant: %+v", a.IDP.Count(oauthtest.CountRevoke), g)
	}
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
}

// TestReceiptIsStoredAgainstAFault: the provider was told, so storing the outcome is tried until it succeeds.
func TestReceiptIsStoredAgainstAFault(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	var once sync.Once
	s.OnStore(func(call string) (err error) {
		if call == "UpdateGrant" {
			once.Do(func() { err = errDisk })
		}
		return err
	})
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
	if stateOf(t, s, id).State != identity.GrantRevoked || a.IDP.Count(oauthtest.CountRevoke) != 1 {
		t.Error("the outcome was lost")
	}
}
