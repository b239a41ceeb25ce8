package identity_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// likeGitHub is an agent at a vendor that takes a grant back by its access token, and ends all that the user granted to
// the client; two workloads have a grant of alice there, and one of bob.
func likeGitHub(t *testing.T) (s *servertest.Service, a *servertest.Agent, id, sibling string) {
	t.Helper()
	idp := oauthtest.New(t)
	idp.BehaveLike(t, "GithubOauth2")
	s = servertest.New(t, servertest.Vendors(idp.VendorBaseURLs()))
	a = s.NewAgent(t)
	created := s.Call(t, s.Root, api.CreateOauth2CredentialProvider, map[string]any{"name": "github", "credentialProviderVendor": "GithubOauth2",
		"oauth2ProviderConfigInput": map[string]any{"githubOauth2ProviderConfig": map[string]any{"clientId": idp.ClientID, "clientSecret": idp.ClientSecret}}})
	if created.Status != 201 {
		t.Fatal(string(created.Body))
	}
	a.IDP, a.Provider = idp, "github"
	a.CreateWorkload(t, "second", servertest.ReturnURL)
	second := a.At(s, s.Root)
	second.Workload = "second"
	idp.SignIn("alice")
	a.Grant(t, "alice")
	id = grantOf(t, s, "userid:alice").ID
	second.Grant(t, "alice")
	idp.SignIn("bob")
	a.Grant(t, "bob")
	for _, g := range s.Grants(t) {
		if g.User == "userid:alice" && g.ID != id {
			sibling = g.ID
		}
	}
	return s, a, id, sibling
}

// TestRevokingEndsSiblings: where the vendor ends all that the user granted, the receipt says so, the user's other grants
// there are marked, each with its record, and nobody else's are.
func TestRevokingEndsSiblings(t *testing.T) {
	t.Parallel()
	s, a, id, sibling := likeGitHub(t)
	got := revoke(t, s, id, false)
	outcome(t, got, api.OutcomeRevoked, 204, "ended all that this user granted to the client")
	if len(got.AlsoEnded) != 1 || got.AlsoEnded[0] != sibling {
		t.Errorf("also ended: %v, want %s", got.AlsoEnded, sibling)
	}
	if g := stateOf(t, s, sibling); g.State != identity.GrantNeedsConsent || g.Sealed != nil || !strings.Contains(g.Reason, id) {
		t.Errorf("the sibling: %+v", g)
	}
	if r := audited(t, s, identity.AuditFilter{GrantID: sibling, Action: "lanyard:RevokeGrant"}, "together with grant "+id); r.Workload != "second" || r.Result != identity.AuditAllowed {
		t.Errorf("audited as %+v", r)
	}
	if !a.IDP.Active(a.Get(t, "bob")) {
		t.Error("another user's grant ended")
	}
	outcome(t, revoke(t, s, sibling, false), api.OutcomeAlreadyRevoked, 0, "together with grant "+id)
}

// TestSiblingsAreAuthorised: who may revoke one workload's grants may not end another's by way of it; forgetting it here
// ends no other.
func TestSiblingsAreAuthorised(t *testing.T) {
	t.Parallel()
	s, _, id, sibling := likeGitHub(t)
	base := "arn:aws:bedrock-agentcore:us-west-2:" + s.Account + ":"
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lanyard:RevokeGrant","Resource":["` + base + `token-vault/*","` +
		base + `workload-identity-directory/default","` + base + `workload-identity-directory/default/workload-identity/agent"]}]}`
	limited := s.User(t, "limited", document)
	got := s.Call(t, limited, api.RevokeGrant, map[string]any{"grantId": id})
	if got.Exception.Name != api.AccessDeniedException || !strings.Contains(got.Exception.Message, "workload-identity/second") {
		t.Errorf("answered %d %s", got.Status, got.Body)
	}
	if got := s.Call(t, limited, api.RevokeGrant, map[string]any{"grantId": id, "localOnly": true}); got.Status != 200 {
		t.Errorf("forgetting it: %d %s", got.Status, got.Body)
	}
	if stateOf(t, s, sibling).State != identity.GrantActive {
		t.Error("the other workload's grant was ended")
	}
}

// TestRevokingByATokenThatLives: an access token that has ended is renewed first, for the vendor takes nothing else. A
// refresh that fails is repeated; one that the vendor refuses for good is no receipt, and says what is left to do.
func TestRevokingByATokenThatLives(t *testing.T) {
	t.Parallel()
	s, a, id, _ := likeGitHub(t)
	s.Clock.Advance(9 * time.Hour)
	a.IDP.FailNext(1, 503)
	outcome(t, revoke(t, s, id, false), api.OutcomeFailed, 0, "gave no other")
	if a.IDP.Count(oauthtest.CountRevoke) != 0 {
		t.Error("the vendor was told of a token that has ended")
	}
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 204, "")
	audited(t, s, identity.AuditFilter{GrantID: id, Result: identity.AuditIntent}, "revoke at ")
	bob := grantOf(t, s, "userid:bob").ID
	a.IDP.RevokeConsent()
	got := revoke(t, s, bob, false)
	outcome(t, got, api.OutcomeFailed, 0, "bad_refresh_token")
	outcome(t, got, api.OutcomeFailed, 0, "provider's own settings")
	outcome(t, got, api.OutcomeFailed, 0, "--local")
	if g := stateOf(t, s, bob); g.State != identity.GrantRevoking || a.IDP.Count(oauthtest.CountRevoke) != 1 {
		t.Errorf("the grant: %+v", g)
	}
}

// TestCrashBeforeSiblingsAreMarked: the vendor knows the token no longer, because the attempt that died was heard. The
// next one says so and marks what ended then, and not what the user granted since.
func TestCrashBeforeSiblingsAreMarked(t *testing.T) {
	t.Parallel()
	s, a, id, sibling := likeGitHub(t)
	other := s.Replica(t)
	var gone sync.WaitGroup
	t.Cleanup(gone.Wait)
	reached := died(t, s, "UpdateGrant")
	gone.Go(func() { s.Call(t, s.Root, api.RevokeGrant, map[string]any{"grantId": id}) })
	<-reached
	s.Clock.Advance(46 * time.Second)
	fresh := a.At(other, s.Root).Grant(t, "alice")
	got := revoke(t, other, id, false)
	outcome(t, got, api.OutcomeAlreadyRevoked, 404, "an earlier attempt was interrupted")
	if len(got.AlsoEnded) != 1 || got.AlsoEnded[0] != sibling || a.At(other, s.Root).Get(t, "alice") != fresh {
		t.Errorf("also ended: %v", got.AlsoEnded)
	}
}

// TestUnknownTokenIsNoReceipt: without an interruption, a vendor that does not know the token has revoked nothing.
func TestUnknownTokenIsNoReceipt(t *testing.T) {
	t.Parallel()
	s, a, id, sibling := likeGitHub(t)
	a.IDP.OnRevoke(oauthtest.JSON(404, `{"message":"Not Found"}`))
	outcome(t, revoke(t, s, id, false), api.OutcomeFailed, 404, "the grant lives on")
	if stateOf(t, s, sibling).State != identity.GrantActive {
		t.Error("the sibling was ended")
	}
}

// TestUnknownTokenAfterARefreshThatDied: a replica died while it refreshed, which may have ended the token that is left. A
// vendor that does not know it has revoked nothing then, and the lease that stayed behind testifies to nothing, neither to
// the first revocation nor to one that comes after another crash.
func TestUnknownTokenAfterARefreshThatDied(t *testing.T) {
	t.Parallel()
	s, a, id, sibling := likeGitHub(t)
	g := stateOf(t, s, id)
	s.Clock.Advance(g.AccessExpiresAt.Sub(s.Clock.Now()) - 44*time.Second)
	second, third := s.Replica(t), s.Replica(t)
	token := a.Token(t, "alice")
	var gone sync.WaitGroup
	t.Cleanup(gone.Wait)
	reached := died(t, s, "UpdateGrant")
	gone.Go(func() { _, _ = a.Ask(token) })
	<-reached
	edit(t, s, `UPDATE grants SET lease_until = 1 WHERE lease_owner <> ''`) // long overdue
	a.IDP.OnRevoke(oauthtest.JSON(404, `{"message":"Not Found"}`))
	reached = died(t, second, "UpdateGrant")
	gone.Go(func() { second.Call(t, second.Root, api.RevokeGrant, map[string]any{"grantId": id}) })
	<-reached
	edit(t, s, `UPDATE grants SET lease_until = 1 WHERE lease_owner <> ''`) // long overdue
	outcome(t, revoke(t, third, id, false), api.OutcomeFailed, 404, "")
	intents := third.Audit(t, identity.AuditFilter{Result: identity.AuditIntent, GrantID: id, Action: "lanyard:RevokeGrant"})
	for _, r := range intents {
		if !strings.Contains(r.Reason, "an earlier refresh was interrupted") {
			t.Errorf("the intent: %s", r.Reason)
		}
	}
	if len(intents) != 2 {
		t.Errorf("%d intents", len(intents))
	}
	if g := stateOf(t, third, sibling); g.State != identity.GrantActive {
		t.Errorf("the sibling is %s", g.State)
	}
}

// TestRevokingTwoThatWait: an outage leaves two grants of a user to be revoked. The vendor ends both by the first, and
// would know the second's token no longer: that is closed with it, and its receipt names the first.
func TestRevokingTwoThatWait(t *testing.T) {
	t.Parallel()
	s, a, id, sibling := likeGitHub(t)
	a.IDP.OnRevoke(oauthtest.Raw(503, "text/plain", "down"))
	outcome(t, revoke(t, s, id, false), api.OutcomeFailed, 503, "")
	outcome(t, revoke(t, s, sibling, false), api.OutcomeFailed, 503, "")
	a.IDP.OnRevoke(nil)
	got := revoke(t, s, id, false)
	outcome(t, got, api.OutcomeRevoked, 204, "")
	if len(got.AlsoEnded) != 1 || got.AlsoEnded[0] != sibling {
		t.Errorf("also ended: %v", got.AlsoEnded)
	}
	if g := stateOf(t, s, sibling); g.State != identity.GrantRevoked || g.Sealed != nil || g.HasRefresh {
		t.Errorf("the sibling: %+v", g)
	}
	audited(t, s, identity.AuditFilter{GrantID: sibling, Result: identity.AuditAllowed}, "together with grant "+id)
	outcome(t, revoke(t, s, sibling, false), api.OutcomeAlreadyRevoked, 0, "together with grant "+id)
	if n := a.IDP.Count(oauthtest.CountRevoke); n != 3 {
		t.Errorf("the vendor was asked %d times", n)
	}
}
