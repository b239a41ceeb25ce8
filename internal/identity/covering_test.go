package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// newCovering serves narrower requests from wider grants at the agent's provider.
func newCovering(t *testing.T) (*servertest.Service, *servertest.Agent) {
	t.Helper()
	s := servertest.New(t, servertest.Configure(func(c *identity.Config) { c.CoveringGrants = []string{"elsewhere", "provider"} }))
	return s, s.NewAgent(t)
}

// consents expects that a request leads to consent and that no grant is named in its record.
func consents(t *testing.T, a *servertest.Agent, user string, change ...func(*input)) {
	t.Helper()
	a.Service.Clock.Advance(time.Millisecond)
	a.Begin(t, user, change...)
	if r := newestAudit(t, a.Service); r.GrantID != "" && !strings.Contains(r.Reason, r.GrantID) {
		t.Errorf("a request that led to consent is audited as use of a grant: %+v", r)
	}
}

// get asks for a token a moment after all that went before, so that its record is the newest.
func get(t *testing.T, a *servertest.Agent, change ...func(*input)) string {
	t.Helper()
	a.Service.Clock.Advance(time.Millisecond)
	return a.Get(t, "alice", change...)
}

func newestAudit(t *testing.T, s *servertest.Service) identity.AuditRecord {
	t.Helper()
	all := s.Audit(t, identity.AuditFilter{Action: "bedrock-agentcore:GetResourceOauth2Token", Result: identity.AuditAllowed})
	return all[len(all)-1]
}

// TestCoveringGrantServesFewerScopes: without a second consent, and the record says whose grant it was and why.
func TestCoveringGrantServesFewerScopes(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	wide := a.Grant(t, "alice", scopes("read", "write"))
	if get(t, a, scopes("read")) != wide || len(grants(t, s)) != 1 {
		t.Error("the wider grant did not serve the narrower request")
	}
	id := s.Grants(t)[0].ID
	if r := newestAudit(t, s); r.GrantID != id || r.Reason != "asked for scopes [read], covered by grant "+id+" of scopes [read write]" {
		t.Errorf("the record: %+v", r)
	}
	if get(t, a, scopes("write", "read")) != wide || newestAudit(t, s).Reason != "" {
		t.Error("an exact request is not served as before")
	}
}

// TestCoveringIsByNameOnly: where the operator did not list the provider, what was asked for is what is consented to.
func TestCoveringIsByNameOnly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.Configure(func(c *identity.Config) { c.CoveringGrants = []string{"elsewhere", "provide", "Provider"} }))
	a := s.NewAgent(t)
	a.Grant(t, "alice", scopes("read", "write"))
	consents(t, a, "alice", scopes("read"))
}

// TestA10_CoveringNeverCrosses: a grant covers nothing of another user, workload, provider or target, and the machine's
// own tokens cover no user's request nor the other way round.
func TestA10_CoveringNeverCrosses(t *testing.T) {
	t.Parallel()
	_, a := newCovering(t)
	a.CreateWorkload(t, "other-agent", servertest.ReturnURL)
	a.IDP.RegisterRedirect(a.CreateProvider(t, "elsewhere"))
	wide := a.Grant(t, "alice", scopes("read", "write"))
	a.Get(t, "alice", m2m, scopes("machine", "read"))
	other := *a
	other.Workload = "other-agent"
	elsewhere := *a
	elsewhere.Provider = "elsewhere"
	resource := func(in *input) { in.Resources = []string{"https://api.example.com"} }
	audience := func(in *input) { in.Audiences = []string{"https://api.example.com"} }
	for name, ask := range map[string]func(){
		"another user":             func() { consents(t, a, "bob", scopes("read")) },
		"another workload":         func() { consents(t, &other, "alice", scopes("read")) },
		"another provider":         func() { consents(t, &elsewhere, "alice", scopes("read")) },
		"another resource":         func() { consents(t, a, "alice", scopes("read"), resource) },
		"another audience":         func() { consents(t, a, "alice", scopes("read"), audience) },
		"a scope beside":           func() { consents(t, a, "alice", scopes("read", "admin")) },
		"a scope that is a prefix": func() { consents(t, a, "alice", scopes("rea")) },
		"other letters":            func() { consents(t, a, "alice", scopes("READ")) },
		"no scopes":                func() { consents(t, a, "alice", scopes()) },
		"the machine's":            func() { consents(t, a, "alice", scopes("machine")) },
	} {
		t.Log(name)
		ask()
	}
	if a.Get(t, "bob", m2m, scopes("read")) == wide || a.IDP.Count("client_credentials") != 2 {
		t.Error("a machine's request was served from a stored token for other scopes")
	}
}

// TestCoveringGrantWithTargets: the same resources and audiences are covered, and no others.
func TestCoveringGrantWithTargets(t *testing.T) {
	t.Parallel()
	_, a := newCovering(t)
	target := func(in *input) { in.Resources = []string{"https://api.example.com"} }
	wide := a.Grant(t, "alice", scopes("read", "write"), target)
	if a.Get(t, "alice", scopes("read"), target) != wide {
		t.Error("a grant for the same resource did not cover")
	}
	consents(t, a, "alice", scopes("read"))
}

// TestCoveringTakesTheNarrowest: of several, the agent is handed the one with the least power, and a tie always ends alike.
func TestCoveringTakesTheNarrowest(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	widest := a.Grant(t, "alice", scopes("read", "write", "admin", "repo"))
	tokens := map[string]string{} // grant id -> token
	for _, list := range [][]string{{"read", "write"}, {"read", "admin"}, {"read", "repo"}} {
		tokens[newGrant(t, s, func() { forced(t, a, list...) })] = a.Get(t, "alice", scopes(list...))
	}
	first := ""
	for id := range tokens {
		if first == "" || id < first {
			first = id
		}
	}
	for range 3 {
		if get(t, a, scopes("read")) != tokens[first] || newestAudit(t, s).GrantID != first {
			t.Error("of equals, not the first by id was taken")
		}
	}
	if a.Get(t, "alice", scopes("write", "repo")) != widest {
		t.Error("a request that only the widest covers was served by another")
	}
}

// forced takes alice through a consent though a wider grant would have served.
func forced(t *testing.T, a *servertest.Agent, list ...string) {
	t.Helper()
	begun := a.Begin(t, "alice", scopes(list...), force)
	check(t, a.Complete(servertest.SessionURI(t, a.Service.Consent(t, *begun.AuthorizationUrl)), "alice"))
}

// newGrant returns the id of the grant that f makes.
func newGrant(t *testing.T, s *servertest.Service, f func()) string {
	t.Helper()
	known := map[string]bool{}
	for _, g := range s.Grants(t) {
		known[g.ID] = true
	}
	f()
	for _, g := range s.Grants(t) {
		if !known[g.ID] {
			return g.ID
		}
	}
	t.Fatal("no grant was made")
	return ""
}

// TestForcedConsentIsNeverCovered: neither the request that forces nor the polls of its session.
func TestForcedConsentIsNeverCovered(t *testing.T) {
	t.Parallel()
	_, a := newCovering(t)
	a.Grant(t, "alice", scopes("read", "write"))
	begun := a.Begin(t, "alice", scopes("read"), force)
	for _, change := range []func(*input){polling(*begun.SessionUri), func(in *input) { polling(*begun.SessionUri)(in); force(in) }} {
		out, err := a.Ask(a.Token(t, "alice"), scopes("read"), change)
		check(t, err)
		if out.AccessToken != nil {
			t.Error("the poll of a forced consent was answered from the old one")
		}
	}
}

// TestSuspendedGrantsCoverNothing: neither does a suspended grant cover, nor is an exact grant that is suspended passed by.
func TestSuspendedGrantsCoverNothing(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	a.Grant(t, "alice", scopes("read", "write"))
	edit(t, s, `UPDATE grants SET state = 'suspended', reason = 'edited'`)
	consents(t, a, "alice", scopes("read"))
	edit(t, s, `UPDATE grants SET state = 'active'`)
	forced(t, a, "read")
	a.UpdateProvider(t, oauthtest.New(t))
	edit(t, s, `UPDATE grants SET state = 'suspended', reason = 'edited' WHERE scopes = '["read"]'`)
	consents(t, a, "alice", scopes("read"))
}

// TestCoveringGrantIsRefreshed: when it is due, at the provider, for its own scopes and under its own id.
func TestCoveringGrantIsRefreshed(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	wide := a.Grant(t, "alice", scopes("read", "write"))
	s.Clock.Advance(2 * time.Hour)
	a.IDP.FailNext(1, http.StatusServiceUnavailable)
	_, err := a.Ask(a.Token(t, "alice"), scopes("read"))
	refused(t, err, api.InternalServerException, "try again")
	before := a.IDP.Count("refresh_token")
	fresh := get(t, a, scopes("read"))
	id := s.Grants(t)[0].ID
	if fresh == wide || !a.IDP.Active(fresh) || a.IDP.Count("refresh_token") != before+1 || a.Get(t, "alice", scopes("read", "write")) != fresh {
		t.Error("the covering grant was not refreshed once for all")
	}
	audited(t, s, identity.AuditFilter{GrantID: id, Result: identity.AuditAllowed}, "asked for scopes [read], covered by grant "+id+" of scopes [read write]; the token was refreshed")
	if len(s.Audit(t, identity.AuditFilter{GrantID: id, Result: identity.AuditIntent})) == 0 {
		t.Error("the refresh was not announced")
	}
}

// TestCoveringGrantThatDied: the next wider one serves; without any, the user is asked.
func TestCoveringGrantThatDied(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.NoRefreshToken = true })
	a.Grant(t, "alice", scopes("read", "write"))
	s.Clock.Advance(30 * time.Minute)
	forced(t, a, "read", "write", "admin")
	widest := a.Get(t, "alice", scopes("read", "write", "admin"))
	s.Clock.Advance(31 * time.Minute)
	if a.Get(t, "alice", scopes("read")) != widest {
		t.Error("the wider grant did not take over")
	}
	s.Clock.Advance(time.Hour)
	consents(t, a, "alice", scopes("read"))
}

// TestWhatWasGrantedCovers: a provider may give less than was asked for (RFC 6749 section 5.1); what it withheld is not
// covered, before and after a refresh whose answer names no scopes (section 6).
func TestWhatWasGrantedCovers(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.Scope = "read" })
	a.Grant(t, "alice", scopes("read", "write"))
	a.Get(t, "alice", scopes("read"))
	consents(t, a, "alice", scopes("write"))
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.Scope = "-" })
	s.Clock.Advance(2 * time.Hour)
	a.Get(t, "alice", scopes("read"))
	if a.IDP.Count("refresh_token") != 1 {
		t.Fatal("the grant was not refreshed")
	}
	consents(t, a, "alice", scopes("write"))
}

// TestScopesTakenAtRefreshAreNotCovered: the fresh token may be good for less than the one before.
func TestScopesTakenAtRefreshAreNotCovered(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	a.Grant(t, "alice", scopes("read", "write"))
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.Scope = "read" })
	s.Clock.Advance(2 * time.Hour)
	consents(t, a, "alice", scopes("write"))
	if a.IDP.Count("refresh_token") != 1 || !strings.Contains(newestAudit(t, s).Reason, "covered the request and no longer does") {
		t.Errorf("%d refreshes, record %+v", a.IDP.Count("refresh_token"), newestAudit(t, s))
	}
	a.Get(t, "alice", scopes("read"))
}

// TestA32_EditedColumnsCoverNothing: whose grant it is and what it is good for rests under the seal, whatever its columns say.
func TestA32_EditedColumnsCoverNothing(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	a.CreateWorkload(t, "other-agent", servertest.ReturnURL)
	a.Grant(t, "alice", scopes("read", "write"))
	edit(t, s, `UPDATE grants SET scopes = '["admin","read","write"]'`)
	consents(t, a, "alice", scopes("admin"))
	edit(t, s, `UPDATE grants SET user_key = 'userid:mallory'`)
	consents(t, a, "mallory", scopes("read"))
	edit(t, s, `UPDATE grants SET user_key = 'userid:alice', workload_id = (SELECT id FROM records WHERE kind = 'workload' AND name = 'other-agent')`)
	other := *a
	other.Workload = "other-agent"
	consents(t, &other, "alice", scopes("read"))
	out, err := a.Ask(a.Token(t, "alice"), scopes("read", "write"))
	check(t, err)
	if aws.ToString(out.AccessToken) == "" {
		t.Error("the exact grant is found by its key, which was not edited")
	}
}

// TestCoveringNeverExceedsPolicy: a caller who may not ask for the wider scopes is not handed them for asking for fewer.
func TestCoveringNeverExceedsPolicy(t *testing.T) {
	t.Parallel()
	s, a := newCovering(t)
	wide := a.Grant(t, "alice", scopes("read", "write"))
	allow := func(list string) string {
		return `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessTokenForUserId","Resource":"*"},
			{"Effect":"Allow","Action":"bedrock-agentcore:GetResourceOauth2Token","Resource":"*","Condition":{"ForAllValues:StringEquals":{"lanyard:Scopes":[` + list + `]}}}]}`
	}
	reader := a.At(s, s.User(t, "reader", allow(`"read"`)))
	consents(t, reader, "alice", scopes("read"))
	writer := a.At(s, s.User(t, "writer", allow(`"read","write"`)))
	if writer.Get(t, "alice", scopes("read")) != wide {
		t.Error("a caller who may ask for all the scopes was not served")
	}
}

// TestRefreshNamesNoScopeThatWasNotGranted (RFC 6749 section 6).
func TestRefreshNamesNoScopeThatWasNotGranted(t *testing.T) {
	t.Parallel()
	for granted, want := range map[string]string{"read": "read", "": "read write", "read write admin": "read write"} {
		s, a := newAttack(t)
		a.IDP.Behave(func(b *oauthtest.Behaviour) { b.Scope = granted })
		a.Grant(t, "alice", scopes("read", "write"))
		s.Clock.Advance(2 * time.Hour)
		asked := ""
		a.IDP.OnToken(func(_ http.ResponseWriter, r *http.Request) bool {
			asked = r.FormValue("scope")
			return false
		})
		a.Get(t, "alice", scopes("read", "write"))
		if asked != want {
			t.Errorf("granted %q: the refresh asked for %q, want %q", granted, asked, want)
		}
	}
}
