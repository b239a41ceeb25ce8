package oauth_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// vendorCase is what one vendor's documented answers must come to.
type vendorCase struct {
	vendor     string
	scopes     []string
	lifetime   time.Duration
	rotates    bool   // a refresh brings a new refresh token
	deadCode   string // of a dead refresh token
	deadStatus int
	badClient  string // code of a wrong secret
	revokes    string // the hint of the token it takes back; empty: no revocation
	deadRevoke int    // status of revoking a dead token, which is no failure
}

func vendorCases() []vendorCase {
	return []vendorCase{
		{"GoogleOauth2", []string{"https://www.googleapis.com/auth/drive.file"}, 3599 * time.Second, false, "invalid_grant", 400, "invalid_client", oauth.HintRefreshToken, 400},
		{"MicrosoftOauth2", []string{"User.Read", "offline_access"}, time.Hour, true, "invalid_grant", 400, "invalid_client", "", 0},
		{"SlackOauth2", []string{"chat:write", "users:read"}, 12 * time.Hour, true, "invalid_refresh_token", 200, "bad_client_secret", oauth.HintAccessToken, 200},
		{"AtlassianOauth2", []string{"read:jira-work", "offline_access"}, time.Hour, true, "unauthorized_client", 403, "invalid_client", "", 0},
		{"SalesforceOauth2", []string{"api", "refresh_token"}, 15 * time.Minute, false, "invalid_grant", 400, "invalid_client_id", oauth.HintRefreshToken, 400},
		{"OktaOauth2", []string{"openid", "offline_access"}, time.Hour, true, "invalid_grant", 400, "invalid_client", oauth.HintRefreshToken, 200},
		{"CognitoOauth2", []string{"openid", "api/read"}, time.Hour, false, "invalid_grant", 400, "invalid_client", oauth.HintRefreshToken, 200},
	}
}

func eachVendor(t *testing.T, test func(*testing.T, vendorCase, *oauthtest.Server, *oauth.Engine, oauth.Provider)) {
	for _, c := range vendorCases() {
		t.Run(c.vendor, func(t *testing.T) {
			t.Parallel()
			s := oauthtest.New(t)
			test(t, c, s, newEngine(t), s.VendorProvider(t, c.vendor))
		})
	}
}

func TestEveryVendorIsTested(t *testing.T) {
	tested := []string{"CustomOauth2", "GithubOauth2"} // have tests of their own
	for _, c := range vendorCases() {
		tested = append(tested, c.vendor)
	}
	if !slices.Equal(tested, oauth.ServedVendors()) {
		t.Errorf("tested are %v, served %v", tested, oauth.ServedVendors())
	}
}

func TestVendorFirstToken(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		token := obtain(t, e, s, p, c.scopes...)
		if token.Access.Empty() || token.Refresh.Empty() || token.Type != "Bearer" {
			t.Fatalf("token %+v", token)
		}
		if !token.ExpiresAt.Equal(start.Add(c.lifetime)) {
			t.Errorf("expires at %v, want %v", token.ExpiresAt, start.Add(c.lifetime))
		}
		if c.vendor == "CognitoOauth2" {
			if token.ScopesKnown {
				t.Errorf("scopes %v were never told", token.Scopes)
			}
			return
		}
		if !token.ScopesKnown || !slices.Equal(token.Scopes, c.scopes) {
			t.Errorf("scopes %v, want %v", token.Scopes, c.scopes)
		}
	})
}

func TestVendorRefresh(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		first := obtain(t, e, s, p, c.scopes...)
		second, err := e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if second.Access.Equal(first.Access) || !s.Active(second.Access.RevealString()) {
			t.Error("no new access token")
		}
		if second.Refresh.Empty() == c.rotates {
			t.Errorf("a new refresh token: %v, want %v", !second.Refresh.Empty(), c.rotates)
		}
		if !second.ExpiresAt.Equal(start.Add(c.lifetime)) {
			t.Errorf("expires at %v", second.ExpiresAt)
		}
	})
}

// TestVendorRefreshOfTheOtherKind: each vendor that may rotate is tried without,
// and the other way round.
func TestVendorRefreshOfTheOtherKind(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		s.Behave(func(b *oauthtest.Behaviour) { b.KeepRefreshToken = c.rotates })
		first := obtain(t, e, s, p, c.scopes...)
		for range 2 {
			next, err := e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if next.Refresh.Empty() != c.rotates {
				t.Errorf("a new refresh token: %v", !next.Refresh.Empty())
			}
			if !next.Refresh.Empty() {
				first = next
			}
		}
	})
}

func TestVendorDeadRefreshToken(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		first := obtain(t, e, s, p, c.scopes...)
		s.RevokeConsent()
		_, err := e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil)
		got := wantKind(t, err, oauth.InvalidGrant)
		if got.Code != c.deadCode || got.Status != c.deadStatus || !got.Sent {
			t.Errorf("error %+v, want %s with %d", got, c.deadCode, c.deadStatus)
		}
		for _, r := range got.Error() {
			if r < ' ' || r > '~' {
				t.Fatalf("the error has the character %q", r)
			}
		}
	})
}

// TestA04_VendorCodeReplayed: a used code is dead in every vendor's words, and
// what was issued for it ends.
func TestA04_VendorCodeReplayed(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		code, verifier := consent(t, s, oauth.Authorization{Provider: p, Scopes: c.scopes})
		first, err := e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil)
		wantKind(t, err, oauth.InvalidGrant)
		if s.Active(first.Access.RevealString()) {
			t.Error("the first token lives")
		}
	})
}

func TestVendorWrongClientSecretKeepsTheGrant(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		first := obtain(t, e, s, p, c.scopes...)
		wrong := p
		wrong.ClientSecret = vault.SecretString("wrong")
		_, err := e.Refresh(t.Context(), wrong, first.Refresh, c.scopes, nil, nil)
		if got := wantKind(t, err, oauth.Rejected); got.Code != c.badClient {
			t.Errorf("error %+v, want %s", got, c.badClient)
		}
		if _, err = e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil); err != nil {
			t.Errorf("the grant is gone: %v", err)
		}
	})
}

// TestVendorTroubleIsTransient: a rate limit, and an overloaded server that says
// the grant is dead, end no grant.
func TestVendorTroubleIsTransient(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		first := obtain(t, e, s, p, c.scopes...)
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			s.OnToken(func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Retry-After", "30")
				return oauthtest.JSON(status, `{"ok":false,"error":"`+c.deadCode+`"}`)(w, r)
			})
			_, err := e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil)
			if got := wantKind(t, err, oauth.Transient); got.RetryAfter != 30*time.Second {
				t.Errorf("wait %v", got.RetryAfter)
			}
		}
		s.OnToken(nil)
		if _, err := e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestVendorRevocation(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		token := obtain(t, e, s, p, c.scopes...)
		given, other := token.Refresh, oauth.HintAccessToken
		if c.revokes == oauth.HintAccessToken {
			given, other = token.Access, oauth.HintRefreshToken
		}
		receipt, err := e.Revoke(t.Context(), p, given, c.revokes)
		if c.revokes == "" {
			if wantKind(t, err, oauth.Misconfigured); !errors.Is(err, oauth.ErrNoRevocation) || receipt.Status != 0 {
				t.Errorf("receipt %+v, error %v", receipt, err)
			}
			return
		}
		if want := (oauth.Receipt{URL: p.RevocationEndpoint, Status: http.StatusOK, At: start}); err != nil || receipt != want {
			t.Fatalf("receipt %+v, error %v", receipt, err)
		}
		if s.Active(token.Access.RevealString()) || s.Active(token.Refresh.RevealString()) {
			t.Error("the grant lives on")
		}
		receipt, err = e.Revoke(t.Context(), p, given, c.revokes)
		if err != nil || receipt.Status != c.deadRevoke {
			t.Errorf("a dead token: receipt %+v, error %v", receipt, err)
		}
		if c.vendor == "SlackOauth2" {
			_, err = e.Revoke(t.Context(), p, token.Refresh, other)
			wantKind(t, err, oauth.Misconfigured)
		}
	})
}

// TestVendorRevocationInTrouble: an overloaded server that says the token is dead
// has revoked nothing.
func TestVendorRevocationInTrouble(t *testing.T) {
	for _, row := range oauth.Vendors() {
		for _, code := range row.RevokedCodes {
			e := oauth.New(answering(503, "application/json", `{"ok":false,"error":"`+code+`"}`), newClock().Now)
			_, err := e.Revoke(t.Context(), row.Provider("id", vault.SecretString("s")), vault.SecretString("t"), oauth.HintAccessToken)
			wantKind(t, err, oauth.Transient)
		}
	}
}

// TestVendorSecretsStayOutOfErrors: whatever the vendor's form, an echo of what
// was sent is not repeated.
func TestVendorSecretsStayOutOfErrors(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, e *oauth.Engine, p oauth.Provider) {
		first := obtain(t, e, s, p, c.scopes...)
		s.OnToken(oauthtest.JSON(400, `{"ok":false,"error":"`+first.Refresh.RevealString()+`","error_description":"`+s.ClientSecret+`"}`))
		_, err := e.Refresh(t.Context(), p, first.Refresh, c.scopes, nil, nil)
		wantKind(t, err, oauth.Rejected)
		if got := err.Error(); containsAny(got, first.Refresh.RevealString(), s.ClientSecret) {
			t.Errorf("error %s", got)
		}
	})
}
