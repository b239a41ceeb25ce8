package api

// Workload access tokens, resource tokens and API keys (contract 1.1).

// GetWorkloadAccessTokenRequest asks for a token of the workload alone.
type GetWorkloadAccessTokenRequest struct {
	WorkloadName string `json:"workloadName" v:"required;len=3..255;pattern=workloadName"`
}

// GetWorkloadAccessTokenForJWTRequest asks for a token of the workload acting for the user that the JWT names.
type GetWorkloadAccessTokenForJWTRequest struct {
	WorkloadName string    `json:"workloadName" v:"required;len=3..255;pattern=workloadName"`
	UserToken    Sensitive `json:"userToken" v:"required;len=1..131072;pattern=jwt"`
}

// GetWorkloadAccessTokenForUserIdRequest asks for a token of the workload acting for a user that the caller vouches for.
type GetWorkloadAccessTokenForUserIdRequest struct {
	WorkloadName string `json:"workloadName" v:"required;len=3..255;pattern=workloadName"`
	UserID       string `json:"userId" v:"required;len=1..128"`
}

// WorkloadAccessTokenResponse carries the token of all three operations.
type WorkloadAccessTokenResponse struct {
	Token Sensitive `json:"workloadAccessToken"`
}

// OAuth2 flows.
const (
	FlowUserFederation = "USER_FEDERATION"
	FlowM2M            = "M2M"
	FlowOnBehalfOf     = "ON_BEHALF_OF_TOKEN_EXCHANGE"
)

// GetResourceOauth2TokenRequest asks for a resource token, or for the way to consent.
type GetResourceOauth2TokenRequest struct {
	WorkloadToken       Sensitive            `json:"workloadIdentityToken" v:"required;len=1..131072"`
	ProviderName        string               `json:"resourceCredentialProviderName" v:"required;len=1..128;pattern=providerName"`
	Scopes              []string             `json:"scopes" v:"required;items=0..100" each:"len=1..128"`
	Flow                string               `json:"oauth2Flow" v:"required;enum=flow"`
	SessionURI          *string              `json:"sessionUri,omitempty" v:"len=1..1024;pattern=sessionURI;secret"`
	ReturnURL           *string              `json:"resourceOauth2ReturnUrl,omitempty" v:"len=1..2048;pattern=returnURL"`
	ForceAuthentication bool                 `json:"forceAuthentication,omitempty"`
	CustomParameters    map[string]Sensitive `json:"customParameters,omitempty" v:"items=0..50" keys:"len=1..256;pattern=parameterName" each:"len=1..2048"`
	CustomState         *Sensitive           `json:"customState,omitempty" v:"len=1..4096"`
	Resources           []string             `json:"resources,omitempty" v:"items=0..20" each:"len=1..2048"`
	Audiences           []string             `json:"audiences,omitempty" v:"items=0..20" each:"len=1..2048"`
}

// Statuses of a session in a GetResourceOauth2TokenResponse.
const (
	SessionInProgress = "IN_PROGRESS"
)

// GetResourceOauth2TokenResponse carries a token, or the URL at which the user consents and the session to poll.
type GetResourceOauth2TokenResponse struct {
	AuthorizationURL Sensitive `json:"authorizationUrl,omitempty"`
	AccessToken      Sensitive `json:"accessToken,omitempty"`
	SessionURI       string    `json:"sessionUri,omitempty"`
	SessionStatus    string    `json:"sessionStatus,omitempty"`
}

// GetResourceApiKeyRequest asks for an API key.
type GetResourceApiKeyRequest struct {
	WorkloadToken Sensitive `json:"workloadIdentityToken" v:"required;len=1..131072"`
	ProviderName  string    `json:"resourceCredentialProviderName" v:"required;len=1..128;pattern=providerName"`
}

// GetResourceApiKeyResponse carries the key.
type GetResourceApiKeyResponse struct {
	APIKey Sensitive `json:"apiKey"`
}

// CompleteResourceTokenAuthRequest proves that the user who consented is the user who asked.
type CompleteResourceTokenAuthRequest struct {
	User       UserIdentifier `json:"userIdentifier" v:"required"`
	SessionURI string         `json:"sessionUri" v:"required;len=1..1024;pattern=sessionURI;secret"`
}

// UserIdentifier has exactly one member.
type UserIdentifier struct {
	_         struct{}   `v:"union"`
	UserToken *Sensitive `json:"userToken,omitempty" v:"len=1..131072;pattern=jwt"`
	UserID    *string    `json:"userId,omitempty" v:"len=1..128"`
}
