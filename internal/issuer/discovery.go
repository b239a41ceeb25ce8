package issuer

import "encoding/json"

// Where an issuer publishes, below its own URL (OpenID Connect Discovery 1.0
// section 4; the key set's place is what the document says it is).
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/.well-known/jwks.json"
)

// NamespaceClaim holds everything in a web identity token that no standard
// names. The wire fixes its spelling.
const NamespaceClaim = "https://sts.amazonaws.com/"

// Discovery returns the discovery document of an issuer that gives out no
// tokens over OAuth and only lets others verify: five members, no endpoint. What
// it lists is what SigningKey can do for web identity tokens.
func Discovery(issuerURL string) ([]byte, error) {
	return json.Marshal(struct {
		Claims     []string `json:"claims_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Issuer     string   `json:"issuer"`
		Keys       string   `json:"jwks_uri"`
		Subjects   []string `json:"subject_types_supported"`
	}{
		Claims:     []string{"sub", "iss", "aud", "exp", "iat", "jti", NamespaceClaim},
		Algorithms: []string{"RS256", "ES384"},
		Issuer:     issuerURL,
		Keys:       issuerURL + KeysPath,
		Subjects:   []string{"public"},
	})
}

// KeySet joins public keys, each as PublicJWK wrote it, into the JWK set that
// jwks_uri serves (RFC 7517 section 5).
func KeySet(keys []json.RawMessage) ([]byte, error) {
	if keys == nil {
		keys = []json.RawMessage{}
	}
	return json.Marshal(struct {
		Keys []json.RawMessage `json:"keys"`
	}{keys})
}
