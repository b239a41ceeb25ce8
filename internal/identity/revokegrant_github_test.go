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
	a.Grant(t, "alice")
	id = grantOf(t, s, "userid:alice").ID
	second.Grant(t, "alice")
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
	a.Get(t, "bob")
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

// TestRevokingByATokenThatLives: an access token that has ended is renewed first, for the vendor takes nothing else; a
// refresh that the vendor refuses for good leaves nothing to revoke, one that fails is repeated.
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
	outcome(t, revoke(t, s, bob, false), api.OutcomeAlreadyRevoked, 0, "bad_refresh_token")
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
