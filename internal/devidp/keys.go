package devidp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// keySet is the published key set and the algorithms in it.
type keySet struct {
	document   []byte
	algorithms []string
}

// acceptable are the algorithms that a published key may name: asymmetric ones only (RFC 8725, 3.1).
var acceptable = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.ES384, jose.EdDSA, jose.PS256}

// loadKeySet refuses a set that would publish private keys, and a signer whose tokens nobody could verify with the set.
func loadKeySet(key Signer, document []byte) (keySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		return keySet{}, fmt.Errorf("devidp: JWKS is not a JWK set: %w", err)
	}
	ks := keySet{document: document}
	for i := range set.Keys {
		k := &set.Keys[i]
		if !k.Valid() || !k.IsPublic() || !slices.Contains(acceptable, jose.SignatureAlgorithm(k.Algorithm)) {
			return keySet{}, fmt.Errorf("devidp: key %d of JWKS must be a valid public key with an alg of %v", i, acceptable)
		}
		if !slices.Contains(ks.algorithms, k.Algorithm) {
			ks.algorithms = append(ks.algorithms, k.Algorithm)
		}
	}
	return ks, checkSigner(key, set)
}

func checkSigner(key Signer, set jose.JSONWebKeySet) error {
	probe, err := key.Sign(typeIDToken, map[string]any{})
	if err != nil {
		return fmt.Errorf("devidp: Key does not sign: %w", err)
	}
	signed, err := jose.ParseSignedCompact(probe, acceptable)
	if err != nil {
		return fmt.Errorf("devidp: Key signs with an algorithm outside %v: %w", acceptable, err)
	}
	for _, k := range set.Key(signed.Signatures[0].Protected.KeyID) {
		if _, err := signed.Verify(k); err == nil {
			return nil
		}
	}
	return fmt.Errorf("devidp: JWKS lacks the public half of Key (kid %q)", signed.Signatures[0].Protected.KeyID)
}

// publicCacheControl is short, so that a restart with another key is noticed within minutes.
const publicCacheControl = "public, max-age=60"

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", publicCacheControl)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.keys.document) // the peer hung up; there is nobody left to tell
}

// discovery serves the metadata of OpenID Connect Discovery 1.0 and RFC 8414.
func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", publicCacheControl)
	m := s.metadata()
	s.claims.describe(s, m)
	writeJSON(w, http.StatusOK, m)
}

func (s *Server) metadata() map[string]any {
	clientAuth := []string{"client_secret_basic", "client_secret_post"}
	return map[string]any{
		"issuer":                                         s.cfg.Issuer,
		"authorization_endpoint":                         s.url(s.endpoints.authorize),
		"token_endpoint":                                 s.url(s.endpoints.token),
		"userinfo_endpoint":                              s.url(s.endpoints.userinfo),
		"jwks_uri":                                       s.url(s.endpoints.jwks),
		"revocation_endpoint":                            s.url(s.endpoints.revoke),
		"end_session_endpoint":                           s.url("/logout"),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{grantCode, grantRefresh, grantClient},
		"code_challenge_methods_supported":               []string{"S256"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          s.keys.algorithms,
		"token_endpoint_auth_methods_supported":          clientAuth,
		"revocation_endpoint_auth_methods_supported":     clientAuth,
		"authorization_response_iss_parameter_supported": true,
		"prompt_values_supported":                        []string{"none", "login", "consent", "select_account"},
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
	}
}
