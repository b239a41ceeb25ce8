package oauth_test

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// asserting is a client of the server that proves itself by an assertion.
func asserting(s *oauthtest.Server, assertion string) oauth.Provider {
	s.Behave(func(b *oauthtest.Behaviour) {
		b.Assertion = func(got string) bool { return got == "header.claims.signature" }
	})
	p := s.Provider()
	p.AuthMethod, p.ClientSecret = oauth.WebIdentityJWT, vault.Secret{}
	p.Assertion = vault.SecretString(assertion)
	return p
}

func TestAssertionStandsInForASecret(t *testing.T) {
	for name, clientID := range map[string]string{"with a client id": "client", "without": ""} {
		t.Run(name, func(t *testing.T) {
			s := oauthtest.New(t)
			p := asserting(s, "header.claims.signature")
			p.ClientID = clientID
			if _, err := newEngine(t).ClientCredentials(t.Context(), p, []string{"read"}, nil, nil, nil); err != nil {
				t.Fatal(err)
			}
			sent := s.LastToken()
			if sent.Header.Get("Authorization") != "" || sent.Form.Has("client_secret") || sent.Form.Get("client_id") != clientID || sent.Form.Has("client_id") != (clientID != "") {
				t.Errorf("sent %v with header %v", sent.Form, sent.Header)
			}
		})
	}
}

func TestAssertionIsNeededBeforeAnythingIsSent(t *testing.T) {
	s := oauthtest.New(t)
	p := asserting(s, "")
	p.ClientSecret = vault.SecretString("a secret must not stand in for it")
	_, err := newEngine(t).ClientCredentials(t.Context(), p, nil, nil, nil, nil)
	if oauth.KindOf(err) != oauth.Misconfigured || !strings.Contains(err.Error(), "federation") {
		t.Errorf("error is %v", err)
	}
	if n := s.Count("client_credentials"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestRefusedAssertionIsNotEchoed(t *testing.T) {
	s := oauthtest.New(t)
	p := asserting(s, "header.claims.other")
	s.OnToken(oauthtest.JSON(401, `{"error":"invalid_client","error_description":"bad assertion header.claims.other"}`))
	_, err := newEngine(t).ClientCredentials(t.Context(), p, nil, nil, nil, nil)
	if oauth.KindOf(err) != oauth.Rejected || strings.Contains(err.Error(), "header.claims.other") {
		t.Errorf("error is %v", err)
	}
}

func TestMetadataTellsAssertionAlgorithms(t *testing.T) {
	s := oauthtest.New(t)
	doc := s.Metadata()
	doc["token_endpoint_auth_signing_alg_values_supported"] = []string{"PS256", "RS256"}
	s.OnDiscovery(oauthtest.Document(doc))
	m, err := newEngine(t).Discover(t.Context(), s.DiscoveryURL)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Provider().WithMetadata(m).AssertionAlgorithms; strings.Join(got, " ") != "PS256 RS256" {
		t.Errorf("algorithms are %v", got)
	}
}
