package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestPollingASession follows one session through all that a poller can see of it.
func TestPollingASession(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Token(t, "alice")
	begun := a.Begin(t, "alice")
	pending := func(when string) {
		t.Helper()
		out, err := a.Ask(token, polling(*begun.SessionUri))
		check(t, err)
		if out.AccessToken != nil || aws.ToString(out.SessionUri) != *begun.SessionUri || out.SessionStatus != dtypes.SessionStatusInProgress || aws.ToString(out.AuthorizationUrl) != *begun.AuthorizationUrl {
			t.Errorf("%s: %+v", when, out)
		}
	}
	pending("before consent")
	back := s.Consent(t, *begun.AuthorizationUrl)
	pending("before completion")
	check(t, a.Complete(servertest.SessionURI(t, back), "alice"))
	if !a.IDP.Active(a.Get(t, "alice", polling(*begun.SessionUri))) {
		t.Error("after completion the poll gives no token")
	}
	_, err := a.Ask(token, polling(*begun.SessionUri), scopes("other"))
	refused(t, err, api.AccessDeniedException, "Invalid or expired session: it was completed")
	other := a.Begin(t, "alice", scopes("third"))
	s.Clock.Advance(10 * time.Minute)
	_, err = a.Ask(token, polling(*other.SessionUri), scopes("third"))
	refused(t, err, api.AccessDeniedException, "Invalid or expired session: it expired at")
	_, err = a.Ask(token, polling("urn:ietf:params:oauth:request_uri:guessed"), scopes("third"))
	refused(t, err, api.AccessDeniedException, "Invalid or expired session: no session of that URI")
}

// TestForcedPollsWaitForTheirOwnSession: an agent that forces consent, and is left waiting, does not get what its user
// allowed in another session meanwhile. Who does not force it is served from the stored grant.
func TestForcedPollsWaitForTheirOwnSession(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	left, other := a.Begin(t, "alice", force), a.Begin(t, "alice", force)
	forced := func(uri string) func(*input) { return func(in *input) { polling(uri)(in); force(in) } }
	waits := func(when string) {
		t.Helper()
		out, err := a.Ask(a.Token(t, "alice"), forced(*left.SessionUri))
		check(t, err)
		if out.AccessToken != nil || aws.ToString(out.SessionUri) != *left.SessionUri || out.SessionStatus != dtypes.SessionStatusInProgress {
			t.Errorf("%s: %+v", when, out)
		}
	}
	waits("before any consent")
	check(t, a.Complete(servertest.SessionURI(t, s.Consent(t, *other.AuthorizationUrl)), "alice"))
	waits("after the consent in another session")
	its := a.Get(t, "alice", forced(*other.SessionUri))
	if !a.IDP.Active(its) || a.Get(t, "alice", polling(*left.SessionUri)) != its {
		t.Error("the consent did not serve its own session, and polls that do not force another")
	}
	check(t, a.Complete(servertest.SessionURI(t, s.Consent(t, *left.AuthorizationUrl)), "alice"))
	own := a.Get(t, "alice", forced(*left.SessionUri))
	if own == its || a.Get(t, "alice", forced(*other.SessionUri)) != own {
		t.Error("the later consent did not take the place of the earlier one")
	}
	a.Grant(t, "alice", scopes("write"))
	_, err := a.Ask(a.Token(t, "alice"), forced(*left.SessionUri), scopes("write"))
	refused(t, err, api.AccessDeniedException, "Invalid or expired session: it was completed, and its grant is of other scopes")
	_, err = a.Ask(a.Token(t, "bob"), forced(*left.SessionUri))
	refused(t, err, api.AccessDeniedException, "it was begun for another workload identity, user or provider")
}

// TestRefusedConsent: the application hears of it at the return URL, the poller by an exception, the operator in the audit.
func TestRefusedConsent(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.AuthorizeError = "access_denied" })
	begun := a.Begin(t, "alice", func(in *input) { in.CustomState = aws.String("app state&x=1") })
	q := servertest.Query(t, s.Consent(t, *begun.AuthorizationUrl))
	if q.Get("error") != "access_denied" || q.Get("session_id") != *begun.SessionUri || q.Get("state") != "app state&x=1" || q.Has("code") {
		t.Errorf("the return URL was given %v", q)
	}
	_, err := a.Ask(a.Token(t, "alice"), polling(*begun.SessionUri))
	refused(t, err, api.AccessDeniedException, "the user refused consent at provider provider (access_denied)")
	refused(t, a.Complete(*begun.SessionUri, "alice"), api.AccessDeniedException, "the consent failed")
	if r := audited(t, s, identity.AuditFilter{Action: "lanyard:AuthorizationCallback"}, "refused consent"); r.Result != identity.AuditDenied || r.User != "userid:alice" || r.Workload != "agent" {
		t.Errorf("audited as %+v", r)
	}
}

// TestCustomStateAndParameters: the application's state comes back to it, its parameters reach the provider, and ours
// are beside them untouched.
func TestCustomStateAndParameters(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	begun := a.Begin(t, "alice", func(in *input) {
		in.CustomState = aws.String("s1")
		in.CustomParameters = map[string]string{"access_type": "offline", "prompt": "consent"}
		in.Resources, in.Audiences = []string{"https://api.example.com/"}, []string{"aud-1"}
		in.Scopes = []string{"write", "read", "read"}
	})
	q := servertest.Query(t, s.Consent(t, *begun.AuthorizationUrl))
	if q.Get("state") != "s1" || len(q) != 2 {
		t.Errorf("the return URL was given %v", q)
	}
	sent := a.IDP.Last(oauthtest.CountAuthorize).Form
	if sent.Get("access_type") != "offline" || sent.Get("prompt") != "consent" || sent.Get("resource") != "https://api.example.com/" || sent.Get("audience") != "aud-1" ||
		sent.Get("scope") != "read write" || sent.Get("code_challenge_method") != "S256" || sent.Get("redirect_uri") != a.Callback || sent.Get("state") == "s1" {
		t.Errorf("the provider was asked with %v", sent)
	}
}

// TestScopesAreASet: the same scopes in another order are the same grant, others are not; nothing broader serves a
// narrower request.
func TestScopesAreASet(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Grant(t, "alice", scopes("repo", "user"))
	if a.Get(t, "alice", scopes("user", "repo", "user")) != token {
		t.Error("the order of scopes made another grant")
	}
	a.Begin(t, "alice", scopes("repo"))
	a.Begin(t, "alice", scopes())
	_, err := a.Ask(a.Token(t, "alice"), scopes("repo user"))
	refused(t, err, api.ValidationException, `scope "repo user" is not one scope`)
}

// TestSelfFinishingSession: where a session has no return URL, the success page finishes it, in development only.
func TestSelfFinishingSession(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.Dev())
	a := s.NewAgent(t)
	begun := a.Begin(t, "alice", returnTo(""))
	final, last := s.NewBrowser(t).Consent(t, *begun.AuthorizationUrl)
	if final != "" || last.Status != 200 || last.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("the consent ended at %q with %d: %s", final, last.Status, last.Body)
	}
	if !a.IDP.Active(a.Get(t, "alice", returnTo(""))) {
		t.Error("the success page finished nothing")
	}
	strict := servertest.New(t)
	b := strict.NewAgent(t)
	_, err := b.Ask(b.Token(t, "alice"), returnTo(""))
	refused(t, err, api.ValidationException, "You must register and use at least one ResourceOauth2ReturnUrl")
}

// TestLinkThatIsOver: an authorization URL that is used or too old leads back to the application, which learns why.
func TestLinkThatIsOver(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	begun := a.Begin(t, "alice")
	check(t, a.Complete(servertest.SessionURI(t, s.Consent(t, *begun.AuthorizationUrl)), "alice"))
	if q := servertest.Query(t, s.Consent(t, *begun.AuthorizationUrl)); q.Get("error") != "session_used" {
		t.Errorf("a used link gives %v", q)
	}
	late := a.Begin(t, "bob")
	s.Clock.Advance(10 * time.Minute)
	if q := servertest.Query(t, s.Consent(t, *late.AuthorizationUrl)); q.Get("error") != "session_expired" {
		t.Errorf("an old link gives %v", q)
	}
	if p := s.NewBrowser(t).Open(t, s.URL+"/identities/oauth2/authorize?request_uri=urn:ietf:params:oauth:request_uri:guess"); p.Status != 400 || p.Location != "" {
		t.Errorf("a guessed link answers %d to %q", p.Status, p.Location)
	}
}

// TestDeletionTakesGrantsAlong: deleting the workload identity or the provider removes the grants made with it.
func TestDeletionTakesGrantsAlong(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	for _, op := range []api.Operation{api.DeleteWorkloadIdentity, api.DeleteOauth2CredentialProvider} {
		a.Grant(t, "alice")
		a.Begin(t, "bob")
		name := a.Workload
		if op.Name == api.DeleteOauth2CredentialProvider.Name {
			name = a.Provider
		}
		if answer := s.Call(t, s.Root, op, map[string]any{"name": name}); answer.Status != 204 {
			t.Fatalf("%s: %s", op.Name, answer.Body)
		}
		if left := s.Grants(t); len(left) != 0 {
			t.Errorf("%s left %d grants", op.Name, len(left))
		}
		var sessions api.ListAuthorizationSessionsResponse
		s.Call(t, s.Root, api.ListAuthorizationSessions, map[string]any{}).Into(t, &sessions)
		if len(sessions.Sessions) != 0 {
			t.Errorf("%s left %d sessions", op.Name, len(sessions.Sessions))
		}
		if op.Name == api.DeleteWorkloadIdentity.Name {
			a.CreateWorkload(t, a.Workload, servertest.ReturnURL)
		}
	}
}

// TestA60_UserIDsThatCannotBeKeptApart: texts that a store or a decoder would change are refused before they become
// somebody's identity.
func TestA60_UserIDsThatCannotBeKeptApart(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	for _, body := range []string{`"a\u0000b"`, `"\ud800"`, `"\udfff"`, `"line\nbreak"`, `"\ufffd"`, `"a\u0085"`} {
		answer := s.Call(t, s.Root, api.GetWorkloadAccessTokenForUserId, `{"workloadName":"agent","userId":`+body+`}`)
		if answer.Exception.Name != api.ValidationException || !strings.Contains(answer.Exception.Message, "userId") {
			t.Errorf("user id %s: %d %s", body, answer.Status, answer.Body)
		}
	}
	for _, pair := range [][2]string{{"alice", "Alice"}, {"a/../b", "b"}, {"\u00e9", "e\u0301"}, {"jwt:https:%2F%2Fidp|x", "x"}, {" alice", "alice"}} {
		token := a.Grant(t, pair[0])
		if out, err := a.Ask(a.Token(t, pair[1])); err != nil || aws.ToString(out.AccessToken) == token {
			t.Errorf("%q and %q are one user: %v", pair[0], pair[1], err)
		}
	}
}
