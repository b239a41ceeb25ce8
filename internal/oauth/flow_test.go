package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestAuthorizationCodeFlow(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	token := obtain(t, e, s, s.Provider(), "read", "write")

	if !s.Active(token.Access.RevealString()) || !s.Active(token.Refresh.RevealString()) {
		t.Error("the tokens are not those the provider issued")
	}
	if want := start.Add(time.Hour); !token.ExpiresAt.Equal(want) {
		t.Errorf("expires at %v, want %v", token.ExpiresAt, want)
	}
	if !token.ScopesKnown || !slices.Equal(token.Scopes, []string{"read", "write"}) {
		t.Errorf("scopes %v, known %v", token.Scopes, token.ScopesKnown)
	}
	if token.Type != "Bearer" || token.IDTokenPresent || !token.RefreshExpiresAt.IsZero() {
		t.Errorf("unexpected token %+v", token)
	}
	last := s.LastToken()
	if got := last.Header.Get("Accept"); got != "application/json" {
		t.Errorf("Accept is %q", got)
	}
	if !strings.HasPrefix(last.Header.Get("Authorization"), "Basic ") || last.Form.Has("client_secret") {
		t.Error("the client did not prove itself by Basic alone")
	}
}

func TestA04_CodeWorksOnceAndIsReportedDead(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	code, verifier := consent(t, s, oauth.Authorization{Provider: p})
	if _, err := e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil); err != nil {
		t.Fatal(err)
	}
	_, err := e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil)
	refused := wantKind(t, err, oauth.InvalidGrant)
	if refused.Code != "invalid_grant" || refused.Status != http.StatusBadRequest || refused.URL != s.TokenEndpoint || !refused.Sent {
		t.Errorf("unexpected error %+v", refused)
	}
}

func TestA05_CodeOfAnotherSessionIsRefused(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	injected, _ := consent(t, s, oauth.Authorization{Provider: p})
	_, own := consent(t, s, oauth.Authorization{Provider: p})
	_, err := e.Exchange(t.Context(), p, injected, own, callbackURL, nil, nil)
	wantKind(t, err, oauth.InvalidGrant)
}

func TestExchangeSendsTheExactCallbackURL(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	code, verifier := consent(t, s, oauth.Authorization{Provider: p})
	_, err := e.Exchange(t.Context(), p, code, verifier, callbackURL+"/", nil, nil)
	wantKind(t, err, oauth.InvalidGrant)
}

func TestRefreshRotates(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	first := obtain(t, e, s, p, "read")
	second, err := e.Refresh(t.Context(), p, first.Refresh, []string{"read"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if second.Refresh.Equal(first.Refresh) || !s.Active(second.Refresh.RevealString()) {
		t.Error("the new refresh token was not taken over")
	}
	_, err = e.Refresh(t.Context(), p, first.Refresh, nil, nil, nil)
	wantKind(t, err, oauth.InvalidGrant)
	if s.Active(second.Access.RevealString()) {
		t.Error("the provider did not notice the reuse")
	}
}

func TestRefreshAnswerWithoutRefreshToken(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	s.Behave(func(b *oauthtest.Behaviour) { b.KeepRefreshToken = true })
	p := s.Provider()
	first := obtain(t, e, s, p)
	for range 2 {
		token, err := e.Refresh(t.Context(), p, first.Refresh, nil, nil, nil)
		if err != nil || !token.Refresh.Empty() || token.Access.Empty() {
			t.Fatalf("token %+v, error %v", token, err)
		}
	}
}

func TestClientCredentials(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	token, err := e.ClientCredentials(t.Context(), s.Provider(), []string{"a", "b"},
		[]string{"https://api.example/a", "https://api.example/b"}, []string{"one", "two"}, map[string]string{"tenant": "t1"})
	if err != nil {
		t.Fatal(err)
	}
	if !token.Refresh.Empty() || !s.Active(token.Access.RevealString()) {
		t.Errorf("unexpected token %+v", token)
	}
	form := s.Last("client_credentials").Form
	for name, want := range map[string][]string{
		"scope":    {"a b"},
		"resource": {"https://api.example/a", "https://api.example/b"},
		"audience": {"one", "two"},
		"tenant":   {"t1"},
	} {
		if !slices.Equal(form[name], want) {
			t.Errorf("%s was sent as %q, want %q", name, form[name], want)
		}
	}
}

func TestClientAuthentication(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*oauth.Provider)
		basic   bool
		inForm  bool
		problem string
	}{
		{name: "nothing said is basic", change: func(*oauth.Provider) {}, basic: true},
		{name: "metadata offers post only", change: func(p *oauth.Provider) {
			p.AuthMethods = []oauth.AuthMethod{"private_key_jwt", oauth.ClientSecretPost}
		}, inForm: true},
		{name: "metadata offers both", change: func(p *oauth.Provider) {
			p.AuthMethods = []oauth.AuthMethod{oauth.ClientSecretPost, oauth.ClientSecretBasic}
		}, basic: true},
		{name: "the provider's setting wins", change: func(p *oauth.Provider) {
			p.AuthMethods, p.AuthMethod = []oauth.AuthMethod{oauth.ClientSecretPost}, oauth.ClientSecretBasic
		}, basic: true},
		{name: "vendor row", change: func(p *oauth.Provider) { p.Vendor = "GithubOauth2" }, inForm: true},
		{name: "unknown method", change: func(p *oauth.Provider) { p.AuthMethod = "magic" }, problem: "not supported"},
		{name: "no secret", change: func(p *oauth.Provider) { p.ClientSecret = vault.Secret{} }, problem: "no client secret"},
		{name: "no client id", change: func(p *oauth.Provider) { p.ClientID = "" }, problem: "no client id"},
		{name: "no vendor", change: func(p *oauth.Provider) { p.Vendor = "" }, problem: "not served"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, e := oauthtest.New(t), newEngine(t)
			p := s.Provider()
			c.change(&p)
			_, err := e.ClientCredentials(t.Context(), p, nil, nil, nil, nil)
			if c.problem != "" {
				wantKind(t, err, oauth.Misconfigured)
				wantText(t, err, c.problem)
				if s.Count("token") != 0 {
					t.Error("a request was sent")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _, basic := (&http.Request{Header: s.LastToken().Header}).BasicAuth()
			if basic != c.basic || s.LastToken().Form.Has("client_secret") != c.inForm {
				t.Errorf("basic %v, in the form %v", basic, s.LastToken().Form.Has("client_secret"))
			}
		})
	}
}

func TestPublicClientSendsNoSecret(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	s.Behave(func(b *oauthtest.Behaviour) { b.PublicClient = true })
	p := s.Provider()
	p.AuthMethod = oauth.None // and the secret that is still configured stays home
	obtain(t, e, s, p)
	last := s.LastToken()
	if last.Form.Get("client_id") != s.ClientID || last.Form.Has("client_secret") || last.Header.Get("Authorization") != "" {
		t.Error("a public client must send its id and nothing else")
	}
}

func TestWrongSecretIsRejectedAndKeepsTheGrant(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	token := obtain(t, e, s, p)
	wrong := p
	wrong.ClientSecret = vault.SecretString("not the secret")
	_, err := e.Refresh(t.Context(), wrong, token.Refresh, nil, nil, nil)
	if got := wantKind(t, err, oauth.Rejected); got.Code != "invalid_client" {
		t.Errorf("code %q", got.Code)
	}
	if _, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestCancelledCallerSeesItsOwnCancellation(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	token := obtain(t, e, s, p)
	hold := s.HoldTokens()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hold.Arrived()
		cancel()
	}()
	_, err := e.Refresh(ctx, p, token.Refresh, nil, nil, nil)
	failed := wantKind(t, err, oauth.Transient)
	if !errors.Is(err, context.Canceled) || !failed.Sent {
		t.Errorf("want a cancellation of a request that was sent, got %v", err)
	}
}

func TestLostAnswerIsMarkedAsSent(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	token := obtain(t, e, s, p)
	s.DropNext(1)
	_, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil)
	if !wantKind(t, err, oauth.Transient).Sent {
		t.Error("the caller cannot tell that the refresh token may be used up")
	}
	if s.Active(token.Refresh.RevealString()) || s.Count("refresh_token") != 1 {
		t.Error("the provider should have processed the request exactly once")
	}
}

func TestNothingToExchangeOrRefreshIsNotSent(t *testing.T) {
	h := answering(http.StatusOK, "application/json", `{"access_token":"a"}`)
	e := oauth.New(h, newClock().Now)
	p := customProvider()
	_, err := e.Exchange(t.Context(), p, vault.Secret{}, vault.SecretString(newVerifier(t)), callbackURL, nil, nil)
	wantKind(t, err, oauth.Misconfigured)
	_, err = e.Refresh(t.Context(), p, vault.Secret{}, nil, nil, nil)
	wantKind(t, err, oauth.Misconfigured)
	_, err = e.Refresh(t.Context(), p, vault.SecretString("r"), []string{"two scopes"}, nil, nil)
	wantKind(t, err, oauth.Misconfigured)
	_, err = e.Exchange(t.Context(), p, vault.SecretString("c"), vault.SecretString(newVerifier(t)), callbackURL, []string{"relative"}, nil)
	wantKind(t, err, oauth.Misconfigured)
	if len(h.requests) != 0 {
		t.Error("a request was sent")
	}
}

func TestMetadataMakesAClientWithoutSecretPublic(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	s.Behave(func(b *oauthtest.Behaviour) { b.PublicClient = true })
	p := s.Provider()
	p.ClientSecret, p.AuthMethods = vault.Secret{}, []oauth.AuthMethod{oauth.None}
	obtain(t, e, s, p)
}
