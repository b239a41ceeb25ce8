package oauthtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// vendorScript is one vendor as its documentation describes it: its paths below
// one base URL, and its behaviour.
type vendorScript struct {
	name             string
	authorize, token string
	revoke           string // with its method; empty where the vendor has none
	behave           func(*Behaviour, *Server)
}

func vendorScripts() []vendorScript {
	return []vendorScript{
		{"GithubOauth2", "/login/oauth/authorize", "/login/oauth/access_token", "DELETE /api/v3/applications/{client}/grant", likeGitHub},
		{"GoogleOauth2", "/o/oauth2/v2/auth", "/token", "POST /revoke", likeGoogle},
		{"MicrosoftOauth2", "/{tenant}/oauth2/v2.0/authorize", "/{tenant}/oauth2/v2.0/token", "", likeMicrosoft},
		{"SlackOauth2", "/oauth/v2/authorize", "/api/oauth.v2.access", "POST /api/auth.revoke", likeSlack},
		{"AtlassianOauth2", "/authorize", "/oauth/token", "", likeAtlassian},
		{"SalesforceOauth2", "/services/oauth2/authorize", "/services/oauth2/token", "POST /services/oauth2/revoke", likeSalesforce},
		{"OktaOauth2", "/oauth2/default/v1/authorize", "/oauth2/default/v1/token", "POST /oauth2/default/v1/revoke", likeOkta},
		{"CognitoOauth2", "/oauth2/authorize", "/oauth2/token", "POST /oauth2/revoke", likeCognito},
	}
}

// BehaveLike makes this server behave like a vendor of the vendor table.
func (s *Server) BehaveLike(t testing.TB, vendor string) {
	t.Helper()
	scripts := vendorScripts()
	i := slices.IndexFunc(scripts, func(v vendorScript) bool { return v.name == vendor })
	if i < 0 {
		t.Fatalf("there is no script of vendor %s", vendor)
	}
	s.Behave(func(b *Behaviour) {
		*b = strict()
		b.IssParameter = false
		scripts[i].behave(b, s)
	})
}

// VendorSite is what a provider of a vendor says about where it is, when it is
// here.
func (s *Server) VendorSite(vendor string) oauth.Site {
	switch vendor {
	case "MicrosoftOauth2":
		return oauth.Site{Tenant: "contoso.onmicrosoft.com"}
	case "OktaOauth2":
		return oauth.Site{Issuer: s.URL + "/oauth2/default"}
	case "CognitoOauth2":
		return oauth.Site{Issuer: s.URL + "/us-west-2_Example", Authorization: s.URL + "/oauth2/authorize", Token: s.URL + "/oauth2/token"}
	}
	return oauth.Site{}
}

// VendorProvider makes this server behave like a vendor and returns it as a
// configured provider. Use VendorBaseURLs for the rest of a system.
func (s *Server) VendorProvider(t testing.TB, vendor string) oauth.Provider {
	t.Helper()
	s.BehaveLike(t, vendor)
	table, err := oauth.NewTable(s.VendorBaseURLs())
	if err != nil {
		t.Fatal(err)
	}
	row, _ := table.Vendor(vendor)
	row, err = row.At(s.VendorSite(vendor))
	if err != nil {
		t.Fatal(err)
	}
	return row.Provider(s.ClientID, vault.SecretString(s.ClientSecret))
}

// VendorBaseURLs points every vendor with published endpoints at this server.
func (s *Server) VendorBaseURLs() map[string]string {
	bases := map[string]string{}
	for _, row := range oauth.Vendors() {
		if row.Configures < oauth.ConfiguresIssuer {
			bases[row.Name] = s.URL
		}
	}
	return bases
}

// likeGitHub gives errors under status 200 and under GitHub's names, form answers
// to whoever does not ask for JSON, comma-separated scopes and an issuer below
// /login/oauth that is sent but not promised.
func likeGitHub(b *Behaviour, s *Server) {
	b.Iss = s.URL + "/login/oauth"
	b.PKCEOptional = true
	b.FormUnlessAsked = true
	b.ScopeSeparator = ","
	b.TokenType = "bearer"
	b.ErrorStatus = http.StatusOK
	b.RefreshEndsAccess = true
	b.RefusesScope = true
	b.ExpiresIn, b.RefreshExpiresIn = 28800, 15897600
	b.ErrorNames = map[string]string{
		"code:invalid_grant":    "bad_verification_code",
		"refresh:invalid_grant": "bad_refresh_token",
		"invalid_client":        "incorrect_client_credentials",
	}
	b.revoke = (*Server).serveDeleteGrant
}

// likeGoogle gives a refresh token for access_type=offline, and after the first
// consent only for prompt=consent. A refresh answer has none.
func likeGoogle(b *Behaviour, _ *Server) {
	b.ExpiresIn = 3599
	b.KeepRefreshToken = true
	b.RefusesScope = true
	b.RefreshIf = func(a Authorized) bool {
		return a.Query.Get("access_type") == "offline" && (!a.Again || a.Query.Get("prompt") == "consent")
	}
	b.revoke = (*Server).serveRevokeAlone
}

// likeMicrosoft wants offline_access for a refresh token, does not repeat it in
// the answer, and lets a replaced refresh token live.
func likeMicrosoft(b *Behaviour, _ *Server) {
	b.ClientAuth = oauth.ClientSecretPost
	b.OldRefreshLives = true
	b.RefreshIf = asksFor("offline_access")
	b.Finish = func(members map[string]any, _ Authorized) {
		members["ext_expires_in"] = members["expires_in"]
		members["scope"] = strings.Join(slices.DeleteFunc(strings.Fields(text(members["scope"])), func(s string) bool { return s == "offline_access" }), " ")
	}
	b.FinishError = func(members map[string]any) {
		members["error_description"] = "AADSTS70000: " + text(members["error_description"]) + "\r\nTrace ID: 1\r\nCorrelation ID: 2"
		members["error_codes"] = []int{70000}
	}
}

// likeSlack gives the bot's token at the top level and the user's in authed_user,
// comma-separated scopes, and errors as ok:false under status 200. It refuses a
// challenge: so must an app that cannot be a public client.
func likeSlack(b *Behaviour, _ *Server) {
	b.ClientAuth = oauth.ClientSecretBasic
	b.PKCEOptional, b.PKCERefused = true, true
	b.ExpiresIn = 43200
	b.ScopeSeparator = ","
	b.RefusesScope = true
	b.ErrorStatus = http.StatusOK
	b.ErrorNames = map[string]string{
		"code:invalid_grant":    "invalid_code",
		"refresh:invalid_grant": "invalid_refresh_token",
		"invalid_client":        "bad_client_secret",
	}
	b.Finish = finishSlack
	b.FinishError = func(members map[string]any) {
		members["ok"] = false
		delete(members, "error_description")
	}
	b.revoke = (*Server).serveRevokeBearer
}

func finishSlack(members map[string]any, a Authorized) {
	user := a.Query.Get("scope") == ""
	members["token_type"] = "bot"
	if user {
		members["token_type"], members["scope"] = "user", a.Query.Get("user_scope")
	}
	authed := map[string]any{"id": "U1"}
	if user && a.GrantType == "authorization_code" { // a refresh answers at the top level
		for _, name := range []string{"access_token", "token_type", "scope", "refresh_token", "expires_in"} {
			if members[name] != nil {
				authed[name] = members[name]
			}
			delete(members, name)
		}
	}
	members["ok"], members["app_id"] = true, "A1"
	members["team"], members["enterprise"], members["authed_user"] = map[string]any{"id": "T1", "name": "Team"}, nil, authed
}

// likeAtlassian wants its audience at the authorization endpoint and JSON at the
// token endpoint, and answers 403 to a dead refresh token.
func likeAtlassian(b *Behaviour, _ *Server) {
	b.ClientAuth = oauth.ClientSecretPost
	b.PKCEOptional = true
	b.JSONRequests = true
	b.Required = url.Values{"audience": {"api.atlassian.com"}, "prompt": {"consent"}}
	b.RefusesScope = true
	b.RefreshIf = asksFor("offline_access")
	b.ErrorNames = map[string]string{"refresh:invalid_grant": "unauthorized_client"}
	b.ErrorStatuses = map[string]int{"refresh:invalid_grant": http.StatusForbidden}
}

// likeSalesforce never says how long a token lives and gives no new refresh token.
func likeSalesforce(b *Behaviour, s *Server) {
	b.ClientAuth = oauth.ClientSecretPost
	b.PKCEOptional = true
	b.OmitExpiresIn = true
	b.KeepRefreshToken = true
	b.RefusesScope = true
	b.RefreshIf = func(a Authorized) bool { return asksFor("refresh_token")(a) || asksFor("offline_access")(a) }
	b.ErrorNames = map[string]string{"invalid_client": "invalid_client_id"}
	b.Finish = func(members map[string]any, _ Authorized) {
		members["instance_url"], members["id"] = s.URL, s.URL+"/id/00D/005"
		members["issued_at"], members["signature"] = "1772366400000", "c2lnbmF0dXJl"
	}
	b.revoke = (*Server).serveRevokeAlone
}

// likeOkta rotates refresh tokens.
func likeOkta(b *Behaviour, _ *Server) {
	b.ClientAuth = oauth.ClientSecretBasic
	b.RefreshIf = asksFor("offline_access")
}

// likeCognito tells no scopes and no error descriptions, gives a refresh token
// unasked and once, and revokes nothing else.
func likeCognito(b *Behaviour, _ *Server) {
	b.ClientAuth = oauth.ClientSecretBasic
	b.KeepRefreshToken = true
	b.RefusesScope = true
	b.Scope = "-"
	b.FinishError = func(members map[string]any) { delete(members, "error_description") }
	b.RevokesRefreshOnly = true
}

func asksFor(scope string) func(Authorized) bool {
	return func(a Authorized) bool { return slices.Contains(strings.Fields(a.Query.Get("scope")), scope) }
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
