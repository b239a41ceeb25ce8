package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Provider is a configured source of resource tokens: a vendor, a client registered there, and its sealed secret.
type Provider struct {
	Account, ID, Name    string
	Config               ProviderConfig
	Tags                 map[string]string
	CreatedAt, UpdatedAt time.Time

	record Record
}

// ProviderConfig is what decides where users consent and where codes and refresh tokens are sent. The vendor's row says
// which members it has: for CustomOauth2 exactly one of DiscoveryURL and TokenEndpoint.
type ProviderConfig struct {
	Vendor                string           `json:"vendor"`
	ClientID              string           `json:"clientId"`
	AuthMethod            oauth.AuthMethod `json:"authMethod,omitempty"`
	Tenant                string           `json:"tenant,omitempty"`
	DiscoveryURL          string           `json:"discoveryUrl,omitempty"`
	Issuer                string           `json:"issuer,omitempty"`
	AuthorizationEndpoint string           `json:"authorizationEndpoint,omitempty"`
	TokenEndpoint         string           `json:"tokenEndpoint,omitempty"`
	ResponseTypes         []string         `json:"responseTypes,omitempty"`
}

func (c *ProviderConfig) site() oauth.Site {
	return oauth.Site{Tenant: c.Tenant, Issuer: c.Issuer, Authorization: c.AuthorizationEndpoint, Token: c.TokenEndpoint}
}

// NewProvider is what a caller says of an OAuth2 credential provider.
type NewProvider struct {
	Name   string
	Config ProviderConfig
	Secret vault.Secret
	Tags   map[string]string
}

type providerData struct {
	identified
	ProviderConfig
	Tags map[string]string `json:"tags,omitempty"`
}

func decodeProvider(r Record) (*Provider, error) {
	var d providerData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding credential provider "+r.Name)
	}
	return &Provider{Account: r.Account, ID: r.ID, Name: r.Name, Config: d.ProviderConfig, Tags: d.Tags, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, record: r}, nil
}

func (p *Provider) data() providerData {
	return providerData{identified{Name: p.Name}, p.Config, p.Tags}
}

const providerIDPrefix = "cp-"

// CallbackURL is where this provider sends browsers back: one URL per provider, new when the provider is made again
// (mix-up defence, RFC 9700 section 4.4.2.2).
func (s *Service) CallbackURL(p *Provider) string {
	h := strings.TrimPrefix(p.ID, providerIDPrefix)
	return s.hosted("callback/" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// hosted is a URL of the browser-facing endpoints.
func (s *Service) hosted(path string) string {
	return strings.TrimSuffix(s.cfg.PublicURL.String(), "/") + "/identities/oauth2/" + path
}

// ClientSecretARN names the place where the provider's client secret rests.
func (s *Service) ClientSecretARN(p *Provider) string {
	return s.secretARN(p.Account, "oauth2", p.Name, p.ID)
}

// CreateProvider stores a credential provider.
func (s *Service) CreateProvider(ctx context.Context, caller *policy.Caller, in NewProvider) (*Provider, error) {
	r := request{caller: caller, action: "bedrock-agentcore:CreateOauth2CredentialProvider", durable: true, provider: in.Name,
		resources: onTagged(s.oauth2ProviderResources(caller.Account, in.Name), in.Tags)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Provider, error) {
		if err := s.checkProvider(&in); err != nil {
			return nil, err
		}
		p := &Provider{Account: caller.Account, ID: newID(s.Rand, providerIDPrefix), Name: in.Name, Config: in.Config, Tags: in.Tags}
		p.record = Record{Account: p.Account, Kind: KindOAuth2Provider, ID: p.ID, Name: p.Name}
		err := s.insert(ctx, &p.record, p.data(), in.Secret)
		if errors.Is(err, ErrExists) {
			return nil, refuse(Conflict, "a credential provider named %s exists already; choose another name, or change it with UpdateOauth2CredentialProvider", in.Name)
		}
		p.CreatedAt, p.UpdatedAt = p.record.CreatedAt, p.record.UpdatedAt
		return p, internal(err, "storing credential provider "+in.Name)
	})
}

// checkProvider refuses a configuration that could never work or must never be used.
func (s *Service) checkProvider(in *NewProvider) error {
	row, ok := s.Vendors.Vendor(in.Config.Vendor)
	if !ok {
		return invalid("credentialProviderVendor", "vendor %s is not served by this release; it serves %s. Any other OAuth 2 provider can be configured as CustomOauth2 with its discoveryUrl or its endpoints", in.Config.Vendor, oauth.ServedList())
	}
	assertion := in.Config.AuthMethod == oauth.WebIdentityJWT
	if assertion && !in.Secret.Empty() {
		return invalid("clientSecret", "credential provider %s authenticates with AWS_IAM_ID_TOKEN_JWT, which takes no clientSecret; leave it out, or choose CLIENT_SECRET_BASIC or CLIENT_SECRET_POST", in.Name)
	}
	if in.Config.ClientID == "" && !assertion { // with an assertion, user consent alone needs one
		return invalid("clientId", "credential provider %s has no clientId; send the id under which the provider registered your client", in.Name)
	}
	if in.Secret.Empty() && in.Config.AuthMethod != oauth.None && !assertion {
		return invalid("clientSecret", "credential provider %s has no clientSecret; send the secret that the provider issued with client id %s", in.Name, clip(in.Config.ClientID))
	}
	return s.checkSite(in, row)
}

// checkSite holds what the provider says about where it is to the vendor's row and to the outbound policy.
func (s *Service) checkSite(in *NewProvider, row oauth.Row) error {
	at, err := row.At(in.Config.site())
	if refusal, ok := errors.AsType[*oauth.SiteError](err); ok {
		return invalid(refusal.Field, "credential provider %s: %s", in.Name, refusal.Error())
	}
	if err != nil || row.Configures < oauth.ConfiguresIssuer {
		return internal(err, "finding the endpoints of credential provider "+in.Name)
	}
	for _, e := range []struct{ field, url string }{
		{"discoveryUrl", in.Config.DiscoveryURL}, {"issuer", at.Endpoints.Issuer}, {"authorizationEndpoint", at.Endpoints.Authorization}, {"tokenEndpoint", at.Endpoints.Token},
	} {
		if e.url == "" {
			continue
		}
		if _, err := s.URLs.Check(e.url); err != nil {
			return invalid(e.field, "credential provider %s: %s is refused: %s", in.Name, e.field, err.Error())
		}
	}
	return nil
}

// GetProvider returns a credential provider, without its secret.
func (s *Service) GetProvider(ctx context.Context, caller *policy.Caller, name string) (*Provider, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetOauth2CredentialProvider", provider: name, resources: s.onProvider(name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Provider, error) {
		return s.provider(ctx, caller.Account, name, true)
	})
}

// ListProviders returns a page in order of name.
func (s *Service) ListProviders(ctx context.Context, caller *policy.Caller, p Page) (List[*Provider], error) {
	r := request{caller: caller, action: "bedrock-agentcore:ListOauth2CredentialProviders", resources: on([]string{s.vaultARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[*Provider], error) {
		return listRecords(ctx, s, caller.Account, KindOAuth2Provider, p, decodeProvider)
	})
}

// UpdateProvider replaces the whole configuration. Refresh tokens of grants made at another token endpoint or issuer are
// never sent there: such a grant is suspended when its access token has to be renewed (A56).
func (s *Service) UpdateProvider(ctx context.Context, caller *policy.Caller, in NewProvider) (*Provider, error) {
	r := request{caller: caller, action: "bedrock-agentcore:UpdateOauth2CredentialProvider", durable: true, provider: in.Name, resources: s.onProvider(in.Name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Provider, error) {
		if err := s.checkProvider(&in); err != nil {
			return nil, err
		}
		old, err := s.provider(ctx, caller.Account, in.Name, true)
		if err != nil {
			return nil, err
		}
		p := *old
		if p.Config.Vendor != in.Config.Vendor {
			return nil, invalid("credentialProviderVendor", "credential provider %s is a %s; its vendor cannot be changed to %s. Delete it and create it again", p.Name, p.Config.Vendor, in.Config.Vendor)
		}
		p.Config, p.record.Sealed = in.Config, nil
		err = s.replace(ctx, &p.record, p.data(), in.Secret)
		if errors.Is(err, ErrVersion) {
			return nil, refuse(Conflict, "credential provider %s was changed by somebody else at the same moment; read it and try again", in.Name)
		}
		p.UpdatedAt = p.record.UpdatedAt
		return &p, internal(err, "storing credential provider "+in.Name)
	})
}

// DeleteProvider removes a credential provider with all grants and sessions made at it.
func (s *Service) DeleteProvider(ctx context.Context, caller *policy.Caller, name string) error {
	r := request{caller: caller, action: "bedrock-agentcore:DeleteOauth2CredentialProvider", durable: true, provider: name, resources: s.onProvider(name)}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) {
		p, err := s.provider(ctx, caller.Account, name, true)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &p.record)
	})
	return err
}

// onProvider names an OAuth2 credential provider with its tags, and the vault.
func (s *Service) onProvider(name string) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		p, err := s.provider(ctx, c.caller.Account, name, false)
		if err != nil && codeOf(err) != NotFound {
			return nil, err
		}
		arns := s.oauth2ProviderResources(c.caller.Account, name)
		if err == nil {
			c.tagged(arns[0], p.Tags)
		}
		return arns, nil
	}
}

func (s *Service) provider(ctx context.Context, account, name string, fresh bool) (*Provider, error) {
	st, err := s.state(ctx, account, fresh)
	if err != nil {
		return nil, err
	}
	p, err := lookup(ctx, s, st, account, KindOAuth2Provider, "", name, decodeProvider)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no OAuth2 credential provider %s in account %s. Create it with CreateOauth2CredentialProvider, or list those there are with: aws bedrock-agentcore-control list-oauth2-credential-providers", name, account)
	}
	if err != nil {
		return nil, internal(err, "reading credential provider "+name)
	}
	return p, nil
}

// Discovery returns the configuration's endpoints as they are shown to clients: a discovery URL, or metadata.
func (s *Service) Discovery(p *Provider) ProviderConfig {
	c := p.Config
	row, ok := s.Vendors.Vendor(c.Vendor)
	if !ok || row.Configures == oauth.ConfiguresServer {
		return c
	}
	if at, err := row.At(c.site()); err == nil {
		c.Issuer, c.AuthorizationEndpoint, c.TokenEndpoint = at.Endpoints.Issuer, at.Endpoints.Authorization, at.Endpoints.Token
	}
	c.ResponseTypes = []string{"code"}
	return c
}

// endpoints resolves where the provider is, without its client secret.
func (s *Service) endpoints(ctx context.Context, p *Provider) (oauth.Provider, error) {
	row, ok := s.Vendors.Vendor(p.Config.Vendor)
	if !ok {
		return oauth.Provider{}, refuse(Invalid, "credential provider %s is of vendor %s, which this release does not serve", p.Name, p.Config.Vendor)
	}
	row, err := row.At(p.Config.site())
	if err != nil {
		return oauth.Provider{}, refuse(Invalid, "credential provider %s: %s. Update it with UpdateOauth2CredentialProvider", p.Name, err.Error())
	}
	op := row.Provider(p.Config.ClientID, vault.Secret{})
	op.AuthMethod = p.Config.AuthMethod
	op.NoPKCE = op.NoPKCE || slices.Contains(s.cfg.InsecureNoPKCE, p.Name)
	if p.Config.DiscoveryURL == "" {
		return op, nil
	}
	m, err := s.OAuth.Discover(ctx, p.Config.DiscoveryURL)
	if err != nil {
		return oauth.Provider{}, s.providerFault(p, "reading its discovery document", err)
	}
	return op.WithMetadata(m), nil
}

// client adds the opened client secret, or the assertion that stands in for one: by it the workload proves itself.
func (s *Service) client(ctx context.Context, p *Provider, op oauth.Provider, workloadID string) (oauth.Provider, error) {
	if op.AuthMethod == oauth.WebIdentityJWT {
		assertion, err := s.clientAssertion(ctx, p, op, workloadID)
		op.Assertion = assertion
		return op, err
	}
	if p.record.Sealed == nil {
		return op, nil
	}
	secret, err := s.Vault.Open(ctx, recordPlace(&p.record), p.record.Sealed)
	if err != nil {
		return op, internal(err, "opening the client secret of credential provider "+p.Name)
	}
	op.ClientSecret = secret
	return op, nil
}

// providerFault turns a failure at a provider into what the caller can do about it.
func (s *Service) providerFault(p *Provider, doing string, err error) error {
	code := Invalid
	advice := "Check the provider's configuration (client id and secret, scopes, endpoints) and update it with UpdateOauth2CredentialProvider"
	switch oauth.KindOf(err) {
	case oauth.Transient, 0:
		code, advice = Unavailable, "The provider is unavailable or too slow; try again. Nothing that was stored is lost"
	case oauth.Malformed:
		advice = "The provider's answer is not one that OAuth allows; check that the endpoint is its token endpoint"
	case oauth.InvalidGrant, oauth.Denied:
		code, advice = Denied, "Ask the user to consent again"
	}
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Status == 429 {
		code = Throttled
	}
	return &Error{Code: code, Message: "credential provider " + p.Name + " failed at " + doing + ": " + err.Error() + ". " + advice, Cause: err}
}
