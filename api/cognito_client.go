package api

// Clients of user pools.

// CreateUserPoolClientRequest registers an OAuth client in a pool.
type CreateUserPoolClientRequest struct {
	UserPoolID     string    `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	ClientName     string    `json:"ClientName" v:"required;len=1..128;pattern=poolName"`
	GenerateSecret bool      `json:"GenerateSecret,omitempty"`
	ClientSecret   *Unserved `json:"ClientSecret,omitempty" unserved:"secrets are made here, where they are sure to be random; send GenerateSecret"`

	RefreshTokenValidity *int32              `json:"RefreshTokenValidity,omitempty" v:"range=0..315360000"`
	AccessTokenValidity  *int32              `json:"AccessTokenValidity,omitempty" v:"range=1..86400"`
	IDTokenValidity      *int32              `json:"IdTokenValidity,omitempty" v:"range=1..86400"`
	TokenValidityUnits   *TokenValidityUnits `json:"TokenValidityUnits,omitempty"`
	AuthSessionValidity  *int32              `json:"AuthSessionValidity,omitempty" v:"range=3..15"`

	ExplicitAuthFlows          []string `json:"ExplicitAuthFlows,omitempty" v:"items=0..10" each:"enum=explicitFlow"`
	SupportedIdentityProviders []string `json:"SupportedIdentityProviders,omitempty" v:"items=0..50" each:"len=1..32"`
	CallbackURLs               []string `json:"CallbackURLs,omitempty" v:"items=0..100" each:"len=1..1024;pattern=poolUser"`
	LogoutURLs                 []string `json:"LogoutURLs,omitempty" v:"items=0..100" each:"len=1..1024;pattern=poolUser"`
	DefaultRedirectURI         *string  `json:"DefaultRedirectURI,omitempty" v:"len=1..1024;pattern=poolUser"`
	AllowedOAuthFlows          []string `json:"AllowedOAuthFlows,omitempty" v:"items=0..3" each:"enum=oauthFlow"`
	AllowedOAuthScopes         []string `json:"AllowedOAuthScopes,omitempty" v:"items=0..50" each:"len=1..256;pattern=oauthScope"`
	AllowOAuth                 bool     `json:"AllowedOAuthFlowsUserPoolClient,omitempty"`

	PreventUserExistenceErrors *string               `json:"PreventUserExistenceErrors,omitempty" v:"enum=existenceErrors"`
	EnableTokenRevocation      *bool                 `json:"EnableTokenRevocation,omitempty"`
	RefreshTokenRotation       *RefreshTokenRotation `json:"RefreshTokenRotation,omitempty"`
	PropagateUserContext       *bool                 `json:"EnablePropagateAdditionalUserContextData,omitempty"`
	ReadAttributes             []string              `json:"ReadAttributes,omitempty" v:"items=0..100" each:"len=1..2048"`
	WriteAttributes            []string              `json:"WriteAttributes,omitempty" v:"items=0..100" each:"len=1..2048"`
	AnalyticsConfiguration     Echo                  `json:"AnalyticsConfiguration,omitempty" v:"items=2..4096"`
}

// UpdateUserPoolClientRequest replaces a client's registration: what is left out returns to its default, but for the
// name and the secret.
type UpdateUserPoolClientRequest struct {
	UserPoolID string `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	ClientID   string `json:"ClientId" v:"required;len=1..128;pattern=poolClientID"`
	ClientName string `json:"ClientName,omitempty" v:"len=1..128;pattern=poolName"`

	RefreshTokenValidity *int32              `json:"RefreshTokenValidity,omitempty" v:"range=0..315360000"`
	AccessTokenValidity  *int32              `json:"AccessTokenValidity,omitempty" v:"range=1..86400"`
	IDTokenValidity      *int32              `json:"IdTokenValidity,omitempty" v:"range=1..86400"`
	TokenValidityUnits   *TokenValidityUnits `json:"TokenValidityUnits,omitempty"`
	AuthSessionValidity  *int32              `json:"AuthSessionValidity,omitempty" v:"range=3..15"`

	ExplicitAuthFlows          []string `json:"ExplicitAuthFlows,omitempty" v:"items=0..10" each:"enum=explicitFlow"`
	SupportedIdentityProviders []string `json:"SupportedIdentityProviders,omitempty" v:"items=0..50" each:"len=1..32"`
	CallbackURLs               []string `json:"CallbackURLs,omitempty" v:"items=0..100" each:"len=1..1024;pattern=poolUser"`
	LogoutURLs                 []string `json:"LogoutURLs,omitempty" v:"items=0..100" each:"len=1..1024;pattern=poolUser"`
	DefaultRedirectURI         *string  `json:"DefaultRedirectURI,omitempty" v:"len=1..1024;pattern=poolUser"`
	AllowedOAuthFlows          []string `json:"AllowedOAuthFlows,omitempty" v:"items=0..3" each:"enum=oauthFlow"`
	AllowedOAuthScopes         []string `json:"AllowedOAuthScopes,omitempty" v:"items=0..50" each:"len=1..256;pattern=oauthScope"`
	AllowOAuth                 bool     `json:"AllowedOAuthFlowsUserPoolClient,omitempty"`

	PreventUserExistenceErrors *string               `json:"PreventUserExistenceErrors,omitempty" v:"enum=existenceErrors"`
	EnableTokenRevocation      *bool                 `json:"EnableTokenRevocation,omitempty"`
	RefreshTokenRotation       *RefreshTokenRotation `json:"RefreshTokenRotation,omitempty"`
	PropagateUserContext       *bool                 `json:"EnablePropagateAdditionalUserContextData,omitempty"`
	ReadAttributes             []string              `json:"ReadAttributes,omitempty" v:"items=0..100" each:"len=1..2048"`
	WriteAttributes            []string              `json:"WriteAttributes,omitempty" v:"items=0..100" each:"len=1..2048"`
	AnalyticsConfiguration     Echo                  `json:"AnalyticsConfiguration,omitempty" v:"items=2..4096"`
}

// TokenValidityUnits are hours for access and ID tokens and days for refresh tokens unless they say otherwise.
type TokenValidityUnits struct {
	AccessToken  string `json:"AccessToken,omitempty" v:"enum=timeUnit"`
	IDToken      string `json:"IdToken,omitempty" v:"enum=timeUnit"`
	RefreshToken string `json:"RefreshToken,omitempty" v:"enum=timeUnit"`
}

// RefreshTokenRotation makes every refresh token good for one use.
type RefreshTokenRotation struct {
	Feature                 string `json:"Feature" v:"required;enum=feature"`
	RetryGracePeriodSeconds *int32 `json:"RetryGracePeriodSeconds,omitempty" v:"range=0..60"`
}

// UserPoolClient is a client as it is answered.
type UserPoolClient struct {
	UserPoolID       string    `json:"UserPoolId"`
	ClientName       string    `json:"ClientName"`
	ClientID         string    `json:"ClientId"`
	ClientSecret     Sensitive `json:"ClientSecret,omitempty"`
	CreationDate     Timestamp `json:"CreationDate"`
	LastModifiedDate Timestamp `json:"LastModifiedDate"`

	RefreshTokenValidity int32               `json:"RefreshTokenValidity"`
	AccessTokenValidity  *int32              `json:"AccessTokenValidity,omitempty"`
	IDTokenValidity      *int32              `json:"IdTokenValidity,omitempty"`
	TokenValidityUnits   *TokenValidityUnits `json:"TokenValidityUnits,omitempty"`
	AuthSessionValidity  int32               `json:"AuthSessionValidity"`

	ExplicitAuthFlows          []string `json:"ExplicitAuthFlows,omitempty"`
	SupportedIdentityProviders []string `json:"SupportedIdentityProviders,omitempty"`
	CallbackURLs               []string `json:"CallbackURLs,omitempty"`
	LogoutURLs                 []string `json:"LogoutURLs,omitempty"`
	DefaultRedirectURI         *string  `json:"DefaultRedirectURI,omitempty"`
	AllowedOAuthFlows          []string `json:"AllowedOAuthFlows,omitempty"`
	AllowedOAuthScopes         []string `json:"AllowedOAuthScopes,omitempty"`
	AllowOAuth                 bool     `json:"AllowedOAuthFlowsUserPoolClient"`

	PreventUserExistenceErrors string                `json:"PreventUserExistenceErrors,omitempty"`
	EnableTokenRevocation      bool                  `json:"EnableTokenRevocation"`
	RefreshTokenRotation       *RefreshTokenRotation `json:"RefreshTokenRotation,omitempty"`
	PropagateUserContext       bool                  `json:"EnablePropagateAdditionalUserContextData"`
	ReadAttributes             []string              `json:"ReadAttributes,omitempty"`
	WriteAttributes            []string              `json:"WriteAttributes,omitempty"`
	AnalyticsConfiguration     Echo                  `json:"AnalyticsConfiguration,omitempty"`
}

// UserPoolClientResponse is the answer of the operations that make, change and show a client.
type UserPoolClientResponse struct {
	UserPoolClient UserPoolClient `json:"UserPoolClient"`
}

// UserPoolClientID names a client of a pool.
type UserPoolClientID struct {
	UserPoolID string `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	ClientID   string `json:"ClientId" v:"required;len=1..128;pattern=poolClientID"`
}

// ListUserPoolClientsRequest asks for a page of a pool's clients.
type ListUserPoolClientsRequest struct {
	UserPoolID string `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	MaxResults *int32 `json:"MaxResults,omitempty" v:"range=1..60"`
	NextToken  string `json:"NextToken,omitempty" v:"len=1..1024;pattern=noSpace"`
}

// ListUserPoolClientsResponse is a page of a pool's clients.
type ListUserPoolClientsResponse struct {
	UserPoolClients []UserPoolClientDescription `json:"UserPoolClients"`
	NextToken       string                      `json:"NextToken,omitempty"`
}

// UserPoolClientDescription is a client in a list.
type UserPoolClientDescription struct {
	ClientID   string `json:"ClientId"`
	UserPoolID string `json:"UserPoolId"`
	ClientName string `json:"ClientName"`
}
