package oauth

import (
	"slices"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// AuthMethod is how a client proves itself at a provider's endpoints, by its name
// in the IANA registry (RFC 7591 section 2).
type AuthMethod string

const (
	ClientSecretBasic AuthMethod = "client_secret_basic"
	ClientSecretPost  AuthMethod = "client_secret_post"
	None              AuthMethod = "none" // a public client: only its id is sent

	// WebIdentityJWT is ours, not registered: Provider.Assertion is sent as a
	// client assertion (RFC 7523 section 2.2). Unlike private_key_jwt its issuer
	// and subject are not the client id; the provider trusts the issuer.
	WebIdentityJWT AuthMethod = "web_identity_jwt"
)

// GrantType is the grant_type of a token request.
type GrantType string

const (
	GrantAuthorizationCode GrantType = "authorization_code"
	GrantRefreshToken      GrantType = "refresh_token"
	GrantClientCredentials GrantType = "client_credentials"
)

// Provider is everything needed to talk to one configured provider. Row.Provider
// and WithMetadata fill it; the client's own data comes from the vault.
type Provider struct {
	Vendor string // a name of the vendor table

	Issuer                string
	AuthorizationEndpoint string
	TokenEndpoint         string
	RevocationEndpoint    string
	IssParameter          bool         // the provider promises iss in every callback (RFC 9207 section 3)
	AuthMethods           []AuthMethod // what its metadata offers; empty when it says nothing
	AssertionAlgorithms   []string     // likewise, for the signatures of client assertions

	ClientID     string
	ClientSecret vault.Secret
	Assertion    vault.Secret // a JWT made for this one request, with WebIdentityJWT
	AuthMethod   AuthMethod   // empty: chosen by the vendor's row, then by AuthMethods
	NoPKCE       bool         // named exception for a provider that refuses PKCE
}

// WithMetadata returns the provider with the endpoints and facts that its
// authorization server publishes about itself.
func (p Provider) WithMetadata(m Metadata) Provider {
	p.Issuer = m.Issuer
	p.AuthorizationEndpoint = m.AuthorizationEndpoint
	p.TokenEndpoint = m.TokenEndpoint
	p.RevocationEndpoint = m.RevocationEndpoint
	p.IssParameter = m.IssParameter
	p.AuthMethods = slices.Clone(m.AuthMethods)
	p.AssertionAlgorithms = slices.Clone(m.AssertionAlgorithms)
	return p
}

func (p Provider) row(op string) (Row, error) {
	row, ok := Vendor(p.Vendor)
	if !ok {
		return Row{}, misconfigured(op, "", "vendor %q is not served; use one of %v", printable(p.Vendor, maxCode), ServedVendors())
	}
	return row, nil
}

// authMethod picks the one method for a grant: the provider's own setting, the
// vendor's row, then the metadata with basic first, which is also the meaning of
// saying nothing (RFC 8414 section 2).
func (p Provider) authMethod(row Row, grant GrantType) AuthMethod {
	if p.AuthMethod != "" {
		return p.AuthMethod
	}
	if method, ok := row.AuthMethods[grant]; ok {
		return method
	}
	for _, method := range []AuthMethod{ClientSecretBasic, ClientSecretPost} {
		if slices.Contains(p.AuthMethods, method) {
			return method
		}
	}
	if p.ClientSecret.Empty() && slices.Contains(p.AuthMethods, None) {
		return None
	}
	return ClientSecretBasic
}
