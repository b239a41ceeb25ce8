package api

// Credential providers (contract 2.2, 2.3).

// Vendors that the wire knows; which of them are served is the vendor table's to say.
const vendorEnum = "GoogleOauth2|GithubOauth2|SlackOauth2|SalesforceOauth2|MicrosoftOauth2|CustomOauth2|AtlassianOauth2|LinkedinOauth2|XOauth2|OktaOauth2|OneLoginOauth2|PingOneOauth2|FacebookOauth2|YandexOauth2|RedditOauth2|ZoomOauth2|TwitchOauth2|SpotifyOauth2|DropboxOauth2|NotionOauth2|HubspotOauth2|CyberArkOauth2|FusionAuthOauth2|Auth0Oauth2|CognitoOauth2"

// Where a secret rests: in the vault (MANAGED), or with the caller (EXTERNAL).
const (
	SecretManaged  = "MANAGED"
	SecretExternal = "EXTERNAL"
)

// CreateOauth2CredentialProviderRequest is also the input of UpdateOauth2CredentialProvider, which replaces the whole
// configuration (and has no tags).
type CreateOauth2CredentialProviderRequest struct {
	Name   string                    `json:"name" v:"required;len=1..128;pattern=providerName"`
	Vendor string                    `json:"credentialProviderVendor" v:"required;enum=vendor"`
	Config Oauth2ProviderConfigInput `json:"oauth2ProviderConfigInput" v:"required"`
	Tags   map[string]string         `json:"tags,omitempty" v:"items=0..50" keys:"len=1..128;pattern=tag" each:"len=0..256;pattern=tag"`
}

// UpdateOauth2CredentialProviderRequest replaces a provider's configuration.
type UpdateOauth2CredentialProviderRequest struct {
	Name   string                    `json:"name" v:"required;len=1..128;pattern=providerName"`
	Vendor string                    `json:"credentialProviderVendor" v:"required;enum=vendor"`
	Config Oauth2ProviderConfigInput `json:"oauth2ProviderConfigInput" v:"required"`
}

// Oauth2ProviderConfigInput has exactly one member, the vendor's.
type Oauth2ProviderConfigInput struct {
	_          struct{}                         `v:"union"`
	Custom     *CustomOauth2ProviderConfigInput `json:"customOauth2ProviderConfig,omitempty"`
	Google     *VendorOauth2ProviderConfigInput `json:"googleOauth2ProviderConfig,omitempty"`
	Github     *VendorOauth2ProviderConfigInput `json:"githubOauth2ProviderConfig,omitempty"`
	Slack      *VendorOauth2ProviderConfigInput `json:"slackOauth2ProviderConfig,omitempty"`
	Salesforce *VendorOauth2ProviderConfigInput `json:"salesforceOauth2ProviderConfig,omitempty"`
	Microsoft  *VendorOauth2ProviderConfigInput `json:"microsoftOauth2ProviderConfig,omitempty"`
	Atlassian  *VendorOauth2ProviderConfigInput `json:"atlassianOauth2ProviderConfig,omitempty"`
	Linkedin   *VendorOauth2ProviderConfigInput `json:"linkedinOauth2ProviderConfig,omitempty"`
	Included   *VendorOauth2ProviderConfigInput `json:"includedOauth2ProviderConfig,omitempty"`
}

// VendorOauth2ProviderConfigInput configures a vendor that is known; TenantID belongs to Microsoft, issuer and endpoints
// to the included vendors with tenants. Which a vendor takes is the vendor table's to say.
type VendorOauth2ProviderConfigInput struct {
	ClientID              string           `json:"clientId" v:"required;len=1..256"`
	ClientSecret          Sensitive        `json:"clientSecret,omitempty" v:"len=0..2048"`
	ClientSecretConfig    *SecretReference `json:"clientSecretConfig,omitempty"`
	ClientSecretSource    string           `json:"clientSecretSource,omitempty" v:"enum=secretSource"`
	TenantID              *string          `json:"tenantId,omitempty" v:"len=1..2048"`
	Issuer                string           `json:"issuer,omitempty" v:"len=0..2048"`
	AuthorizationEndpoint string           `json:"authorizationEndpoint,omitempty" v:"len=0..2048"`
	TokenEndpoint         string           `json:"tokenEndpoint,omitempty" v:"len=0..2048"`
}

// CustomOauth2ProviderConfigInput configures any OAuth 2 authorization server. The members that are decoded but not
// typed here are known to the wire and refused by name, because ignoring one of them would change what is protected.
type CustomOauth2ProviderConfigInput struct {
	Discovery                Oauth2Discovery  `json:"oauthDiscovery" v:"required"`
	ClientID                 string           `json:"clientId,omitempty" v:"len=0..256"`
	ClientSecret             Sensitive        `json:"clientSecret,omitempty" v:"len=0..2048"`
	ClientSecretConfig       *SecretReference `json:"clientSecretConfig,omitempty"`
	ClientSecretSource       string           `json:"clientSecretSource,omitempty" v:"enum=secretSource"`
	ClientAuthMethod         string           `json:"clientAuthenticationMethod,omitempty" v:"enum=clientAuth"`
	OnBehalfOf               *Unserved        `json:"onBehalfOfTokenExchangeConfig,omitempty"`
	PrivateKeyJWT            *Unserved        `json:"privateKeyJwtConfig,omitempty"`
	PrivateEndpoint          *Unserved        `json:"privateEndpoint,omitempty"`
	PrivateEndpointOverrides *Unserved        `json:"privateEndpointOverrides,omitempty"`
}

// Unserved stands for a member that clients may send and this release does not serve: present is all that is kept.
type Unserved struct{}

// UnmarshalJSON accepts any value.
func (*Unserved) UnmarshalJSON([]byte) error { return nil }

// Oauth2Discovery says where the endpoints are: by a discovery document, or one by one.
type Oauth2Discovery struct {
	_            struct{}              `v:"union"`
	DiscoveryURL *string               `json:"discoveryUrl,omitempty" v:"len=1..2048;pattern=discoveryURL"`
	Metadata     *AuthorizationServers `json:"authorizationServerMetadata,omitempty"`
}

// AuthorizationServers is the metadata of one authorization server given by hand.
type AuthorizationServers struct {
	Issuer                string   `json:"issuer" v:"required;len=1..2048"`
	AuthorizationEndpoint string   `json:"authorizationEndpoint" v:"required;len=1..2048"`
	TokenEndpoint         string   `json:"tokenEndpoint" v:"required;len=1..2048"`
	ResponseTypes         []string `json:"responseTypes,omitempty" v:"items=0..10" each:"len=1..64"`
	TokenAuthMethods      []string `json:"tokenEndpointAuthMethods,omitempty" v:"items=1..2" each:"enum=tokenAuthMethod"`
}

// SecretReference points at a secret that the caller keeps.
type SecretReference struct {
	SecretID string `json:"secretId" v:"required;len=1..2048"`
	JSONKey  string `json:"jsonKey" v:"required;len=1..128"`
}

// Secret names the place of a stored secret; its value is never answered.
type Secret struct {
	ARN string `json:"secretArn"`
}

// Oauth2CredentialProvider is the output of Create, Get and Update; Create leaves out vendor and times.
type Oauth2CredentialProvider struct {
	Name               string                     `json:"name"`
	Vendor             string                     `json:"credentialProviderVendor,omitempty"`
	ARN                string                     `json:"credentialProviderArn"`
	ClientSecretARN    Secret                     `json:"clientSecretArn"`
	ClientSecretSource string                     `json:"clientSecretSource,omitempty"`
	CallbackURL        string                     `json:"callbackUrl"`
	Config             Oauth2ProviderConfigOutput `json:"oauth2ProviderConfigOutput"`
	Status             string                     `json:"status"`
	CreatedTime        *Timestamp                 `json:"createdTime,omitempty"`
	UpdatedTime        *Timestamp                 `json:"lastUpdatedTime,omitempty"`
}

// Oauth2ProviderConfigOutput has exactly one member, the vendor's.
type Oauth2ProviderConfigOutput struct {
	Custom     *Oauth2ProviderConfig `json:"customOauth2ProviderConfig,omitempty"`
	Google     *Oauth2ProviderConfig `json:"googleOauth2ProviderConfig,omitempty"`
	Github     *Oauth2ProviderConfig `json:"githubOauth2ProviderConfig,omitempty"`
	Slack      *Oauth2ProviderConfig `json:"slackOauth2ProviderConfig,omitempty"`
	Salesforce *Oauth2ProviderConfig `json:"salesforceOauth2ProviderConfig,omitempty"`
	Microsoft  *Oauth2ProviderConfig `json:"microsoftOauth2ProviderConfig,omitempty"`
	Atlassian  *Oauth2ProviderConfig `json:"atlassianOauth2ProviderConfig,omitempty"`
	Included   *Oauth2ProviderConfig `json:"includedOauth2ProviderConfig,omitempty"`
}

// Vendors are the members of all vendors but CustomOauth2, by their names on the wire.
func (c *Oauth2ProviderConfigInput) Vendors() map[string]*VendorOauth2ProviderConfigInput {
	return map[string]*VendorOauth2ProviderConfigInput{
		"googleOauth2ProviderConfig": c.Google, "githubOauth2ProviderConfig": c.Github, "slackOauth2ProviderConfig": c.Slack,
		"salesforceOauth2ProviderConfig": c.Salesforce, "microsoftOauth2ProviderConfig": c.Microsoft, "atlassianOauth2ProviderConfig": c.Atlassian,
		"linkedinOauth2ProviderConfig": c.Linkedin, "includedOauth2ProviderConfig": c.Included,
	}
}

// Members are the places of all members, by their names on the wire.
func (c *Oauth2ProviderConfigOutput) Members() map[string]**Oauth2ProviderConfig {
	return map[string]**Oauth2ProviderConfig{
		"customOauth2ProviderConfig": &c.Custom, "googleOauth2ProviderConfig": &c.Google, "githubOauth2ProviderConfig": &c.Github,
		"slackOauth2ProviderConfig": &c.Slack, "salesforceOauth2ProviderConfig": &c.Salesforce, "microsoftOauth2ProviderConfig": &c.Microsoft,
		"atlassianOauth2ProviderConfig": &c.Atlassian, "includedOauth2ProviderConfig": &c.Included,
	}
}

// Oauth2ProviderConfig is a configuration without its secret.
type Oauth2ProviderConfig struct {
	Discovery        Oauth2Discovery `json:"oauthDiscovery"`
	ClientID         string          `json:"clientId,omitempty"`
	ClientAuthMethod string          `json:"clientAuthenticationMethod,omitempty"`
}

// ProviderName is the input of the Get and Delete operations of both kinds of provider.
type ProviderName struct {
	Name string `json:"name" v:"required;len=1..128;pattern=providerName"`
}

// ListOauth2CredentialProvidersResponse is a page in order of name.
type ListOauth2CredentialProvidersResponse struct {
	Items     []Oauth2CredentialProviderItem `json:"credentialProviders"`
	NextToken string                         `json:"nextToken,omitempty"`
}

// Oauth2CredentialProviderItem is one line of a list.
type Oauth2CredentialProviderItem struct {
	Name        string    `json:"name"`
	Vendor      string    `json:"credentialProviderVendor"`
	ARN         string    `json:"credentialProviderArn"`
	CreatedTime Timestamp `json:"createdTime"`
	UpdatedTime Timestamp `json:"lastUpdatedTime"`
}

// CreateApiKeyCredentialProviderRequest stores an API key.
type CreateApiKeyCredentialProviderRequest struct {
	Name         string            `json:"name" v:"required;len=1..128;pattern=providerName"`
	APIKey       Sensitive         `json:"apiKey,omitempty" v:"len=0..65536"`
	SecretConfig *SecretReference  `json:"apiKeySecretConfig,omitempty"`
	SecretSource string            `json:"apiKeySecretSource,omitempty" v:"enum=secretSource"`
	Tags         map[string]string `json:"tags,omitempty" v:"items=0..50" keys:"len=1..128;pattern=tag" each:"len=0..256;pattern=tag"`
}

// UpdateApiKeyCredentialProviderRequest replaces an API key.
type UpdateApiKeyCredentialProviderRequest struct {
	Name         string           `json:"name" v:"required;len=1..128;pattern=providerName"`
	APIKey       Sensitive        `json:"apiKey,omitempty" v:"len=0..65536"`
	SecretConfig *SecretReference `json:"apiKeySecretConfig,omitempty"`
	SecretSource string           `json:"apiKeySecretSource,omitempty" v:"enum=secretSource"`
}

// ApiKeyCredentialProvider is the output of Create, Get and Update; Create leaves out the times.
type ApiKeyCredentialProvider struct {
	Name         string     `json:"name"`
	ARN          string     `json:"credentialProviderArn"`
	SecretARN    Secret     `json:"apiKeySecretArn"`
	SecretSource string     `json:"apiKeySecretSource,omitempty"`
	CreatedTime  *Timestamp `json:"createdTime,omitempty"`
	UpdatedTime  *Timestamp `json:"lastUpdatedTime,omitempty"`
}

// ListApiKeyCredentialProvidersRequest asks for a page of at most 100: more than the other lists allow.
type ListApiKeyCredentialProvidersRequest struct {
	NextToken  string `json:"nextToken,omitempty" v:"len=0..2048"`
	MaxResults *int32 `json:"maxResults,omitempty" v:"range=1..100"`
}

// ListApiKeyCredentialProvidersResponse is a page in order of name.
type ListApiKeyCredentialProvidersResponse struct {
	Items     []ApiKeyCredentialProviderItem `json:"credentialProviders"`
	NextToken string                         `json:"nextToken,omitempty"`
}

// ApiKeyCredentialProviderItem is one line of a list.
type ApiKeyCredentialProviderItem struct {
	Name        string    `json:"name"`
	ARN         string    `json:"credentialProviderArn"`
	CreatedTime Timestamp `json:"createdTime"`
	UpdatedTime Timestamp `json:"lastUpdatedTime"`
}
