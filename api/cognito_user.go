package api

// Users of user pools, and their sign-in by API.

// UserAttribute is one attribute of a user.
type UserAttribute struct {
	Name  string `json:"Name" v:"required;len=1..32;pattern=attribute"`
	Value string `json:"Value,omitempty" v:"len=0..2048;secret"`
}

// AdminCreateUserRequest makes a user. No message is ever sent.
type AdminCreateUserRequest struct {
	UserPoolID             string            `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	Username               string            `json:"Username" v:"required;len=1..128;pattern=poolUser"`
	UserAttributes         []UserAttribute   `json:"UserAttributes,omitempty" v:"items=0..100"`
	TemporaryPassword      *Sensitive        `json:"TemporaryPassword,omitempty" v:"len=1..256;pattern=noSpace"`
	MessageAction          string            `json:"MessageAction,omitempty" v:"enum=messageAction"`
	ForceAliasCreation     bool              `json:"ForceAliasCreation,omitempty"`
	DesiredDeliveryMediums []string          `json:"DesiredDeliveryMediums,omitempty" v:"items=0..2" each:"enum=deliveryMedium"`
	ValidationData         []UserAttribute   `json:"ValidationData,omitempty" v:"items=0..100"`
	ClientMetadata         map[string]string `json:"ClientMetadata,omitempty" v:"items=0..50" keys:"len=0..2048" each:"len=0..4096"`
}

// AdminCreateUserResponse is the user that was made.
type AdminCreateUserResponse struct {
	User PoolUser `json:"User"`
}

// PoolUser is a user as it is answered.
type PoolUser struct {
	Username             string          `json:"Username"`
	Attributes           []UserAttribute `json:"Attributes"`
	UserCreateDate       Timestamp       `json:"UserCreateDate"`
	UserLastModifiedDate Timestamp       `json:"UserLastModifiedDate"`
	Enabled              bool            `json:"Enabled"`
	UserStatus           string          `json:"UserStatus"`
}

// PoolUserName names a user of a pool.
type PoolUserName struct {
	UserPoolID string `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	Username   string `json:"Username" v:"required;len=1..128;pattern=poolUser"`
}

// AdminGetUserResponse is a user of a pool.
type AdminGetUserResponse struct {
	Username             string          `json:"Username"`
	UserAttributes       []UserAttribute `json:"UserAttributes"`
	UserCreateDate       Timestamp       `json:"UserCreateDate"`
	UserLastModifiedDate Timestamp       `json:"UserLastModifiedDate"`
	Enabled              bool            `json:"Enabled"`
	UserStatus           string          `json:"UserStatus"`
}

// AdminSetUserPasswordRequest sets a password, which the user must change at the next sign-in unless it is permanent.
type AdminSetUserPasswordRequest struct {
	UserPoolID string    `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	Username   string    `json:"Username" v:"required;len=1..128;pattern=poolUser"`
	Password   Sensitive `json:"Password" v:"required;len=1..256;pattern=noSpace"`
	Permanent  bool      `json:"Permanent,omitempty"`
}

// InitiateAuthRequest signs a user in, or renews tokens.
type InitiateAuthRequest struct {
	ClientID          string               `json:"ClientId" v:"required;len=1..128;pattern=poolClientID"`
	AuthFlow          string               `json:"AuthFlow" v:"required;len=1..64"`
	AuthParameters    map[string]Sensitive `json:"AuthParameters,omitempty" v:"items=0..50" keys:"len=1..128" each:"len=0..8192;secret"`
	ClientMetadata    map[string]string    `json:"ClientMetadata,omitempty" v:"items=0..50" keys:"len=0..2048" each:"len=0..4096"`
	AnalyticsMetadata Echo                 `json:"AnalyticsMetadata,omitempty" v:"items=2..4096"`
	UserContextData   Echo                 `json:"UserContextData,omitempty" v:"items=2..16384;secret"`
	Session           *Unserved            `json:"Session,omitempty" unserved:"a sign-in begins without a session; answer a challenge with RespondToAuthChallenge"`
}

// RespondToAuthChallengeRequest answers the challenge of a sign-in.
type RespondToAuthChallengeRequest struct {
	ClientID           string               `json:"ClientId" v:"required;len=1..128;pattern=poolClientID"`
	ChallengeName      string               `json:"ChallengeName" v:"required;len=1..64"`
	Session            Sensitive            `json:"Session,omitempty" v:"len=20..2048"`
	ChallengeResponses map[string]Sensitive `json:"ChallengeResponses,omitempty" v:"items=0..50" keys:"len=1..128" each:"len=0..8192;secret"`
	ClientMetadata     map[string]string    `json:"ClientMetadata,omitempty" v:"items=0..50" keys:"len=0..2048" each:"len=0..4096"`
	AnalyticsMetadata  Echo                 `json:"AnalyticsMetadata,omitempty" v:"items=2..4096"`
	UserContextData    Echo                 `json:"UserContextData,omitempty" v:"items=2..16384;secret"`
}

// AuthResponse is the tokens of a sign-in, or the challenge that comes before them.
type AuthResponse struct {
	ChallengeName        string                `json:"ChallengeName,omitempty"`
	Session              Sensitive             `json:"Session,omitempty"`
	ChallengeParameters  map[string]string     `json:"ChallengeParameters"`
	AuthenticationResult *AuthenticationResult `json:"AuthenticationResult,omitempty"`
}

// AuthenticationResult is what a sign-in ends in.
type AuthenticationResult struct {
	AccessToken  Sensitive `json:"AccessToken"`
	ExpiresIn    int64     `json:"ExpiresIn"`
	TokenType    string    `json:"TokenType"`
	RefreshToken Sensitive `json:"RefreshToken,omitempty"`
	IDToken      Sensitive `json:"IdToken,omitempty"`
}

// RevokeTokenRequest ends a refresh token and all that was issued with it.
type RevokeTokenRequest struct {
	Token        Sensitive `json:"Token" v:"required;len=1..8192"`
	ClientID     string    `json:"ClientId" v:"required;len=1..128;pattern=poolClientID"`
	ClientSecret Sensitive `json:"ClientSecret,omitempty" v:"len=24..64"`
}
