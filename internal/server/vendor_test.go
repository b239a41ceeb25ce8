package server_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// vendorStory is one vendor as an SDK client sees it.
type vendorStory struct {
	vendor   string
	scopes   []string
	lifetime time.Duration
	byAccess bool // revoked by access token
	none     bool // not revoked at all
	dead     string
	output   func(ctypes.Oauth2ProviderConfigOutput) (clientID *string, d ctypes.Oauth2Discovery)
}

func vendorStories() []vendorStory {
	return []vendorStory{
		{vendor: "GoogleOauth2", scopes: []string{"openid"}, lifetime: time.Hour, dead: "invalid_grant", output: googleOutput},
		{vendor: "MicrosoftOauth2", scopes: []string{"User.Read", "offline_access"}, lifetime: time.Hour, none: true, dead: "invalid_grant", output: microsoftOutput},
		{vendor: "SlackOauth2", scopes: []string{"chat:write"}, lifetime: 12 * time.Hour, byAccess: true, dead: "invalid_refresh_token", output: slackOutput},
		{vendor: "AtlassianOauth2", scopes: []string{"read:me", "offline_access"}, lifetime: time.Hour, none: true, dead: "unauthorized_client", output: atlassianOutput},
		{vendor: "SalesforceOauth2", scopes: []string{"api", "refresh_token"}, lifetime: 15 * time.Minute, dead: "invalid_grant", output: salesforceOutput},
		{vendor: "OktaOauth2", scopes: []string{"openid", "offline_access"}, lifetime: time.Hour, dead: "invalid_grant", output: includedOutput},
		{vendor: "CognitoOauth2", scopes: []string{"openid"}, lifetime: time.Hour, dead: "invalid_grant", output: includedOutput},
	}
}

// vendorInput is a provider of a vendor at this authorization server, in the SDK's words.
func vendorInput(vendor string, idp *oauthtest.Server) ctypes.Oauth2ProviderConfigInput {
	id, secret, site := &idp.ClientID, &idp.ClientSecret, idp.VendorSite(vendor)
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	switch vendor {
	case "GoogleOauth2":
		return &ctypes.Oauth2ProviderConfigInputMemberGoogleOauth2ProviderConfig{Value: ctypes.GoogleOauth2ProviderConfigInput{ClientId: id, ClientSecret: secret}}
	case "MicrosoftOauth2":
		return &ctypes.Oauth2ProviderConfigInputMemberMicrosoftOauth2ProviderConfig{Value: ctypes.MicrosoftOauth2ProviderConfigInput{ClientId: id, ClientSecret: secret, TenantId: optional(site.Tenant)}}
	case "SlackOauth2":
		return &ctypes.Oauth2ProviderConfigInputMemberSlackOauth2ProviderConfig{Value: ctypes.SlackOauth2ProviderConfigInput{ClientId: id, ClientSecret: secret}}
	case "AtlassianOauth2":
		return &ctypes.Oauth2ProviderConfigInputMemberAtlassianOauth2ProviderConfig{Value: ctypes.AtlassianOauth2ProviderConfigInput{ClientId: id, ClientSecret: secret}}
	case "SalesforceOauth2":
		return &ctypes.Oauth2ProviderConfigInputMemberSalesforceOauth2ProviderConfig{Value: ctypes.SalesforceOauth2ProviderConfigInput{ClientId: id, ClientSecret: secret}}
	}
	return &ctypes.Oauth2ProviderConfigInputMemberIncludedOauth2ProviderConfig{Value: ctypes.IncludedOauth2ProviderConfigInput{ClientId: id, ClientSecret: secret,
		Issuer: optional(site.Issuer), AuthorizationEndpoint: optional(site.Authorization), TokenEndpoint: optional(site.Token)}}
}

func googleOutput(o ctypes.Oauth2ProviderConfigOutput) (*string, ctypes.Oauth2Discovery) {
	if m, ok := o.(*ctypes.Oauth2ProviderConfigOutputMemberGoogleOauth2ProviderConfig); ok {
		return m.Value.ClientId, m.Value.OauthDiscovery
	}
	return nil, nil
}

func microsoftOutput(o ctypes.Oauth2ProviderConfigOutput) (*string, ctypes.Oauth2Discovery) {
	if m, ok := o.(*ctypes.Oauth2ProviderConfigOutputMemberMicrosoftOauth2ProviderConfig); ok {
		return m.Value.ClientId, m.Value.OauthDiscovery
	}
	return nil, nil
}

func slackOutput(o ctypes.Oauth2ProviderConfigOutput) (*string, ctypes.Oauth2Discovery) {
	if m, ok := o.(*ctypes.Oauth2ProviderConfigOutputMemberSlackOauth2ProviderConfig); ok {
		return m.Value.ClientId, m.Value.OauthDiscovery
	}
	return nil, nil
}

func atlassianOutput(o ctypes.Oauth2ProviderConfigOutput) (*string, ctypes.Oauth2Discovery) {
	if m, ok := o.(*ctypes.Oauth2ProviderConfigOutputMemberAtlassianOauth2ProviderConfig); ok {
		return m.Value.ClientId, m.Value.OauthDiscovery
	}
	return nil, nil
}

func salesforceOutput(o ctypes.Oauth2ProviderConfigOutput) (*string, ctypes.Oauth2Discovery) {
	if m, ok := o.(*ctypes.Oauth2ProviderConfigOutputMemberSalesforceOauth2ProviderConfig); ok {
		return m.Value.ClientId, m.Value.OauthDiscovery
	}
	return nil, nil
}

func includedOutput(o ctypes.Oauth2ProviderConfigOutput) (*string, ctypes.Oauth2Discovery) {
	if m, ok := o.(*ctypes.Oauth2ProviderConfigOutputMemberIncludedOauth2ProviderConfig); ok {
		return m.Value.ClientId, m.Value.OauthDiscovery
	}
	return nil, nil
}

// vendorAgent is an agent with a provider of the vendor, at a server that behaves as the vendor documents.
func vendorAgent(t *testing.T, c vendorStory) (*servertest.Agent, oauth.Provider) {
	t.Helper()
	idp := oauthtest.New(t)
	at := idp.VendorProvider(t, c.vendor)
	s := servertest.New(t, servertest.Vendors(idp.VendorBaseURLs()))
	a := &servertest.Agent{Clients: s.Client(s.Root), Service: s, IDP: idp, Workload: "agent", Provider: "vendor"}
	a.CreateWorkload(t, a.Workload, servertest.ReturnURL)
	made, err := a.Control.CreateOauth2CredentialProvider(t.Context(), &control.CreateOauth2CredentialProviderInput{
		Name: &a.Provider, CredentialProviderVendor: ctypes.CredentialProviderVendorType(c.vendor), Oauth2ProviderConfigInput: vendorInput(c.vendor, idp),
	})
	check(t, err)
	c.check(t, made.Oauth2ProviderConfigOutput, at)
	a.Callback = aws.ToString(made.CallbackUrl)
	idp.RegisterRedirect(a.Callback)
	return a, at
}

// check holds the answer to the vendor's own member, with the endpoints as metadata and without a secret.
func (c vendorStory) check(t *testing.T, out ctypes.Oauth2ProviderConfigOutput, at oauth.Provider) {
	t.Helper()
	id, d := c.output(out)
	m, ok := d.(*ctypes.Oauth2DiscoveryMemberAuthorizationServerMetadata)
	if !ok || aws.ToString(id) != at.ClientID {
		t.Fatalf("configuration is %T", out)
	}
	if aws.ToString(m.Value.Issuer) != at.Issuer || aws.ToString(m.Value.AuthorizationEndpoint) != at.AuthorizationEndpoint ||
		aws.ToString(m.Value.TokenEndpoint) != at.TokenEndpoint || !slices.Equal(m.Value.ResponseTypes, []string{"code"}) {
		t.Errorf("metadata is %s %s %s", *m.Value.Issuer, *m.Value.AuthorizationEndpoint, *m.Value.TokenEndpoint)
	}
}

func (c vendorStory) asks(in *data.GetResourceOauth2TokenInput) { in.Scopes = c.scopes }

// TestVendorStories goes with the real SDK, for each vendor, from the provider over consent, token and refresh to the
// revocation, after which only consent helps.
func TestVendorStories(t *testing.T) {
	t.Parallel()
	for _, c := range vendorStories() {
		t.Run(c.vendor, func(t *testing.T) {
			t.Parallel()
			a, at := vendorAgent(t, c)
			got, err := a.Control.GetOauth2CredentialProvider(t.Context(), &control.GetOauth2CredentialProviderInput{Name: &a.Provider})
			check(t, err)
			c.check(t, got.Oauth2ProviderConfigOutput, at)

			first := a.Grant(t, "alice", c.asks)
			if again := a.Get(t, "alice", c.asks); again != first {
				t.Error("a good token was not served from the vault")
			}
			a.Service.Clock.Advance(c.lifetime)
			second := a.Get(t, "alice", c.asks)
			if second == first || !a.IDP.Active(second) || a.IDP.Count("refresh_token") != 1 {
				t.Fatalf("after its end the token was not refreshed (%d refreshes)", a.IDP.Count("refresh_token"))
			}
			a.Service.Clock.Advance(c.lifetime)
			third := a.Get(t, "alice", c.asks) // with the refresh token of the first or the second answer
			c.revoke(t, a, at, third)
			a.Service.Clock.Advance(c.lifetime)
			a.Begin(t, "alice", c.asks)
			if g := a.Service.Grants(t)[0]; g.State != identity.GrantNeedsConsent || !strings.Contains(g.Reason, c.dead) {
				t.Errorf("the grant: %+v", g)
			}
		})
	}
}

// revoke takes the grant back: at the vendor's revocation endpoint or, where it has none, as its user does.
func (c vendorStory) revoke(t *testing.T, a *servertest.Agent, at oauth.Provider, access string) {
	t.Helper()
	out, err := egress.New(egress.Config{Loopback: true})
	check(t, err)
	t.Cleanup(out.CloseIdle)
	token, hint := a.IDP.LastRefreshToken(), oauth.HintRefreshToken
	if c.byAccess {
		token, hint = access, oauth.HintAccessToken
	}
	receipt, err := oauth.New(out, a.Service.Clock.Now).Revoke(t.Context(), at, vault.SecretString(token), hint)
	if c.none {
		if !errors.Is(err, oauth.ErrNoRevocation) {
			t.Errorf("revoked with %v", err)
		}
		a.IDP.RevokeConsent()
		return
	}
	check(t, err)
	if receipt.Status != http.StatusOK || receipt.URL != at.RevocationEndpoint || receipt.At.IsZero() || a.IDP.Active(access) {
		t.Errorf("receipt %+v, the token lives: %v", receipt, a.IDP.Active(access))
	}
}

// TestVendorTroubleKeepsTheGrant: a rate limit at the vendor reaches the agent as throttling, and costs no consent.
func TestVendorTroubleKeepsTheGrant(t *testing.T) {
	t.Parallel()
	for _, c := range vendorStories() {
		t.Run(c.vendor, func(t *testing.T) {
			t.Parallel()
			a, _ := vendorAgent(t, c)
			a.Grant(t, "alice", c.asks)
			a.Service.Clock.Advance(c.lifetime)
			a.IDP.FailNext(1, http.StatusTooManyRequests)
			if out, err := a.Ask(a.Token(t, "alice"), c.asks); err == nil {
				t.Errorf("answered %+v", out)
			}
			if !a.IDP.Active(a.Get(t, "alice", c.asks)) {
				t.Error("the grant is gone")
			}
		})
	}
}
