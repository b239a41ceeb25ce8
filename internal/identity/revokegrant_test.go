package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// revoke takes a grant back over the wire, as root.
func revoke(t testing.TB, s *servertest.Service, id string, local bool) api.RevokeGrantResponse {
	t.Helper()
	a := s.Call(t, s.Root, api.RevokeGrant, map[string]any{"grantId": id, "localOnly": local})
	if a.Status != 200 {
		t.Fatalf("RevokeGrant answered %d %s", a.Status, a.Body)
	}
	var out api.RevokeGrantResponse
	a.Into(t, &out)
	return out
}

// outcome expects a receipt of this outcome and status that says the text.
func outcome(t testing.TB, r api.RevokeGrantResponse, want string, status int32, text string) {
	t.Helper()
	if r.Outcome != want || r.Status != status || !strings.Contains(r.Receipt, text) {
		t.Errorf("receipt is %+v, want %s, %d, with %q", r, want, status, text)
	}
}

// stateOf reads a grant as it is stored.
func stateOf(t testing.TB, s *servertest.Service, id string) identity.Grant {
	t.Helper()
	g, err := s.Store.GrantByID(t.Context(), s.Account, id)
	check(t, err)
	return g
}

// TestRevokedAtTheProvider: the provider takes the grant back, the agent's next request asks for consent, the receipt and
// the intent are in the audit under the grant's id with no token in them, and asking again finds the same receipt.
func TestRevokedAtTheProvider(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	access := a.Grant(t, "alice")
	refresh := a.IDP.LastRefreshToken()
	a.Grant(t, "bob")
	id := grantOf(t, s, "userid:alice").ID
	first := revoke(t, s, id, false)
	outcome(t, first, api.OutcomeRevoked, 200, "revoked at "+a.IDP.RevocationEndpoint)
	if sent := a.IDP.Last(oauthtest.CountRevoke).Form; sent.Get("token") == "" || sent.Get("token_type_hint") != "refresh_token" || a.IDP.Active(access) {
		t.Errorf("the provider was told %v", sent)
	}
	if g := stateOf(t, s, id); g.State != identity.GrantRevoked || g.Sealed != nil || g.HasRefresh || g.Reason != first.Receipt {
		t.Errorf("the grant: %+v", g)
	}
	again := revoke(t, s, id, false)
	outcome(t, again, api.OutcomeAlreadyRevoked, 0, first.Receipt)
	if again.At != first.At || a.IDP.Count(oauthtest.CountRevoke) != 1 {
		t.Errorf("asked again: %+v", again)
	}
	a.Begin(t, "alice")
	a.Get(t, "bob")
	records := s.Audit(t, identity.AuditFilter{GrantID: id, Action: "lanyard:RevokeGrant"})
	if len(records) != 3 || records[0].Result != identity.AuditIntent || records[1].Result != identity.AuditAllowed || records[1].User != "userid:alice" || records[1].Workload != "agent" {
		t.Fatalf("audited as %+v", records)
	}
	for _, r := range records {
		if strings.Contains(r.Reason, access) || strings.Contains(r.Reason, refresh) {
			t.Errorf("a token is in the audit: %s", r.Reason)
		}
	}
	if !strings.Contains(records[1].Reason, first.Receipt) || strings.Contains(s.Logs(), access) {
		t.Errorf("the receipt is audited as %q", records[1].Reason)
	}
	if token := a.Grant(t, "alice"); !a.IDP.Active(token) || stateOf(t, s, id).State != identity.GrantRevoked {
		t.Error("a new consent does not stand beside the revoked grant")
	}
}

// grantOf is the one grant of a user that has tokens.
func grantOf(t testing.TB, s *servertest.Service, user string) identity.Grant {
	t.Helper()
	for _, g := range s.Grants(t) {
		if g.User == user && g.Sealed != nil {
			return g
		}
	}
	t.Fatalf("%s has no grant", user)
	return identity.Grant{}
}

// TestRevocationThatFailsIsRepeated: whatever keeps the provider from answering, the grant is out of use at once, its
// receipt says what is left to do, the audit that it was not done, and the next attempt tells the provider.
func TestRevocationThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		status int32
		says   string
	}{
		"unavailable": {oauthtest.Raw(503, "text/plain", "down"), 503, "HTTP 503"},
		"refuses":     {oauthtest.JSON(400, `{"error":"unsupported_token_type"}`), 400, "unsupported_token_type"},
		"hangs up":    {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, 0, "revocation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newAttack(t)
			access := a.Grant(t, "alice")
			id := s.Grants(t)[0].ID
			a.IDP.OnRevoke(c.answer)
			got := revoke(t, s, id, false)
			outcome(t, got, api.OutcomeFailed, c.status, c.says)
			outcome(t, got, api.OutcomeFailed, c.status, "revoke it again")
			g := stateOf(t, s, id)
			if g.State != identity.GrantRevoking || g.Sealed == nil || g.LeaseOwner != "" || g.Reason != got.Receipt {
				t.Errorf("the grant: %+v", g)
			}
			if r := audited(t, s, identity.AuditFilter{GrantID: id, Result: identity.AuditFailed}, c.says); r.Code != "Unavailable" {
				t.Errorf("audited as %+v", r)
			}
			a.Begin(t, "alice")
			again := a.Grant(t, "alice") // the user may consent anew meanwhile
			a.IDP.OnRevoke(nil)
			outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
			if a.IDP.Active(access) || a.Get(t, "alice") != again {
				t.Error("the old token lives, or the new one does not")
			}
		})
	}
}

// TestRevocationWhereNobodyAnswers: a host that is gone for ever leaves the grant revoking, and --local ends it, loudly.
func TestRevocationWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	s, a := endpointAt(t, "http://127.0.0.1:1/revoke")
	access := a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	outcome(t, revoke(t, s, id, false), api.OutcomeFailed, 0, "127.0.0.1:1")
	outcome(t, revoke(t, s, id, true), api.OutcomeDeletedLocally, 0, "the provider was not told")
	if g := stateOf(t, s, id); g.State != identity.GrantRevoked || g.Sealed != nil || !a.IDP.Active(access) {
		t.Errorf("the grant: %+v", g)
	}
	audited(t, s, identity.AuditFilter{GrantID: id, Result: identity.AuditAllowed}, "deletedLocally: deleted here alone")
	if !strings.Contains(s.Logs(), "a grant is deleted without telling its provider") {
		t.Error("the log says nothing")
	}
	outcome(t, revoke(t, s, id, false), api.OutcomeDeletedLocally, 0, "deleted here alone")
}

// endpointAt is an agent whose provider announces this revocation endpoint; none if it is empty.
func endpointAt(t *testing.T, endpoint string) (*servertest.Service, *servertest.Agent) {
	t.Helper()
	s := servertest.New(t)
	a := &servertest.Agent{Clients: s.Client(s.Root), Service: s, IDP: oauthtest.New(t), Workload: "agent", Provider: "provider"}
	doc := a.IDP.Metadata()
	delete(doc, "revocation_endpoint")
	if endpoint != "" {
		doc["revocation_endpoint"] = endpoint
	}
	a.IDP.OnDiscovery(oauthtest.Document(doc))
	a.CreateWorkload(t, a.Workload, servertest.ReturnURL)
	a.Callback = a.CreateProvider(t, a.Provider)
	a.IDP.RegisterRedirect(a.Callback)
	return s, a
}

// TestRevocationThatNobodyOffers: the tokens are forgotten, and the receipt says where the consent still ends.
func TestRevocationThatNobodyOffers(t *testing.T) {
	t.Parallel()
	s, a := endpointAt(t, "")
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	outcome(t, revoke(t, s, id, false), api.OutcomeNotSupported, 0, "no revocation endpoint")
	if g := stateOf(t, s, id); g.State != identity.GrantRevoked || g.Sealed != nil || a.IDP.Count(oauthtest.CountRevoke) != 0 {
		t.Errorf("the grant: %+v", g)
	}
	outcome(t, revoke(t, s, id, false), api.OutcomeNotSupported, 0, "no revocation endpoint") // never "already revoked"
	a.Begin(t, "alice")
}

// TestRevokingWhatHasNoTokens: of a dropped grant nothing is left to tell the provider, and its receipt claims nothing else; a machine's token has no refresh token and is ended
// by itself.
func TestRevokingWhatHasNoTokens(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	dropped := s.Grants(t)[0].ID
	a.Begin(t, "alice", force)
	for range 2 {
		outcome(t, revoke(t, s, dropped, false), api.OutcomeDeletedLocally, 0, "the provider was not told, because no token of it was left here: the caller forced a new consent")
	}
	if a.IDP.Count(oauthtest.CountRevoke) != 0 {
		t.Error("the provider was asked about nothing")
	}
	token := a.Get(t, "alice", m2m)
	id := grantOf(t, s, "").ID
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
	if got := a.IDP.Last(oauthtest.CountRevoke).Form; got.Get("token") != token || got.Get("token_type_hint") != "access_token" {
		t.Errorf("the provider was told %v", got)
	}
	if a.Get(t, "alice", m2m) == token {
		t.Error("the revoked token is handed out")
	}
}

// TestA56_RevocationGoesWhereTheConsentWasGiven: after the provider was edited, no refresh token travels to its new
// endpoints in the name of revoking it.
func TestA56_RevocationGoesWhereTheConsentWasGiven(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	elsewhere := oauthtest.New(t)
	a.UpdateProvider(t, elsewhere)
	outcome(t, revoke(t, s, id, false), api.OutcomeFailed, 0, "consent was given at token endpoint "+a.IDP.TokenEndpoint)
	if elsewhere.Count(oauthtest.CountRevoke) != 0 {
		t.Error("the token went to the new endpoint")
	}
	a.UpdateProvider(t, a.IDP)
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
}

// TestA32_RevokingAnEditedGrant: a grant whose columns were edited in the database is not revoked as somebody else's, nor
// in the middle of it.
func TestA32_RevokingAnEditedGrant(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	try := func(step string) {
		t.Helper()
		edit(t, s, `UPDATE grants SET user_key = 'userid:mallory'`)
		got := s.Call(t, s.Root, api.RevokeGrant, map[string]any{"grantId": id})
		if got.Exception.Name != api.InternalServerException || !strings.Contains(got.Exception.Message, "was changed outside Lanyard") {
			t.Errorf("%s: %d %s", step, got.Status, got.Body)
		}
		edit(t, s, `UPDATE grants SET user_key = 'userid:alice'`)
	}
	try("active")
	a.IDP.OnRevoke(oauthtest.Raw(503, "text/plain", "down"))
	outcome(t, revoke(t, s, id, false), api.OutcomeFailed, 503, "")
	a.IDP.OnRevoke(nil)
	try("revoking")
	if a.IDP.Count(oauthtest.CountRevoke) != 1 {
		t.Error("the provider was asked")
	}
	outcome(t, revoke(t, s, id, false), api.OutcomeRevoked, 200, "")
}

// TestA49_UnknownGrantsAreAllTheSame (A11 too): an id that never was and one of another account are refused in the same
// words, to who may revoke and to who may not.
func TestA49_UnknownGrantsAreAllTheSame(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	check(t, s.Identity.EnsureAccount(t.Context(), "111111111111"))
	foreign := s.RootOf(t, "111111111111")
	never := "gr-" + strings.Repeat("0", len(id)-3)
	x := s.Call(t, foreign, api.RevokeGrant, map[string]any{"grantId": id})
	y := s.Call(t, foreign, api.RevokeGrant, map[string]any{"grantId": never})
	if x.Exception.Name != api.ResourceNotFoundException || x.Exception.Name != y.Exception.Name || strings.ReplaceAll(x.Exception.Message, id, never) != y.Exception.Message {
		t.Errorf("told apart: %s and %s", x.Body, y.Body)
	}
	nobody := s.User(t, "nobody", servertest.Allow("*", "lanyard:ListGrants"))
	for _, grant := range []string{id, never} {
		if got := s.Call(t, nobody, api.RevokeGrant, map[string]any{"grantId": grant}); got.Exception.Name != api.AccessDeniedException {
			t.Errorf("%s: %d %s", grant, got.Status, got.Body)
		}
	}
	if stateOf(t, s, id).State != identity.GrantActive || a.IDP.Count(oauthtest.CountRevoke) != 0 {
		t.Error("a refused caller revoked the grant")
	}
}

// TestA53_WhoAsksForTokensRevokesNone: of the supplied policies one revokes, and gets no token; a user who has it can, on
// the workloads it names and on no others.
func TestA53_WhoAsksForTokensRevokesNone(t *testing.T) {
	t.Parallel()
	for name, d := range suppliedDocuments(t, newIAM(t)) {
		may := allowsRevoking(d)
		if may != (name == "LanyardGrantAdministrator") {
			t.Errorf("%s: may revoke: %t", name, may)
		}
		if may && (allows(d, "bedrock-agentcore:GetResourceOauth2Token") || allows(d, "bedrock-agentcore:CompleteResourceTokenAuth")) {
			t.Errorf("%s revokes and gets tokens", name)
		}
	}
	s, a := newAttack(t)
	a.Grant(t, "alice")
	id := s.Grants(t)[0].ID
	base := "arn:aws:bedrock-agentcore:us-west-2:" + s.Account + ":"
	other := s.User(t, "other", servertest.Allow(base+"workload-identity-directory/default/workload-identity/other", "lanyard:RevokeGrant"))
	if got := s.Call(t, other, api.RevokeGrant, map[string]any{"grantId": id}); got.Exception.Name != api.AccessDeniedException {
		t.Errorf("another workload's: %d %s", got.Status, got.Body)
	}
	admin := s.User(t, "admin", servertest.Allow(base+"*", "lanyard:RevokeGrant"))
	if got := s.Call(t, admin, api.RevokeGrant, map[string]any{"grantId": id}); got.Status != 200 {
		t.Errorf("who may: %d %s", got.Status, got.Body)
	}
}

func allowsRevoking(d *policy.Document) bool {
	base := "arn:aws:bedrock-agentcore:us-west-2:000000000000:"
	c := &policy.Caller{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/alice", UserID: "AIDA", Name: "alice", Kind: policy.KindUser, Policies: []*policy.Document{d}}
	return policy.Evaluate(c, &policy.Request{Action: "lanyard:RevokeGrant", Now: time.Unix(0, 0), Resources: []string{
		base + "token-vault/default/oauth2credentialprovider/github", base + "token-vault/default",
		base + "workload-identity-directory/default/workload-identity/agent", base + "workload-identity-directory/default"}}).Allowed
}
