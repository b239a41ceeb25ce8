package identity_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func refusedFor(t *testing.T, err error, reason issuer.Reason) {
	t.Helper()
	if e, ok := errors.AsType[*issuer.Error](err); !ok || e.Reason != reason {
		t.Errorf("error is %v, want %s", err, reason)
	}
}

// TestA61_WebIdentityTokenIsNoOtherKind: it is not taken where another kind of token is meant.
func TestA61_WebIdentityTokenIsNoOtherKind(t *testing.T) {
	s, iss := federated(t)
	a := s.NewAgent(t)
	token := mint(t, s, rootCaller(s.Account))

	// As a workload access token, which is sealed and no JWT.
	_, err := a.Ask(token)
	refused(t, err, api.UnauthorizedException, "not one that this account issued")

	// As an inbound JWT of an issuer that nobody listed: being ours earns it no trust.
	_, err = s.Identity.WorkloadTokenForJWT(t.Context(), rootCaller(s.Account), a.Workload, vault.SecretString(token))
	coded(t, err, identity.Unauthorized, iss)

	// By who expects a kind of its own.
	_, err = verify(t, outside(t, s), token, iss, audienceURL, "client-authentication+jwt")
	refusedFor(t, err, issuer.Type)
}

// TestA20_WebIdentityTokenIsForItsAudienceAndIssuerAlone also when two accounts share a server.
func TestA20_WebIdentityTokenIsForItsAudienceAndIssuerAlone(t *testing.T) {
	s, iss := federated(t)
	check(t, s.Identity.CreateAccount(t.Context(), "111122223333"))
	other, err := s.Identity.EnableOutboundFederation(t.Context(), rootCaller("111122223333"))
	check(t, err)
	if other == iss {
		t.Fatal("two accounts share an issuer")
	}
	v, token := outside(t, s), mint(t, s, rootCaller(s.Account))
	_, err = verify(t, v, token, iss, audienceURL+".evil.example")
	refusedFor(t, err, issuer.Audience)
	_, err = verify(t, v, token, other, audienceURL)
	refusedFor(t, err, issuer.UntrustedIssuer)

	// The other account's keys do not verify it, whatever its iss is made to say.
	forged := withClaims(token, strings.Replace(claimsText(t, token), iss, other, 1))
	_, err = verify(t, v, forged, other, audienceURL)
	refusedFor(t, err, issuer.UnknownKey)
}

// TestA18_OurPublicKeysAreNoSecrets: a token signed with the published key as a shared secret is refused (A17: and one
// that is not signed at all).
func TestA18_OurPublicKeysAreNoSecrets(t *testing.T) {
	s, iss := federated(t)
	token := mint(t, s, rootCaller(s.Account), signedBy("RS256"))
	keys := fetch(t, s, iss+issuer.KeysPath)
	v := outside(t, s)
	encode := base64.RawURLEncoding.EncodeToString
	for _, alg := range []string{"HS256", "none"} {
		input := encode([]byte(`{"alg":"`+alg+`","typ":"JWT","kid":"`+part(t, token, 0)["kid"].(string)+`"}`)) + "." + encode([]byte(claimsText(t, token)))
		mac := hmac.New(sha256.New, keys.Body)
		mac.Write([]byte(input))
		_, err := verify(t, v, input+"."+encode(mac.Sum(nil)), iss, audienceURL)
		refusedFor(t, err, issuer.Algorithm)
	}
	if _, err := verify(t, v, token, iss, audienceURL); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}

func TestA21_WebIdentityTokenEnds(t *testing.T) {
	s, iss := federated(t)
	v, token := outside(t, s), mint(t, s, rootCaller(s.Account), lasting(time.Minute))
	if _, err := verify(t, v, token, iss, audienceURL); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Minute)
	_, err := verify(t, v, token, iss, audienceURL)
	refusedFor(t, err, issuer.Expired)
}

func claimsText(t testing.TB, token string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	check(t, err)
	return string(b)
}

// withClaims replaces the claims and keeps header and signature.
func withClaims(token, claims string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + parts[2]
}

// fetch gets a public address of the service.
func fetch(t testing.TB, s *servertest.Service, address string) *servertest.Answer {
	t.Helper()
	return s.Do(t, plainGet(t, address))
}
