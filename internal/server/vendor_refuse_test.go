package server_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// vendorBody is a request for a provider of a vendor, by the member and with the members given beside the client.
func vendorBody(vendor, member string, more map[string]any) map[string]any {
	config := map[string]any{"clientId": "c", "clientSecret": "s"}
	for name, value := range more {
		config[name] = value
	}
	return map[string]any{"name": "x", "credentialProviderVendor": vendor, "oauth2ProviderConfigInput": map[string]any{member: config}}
}

// TestVendorMembersAreExact: every vendor with every member of the union; all but its own are refused.
func TestVendorMembersAreExact(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	var in api.Oauth2ProviderConfigInput
	for _, row := range oauth.Vendors() {
		for member := range in.Vendors() {
			more := map[string]any{}
			switch {
			case member == row.ConfigMember && row.Name == "OktaOauth2":
				more["issuer"] = "https://acme.okta.com"
			case member == row.ConfigMember && row.Name == "CognitoOauth2":
				more = map[string]any{"issuer": "https://cognito-idp.us-west-2.amazonaws.com/p", "authorizationEndpoint": "https://a.example/oauth2/authorize", "tokenEndpoint": "https://a.example/oauth2/token"}
			}
			body := vendorBody(row.Name, member, more)
			body["name"] = row.Name
			a := s.Call(t, s.Root, api.CreateOauth2CredentialProvider, body)
			if member == row.ConfigMember {
				if a.Status != 201 {
					t.Errorf("%s by its own member: %d %s", row.Name, a.Status, a.Body)
				}
				continue
			}
			if a.Exception.Name != api.ValidationException || !strings.Contains(a.Exception.Message, row.ConfigMember) {
				t.Errorf("%s by %s: %d %s", row.Name, member, a.Status, a.Body)
			}
		}
	}
}

// TestVendorConfigurationsAreRefused: what does not belong to the vendor, and what would leave its endpoints. The member
// at fault is named.
func TestVendorConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const google, microsoft, included = "googleOauth2ProviderConfig", "microsoftOauth2ProviderConfig", "includedOauth2ProviderConfig"
	pool := func(issuer, authorization, token string) map[string]any {
		return map[string]any{"issuer": issuer, "authorizationEndpoint": authorization, "tokenEndpoint": token}
	}
	for name, c := range map[string]struct {
		vendor, member string
		more           map[string]any
		field          string
	}{
		"tenant of another vendor":       {"GoogleOauth2", google, map[string]any{"tenantId": "common"}, "tenantId"},
		"issuer of another vendor":       {"GoogleOauth2", google, map[string]any{"issuer": "https://idp.example"}, "issuer"},
		"endpoint of another vendor":     {"MicrosoftOauth2", microsoft, map[string]any{"tokenEndpoint": "https://idp.example/t"}, "tokenEndpoint"},
		"tenant that climbs":             {"MicrosoftOauth2", microsoft, map[string]any{"tenantId": "../evil"}, "tenantId"},
		"tenant with a query":            {"MicrosoftOauth2", microsoft, map[string]any{"tenantId": "common?x="}, "tenantId"},
		"tenant with a host":             {"MicrosoftOauth2", microsoft, map[string]any{"tenantId": "x@evil.example"}, "tenantId"},
		"tenant encoded":                 {"MicrosoftOauth2", microsoft, map[string]any{"tenantId": "%2e%2e%2f"}, "tenantId"},
		"no issuer":                      {"OktaOauth2", included, nil, "issuer"},
		"plain http issuer":              {"OktaOauth2", included, map[string]any{"issuer": "http://acme.okta.com"}, "issuer"},
		"private issuer (A34)":           {"OktaOauth2", included, map[string]any{"issuer": "https://10.0.0.8"}, "issuer"},
		"metadata address (A34)":         {"OktaOauth2", included, map[string]any{"issuer": "https://169.254.169.254/oauth2/x"}, "issuer"},
		"look-alike token host":          {"OktaOauth2", included, pool("https://acme.okta.com", "https://acme.okta.com/a", "https://acme.okta.com.evil.example/t"), "tokenEndpoint"},
		"pool on two hosts":              {"CognitoOauth2", included, pool("https://cognito-idp.us-west-2.amazonaws.com/p", "https://a.example/a", "https://b.example/t"), "tokenEndpoint"},
		"pool over plain http":           {"CognitoOauth2", included, pool("https://cognito-idp.us-west-2.amazonaws.com/p", "http://a.example/a", "http://a.example/t"), "authorizationEndpoint"},
		"pool with a plain http issuer":  {"CognitoOauth2", included, pool("http://cognito-idp.us-west-2.amazonaws.com/p", "https://a.example/a", "https://a.example/t"), "issuer"},
		"pool without endpoints":         {"CognitoOauth2", included, map[string]any{"issuer": "https://cognito-idp.us-west-2.amazonaws.com/p"}, "authorizationEndpoint"},
		"external secret (A57)":          {"OktaOauth2", included, map[string]any{"issuer": "https://acme.okta.com", "clientSecretSource": "EXTERNAL", "clientSecretConfig": map[string]any{"secretId": "x", "jsonKey": "y"}}, "clientSecretSource"},
		"no secret":                      {"GoogleOauth2", google, map[string]any{"clientSecret": ""}, "clientSecret"},
		"authentication method (custom)": {"GoogleOauth2", google, map[string]any{"clientAuthenticationMethod": "CLIENT_SECRET_BASIC"}, ""},
		"a vendor not served":            {"ZoomOauth2", included, nil, "credentialProviderVendor"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.Call(t, s.Root, api.CreateOauth2CredentialProvider, vendorBody(c.vendor, c.member, c.more))
			refused(t, a, api.ValidationException)
			if c.field != "" && !slices.ContainsFunc(a.Exception.Fields, func(f api.FieldProblem) bool { return f.Name == c.field }) {
				t.Errorf("%s is not named: %s", c.field, a.Body)
			}
		})
	}
}

// TestA56_VendorEndpointsArePinned: a grant of a tenant or a pool is not refreshed at another one, and lives again when
// the provider is back.
func TestA56_VendorEndpointsArePinned(t *testing.T) {
	t.Parallel()
	for _, c := range vendorStories() {
		var moved ctypes.Oauth2ProviderConfigInput
		switch c.vendor {
		case "MicrosoftOauth2":
			moved = &ctypes.Oauth2ProviderConfigInputMemberMicrosoftOauth2ProviderConfig{Value: ctypes.MicrosoftOauth2ProviderConfigInput{ClientId: aws.String("c"), ClientSecret: aws.String("s"), TenantId: aws.String("evil.example")}}
		case "OktaOauth2":
			moved = includedAt("https://acme.0kta.com/oauth2/default", "", "")
		case "CognitoOauth2":
			moved = includedAt("https://cognito-idp.us-west-2.amazonaws.com/p", "https://evil.example/oauth2/authorize", "https://evil.example/oauth2/token")
		default:
			continue
		}
		t.Run(c.vendor, func(t *testing.T) {
			t.Parallel()
			a, _ := vendorAgent(t, c)
			a.Grant(t, "alice", c.asks)
			update := func(config ctypes.Oauth2ProviderConfigInput) {
				t.Helper()
				_, err := a.Control.UpdateOauth2CredentialProvider(t.Context(), &control.UpdateOauth2CredentialProviderInput{
					Name: &a.Provider, CredentialProviderVendor: ctypes.CredentialProviderVendorType(c.vendor), Oauth2ProviderConfigInput: config})
				check(t, err)
			}
			update(moved)
			a.Service.Clock.Advance(c.lifetime)
			a.Begin(t, "alice", c.asks)
			if g := a.Service.Grants(t)[0]; g.State != identity.GrantSuspended || a.IDP.Count("refresh_token") != 0 {
				t.Errorf("the grant: %+v", g)
			}
			update(vendorInput(c.vendor, a.IDP))
			a.Service.Clock.Advance(time.Second)
			if !a.IDP.Active(a.Get(t, "alice", c.asks)) {
				t.Error("the grant did not come back")
			}
		})
	}
}

func includedAt(issuer, authorization, token string) ctypes.Oauth2ProviderConfigInput {
	config := ctypes.IncludedOauth2ProviderConfigInput{ClientId: aws.String("c"), ClientSecret: aws.String("s"), Issuer: &issuer}
	if token != "" {
		config.AuthorizationEndpoint, config.TokenEndpoint = &authorization, &token
	}
	return &ctypes.Oauth2ProviderConfigInputMemberIncludedOauth2ProviderConfig{Value: config}
}

// TestA58_VendorParametersAreReserved: customParameters neither replace what Lanyard sets at any vendor nor name rights
// beside the scopes.
func TestA58_VendorParametersAreReserved(t *testing.T) {
	t.Parallel()
	for _, c := range vendorStories() {
		t.Run(c.vendor, func(t *testing.T) {
			t.Parallel()
			a, _ := vendorAgent(t, c)
			names := []string{"redirect_uri", "client_id", "scope", "state", "code_challenge", "response_type", "request_uri", "Scope", "client.id"}
			if c.vendor == "SlackOauth2" {
				names = append(names, "user_scope", "USER_SCOPE")
			}
			for _, name := range names {
				_, err := a.Ask(a.Token(t, "alice"), c.asks, func(in *data.GetResourceOauth2TokenInput) { in.CustomParameters = map[string]string{name: "x"} })
				failsAs[*dtypes.ValidationException](t, err, 400)
			}
			if a.IDP.Count("authorize") != 0 {
				t.Error("a browser was sent")
			}
			begun := a.Begin(t, "alice", c.asks, func(in *data.GetResourceOauth2TokenInput) {
				in.CustomParameters = map[string]string{"login_hint": "alice"}
			})
			a.Service.NewBrowser(t).Callback(t, *begun.AuthorizationUrl)
			if got := a.IDP.Last("authorize").Form; got.Get("login_hint") != "alice" || got.Get("redirect_uri") != a.Callback {
				t.Errorf("asked with %v", got)
			}
		})
	}
}

// TestSlackUserTokenIsAGrantOfItsOwn: user scopes are part of the grant, so a bot's token never serves for a user's.
func TestSlackUserTokenIsAGrantOfItsOwn(t *testing.T) {
	t.Parallel()
	c := vendorStories()[2]
	a, _ := vendorAgent(t, c)
	user := func(in *data.GetResourceOauth2TokenInput) { in.Scopes = []string{"user_scope=search:read"} }
	bot := a.Grant(t, "alice", c.asks)
	personal := a.Grant(t, "alice", user)
	if bot == personal || a.Get(t, "alice", c.asks) != bot || a.Get(t, "alice", user) != personal {
		t.Error("the tokens are mixed up")
	}
	a.Service.Clock.Advance(c.lifetime)
	if renewed := a.Get(t, "alice", user); renewed == personal || !a.IDP.Active(renewed) {
		t.Error("the user's token was not refreshed")
	}
	for _, g := range a.Service.Grants(t) {
		if len(g.Scopes) != 1 || (g.Scopes[0] != "chat:write" && g.Scopes[0] != "user_scope=search:read") {
			t.Errorf("a grant of %v", g.Scopes)
		}
	}
}
