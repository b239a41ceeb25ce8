package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// impatient gives a provider a tenth of a second.
func impatient() servertest.Option {
	return servertest.Egress(func(c *egress.Config) { c.Timeout = 100 * time.Millisecond })
}

// A37: answers that no provider may give. Each is tried on a refresh after the token's end: the caller gets
// an error, never a token, and the grant is as it was.
func TestA37_UselessAnswersHarmNoGrant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		want   api.ExceptionName
	}{
		"endless":           {oauthtest.Endless, api.ValidationException},
		"silent":            {oauthtest.Silent, api.InternalServerException},
		"a page":            {oauthtest.Raw(200, "text/html", "<html>sign in</html>"), api.ValidationException},
		"not JSON":          {oauthtest.JSON(200, `{"access_token":`), api.ValidationException},
		"nested":            {oauthtest.JSON(200, strings.Repeat(`{"a":`, 100_000)), api.ValidationException},
		"no token":          {oauthtest.JSON(200, `{"token_type":"Bearer"}`), api.ValidationException},
		"empty token":       {oauthtest.JSON(200, `{"access_token":"","token_type":"Bearer"}`), api.ValidationException},
		"list":              {oauthtest.JSON(200, `[]`), api.ValidationException},
		"other type (A38)":  {oauthtest.JSON(200, `{"access_token":"x","token_type":"mac","expires_in":60}`), api.ValidationException},
		"redirect (A36)":    {redirecting, api.ValidationException},
		"wrong client":      {oauthtest.JSON(401, `{"error":"invalid_client"}`), api.ValidationException},
		"error with tokens": {oauthtest.JSON(400, `{"error":"invalid_request","access_token":"x"}`), api.ValidationException},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opts []servertest.Option
			if name == "silent" {
				opts = append(opts, impatient())
			}
			s := servertest.New(t, opts...)
			a := s.NewAgent(t)
			a.Grant(t, "alice")
			before := s.Grants(t)[0]
			s.Clock.Advance(2 * time.Hour)
			a.IDP.OnToken(c.answer)
			_, err := a.Ask(a.Token(t, "alice"))
			refused(t, err, c.want, "credential provider provider failed at refreshing a token at "+a.IDP.TokenEndpoint)
			after := s.Grants(t)[0]
			if after.State != identity.GrantActive || after.Version != before.Version || after.LeaseOwner != "" || string(after.Sealed) != string(before.Sealed) {
				t.Errorf("the grant was harmed: %+v", after)
			}
			a.IDP.OnToken(nil)
			if !a.IDP.Active(a.Get(t, "alice")) {
				t.Error("the grant was lost")
			}
		})
	}
}

func redirecting(w http.ResponseWriter, r *http.Request) bool {
	http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	return true
}

// TestA38_ProviderLies: lifetimes that cannot be are not believed, and scopes other than those asked for are recorded as
// what they are.
func TestA38_ProviderLies(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.IDP.Behave(func(b *oauthtest.Behaviour) { b.Scope = "admin" })
	a.Grant(t, "alice")
	if g := grants(t, s)[0]; len(g.Scopes) != 1 || g.Scopes[0] != "admin" {
		t.Errorf("the grant shows scopes %v, the provider granted admin", g.Scopes)
	}
	audited(t, s, identity.AuditFilter{Action: "bedrock-agentcore:CompleteResourceTokenAuth"}, "asked for scopes [read], the provider granted [admin]")
	for _, lifetime := range []int64{-1, 0, 1 << 60} {
		a.IDP.Behave(func(b *oauthtest.Behaviour) { b.ExpiresIn = lifetime })
		s.Clock.Advance(2 * time.Hour)
		out, err := a.Ask(a.Token(t, "alice"))
		if err == nil && out.AccessToken != nil && !a.IDP.Active(*out.AccessToken) {
			t.Errorf("lifetime %d: a token that is none was handed out", lifetime)
		}
		if g := s.Grants(t)[0]; g.AccessExpiresAt.Sub(s.Clock.Now()) > 10*365*24*time.Hour {
			t.Errorf("lifetime %d is believed: %v", lifetime, g.AccessExpiresAt)
		}
	}
}

// TestA36_DiscoveryMayNotLeadInside: a discovery document that redirects to, or names, an address that nobody may call.
func TestA36_DiscoveryMayNotLeadInside(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"redirect to metadata": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
			return true
		},
		"private token endpoint": altered(a.IDP, "token_endpoint", "https://10.0.0.1/token"),
		"plain http elsewhere":   altered(a.IDP, "authorization_endpoint", "http://idp.example.com/authorize"),
		"another issuer":         altered(a.IDP, "issuer", "https://idp.example.com"),
		"script":                 altered(a.IDP, "authorization_endpoint", "javascript:alert(1)"),
		"file":                   altered(a.IDP, "token_endpoint", "file:///etc/passwd"),
	} {
		s.Clock.Advance(25 * time.Hour)
		a.IDP.OnDiscovery(answer)
		if _, err := a.Ask(a.Token(t, "alice")); err == nil {
			t.Errorf("%s: a session was begun", name)
		}
	}
	if a.IDP.Count("token") != 0 {
		t.Error("a token request was sent")
	}
}

func altered(idp *oauthtest.Server, member, value string) func(http.ResponseWriter, *http.Request) bool {
	doc := idp.Metadata()
	doc[member] = value
	return oauthtest.Document(doc)
}

// TestExchangeFailureThatPassesKeepsTheSession: a provider in trouble at the exchange does not cost the user's consent;
// a lasting refusal ends the session and says why.
func TestExchangeFailureThatPassesKeepsTheSession(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	back := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "alice").AuthorizationUrl))
	a.IDP.FailNext(1, 503)
	refused(t, a.Complete(back, "alice"), api.InternalServerException, "Nothing that was stored is lost")
	a.IDP.FailNext(1, 429)
	refused(t, a.Complete(back, "alice"), api.ThrottlingException, "")
	check(t, a.Complete(back, "alice"))
	lasting := servertest.SessionURI(t, s.Consent(t, *a.Begin(t, "bob").AuthorizationUrl))
	a.IDP.OnToken(oauthtest.JSON(400, `{"error":"invalid_client","error_description":"unknown client"}`))
	refused(t, a.Complete(lasting, "bob"), api.ValidationException, "invalid_client")
	a.IDP.OnToken(nil)
	refused(t, a.Complete(lasting, "bob"), api.AccessDeniedException, "the consent failed")
}

// TestGitHubShape: a vendor with fixed endpoints, odd errors and comma-separated scopes comes to its token, keeps it
// through refreshes, and ends by its own error name.
func TestGitHubShape(t *testing.T) {
	t.Parallel()
	idp := oauthtest.New(t)
	idp.BehaveLike(t, "GithubOauth2")
	s := servertest.New(t, servertest.Vendors(idp.VendorBaseURLs()))
	a := s.NewAgent(t)
	created := s.Call(t, s.Root, api.CreateOauth2CredentialProvider, map[string]any{"name": "github", "credentialProviderVendor": "GithubOauth2",
		"oauth2ProviderConfigInput": map[string]any{"githubOauth2ProviderConfig": map[string]any{"clientId": idp.ClientID, "clientSecret": idp.ClientSecret}}})
	if created.Status != 201 {
		t.Fatal(string(created.Body))
	}
	a.IDP, a.Provider = idp, "github"
	a.Grant(t, "alice", scopes("repo", "read:user"))
	s.Clock.Advance(8 * time.Hour)
	if !idp.Active(a.Get(t, "alice", scopes("repo", "read:user"))) {
		t.Error("the refresh brought no token")
	}
	idp.RevokeConsent()
	s.Clock.Advance(8 * time.Hour)
	a.Begin(t, "alice", scopes("repo", "read:user"))
	if g := grants(t, s)[0]; !strings.Contains(g.Reason, "bad_refresh_token") {
		t.Errorf("the grant: %+v", g)
	}
}
