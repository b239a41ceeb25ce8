package server

import (
	"context"
	"slices"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// wireMethods are the client authentication methods by their name on the wire.
var wireMethods = map[string]oauth.AuthMethod{
	"CLIENT_SECRET_BASIC":  oauth.ClientSecretBasic,
	"CLIENT_SECRET_POST":   oauth.ClientSecretPost,
	"AWS_IAM_ID_TOKEN_JWT": oauth.WebIdentityJWT,
}

func wireMethod(m oauth.AuthMethod) string {
	for name, method := range wireMethods {
		if method == m {
			return name
		}
	}
	return ""
}

func badMember(field, message string) error {
	return &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: message, Fields: []api.FieldProblem{{Name: field, Message: message}}}
}

// newProvider converts a provider's configuration. The union member must be the vendor's own.
func newProvider(name, vendor string, in *api.Oauth2ProviderConfigInput) (identity.NewProvider, error) {
	p := identity.NewProvider{Name: name, Config: identity.ProviderConfig{Vendor: vendor}}
	row, served := oauth.Vendor(vendor)
	switch {
	case !served: // the domain refuses it with the names of those served
		return p, nil
	case row.Configures == oauth.ConfiguresServer && in.Custom != nil:
		err := customProvider(&p, in.Custom)
		return p, err
	}
	if own := in.Vendors()[row.ConfigMember]; own != nil {
		err := vendorProvider(&p, own)
		return p, err
	}
	return p, badMember("oauth2ProviderConfigInput", "vendor "+vendor+" is configured by the member "+row.ConfigMember+" of oauth2ProviderConfigInput; another one was sent. Send that member, or vendor CustomOauth2 with customOauth2ProviderConfig")
}

func customProvider(p *identity.NewProvider, in *api.CustomOauth2ProviderConfigInput) error {
	for field, v := range map[string]*api.Unserved{"onBehalfOfTokenExchangeConfig": in.OnBehalfOf, "privateKeyJwtConfig": in.PrivateKeyJWT, "privateEndpoint": in.PrivateEndpoint, "privateEndpointOverrides": in.PrivateEndpointOverrides} {
		if v != nil {
			return badMember(field, "member "+field+" is not served by this release, and leaving it out in silence would change what you asked for; remove it")
		}
	}
	if err := checkSecretSource("clientSecretSource", in.ClientSecretSource, in.ClientSecretConfig); err != nil {
		return err
	}
	p.Config.ClientID, p.Secret = in.ClientID, vault.SecretString(string(in.ClientSecret))
	if in.Discovery.DiscoveryURL != nil {
		p.Config.DiscoveryURL = *in.Discovery.DiscoveryURL
	} else {
		m := in.Discovery.Metadata
		p.Config.Issuer, p.Config.AuthorizationEndpoint, p.Config.TokenEndpoint, p.Config.ResponseTypes = m.Issuer, m.AuthorizationEndpoint, m.TokenEndpoint, m.ResponseTypes
	}
	return clientAuth(p, in)
}

// clientAuth takes the method from either of the two members that may name it, never from both.
func clientAuth(p *identity.NewProvider, in *api.CustomOauth2ProviderConfigInput) error {
	var old []string
	if in.Discovery.Metadata != nil {
		old = in.Discovery.Metadata.TokenAuthMethods
	}
	switch {
	case len(old) > 0 && in.ClientAuthMethod != "":
		return badMember("clientAuthenticationMethod", "tokenEndpointAuthMethods and clientAuthenticationMethod say the same thing; send only clientAuthenticationMethod")
	case in.ClientAuthMethod != "":
		m, ok := wireMethods[in.ClientAuthMethod]
		if !ok {
			return badMember("clientAuthenticationMethod", "clientAuthenticationMethod "+in.ClientAuthMethod+" is not served by this release; it serves CLIENT_SECRET_BASIC, CLIENT_SECRET_POST and AWS_IAM_ID_TOKEN_JWT")
		}
		p.Config.AuthMethod = m
	case slices.Contains(old, "client_secret_basic"):
		p.Config.AuthMethod = oauth.ClientSecretBasic
	case slices.Contains(old, "client_secret_post"):
		p.Config.AuthMethod = oauth.ClientSecretPost
	}
	return nil
}

func vendorProvider(p *identity.NewProvider, in *api.VendorOauth2ProviderConfigInput) error {
	if err := checkSecretSource("clientSecretSource", in.ClientSecretSource, in.ClientSecretConfig); err != nil {
		return err
	}
	p.Config.ClientID, p.Secret = in.ClientID, vault.SecretString(string(in.ClientSecret))
	p.Config.Issuer, p.Config.AuthorizationEndpoint, p.Config.TokenEndpoint = in.Issuer, in.AuthorizationEndpoint, in.TokenEndpoint
	if in.TenantID != nil {
		p.Config.Tenant = *in.TenantID
	}
	return nil
}

// checkSecretSource refuses references to secrets elsewhere: none is resolved without an allow-list of the account (A57).
func checkSecretSource(field, source string, ref *api.SecretReference) error {
	if source == api.SecretExternal || ref != nil {
		return badMember(field, "secrets kept elsewhere (EXTERNAL) are not served by this release; send the secret itself, which is sealed in the token vault (MANAGED)")
	}
	return nil
}

func (s *Server) createOauth2Provider(ctx context.Context, caller *policy.Caller, in *api.CreateOauth2CredentialProviderRequest) (*api.Oauth2CredentialProvider, error) {
	np, err := newProvider(in.Name, in.Vendor, &in.Config)
	if err != nil {
		return nil, err
	}
	np.Tags = in.Tags
	p, err := s.Identity.CreateProvider(ctx, caller, np)
	out, err := s.oauth2Provider(p, err)
	if out != nil { // Create answers neither vendor nor times
		out.Vendor, out.CreatedTime, out.UpdatedTime = "", nil, nil
	}
	return out, err
}

func (s *Server) getOauth2Provider(ctx context.Context, caller *policy.Caller, in *api.ProviderName) (*api.Oauth2CredentialProvider, error) {
	return s.oauth2Provider(s.Identity.GetProvider(ctx, caller, in.Name))
}

func (s *Server) updateOauth2Provider(ctx context.Context, caller *policy.Caller, in *api.UpdateOauth2CredentialProviderRequest) (*api.Oauth2CredentialProvider, error) {
	np, err := newProvider(in.Name, in.Vendor, &in.Config)
	if err != nil {
		return nil, err
	}
	return s.oauth2Provider(s.Identity.UpdateProvider(ctx, caller, np))
}

func (s *Server) deleteOauth2Provider(ctx context.Context, caller *policy.Caller, in *api.ProviderName) (*api.Empty, error) {
	return none(ctx, s.Identity.DeleteProvider(ctx, caller, in.Name))
}

func (s *Server) listOauth2Providers(ctx context.Context, caller *policy.Caller, in *api.ListRequest) (*api.ListOauth2CredentialProvidersResponse, error) {
	l, err := s.Identity.ListProviders(ctx, caller, pageOf(in.NextToken, in.MaxResults, 20))
	if err != nil {
		return nil, err
	}
	return &api.ListOauth2CredentialProvidersResponse{NextToken: l.Next, Items: convert(l.Items, func(p *identity.Provider) api.Oauth2CredentialProviderItem {
		return api.Oauth2CredentialProviderItem{Name: p.Name, Vendor: p.Config.Vendor, ARN: s.Identity.OAuth2ProviderARN(p.Account, p.Name),
			CreatedTime: api.Timestamp(p.CreatedAt), UpdatedTime: api.Timestamp(p.UpdatedAt)}
	})}, nil
}

func (s *Server) oauth2Provider(p *identity.Provider, err error) (*api.Oauth2CredentialProvider, error) {
	if err != nil {
		return nil, err
	}
	out := &api.Oauth2CredentialProvider{Name: p.Name, Vendor: p.Config.Vendor, ARN: s.Identity.OAuth2ProviderARN(p.Account, p.Name),
		ClientSecretARN: api.Secret{ARN: s.Identity.ClientSecretARN(p)}, ClientSecretSource: api.SecretManaged,
		CallbackURL: s.Identity.CallbackURL(p), Status: "READY", CreatedTime: timestamp(p.CreatedAt), UpdatedTime: timestamp(p.UpdatedAt)}
	row, _ := oauth.Vendor(p.Config.Vendor)
	if own, ok := out.Config.Members()[row.ConfigMember]; ok {
		*own = &api.Oauth2ProviderConfig{ClientID: p.Config.ClientID, Discovery: discovery(s.Identity.Discovery(p)), ClientAuthMethod: wireMethod(p.Config.AuthMethod)}
	}
	return out, nil
}

func discovery(c identity.ProviderConfig) api.Oauth2Discovery {
	if c.DiscoveryURL != "" {
		return api.Oauth2Discovery{DiscoveryURL: &c.DiscoveryURL}
	}
	return api.Oauth2Discovery{Metadata: &api.AuthorizationServers{Issuer: c.Issuer, AuthorizationEndpoint: c.AuthorizationEndpoint, TokenEndpoint: c.TokenEndpoint, ResponseTypes: c.ResponseTypes}}
}
