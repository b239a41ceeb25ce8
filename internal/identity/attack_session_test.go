package identity_test

import (
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// turnedAway expects a page instead of a redirect, and that no code was taken or exchanged.
func turnedAway(t *testing.T, a *servertest.Agent, p *servertest.Page, status int) {
	t.Helper()
	if p.Status != status || p.Location != "" {
		t.Errorf("the callback answered %d and leads to %q, want a page with %d", p.Status, p.Location, status)
	}
	if n := a.IDP.Count("authorization_code"); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
}

func newAttack(t *testing.T) (*servertest.Service, *servertest.Agent) {
	t.Helper()
	s := servertest.New(t)
	return s, s.NewAgent(t)
}

// A01: the callback in a browser that began nothing, and in one whose cookie is another session's.
func TestA01_CallbackWithoutItsBrowser(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	attacker := s.NewBrowser(t)
	callback := attacker.Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	turnedAway(t, a, s.NewBrowser(t).Open(t, callback), 403)
	victim := s.NewBrowser(t)
	victim.Callback(t, *a.Begin(t, "bob").AuthorizationUrl)
	turnedAway(t, a, victim.Open(t, callback), 403)
	if p := attacker.Open(t, callback); p.Location == "" {
		t.Errorf("the failed attempts spoiled the session: %d", p.Status)
	}
}

// A02: an answer counts once.
func TestA02_StateReplayed(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	b := s.NewBrowser(t)
	callback := b.Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	kept := b.Copy(t, a.Callback)
	first := b.Open(t, callback)
	turnedAway(t, a, kept.Open(t, callback), 410)
	check(t, a.Complete(servertest.SessionURI(t, first.Location), "alice"))
	if p := kept.Open(t, callback); p.Status != 410 || p.Location != "" {
		t.Errorf("after the completion the replay answers %d", p.Status)
	}
}

// A03: the state of one provider at the callback of another.
func TestA03_StateOfAnotherProvider(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	other := a.CreateProvider(t, "other")
	b := s.NewBrowser(t)
	callback, err := url.Parse(b.Callback(t, *a.Begin(t, "alice").AuthorizationUrl))
	check(t, err)
	turnedAway(t, a, b.Open(t, other+"?"+callback.RawQuery), 403)
	turnedAway(t, a, b.Open(t, s.URL+"/identities/oauth2/callback/00000000-0000-0000-0000-000000000000?"+callback.RawQuery), 400)
	turnedAway(t, a, b.Open(t, s.URL+"/identities/oauth2/callback/..%2F?"+callback.RawQuery), 400)
}

// A04: a code that was used before is refused by the provider, and what it had bought stays with its owner.
func TestA04_CodeReplayed(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	b := s.NewBrowser(t)
	callback := b.Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	check(t, a.Complete(servertest.SessionURI(t, b.Open(t, callback).Location), "alice"))
	m := s.NewBrowser(t)
	forged := replace(t, m.Callback(t, *a.Begin(t, "mallory").AuthorizationUrl), "code", servertest.Query(t, callback).Get("code"))
	back := m.Open(t, forged)
	refused(t, a.Complete(servertest.SessionURI(t, back.Location), "mallory"), api.AccessDeniedException, "invalid_grant")
	if out, err := a.Ask(a.Token(t, "mallory")); err != nil || out.AccessToken != nil {
		t.Errorf("mallory got a token: %v", err)
	}
}

// A05: a code of another session is bound to that session's PKCE verifier (A14), so injecting it fails.
func TestA05_CodeInjectedIntoAnotherSession(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	victim, attacker := s.NewBrowser(t), s.NewBrowser(t)
	stolen := victim.Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	own := attacker.Callback(t, *a.Begin(t, "mallory").AuthorizationUrl)
	back := attacker.Open(t, replace(t, own, "code", servertest.Query(t, stolen).Get("code")))
	refused(t, a.Complete(servertest.SessionURI(t, back.Location), "mallory"), api.AccessDeniedException, "")
	if len(s.Grants(t)) != 0 {
		t.Error("an injected code made a grant")
	}
}

func replace(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	check(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// A06 (mix-up): a provider that is edited while a consent is pending gets neither browser nor code.
func TestA06_MixUp(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	evil := oauthtest.New(t)
	b := s.NewBrowser(t)
	callback := b.Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	waiting := a.Begin(t, "bob")
	authorized := a.Begin(t, "carol")
	back := servertest.SessionURI(t, s.Consent(t, *authorized.AuthorizationUrl))
	a.UpdateProvider(t, evil)
	turnedAway(t, a, b.Open(t, callback), 410)
	if p := s.NewBrowser(t).Open(t, *waiting.AuthorizationUrl); p.Location != "" {
		t.Errorf("a session begun before the edit leads to %s", p.Location)
	}
	refused(t, a.Complete(back, "carol"), api.AccessDeniedException, "names other endpoints than when the session began")
	if evil.Count("token")+evil.Count(oauthtest.CountAuthorize) != 0 {
		t.Error("the edited provider was sent a browser or a code")
	}
}

// A07: an answer in another issuer's name, or without the name that was promised, proves nothing: the session goes on.
func TestA07_WrongOrMissingIss(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	b := s.NewBrowser(t)
	callback := b.Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	q := servertest.Query(t, callback)
	base, _, _ := strings.Cut(callback, "?")
	for name, forged := range map[string]string{
		"wrong iss": replace(t, callback, "iss", "https://evil.example"), "no iss": base + "?code=x&state=" + url.QueryEscape(q.Get("state")),
		"two iss": callback + "&iss=" + url.QueryEscape(a.IDP.Issuer), "two codes": callback + "&code=x", "iss and a slash": replace(t, callback, "iss", a.IDP.Issuer+"/"),
		"a forged refusal": base + "?error=access_denied&state=" + url.QueryEscape(q.Get("state")), "error and code": callback + "&error=access_denied",
	} {
		t.Log(name)
		turnedAway(t, a, b.Open(t, forged), 502)
	}
	if p := b.Open(t, callback); p.Location == "" {
		t.Errorf("the forgeries ended the session: %d %s", p.Status, p.Body)
	}
}

// A08 (COSF): the attacker begins for himself and lures the victim into consenting: the application names the victim
// who came back, and nothing is exchanged. The session stays the attacker's and the code with it unused.
func TestA08_BrowserSwap(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	begun := a.Begin(t, "mallory")
	back := s.Consent(t, *begun.AuthorizationUrl) // in the victim's browser
	refused(t, a.Complete(servertest.SessionURI(t, back), "victim"), api.AccessDeniedException, "it was begun for another user")
	if a.IDP.Count("authorization_code") != 0 || len(s.Grants(t)) != 0 {
		t.Error("the code was exchanged for a user who did not begin")
	}
	audited(t, s, identity.AuditFilter{Action: "bedrock-agentcore:CompleteResourceTokenAuth", Result: identity.AuditDenied, User: "userid:mallory"}, "another user")
	check(t, a.Complete(servertest.SessionURI(t, back), "mallory"))
}

// A09 (COAT) and A10: a grant serves its user and its workload identity alone, polling included.
func TestA09_A10_GrantOfAnotherUserOrWorkload(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	begun := a.Begin(t, "alice")
	check(t, a.Complete(servertest.SessionURI(t, s.Consent(t, *begun.AuthorizationUrl)), "alice"))
	pending := a.Begin(t, "alice", scopes("more"))
	a.Begin(t, "mallory")
	_, err := a.Ask(a.Token(t, "mallory"), polling(*begun.SessionUri))
	refused(t, err, api.AccessDeniedException, "it was begun for another workload identity, user or provider")
	a.CreateWorkload(t, "other-agent", servertest.ReturnURL)
	other := *a
	other.Workload = "other-agent"
	other.Begin(t, "alice")
	for _, uri := range []string{*begun.SessionUri, *pending.SessionUri} {
		_, err = other.Ask(other.Token(t, "alice"), polling(uri), scopes("more"))
		refused(t, err, api.AccessDeniedException, "it was begun for another workload identity, user or provider")
	}
}

// A13: session URIs guessed, finished twice, finished late, finished by another account.
func TestA13_SessionURI(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	back := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "alice").AuthorizationUrl))
	stranger := a.At(s, s.RootOf(t, "222222222222"))
	refused(t, stranger.Complete(back, "alice"), api.AccessDeniedException, "no session of that URI is open in this account")
	refused(t, a.Complete(back[:len(back)-1], "alice"), api.AccessDeniedException, "no session of that URI is open in this account")
	var wins atomic.Int32
	var all sync.WaitGroup
	for range 8 { // finished by many at once: one wins
		all.Go(func() {
			if a.Complete(back, "alice") == nil {
				wins.Add(1)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 || a.IDP.Count("authorization_code") != 1 {
		t.Errorf("%d completions won, %d exchanges", wins.Load(), a.IDP.Count("authorization_code"))
	}
	late := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "bob").AuthorizationUrl))
	s.Clock.Advance(10 * time.Minute)
	refused(t, a.Complete(late, "bob"), api.AccessDeniedException, "Invalid or expired session: it expired at")
}

// A14: the challenge is always S256, each session has its own, and none can be left out from outside.
func TestA14_PKCE(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	seen := map[string]bool{}
	for range 3 {
		s.Consent(t, *a.Begin(t, "alice").AuthorizationUrl)
		sent := a.IDP.Last(oauthtest.CountAuthorize).Form
		if sent.Get("code_challenge_method") != "S256" || len(sent.Get("code_challenge")) != 43 || seen[sent.Get("code_challenge")] {
			t.Errorf("the provider was asked with %v", sent)
		}
		seen[sent.Get("code_challenge")] = true
	}
}

// A15: two browsers open one link; the first answer wins and the other is told so.
func TestA15_TwoBrowsersOneLink(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	begun := a.Begin(t, "alice")
	first, second := s.NewBrowser(t), s.NewBrowser(t)
	one, two := first.Callback(t, *begun.AuthorizationUrl), second.Callback(t, *begun.AuthorizationUrl)
	turnedAway(t, a, first.Open(t, two), 403)
	back := first.Open(t, one)
	turnedAway(t, a, second.Open(t, two), 410)
	check(t, a.Complete(servertest.SessionURI(t, back.Location), "alice"))
	if a.IDP.Last("authorization_code").Form.Get("code") != servertest.Query(t, one).Get("code") {
		t.Error("the second browser's code was exchanged")
	}
}

// A56: a provider edited after consent never receives the refresh tokens of before; set back, the grant lives again.
func TestA56_ProviderEditedAfterConsent(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	good, evil := a.IDP, oauthtest.New(t)
	a.UpdateProvider(t, evil)
	s.Clock.Advance(time.Hour)
	a.Begin(t, "alice")
	g := grants(t, s)[0]
	if g.State != "suspended" || !strings.Contains(g.Reason, "consent was given at token endpoint "+good.TokenEndpoint) || !strings.Contains(g.Reason, evil.TokenEndpoint) {
		t.Errorf("the grant: %+v", g)
	}
	if evil.Count("token") != 0 {
		t.Error("the edited endpoint received a token request")
	}
	a.UpdateProvider(t, good)
	if token := a.Get(t, "alice"); !good.Active(token) || grants(t, s)[0].State != "active" {
		t.Error("the grant does not live again at its own endpoints")
	}
}

// A59: what is deleted and made again under its old name inherits nothing.
func TestA59_MadeAgainByName(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	oldToken, oldCallback := a.Token(t, "alice"), a.Callback
	s.Call(t, s.Root, api.DeleteOauth2CredentialProvider, map[string]any{"name": a.Provider})
	a.Callback = a.CreateProvider(t, a.Provider)
	if a.Callback == oldCallback {
		t.Error("the callback URL is the old one")
	}
	a.IDP.RegisterRedirect(a.Callback)
	a.Begin(t, "alice")
	a.Grant(t, "alice")
	s.Call(t, s.Root, api.DeleteWorkloadIdentity, map[string]any{"name": a.Workload})
	a.CreateWorkload(t, a.Workload, servertest.ReturnURL)
	_, err := a.Ask(oldToken)
	refused(t, err, api.UnauthorizedException, "is of a workload identity that was deleted")
	a.Begin(t, "alice")
}
