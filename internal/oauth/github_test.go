package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestGitHubRowIsAsPublished(t *testing.T) {
	row, ok := oauth.Vendor("GithubOauth2")
	if !ok {
		t.Fatal("no such vendor")
	}
	p := row.Provider("Iv1.a b", vault.SecretString("s"))
	if row.ConfigMember != "githubOauth2ProviderConfig" ||
		p.AuthorizationEndpoint != "https://github.com/login/oauth/authorize" ||
		p.TokenEndpoint != "https://github.com/login/oauth/access_token" ||
		p.Issuer != "https://github.com/login/oauth" || p.IssParameter ||
		p.RevocationEndpoint != "https://api.github.com/applications/Iv1.a%20b/grant" {
		t.Errorf("unexpected provider %+v", p)
	}
}

func TestGitHubFlow(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "GithubOauth2")
	first := obtain(t, e, s, p, "repo", "read:user")
	if !slices.Equal(first.Scopes, []string{"repo", "read:user"}) {
		t.Errorf("comma-separated scopes were read as %v", first.Scopes)
	}
	if !first.ExpiresAt.Equal(start.Add(8*time.Hour)) || !first.RefreshExpiresAt.Equal(start.Add(15897600*time.Second)) {
		t.Errorf("expiries %v and %v", first.ExpiresAt, first.RefreshExpiresAt)
	}
	if s.LastToken().Path != "/login/oauth/access_token" || !s.LastToken().Form.Has("client_secret") {
		t.Error("the token request did not go by the vendor's row")
	}
	second, err := e.Refresh(t.Context(), p, first.Refresh, nil, nil, nil)
	if err != nil || second.Refresh.Equal(first.Refresh) {
		t.Fatalf("refresh: %v", err)
	}
	if s.Active(first.Access.RevealString()) {
		t.Error("the earlier access token should have ended with the refresh")
	}
}

func TestGitHubErrorsUnderStatus200(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "GithubOauth2")
	token := obtain(t, e, s, p)

	_, err := e.Exchange(t.Context(), p, vault.SecretString("bad"), vault.SecretString(newVerifier(t)), callbackURL, nil, nil)
	if got := wantKind(t, err, oauth.InvalidGrant); got.Code != "bad_verification_code" || got.Status != http.StatusOK {
		t.Errorf("unexpected error %+v", got)
	}
	_, err = e.Refresh(t.Context(), p, vault.SecretString("bad"), nil, nil, nil)
	if got := wantKind(t, err, oauth.InvalidGrant); got.Code != "bad_refresh_token" {
		t.Errorf("unexpected error %+v", got)
	}
	wrong := p
	wrong.ClientSecret = vault.SecretString("wrong")
	_, err = e.Refresh(t.Context(), wrong, token.Refresh, nil, nil, nil)
	if got := wantKind(t, err, oauth.Rejected); got.Code != "incorrect_client_credentials" {
		t.Errorf("unexpected error %+v", got)
	}
}

func TestGitHubFormAnswersAreRead(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "GithubOauth2")
	s.Behave(func(b *oauthtest.Behaviour) { b.FormEncoded = true })
	token := obtain(t, e, s, p, "repo", "gist")
	if !slices.Equal(token.Scopes, []string{"repo", "gist"}) || !token.ExpiresAt.Equal(start.Add(8*time.Hour)) || token.Refresh.Empty() {
		t.Errorf("unexpected token %+v", token)
	}
	_, err := e.Refresh(t.Context(), p, vault.SecretString("bad"), nil, nil, nil)
	wantKind(t, err, oauth.InvalidGrant)
}

func TestGitHubRevocation(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "GithubOauth2")
	token := obtain(t, e, s, p)
	receipt, err := e.Revoke(t.Context(), p, token.Access, oauth.HintAccessToken)
	if err != nil || receipt.Status != http.StatusNoContent || !receipt.At.Equal(start) || !strings.HasSuffix(receipt.URL, "/grant") {
		t.Fatalf("receipt %+v, error %v", receipt, err)
	}
	if s.Active(token.Access.RevealString()) || s.Active(token.Refresh.RevealString()) {
		t.Error("the grant lives on")
	}
	receipt, err = e.Revoke(t.Context(), p, token.Access, oauth.HintAccessToken)
	wantKind(t, err, oauth.Rejected)
	if receipt.Status != http.StatusNotFound {
		t.Errorf("a refusal is evidence too, got receipt %+v", receipt)
	}
	before := s.Count(oauthtest.CountRevoke)
	_, err = e.Revoke(t.Context(), p, token.Refresh, oauth.HintRefreshToken)
	wantKind(t, err, oauth.Misconfigured)
	if s.Count(oauthtest.CountRevoke) != before {
		t.Error("the refresh token was sent")
	}
}

func TestGitHubRateLimitKeepsTheGrant(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "GithubOauth2")
	token := obtain(t, e, s, p)
	s.OnToken(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	_, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil)
	wantKind(t, err, oauth.Transient)
}
