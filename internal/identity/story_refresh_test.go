package identity_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestTokenIsHandedOutWhileItIsGood: no call of the provider until the last minute of an hour's token.
func TestTokenIsHandedOutWhileItIsGood(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Grant(t, "alice")
	s.Clock.Advance(58 * time.Minute)
	if a.Get(t, "alice") != token || a.IDP.Count("refresh_token") != 0 {
		t.Error("a good token was not handed out as it is")
	}
	s.Clock.Advance(2*time.Minute - 20*time.Second)
	if fresh := a.Get(t, "alice"); fresh == token || !a.IDP.Active(fresh) || a.IDP.Count("refresh_token") != 1 {
		t.Error("a token in its last minute was not renewed")
	}
	if g := grants(t, s)[0]; g.State != "active" || time.Time(*g.AccessExpiresAt).Sub(s.Clock.Now()) < 59*time.Minute {
		t.Errorf("the grant after the refresh: %+v", g)
	}
	audited(t, s, identity.AuditFilter{Result: identity.AuditIntent, GrantID: s.Grants(t)[0].ID}, "refresh at "+a.IDP.TokenEndpoint)
	audited(t, s, identity.AuditFilter{Result: identity.AuditAllowed, GrantID: s.Grants(t)[0].ID}, "the token was refreshed")
}

// TestRefreshWithoutRefreshTokenKeepsTheOldOne: an answer that names no refresh token means that the old one stays.
func TestRefreshWithoutRefreshTokenKeepsTheOldOne(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.KeepRefreshToken = true })
	for range 3 {
		s.Clock.Advance(time.Hour)
		if !a.IDP.Active(a.Get(t, "alice")) {
			t.Fatal("the grant was lost")
		}
	}
	if n := a.IDP.Count("refresh_token"); n != 3 {
		t.Errorf("%d refreshes, want 3", n)
	}
}

// TestInvalidGrantAsksForConsent: a dead refresh token ends the grant, with the reason where people look for it, and the
// next request leads to a new consent.
func TestInvalidGrantAsksForConsent(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	a.IDP.RevokeConsent()
	s.Clock.Advance(time.Hour)
	a.Begin(t, "alice")
	g := grants(t, s)[0]
	if g.State != "needs_consent" || !strings.Contains(g.Reason, "provider provider refused the refresh token") || !strings.Contains(g.Reason, "invalid_grant") || g.Refreshable {
		t.Errorf("the grant: %+v", g)
	}
	if s.Grants(t)[0].Sealed != nil {
		t.Error("dead tokens are kept")
	}
	if token := a.Grant(t, "alice"); !a.IDP.Active(token) || len(grants(t, s)) != 1 || grants(t, s)[0].State != "active" {
		t.Error("a new consent does not mend the grant")
	}
}

// TestTransientFailureWhileTheTokenIsGood: in the last minute, a provider in trouble does not matter.
func TestTransientFailureWhileTheTokenIsGood(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusInternalServerError} {
		s := servertest.New(t)
		a := s.NewAgent(t)
		token := a.Grant(t, "alice")
		s.Clock.Advance(time.Hour - 20*time.Second)
		a.IDP.FailNext(1, status)
		if a.Get(t, "alice") != token {
			t.Errorf("%d: the old token was not handed out", status)
		}
		if fresh := a.Get(t, "alice"); fresh == token || !a.IDP.Active(fresh) {
			t.Errorf("%d: the next request did not renew the token", status)
		}
	}
}

// TestTransientFailureAfterTheEnd: an expired token is never handed out; the caller may try again and nothing is lost.
func TestTransientFailureAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	for _, status := range []int{503, 500, 429} {
		s.Clock.Advance(2 * time.Hour)
		a.IDP.FailNext(1, status)
		want := api.InternalServerException
		if status == 429 {
			want = api.ThrottlingException
		}
		_, err := a.Ask(a.Token(t, "alice"))
		refused(t, err, want, "try again")
		if g := grants(t, s)[0]; g.State != "active" || !g.Refreshable {
			t.Fatalf("%d: the grant was harmed: %+v", status, g)
		}
		if !a.IDP.Active(a.Get(t, "alice")) {
			t.Fatalf("%d: the grant was lost", status)
		}
	}
}

// TestExpiryWithoutRefreshTokenAsksForConsent: the tokens are forgotten and the grant says why.
func TestExpiryWithoutRefreshTokenAsksForConsent(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.NoRefreshToken = true })
	token := a.Grant(t, "alice")
	s.Clock.Advance(time.Hour - 30*time.Second)
	if a.Get(t, "alice") != token {
		t.Error("without a refresh token the token is good until its last moments")
	}
	s.Clock.Advance(26 * time.Second)
	a.Begin(t, "alice")
	if g := grants(t, s)[0]; g.State != "needs_consent" || !strings.Contains(g.Reason, "the provider gave no refresh token") {
		t.Errorf("the grant: %+v", g)
	}
}

// TestForcedConsentForgetsTheTokens: forceAuthentication drops what is stored, asks again, and polling gives nothing
// until the user consented anew.
func TestForcedConsentForgetsTheTokens(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	old := a.Grant(t, "alice")
	begun := a.Begin(t, "alice", force)
	out, err := a.Ask(a.Token(t, "alice"), polling(*begun.SessionUri))
	check(t, err)
	if out.AccessToken != nil || s.Grants(t)[0].Sealed != nil {
		t.Error("the old token survived a forced consent")
	}
	check(t, a.Complete(servertest.SessionURI(t, s.Consent(t, *begun.AuthorizationUrl)), "alice"))
	if fresh := a.Get(t, "alice", polling(*begun.SessionUri)); fresh == old || !a.IDP.Active(fresh) {
		t.Error("the new consent brought no new token")
	}
}

// TestMachineTokenIsKeptUntilItExpires: M2M asks the provider once for each lifetime, whoever the token's user is.
func TestMachineTokenIsKeptUntilItExpires(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Get(t, "alice", m2m)
	if a.Get(t, "bob", m2m) != token || a.IDP.Count("client_credentials") != 1 {
		t.Error("the machine token was asked for twice")
	}
	if a.Get(t, "bob", m2m, scopes("write")) == token {
		t.Error("other scopes were served by the same token")
	}
	s.Clock.Advance(time.Hour)
	if a.Get(t, "alice", m2m) == token || a.IDP.Count("client_credentials") != 3 {
		t.Error("an expired machine token was handed out")
	}
	if a.Get(t, "alice", m2m, force) == "" || a.IDP.Count("client_credentials") != 4 {
		t.Error("forceAuthentication did not ask again")
	}
	_, err := a.Ask(a.Token(t, "alice"), func(in *input) { m2m(in); returnTo(servertest.ReturnURL)(in) })
	refused(t, err, api.ValidationException, "M2M involves no user")
}

// TestA65_UnusedGrantsAreNotRefreshedForEver: the background keeps tokens fresh that somebody uses, and lets go of those
// whose user has left: its own refreshes are no use.
func TestA65_UnusedGrantsAreNotRefreshedForEver(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	refreshes := func(hours int, use bool) int {
		t.Helper()
		before := a.IDP.Count("refresh_token")
		for range hours {
			s.Clock.Advance(time.Hour - 30*time.Second)
			_, err := s.Identity.RefreshDue(context.Background(), time.Minute, 24*time.Hour, 10)
			check(t, err)
			if use {
				a.Get(t, "alice")
				check(t, s.Identity.FlushTouches(context.Background()))
			}
		}
		return a.IDP.Count("refresh_token") - before
	}
	if n := refreshes(4, true); n != 4 {
		t.Errorf("a grant in use was refreshed %d times in 4 hours", n)
	}
	if n := refreshes(36, false); n < 20 || n > 26 {
		t.Errorf("a grant that nobody uses was refreshed %d times in 36 hours, want those of the first day", n)
	}
	if !a.IDP.Active(a.Get(t, "alice")) {
		t.Error("the grant was lost")
	}
}

// TestRefreshAheadSparesTheCaller: what the background renewed in time is handed out without a call of the provider.
func TestRefreshAheadSparesTheCaller(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	old := a.Grant(t, "alice")
	s.Clock.Advance(time.Hour - 30*time.Second)
	n, err := s.Identity.RefreshDue(context.Background(), time.Minute, 24*time.Hour, 10)
	check(t, err)
	if fresh := a.Get(t, "alice"); n != 1 || fresh == old || a.IDP.Count("refresh_token") != 1 {
		t.Errorf("%d renewed, %d calls", n, a.IDP.Count("refresh_token"))
	}
	audited(t, s, identity.AuditFilter{Action: "lanyard:RefreshGrant", Result: identity.AuditIntent}, "refresh at")
}
