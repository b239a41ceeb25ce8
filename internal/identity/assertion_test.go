package identity_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// keyless is a provider without any secret, at an authorization server that trusts the account's issuer: it takes an
// assertion only if that verifies, is meant for it, names the agent's workload identity and was never seen before (A24).
type keyless struct {
	*servertest.Agent
	mu       sync.Mutex
	seen     []string // assertions that were accepted
	name     string
	endpoint bool // assertions are for the token endpoint, not the issuer
}

func newKeyless(t testing.TB, s *servertest.Service, iss string, edit ...func(*ctypes.CustomOauth2ProviderConfigInput)) *keyless {
	t.Helper()
	k := &keyless{Agent: s.NewAgent(t), name: "keyless"}
	v := outside(t, s)
	k.IDP.Behave(func(b *oauthtest.Behaviour) {
		b.Assertion = func(assertion string) bool {
			k.mu.Lock()
			defer k.mu.Unlock()
			c, err := verify(t, v, assertion, iss, k.audience())
			if err != nil || slices.Contains(k.seen, assertion) || c.Subject != s.Identity.WorkloadARN(s.Account, k.Workload) {
				return false
			}
			k.seen = append(k.seen, assertion)
			return true
		}
	})
	out, err := k.create(t, edit...)
	check(t, err)
	k.Provider = k.name
	k.IDP.RegisterRedirect(*out.CallbackUrl)
	return k
}

// audience is whom the assertions are meant for.
func (k *keyless) audience() string {
	if k.endpoint {
		return k.IDP.TokenEndpoint
	}
	return k.IDP.Issuer
}

// create makes the provider without a secret; edit changes what is sent.
func (k *keyless) create(t testing.TB, edit ...func(*ctypes.CustomOauth2ProviderConfigInput)) (*control.CreateOauth2CredentialProviderOutput, error) {
	t.Helper()
	cfg := ctypes.CustomOauth2ProviderConfigInput{
		OauthDiscovery: &ctypes.Oauth2DiscoveryMemberDiscoveryUrl{Value: k.IDP.DiscoveryURL}, ClientId: &k.IDP.ClientID,
		ClientAuthenticationMethod: ctypes.ClientAuthenticationMethodTypeAwsIamIdTokenJwt,
	}
	for _, f := range edit {
		f(&cfg)
	}
	return k.Control.CreateOauth2CredentialProvider(t.Context(), &control.CreateOauth2CredentialProviderInput{
		Name: &k.name, CredentialProviderVendor: ctypes.CredentialProviderVendorTypeCustomOauth2,
		Oauth2ProviderConfigInput: &ctypes.Oauth2ProviderConfigInputMemberCustomOauth2ProviderConfig{Value: cfg},
	})
}

func TestMachineTokenWithoutASecret(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss, func(c *ctypes.CustomOauth2ProviderConfigInput) { c.ClientId = nil })
	first := k.Get(t, "alice", m2m)
	if k.Get(t, "alice", m2m) != first || len(k.seen) != 1 {
		t.Errorf("%d assertions were made for one stored token", len(k.seen))
	}
	k.Get(t, "alice", m2m, force)
	if len(k.seen) != 2 {
		t.Fatalf("%d assertions were accepted", len(k.seen))
	}

	claims, header := part(t, k.seen[0], 1), part(t, k.seen[0], 0)
	if claims["aud"] != k.audience() || claims["iss"] != iss || header["typ"] != "JWT" || header["alg"] != "ES384" {
		t.Errorf("the assertion is %v %v", header, claims)
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life > 300 {
		t.Errorf("it lives %v s", life)
	}
	if claims["jti"] == part(t, k.seen[1], 1)["jti"] {
		t.Error("two assertions have one jti")
	}
	r := audited(t, s, identity.AuditFilter{Action: "lanyard:IssueClientAssertion"}, claims["jti"].(string))
	if r.Provider != "keyless" || r.Workload != k.Workload || !strings.Contains(r.Reason, header["kid"].(string)) {
		t.Errorf("the record is %+v", r)
	}
}

// TestAssertionsForTheTokenEndpoint: only where an operator says so by name.
func TestAssertionsForTheTokenEndpoint(t *testing.T) {
	s, iss := federated(t, servertest.Configure(func(c *identity.Config) { c.InsecureTokenEndpointAudience = []string{"keyless"} }))
	k := newKeyless(t, s, iss, func(c *ctypes.CustomOauth2ProviderConfigInput) { c.ClientId = nil })
	_, err := k.Ask(k.Token(t, "alice"), m2m)
	refused(t, err, api.ValidationException, "invalid_client") // it was not meant for the issuer
	k.endpoint = true
	k.Get(t, "alice", m2m)
}

// TestUserConsentWithoutASecret: the code is exchanged, and the token refreshed, by assertions of their own.
func TestUserConsentWithoutASecret(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss)
	token := k.Grant(t, "alice")
	if token == "" || len(k.seen) != 1 {
		t.Fatalf("%d assertions were made", len(k.seen))
	}
	s.Clock.Advance(2 * time.Hour)
	if again := k.Get(t, "alice"); again == token || len(k.seen) != 2 {
		t.Errorf("after an hour the token is the same: %v, %d assertions", again == token, len(k.seen))
	}
}

func TestUserConsentNeedsAClientID(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss, func(c *ctypes.CustomOauth2ProviderConfigInput) { c.ClientId = nil })
	_, err := k.Ask(k.Token(t, "alice"))
	refused(t, err, api.ValidationException, "client id")
}

func TestAssertionNeedsFederation(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss)
	check(t, s.Identity.DisableOutboundFederation(t.Context(), rootCaller(s.Account)))
	_, err := k.Ask(k.Token(t, "alice"), m2m)
	refused(t, err, api.ValidationException, "aws iam enable-outbound-web-identity-federation")
	if n := k.IDP.Count("client_credentials"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	_, err = s.Identity.EnableOutboundFederation(t.Context(), rootCaller(s.Account))
	check(t, err)
	k.Get(t, "alice", m2m)
}

// TestAssertionIsOfTheWorkloadThatAsks: another workload's is another subject, which the provider does not know.
func TestAssertionIsOfTheWorkloadThatAsks(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss)
	other := *k.Agent
	other.Workload = "other"
	other.CreateWorkload(t, "other", servertest.ReturnURL)
	_, err := other.Ask(other.Token(t, "alice"), m2m)
	refused(t, err, api.ValidationException, "invalid_client")
	k.Get(t, "alice", m2m)
}

func TestAssertionAlgorithmIsOneTheProviderReads(t *testing.T) {
	for name, c := range map[string]struct {
		announced []string
		alg, text string
	}{
		"says nothing":   {nil, "ES384", ""},
		"reads both":     {[]string{"RS256", "ES384"}, "ES384", ""},
		"reads RSA only": {[]string{"PS256", "RS256"}, "RS256", ""},
		"reads neither":  {[]string{"HS256", "EdDSA"}, "", "HS256, EdDSA"},
	} {
		t.Run(name, func(t *testing.T) {
			s, iss := federated(t)
			k := newKeyless(t, s, iss)
			doc := k.IDP.Metadata()
			if c.announced != nil {
				doc["token_endpoint_auth_signing_alg_values_supported"] = c.announced
			}
			k.IDP.OnDiscovery(oauthtest.Document(doc))
			if c.text != "" {
				_, err := k.Ask(k.Token(t, "alice"), m2m)
				refused(t, err, api.ValidationException, c.text)
				return
			}
			k.Get(t, "alice", m2m)
			if got := part(t, k.seen[0], 0)["alg"]; got != c.alg {
				t.Errorf("signed with %v, want %s", got, c.alg)
			}
		})
	}
}

// TestAssertionTakesNoSecret: one that is never used should not rest anywhere. The method is shown as it was chosen, and
// can be left again.
func TestAssertionTakesNoSecret(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss)
	secret, name := "s3cr3t", "keyless"
	k.name = "with-secret"
	_, err := k.create(t, func(c *ctypes.CustomOauth2ProviderConfigInput) { c.ClientSecret = &secret })
	refused(t, err, api.ValidationException, "takes no clientSecret")

	out, err := k.Control.GetOauth2CredentialProvider(t.Context(), &control.GetOauth2CredentialProviderInput{Name: &name})
	check(t, err)
	got := out.Oauth2ProviderConfigOutput.(*ctypes.Oauth2ProviderConfigOutputMemberCustomOauth2ProviderConfig).Value.ClientAuthenticationMethod
	if got != ctypes.ClientAuthenticationMethodTypeAwsIamIdTokenJwt {
		t.Errorf("the method is shown as %q", got)
	}
	k.IDP.Behave(func(b *oauthtest.Behaviour) { b.Assertion = nil })
	k.UpdateProvider(t, k.IDP)
	k.Get(t, "alice", m2m)
}

// TestUnrecordedAssertionIsNotSent: what proves the workload outside is on record first.
func TestUnrecordedAssertionIsNotSent(t *testing.T) {
	s, iss := federated(t)
	k := newKeyless(t, s, iss)
	token := k.Token(t, "alice")
	s.OnStore(func(op string) error {
		if op == "AppendAudit" {
			return errDisk
		}
		return nil
	})
	_, err := k.Ask(token, m2m)
	refused(t, err, api.InternalServerException, "audit")
	if n := k.IDP.Count("client_credentials"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
