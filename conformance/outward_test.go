//go:build conformance

package conformance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// outward is a workload that proves itself to an identity provider with a token of its own Lanyard: nobody has a secret.
func outward(t *testing.T, provider lab.Federation, answers ...string) *story {
	t.Helper()
	o := newOperator(t, bench.Dev(t))
	issuer := o.enableFederation()
	person, err := lab.NewWalker()
	check(t, err)
	s := &story{t: t, caller: o.server.Caller, idp: provider.Info(), name: "outward", user: "alice", person: person, back: "http://127.0.0.1:1/back",
		answers: answers, custom: map[string]string{"prompt": "consent"}}
	client := lab.FederatedClient{ID: workloadARN(s.name), Issuer: issuer}
	check(t, provider.Federate(t.Context(), client))
	s.register = func(callback string) { check(t, provider.RegisterFederatedCallback(t.Context(), client.ID, callback)) }
	s.provider = federatedProvider(s.name, s.idp, client.ID)
	return s
}

func workloadARN(name string) string {
	return "arn:aws:bedrock-agentcore:us-west-2:" + account + ":workload-identity-directory/default/workload-identity/" + name
}

// federatedProvider is a credential provider without a secret. The client's id is the subject of its assertions.
func federatedProvider(name string, idp lab.ProviderInfo, clientID string) map[string]any {
	return map[string]any{"name": name, "credentialProviderVendor": "CustomOauth2", "oauth2ProviderConfigInput": map[string]any{
		"customOauth2ProviderConfig": map[string]any{
			"oauthDiscovery": map[string]string{"discoveryUrl": idp.DiscoveryURL}, "clientId": clientID, "clientAuthenticationMethod": "AWS_IAM_ID_TOKEN_JWT",
		}}}
}

// machineToken asks for a token of the workload itself.
func (s *story) machineToken() string {
	s.t.Helper()
	var out pendingToken
	s.do(api.GetResourceOauth2Token, map[string]any{"workloadIdentityToken": s.wat, "resourceCredentialProviderName": s.name,
		"scopes": s.idp.MachineScopes, "oauth2Flow": "M2M"}, &out)
	if out.AccessToken == "" {
		s.t.Fatal("no machine token")
	}
	return out.AccessToken
}

// A machine's token and a user's consent, with an assertion in place of a secret, at oidc-provider.
func TestA24_OutwardAtOIDCProvider(t *testing.T) {
	t.Parallel()
	provider, err := bench.StartOIDCProvider()
	check(t, err)
	s := outward(t, provider, "login", "alice", "password", "alice-password")
	s.tell()
	if user := newRelyingParty(t, provider).user(s.token); user != "alice" {
		t.Errorf("the token is %q's", user)
	}
	s.machineToken()
	replayed(t, provider, s)
}

// replayed brings each assertion to the provider once more.
func replayed(t *testing.T, provider *lab.OIDCProvider, s *story) {
	t.Helper()
	assertions, err := provider.ClientAssertions(t.Context())
	check(t, err)
	if len(assertions) < 2 { // of the consent and of the machine's token
		t.Fatalf("the provider saw %d assertions", len(assertions))
	}
	seen := map[any]bool{}
	for _, assertion := range assertions {
		claims, err := lab.Claims(assertion)
		check(t, err)
		if claims["sub"] != workloadARN(s.name) || claims["aud"] == nil || seen[claims["jti"]] {
			t.Errorf("the assertion is %v", claims)
		}
		seen[claims["jti"]] = true
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {"files:read"}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		answer, err := http.Post(provider.Info().Issuer+"/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		check(t, err)
		check(t, answer.Body.Close())
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("a replayed assertion is answered with %s", answer.Status)
		}
	}
}

// The same at Keycloak, by its federated client authentication.
func TestOutwardAtKeycloak(t *testing.T) {
	t.Parallel()
	bench.Alone(t, "keycloak")
	provider := bench.Provider(t, "keycloak")
	s := outward(t, provider.(lab.Federation), "username", "alice", "password", "alice-password", "accept", "Yes")
	s.tell()
	if user := newRelyingParty(t, provider).user(s.token); user != "alice" {
		t.Errorf("the token is %q's", user)
	}
	s.machineToken()
}

// A provider that trusts another issuer, or another workload, gives nothing, and the message says what the provider said.
func TestOutwardIsRefusedByWhoeverTrustsAnother(t *testing.T) {
	t.Parallel()
	provider, err := bench.StartOIDCProvider()
	check(t, err)
	o := newOperator(t, bench.Dev(t))
	issuer := o.enableFederation()
	check(t, provider.Federate(t.Context(), lab.FederatedClient{ID: workloadARN("trusted"), Issuer: issuer}))
	for _, name := range []string{"trusted", "another"} {
		s := &story{t: t, caller: o.server.Caller, idp: provider.Info(), name: name, user: "alice"}
		s.createWorkload()
		s.provider = federatedProvider(name, s.idp, workloadARN(name))
		s.createProvider()
		s.getWAT()
		if name == "trusted" {
			s.machineToken()
			continue
		}
		answer, err := s.caller().Call(t.Context(), api.GetResourceOauth2Token, map[string]any{"workloadIdentityToken": s.wat,
			"resourceCredentialProviderName": name, "scopes": s.idp.MachineScopes, "oauth2Flow": "M2M"})
		check(t, err)
		if answer.Status != http.StatusBadRequest || !strings.Contains(answer.Message, "invalid_client") {
			t.Errorf("another workload than the trusted one: %s", answer)
		}
	}
}
