package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}

// at is a vendor's row, as published, at a site.
func at(t testing.TB, vendor string, site oauth.Site) oauth.Endpoints {
	t.Helper()
	row, ok := oauth.Vendor(vendor)
	if !ok {
		t.Fatalf("no vendor %s", vendor)
	}
	row, err := row.At(site)
	if err != nil {
		t.Fatal(err)
	}
	return row.Endpoints
}

func TestVendorEndpointsAreAsPublished(t *testing.T) {
	for vendor, want := range map[string]oauth.Endpoints{
		"GoogleOauth2": {
			Issuer: "https://accounts.google.com", Authorization: "https://accounts.google.com/o/oauth2/v2/auth",
			Token: "https://oauth2.googleapis.com/token", Revocation: "https://oauth2.googleapis.com/revoke",
		},
		"MicrosoftOauth2": {
			Issuer: "https://login.microsoftonline.com/common/v2.0", Authorization: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
			Token: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		},
		"SlackOauth2": {
			Issuer: "https://slack.com", Authorization: "https://slack.com/oauth/v2/authorize",
			Token: "https://slack.com/api/oauth.v2.access", Revocation: "https://slack.com/api/auth.revoke",
		},
		"AtlassianOauth2": {
			Issuer: "https://auth.atlassian.com", Authorization: "https://auth.atlassian.com/authorize", Token: "https://auth.atlassian.com/oauth/token",
		},
		"SalesforceOauth2": {
			Issuer: "https://login.salesforce.com", Authorization: "https://login.salesforce.com/services/oauth2/authorize",
			Token: "https://login.salesforce.com/services/oauth2/token", Revocation: "https://login.salesforce.com/services/oauth2/revoke",
		},
	} {
		if got := at(t, vendor, oauth.Site{}); got != want {
			t.Errorf("%s is at %+v", vendor, got)
		}
	}
}

func TestVendorsMoveToABaseURL(t *testing.T) {
	table, err := oauth.NewTable(map[string]string{
		"SalesforceOauth2": "https://acme--dev.sandbox.my.salesforce.com", "MicrosoftOauth2": "https://login.microsoftonline.us/", "AtlassianOauth2": "https://stand-in.example/atlassian",
	})
	if err != nil {
		t.Fatal(err)
	}
	for vendor, want := range map[string]oauth.Endpoints{
		"SalesforceOauth2": {
			Issuer:        "https://acme--dev.sandbox.my.salesforce.com",
			Authorization: "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/authorize",
			Token:         "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/token",
			Revocation:    "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/revoke",
		},
		"MicrosoftOauth2": {
			Issuer:        "https://login.microsoftonline.us/common/v2.0",
			Authorization: "https://login.microsoftonline.us/common/oauth2/v2.0/authorize",
			Token:         "https://login.microsoftonline.us/common/oauth2/v2.0/token",
		},
		"AtlassianOauth2": {
			Issuer: "https://stand-in.example/atlassian", Authorization: "https://stand-in.example/atlassian/authorize", Token: "https://stand-in.example/atlassian/oauth/token",
		},
	} {
		row, _ := table.Vendor(vendor)
		if row, err = row.At(oauth.Site{}); err != nil || row.Endpoints != want {
			t.Errorf("%s moved to %+v, %v", vendor, row.Endpoints, err)
		}
	}
}

func vendorQuery(t testing.TB, vendor string, a oauth.Authorization) url.Values {
	t.Helper()
	row, _ := oauth.Vendor(vendor)
	row, err := row.At(oauth.Site{})
	if err != nil {
		t.Fatal(err)
	}
	a.Provider = row.Provider("id", vault.SecretString("s"))
	a.CallbackURL, a.State, a.Verifier = callbackURL, "state", newVerifier(t)
	return authorizationQuery(t, a)
}

// TestGoogleAsksForARefreshToken: each time, unless the request says otherwise.
func TestGoogleAsksForARefreshToken(t *testing.T) {
	for _, c := range []struct {
		custom             map[string]string
		accessType, prompt string
	}{
		{nil, "offline", "consent"},
		{map[string]string{"access_type": "offline"}, "offline", "consent"},
		{map[string]string{"access_type": "online"}, "online", ""},
		{map[string]string{"prompt": "select_account consent"}, "offline", "select_account consent"},
		{map[string]string{"include_granted_scopes": "true"}, "offline", "consent"},
	} {
		q := vendorQuery(t, "GoogleOauth2", oauth.Authorization{Scopes: []string{"openid"}, Custom: c.custom})
		if q.Get("access_type") != c.accessType || q.Get("prompt") != c.prompt || len(q["prompt"]) > 1 {
			t.Errorf("with %v: %v", c.custom, q)
		}
		if q.Get("code_challenge_method") != "S256" {
			t.Error("no PKCE")
		}
	}
}

func TestGoogleSecondConsentBringsARefreshToken(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "GoogleOauth2")
	for range 2 {
		if token := obtain(t, e, s, p, "openid"); token.Refresh.Empty() {
			t.Error("no refresh token")
		}
	}
	code, verifier := consent(t, s, oauth.Authorization{Provider: p, Scopes: []string{"openid"}, Custom: map[string]string{"access_type": "online"}})
	token, err := e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil)
	if err != nil || !token.Refresh.Empty() {
		t.Errorf("online: a refresh token %v, error %v", !token.Refresh.Empty(), err)
	}
}

// TestA07_VendorIssuerIsComparedWhereSent: no vendor promises iss, and a wrong one
// is refused all the same.
func TestA07_VendorIssuerIsComparedWhereSent(t *testing.T) {
	eachVendor(t, func(t *testing.T, c vendorCase, s *oauthtest.Server, _ *oauth.Engine, p oauth.Provider) {
		for iss, ok := range map[string]bool{p.Issuer: true, "https://evil.example": false, p.Issuer + "/": false, "": false} {
			_, err := oauth.CheckCallback(p, url.Values{"code": {"c"}, "state": {"s"}, "iss": {iss}})
			if (err == nil) != ok {
				t.Errorf("iss %q: %v", iss, err)
			}
		}
		if _, err := oauth.CheckCallback(p, url.Values{"code": {"c"}, "state": {"s"}}); err != nil {
			t.Error(err)
		}
	})
}

// TestMicrosoftRefreshNamesTheScopesOfOneResource: those granted, and the one that
// keeps refresh tokens coming.
func TestMicrosoftRefreshNamesTheScopesOfOneResource(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "MicrosoftOauth2")
	token := obtain(t, e, s, p, "User.Read", "offline_access")
	for _, scopes := range [][]string{{"User.Read"}, {"User.Read", "offline_access"}} {
		next, err := e.Refresh(t.Context(), p, token.Refresh, scopes, nil, nil) // the old one lives
		if err != nil || next.Refresh.Empty() {
			t.Fatalf("%+v, %v", next, err)
		}
		if got := s.LastToken().Form.Get("scope"); got != "User.Read offline_access" {
			t.Errorf("scope %q", got)
		}
	}
	if _, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil); err != nil || s.LastToken().Form.Has("scope") {
		t.Errorf("without scopes: %v, %v", s.LastToken().Form, err)
	}
	if got := s.LastToken().Path; got != "/contoso.onmicrosoft.com/oauth2/v2.0/token" {
		t.Errorf("asked at %s", got)
	}
}

func TestMicrosoftWantsTheUserBack(t *testing.T) {
	row, _ := oauth.Vendor("MicrosoftOauth2")
	row, _ = row.At(oauth.Site{})
	p := row.Provider("id", vault.SecretString("s"))
	for code, kind := range map[string]oauth.Kind{
		"interaction_required": oauth.InvalidGrant, "consent_required": oauth.InvalidGrant, "invalid_grant": oauth.InvalidGrant,
		"invalid_resource": oauth.Rejected, "invalid_client": oauth.Rejected, "unauthorized_client": oauth.Rejected, "temporarily_unavailable": oauth.Transient,
	} {
		e := oauth.New(answering(400, "application/json", `{"error":"`+code+`","error_codes":[50076],"suberror":"x","claims":"{}"}`), newClock().Now)
		_, err := e.Refresh(t.Context(), p, vault.SecretString("r"), nil, nil, nil)
		wantKind(t, err, kind)
		_, err = e.ClientCredentials(t.Context(), p, []string{"https://graph.microsoft.com/.default"}, nil, nil, nil)
		if oauth.KindOf(err) == oauth.InvalidGrant {
			t.Errorf("%s: no grant was presented: %v", code, err)
		}
	}
}

func TestAtlassianSpeaksJSON(t *testing.T) {
	h := answering(200, "application/json", `{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":"x"}`)
	e := oauth.New(h, newClock().Now)
	row, _ := oauth.Vendor("AtlassianOauth2")
	p := row.Provider("id", vault.SecretString(`se"cret&<`))
	if _, err := e.Refresh(t.Context(), p, vault.SecretString("r"), []string{"x"}, nil, []string{"one", "two"}); err != nil {
		t.Fatal(err)
	}
	req := h.requests[0]
	var body map[string]any
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if req.Header.Get("Content-Type") != "application/json" || req.Header.Get("Authorization") != "" || len(body) != 5 ||
		body["grant_type"] != "refresh_token" || body["client_id"] != "id" || body["client_secret"] != `se"cret&<` || body["refresh_token"] != "r" {
		t.Errorf("sent %v with %v", body, req.Header)
	}
	if list, _ := body["audience"].([]any); len(list) != 2 {
		t.Errorf("audiences %v", body["audience"])
	}
}

func TestAtlassianAudience(t *testing.T) {
	q := vendorQuery(t, "AtlassianOauth2", oauth.Authorization{Scopes: []string{"read:me"}})
	if q.Get("audience") != "api.atlassian.com" || q.Get("prompt") != "consent" {
		t.Errorf("query %v", q)
	}
	q = vendorQuery(t, "AtlassianOauth2", oauth.Authorization{Scopes: []string{"read:me"}, Audiences: []string{"api.atlassian.com"}})
	if len(q["audience"]) != 1 || q.Get("prompt") != "consent" {
		t.Errorf("named by the request too: %v", q)
	}
	q = vendorQuery(t, "AtlassianOauth2", oauth.Authorization{Scopes: []string{"read:me"}, Audiences: []string{"other"}})
	if len(q["audience"]) != 1 || q.Get("audience") != "other" || q.Has("prompt") {
		t.Errorf("another audience: %v", q)
	}
}

// TestAtlassianWrongClientIsNoDeadGrant: the word for a dead refresh token means
// something else elsewhere.
func TestAtlassianWrongClientIsNoDeadGrant(t *testing.T) {
	row, _ := oauth.Vendor("AtlassianOauth2")
	e := oauth.New(answering(403, "application/json", `{"error":"unauthorized_client"}`), newClock().Now)
	_, err := e.Exchange(t.Context(), row.Provider("id", vault.SecretString("s")), vault.SecretString("c"), vault.SecretString(newVerifier(t)), callbackURL, nil, nil)
	wantKind(t, err, oauth.Rejected)
}

// TestSalesforceLifetimeIsAssumedWhereItCanBeRenewed: without a refresh token a
// guess would only send the user back to consent.
func TestSalesforceLifetimeIsAssumedWhereItCanBeRenewed(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "SalesforceOauth2")
	if token := obtain(t, e, s, p, "api"); !token.Refresh.Empty() || !token.ExpiresAt.IsZero() {
		t.Errorf("without refresh_token: %+v", token)
	}
	if token := obtain(t, e, s, p, "api", "offline_access"); token.Refresh.Empty() || !token.ExpiresAt.Equal(start.Add(15*time.Minute)) {
		t.Errorf("with offline_access: %+v", token)
	}
	s.Behave(func(b *oauthtest.Behaviour) { b.OmitExpiresIn, b.ExpiresIn = false, 7200 })
	if token := obtain(t, e, s, p, "api", "refresh_token"); !token.ExpiresAt.Equal(start.Add(2 * time.Hour)) {
		t.Errorf("a lifetime that is told is believed: %v", token.ExpiresAt)
	}
}

func TestSalesforceRateLimitKeepsTheGrant(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "SalesforceOauth2")
	token := obtain(t, e, s, p, "api", "refresh_token")
	s.OnToken(oauthtest.JSON(http.StatusBadRequest, `{"error":"rate_limit_exceeded","error_description":"login rate exceeded"}`))
	_, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil)
	wantKind(t, err, oauth.Transient)
}

func TestCognitoRevokesRefreshTokensAlone(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "CognitoOauth2")
	token := obtain(t, e, s, p, "openid")
	receipt, err := e.Revoke(t.Context(), p, token.Access, oauth.HintAccessToken)
	if got := wantKind(t, err, oauth.Rejected); got.Code != "unsupported_token_type" || receipt.Status != http.StatusBadRequest {
		t.Errorf("%+v, %+v", got, receipt)
	}
}

// TestVendorMachineTokens: the vendors that document client credentials give a
// token without a refresh token, by the row's client authentication.
func TestVendorMachineTokens(t *testing.T) {
	for vendor, lifetime := range map[string]time.Duration{"MicrosoftOauth2": time.Hour, "OktaOauth2": time.Hour, "CognitoOauth2": time.Hour, "SalesforceOauth2": 15 * time.Minute} {
		s, e := oauthtest.New(t), newEngine(t)
		p := s.VendorProvider(t, vendor)
		token, err := e.ClientCredentials(t.Context(), p, []string{"api/.default"}, nil, nil, nil)
		if err != nil || !token.Refresh.Empty() || !token.ExpiresAt.Equal(start.Add(lifetime)) {
			t.Errorf("%s: %+v, %v", vendor, token, err)
		}
	}
}
