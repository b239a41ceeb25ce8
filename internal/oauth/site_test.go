package oauth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
)

func wantSite(t testing.TB, vendor string, site oauth.Site, field string) {
	t.Helper()
	row, _ := oauth.Vendor(vendor)
	got, err := row.At(site)
	refusal, ok := errors.AsType[*oauth.SiteError](err)
	if !ok || refusal.Field != field {
		t.Errorf("%s at %+v: %+v, %v; want a refusal of %s", vendor, site, got.Endpoints, err, field)
	}
}

func TestMicrosoftTenants(t *testing.T) {
	for _, tenant := range []string{"common", "organizations", "consumers", "72f988bf-86f1-41af-91ab-2d7cd011db47", "contoso.onmicrosoft.com", "contoso.com"} {
		got := at(t, "MicrosoftOauth2", oauth.Site{Tenant: tenant})
		if got.Token != "https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token" || got.Issuer != "https://login.microsoftonline.com/"+tenant+"/v2.0" || got.Revocation != "" {
			t.Errorf("tenant %s: %+v", tenant, got)
		}
	}
}

// TestMicrosoftTenantStaysASegment: a tenant can neither leave its place in the
// path nor end it.
func TestMicrosoftTenantStaysASegment(t *testing.T) {
	for _, tenant := range []string{
		"..", ".", "../common", "a/../b", "a/b", "a?b", "a#b", "a%2fb", "%2e%2e", "a b", " ", "a\n", "a\\b", "@evil.example", "a:b", "a;b",
		".a", "a.", "a..b", "-a", "a-", "{client_id}", "{tenant}", "tenänt", "a\x00", strings.Repeat("a", 254),
	} {
		wantSite(t, "MicrosoftOauth2", oauth.Site{Tenant: tenant}, "tenantId")
	}
}

// TestVendorsTakeTheirOwnSiteAlone: what belongs to another vendor is refused, not
// ignored.
func TestVendorsTakeTheirOwnSiteAlone(t *testing.T) {
	for _, vendor := range []string{"GithubOauth2", "GoogleOauth2", "SlackOauth2", "AtlassianOauth2", "SalesforceOauth2", "MicrosoftOauth2"} {
		wantSite(t, vendor, oauth.Site{Issuer: "https://idp.example"}, "issuer")
		wantSite(t, vendor, oauth.Site{Authorization: "https://idp.example/a"}, "authorizationEndpoint")
		wantSite(t, vendor, oauth.Site{Token: "https://idp.example/t"}, "tokenEndpoint")
		if vendor != "MicrosoftOauth2" {
			wantSite(t, vendor, oauth.Site{Tenant: "common"}, "tenantId")
		}
	}
	for _, vendor := range []string{"OktaOauth2", "CognitoOauth2", "CustomOauth2"} {
		wantSite(t, vendor, oauth.Site{Tenant: "t", Issuer: "https://idp.example"}, "tenantId")
	}
}

func TestOktaEndpointsFollowTheIssuer(t *testing.T) {
	for _, c := range []struct{ issuer, base string }{
		{"https://acme.okta.com", "https://acme.okta.com/oauth2/v1/"},
		{"https://acme.okta.com/", "https://acme.okta.com/oauth2/v1/"},
		{"https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default/v1/"},
		{"https://id.acme.example/oauth2/aus1", "https://id.acme.example/oauth2/aus1/v1/"},
	} {
		want := oauth.Endpoints{Issuer: c.issuer, Authorization: c.base + "authorize", Token: c.base + "token", Revocation: c.base + "revoke"}
		if got := at(t, "OktaOauth2", oauth.Site{Issuer: c.issuer}); got != want {
			t.Errorf("issuer %s: %+v", c.issuer, got)
		}
	}
	site := oauth.Site{Issuer: "https://acme.okta.com/oauth2/default", Authorization: "https://acme.okta.com/oauth2/default/v1/authorize", Token: "https://acme.okta.com/oauth2/default/v1/token"}
	if got := at(t, "OktaOauth2", site); got.Token != site.Token || got.Revocation != "https://acme.okta.com/oauth2/default/v1/revoke" {
		t.Errorf("named: %+v", got)
	}
}

func TestCognitoEndpointsAreAtThePoolsDomain(t *testing.T) {
	got := at(t, "CognitoOauth2", oauth.Site{
		Issuer:        "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_abc",
		Authorization: "https://acme.auth.us-west-2.amazoncognito.com/oauth2/authorize", Token: "https://acme.auth.us-west-2.amazoncognito.com/oauth2/token",
	})
	if got.Revocation != "https://acme.auth.us-west-2.amazoncognito.com/oauth2/revoke" || got.Issuer != "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_abc" {
		t.Errorf("endpoints %+v", got)
	}
}

// TestA56_LookAlikeEndpointsAreRefused: an endpoint beside the issuer's host, or
// two hosts for one provider.
func TestA56_LookAlikeEndpointsAreRefused(t *testing.T) {
	const issuer = "https://acme.okta.com"
	for name, c := range map[string]struct {
		vendor string
		site   oauth.Site
		field  string
	}{
		"no issuer":                    {"OktaOauth2", oauth.Site{}, "issuer"},
		"issuer is no URL":             {"OktaOauth2", oauth.Site{Issuer: "acme.okta.com"}, "issuer"},
		"issuer is a script":           {"OktaOauth2", oauth.Site{Issuer: "javascript:alert(1)"}, "issuer"},
		"issuer with a query":          {"OktaOauth2", oauth.Site{Issuer: issuer + "?x"}, "issuer"},
		"issuer with a fragment":       {"OktaOauth2", oauth.Site{Issuer: issuer + "#"}, "issuer"},
		"issuer with a user":           {"OktaOauth2", oauth.Site{Issuer: "https://acme.okta.com@evil.example"}, "issuer"},
		"issuer with a placeholder":    {"OktaOauth2", oauth.Site{Issuer: issuer + "/{client_id}"}, "issuer"},
		"issuer with dots":             {"OktaOauth2", oauth.Site{Issuer: issuer + "/a/../b"}, "issuer"},
		"issuer with encoded dots":     {"OktaOauth2", oauth.Site{Issuer: issuer + "/%2e%2e/b"}, "issuer"},
		"issuer with a backslash":      {"OktaOauth2", oauth.Site{Issuer: `https://acme.okta.com\@evil.example/`}, "issuer"},
		"issuer with a space":          {"OktaOauth2", oauth.Site{Issuer: issuer + "/ x"}, "issuer"},
		"one endpoint of two":          {"OktaOauth2", oauth.Site{Issuer: issuer, Token: issuer + "/oauth2/v1/token"}, "authorizationEndpoint"},
		"the other of two":             {"OktaOauth2", oauth.Site{Issuer: issuer, Authorization: issuer + "/oauth2/v1/authorize"}, "tokenEndpoint"},
		"look-alike token host":        {"OktaOauth2", oauth.Site{Issuer: issuer, Authorization: issuer + "/a", Token: "https://acme.okta.com.evil.example/token"}, "tokenEndpoint"},
		"look-alike for both":          {"OktaOauth2", oauth.Site{Issuer: issuer, Authorization: "https://acme.0kta.com/a", Token: "https://acme.0kta.com/t"}, "tokenEndpoint"},
		"other port":                   {"OktaOauth2", oauth.Site{Issuer: issuer, Authorization: issuer + "/a", Token: "https://acme.okta.com:8443/t"}, "tokenEndpoint"},
		"plain http token endpoint":    {"OktaOauth2", oauth.Site{Issuer: issuer, Authorization: issuer + "/a", Token: "http://acme.okta.com/t"}, "tokenEndpoint"},
		"token endpoint without path":  {"CognitoOauth2", oauth.Site{Issuer: issuer, Authorization: issuer + "/a", Token: issuer}, "tokenEndpoint"},
		"token endpoint ends in slash": {"CognitoOauth2", oauth.Site{Issuer: issuer, Authorization: issuer + "/a", Token: issuer + "/t/"}, "tokenEndpoint"},
		"pool without endpoints":       {"CognitoOauth2", oauth.Site{Issuer: "https://cognito-idp.us-west-2.amazonaws.com/p"}, "authorizationEndpoint"},
		"pool without issuer":          {"CognitoOauth2", oauth.Site{Authorization: issuer + "/a", Token: issuer + "/t"}, "issuer"},
		"pool with two domains":        {"CognitoOauth2", oauth.Site{Issuer: issuer, Authorization: "https://a.auth.us-west-2.amazoncognito.com/oauth2/authorize", Token: "https://b.auth.us-west-2.amazoncognito.com/oauth2/token"}, "tokenEndpoint"},
	} {
		t.Run(name, func(t *testing.T) { wantSite(t, c.vendor, c.site, c.field) })
	}
}

func FuzzMicrosoftTenant(f *testing.F) {
	for _, seed := range []string{"common", "..", "a/b", "contoso.com", "%2e", "a..b"} {
		f.Add(seed)
	}
	row, _ := oauth.Vendor("MicrosoftOauth2")
	f.Fuzz(func(t *testing.T, tenant string) {
		got, err := row.At(oauth.Site{Tenant: tenant})
		if err != nil {
			return
		}
		segment, ok := strings.CutSuffix(strings.TrimPrefix(got.Endpoints.Token, "https://login.microsoftonline.com/"), "/oauth2/v2.0/token")
		if !ok || segment == "" || strings.ContainsAny(segment, "/?#%\\@: ") || strings.Contains(segment, "..") {
			t.Errorf("tenant %q leads to %s", tenant, got.Endpoints.Token)
		}
	})
}
