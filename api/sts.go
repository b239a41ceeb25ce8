package api

// STS: who is calling, roles taken on for a while, and web identity tokens (contract of the AWS Query protocol).

// GetCallerIdentityResponse says who signed the request.
type GetCallerIdentityResponse struct {
	UserID  string `json:"UserId"`
	Account string `json:"Account"`
	ARN     string `json:"Arn"`
}

// GetWebIdentityTokenRequest asks for a JWT that proves to outsiders who the caller is.
type GetWebIdentityTokenRequest struct {
	Audience         []string `json:"Audience" v:"required;items=1..10" each:"len=1..1000"`
	DurationSeconds  *int32   `json:"DurationSeconds,omitempty" v:"range=60..3600"`
	SigningAlgorithm string   `json:"SigningAlgorithm" v:"required;enum=signingAlgorithm"`
	Tags             []Tag    `json:"Tags,omitempty" v:"items=0..50"`
}

// GetWebIdentityTokenResponse carries the JWT.
type GetWebIdentityTokenResponse struct {
	Token      Sensitive `json:"WebIdentityToken"`
	Expiration Timestamp `json:"Expiration"`
}

// AssumeRoleRequest asks for temporary credentials of a role.
type AssumeRoleRequest struct {
	RoleARN           string             `json:"RoleArn" v:"required;len=20..2048;pattern=xmlText"`
	SessionName       string             `json:"RoleSessionName" v:"required;len=2..64;pattern=iamName"`
	PolicyARNs        []PolicyDescriptor `json:"PolicyArns,omitempty" v:"items=0..10"`
	Policy            *string            `json:"Policy,omitempty" v:"len=1..131072;pattern=policyText"`
	DurationSeconds   *int32             `json:"DurationSeconds,omitempty" v:"range=900..43200"`
	Tags              []Tag              `json:"Tags,omitempty" v:"items=0..50"`
	TransitiveTagKeys []string           `json:"TransitiveTagKeys,omitempty" v:"items=0..50" each:"len=1..128;pattern=iamTag"`
	ExternalID        *string            `json:"ExternalId,omitempty" v:"len=2..1224;pattern=externalID"`
	SourceIdentity    *string            `json:"SourceIdentity,omitempty" v:"len=2..64;pattern=iamName"`
	// MinimumSessionTokenSize asks for padding; a token without it is no weaker, so it is taken and not followed.
	MinimumSessionTokenSize *int32    `json:"MinimumSessionTokenSize,omitempty" v:"range=0..4096"`
	SerialNumber            *Unserved `json:"SerialNumber,omitempty" unserved:"Lanyard keeps no MFA devices; let the trust policy ask for a web identity whose issuer does"`
	TokenCode               *Unserved `json:"TokenCode,omitempty" unserved:"Lanyard keeps no MFA devices; let the trust policy ask for a web identity whose issuer does"`
	ProvidedContexts        *Unserved `json:"ProvidedContexts,omitempty" unserved:"Lanyard trusts no context provider; send session tags"`
}

// PolicyDescriptor names a managed policy that narrows a session.
type PolicyDescriptor struct {
	ARN string `json:"arn" v:"required;len=20..2048;pattern=xmlText"`
}

// AssumeRoleResponse carries the credentials of the session.
type AssumeRoleResponse struct {
	Credentials      Credentials     `json:"Credentials"`
	AssumedRoleUser  AssumedRoleUser `json:"AssumedRoleUser"`
	PackedPolicySize *int32          `json:"PackedPolicySize,omitempty"`
	SourceIdentity   string          `json:"SourceIdentity,omitempty"`
}

// Credentials are temporary; all three parts sign together.
type Credentials struct {
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey Sensitive `json:"SecretAccessKey"`
	SessionToken    Sensitive `json:"SessionToken"`
	Expiration      Timestamp `json:"Expiration"`
}

// AssumedRoleUser is who the credentials speak as.
type AssumedRoleUser struct {
	ID  string `json:"AssumedRoleId"`
	ARN string `json:"Arn"`
}

// AssumeRoleWithWebIdentityRequest asks for temporary credentials of a role with a JWT in place of a signature.
type AssumeRoleWithWebIdentityRequest struct {
	RoleARN                 string             `json:"RoleArn" v:"required;len=20..2048;pattern=xmlText"`
	SessionName             string             `json:"RoleSessionName" v:"required;len=2..64;pattern=iamName"`
	Token                   Sensitive          `json:"WebIdentityToken" v:"required;len=4..20000"`
	PolicyARNs              []PolicyDescriptor `json:"PolicyArns,omitempty" v:"items=0..10"`
	Policy                  *string            `json:"Policy,omitempty" v:"len=1..2048;pattern=policyText"`
	DurationSeconds         *int32             `json:"DurationSeconds,omitempty" v:"range=900..43200"`
	MinimumSessionTokenSize *int32             `json:"MinimumSessionTokenSize,omitempty" v:"range=0..4096"` // as in AssumeRoleRequest
	ProviderID              *Unserved          `json:"ProviderId,omitempty" unserved:"it names providers of OAuth 2.0 access tokens; send an OpenID Connect ID token, which names its issuer itself"`
}

// AssumeRoleWithWebIdentityResponse carries the credentials of the session and what the JWT proved.
type AssumeRoleWithWebIdentityResponse struct {
	Credentials      Credentials     `json:"Credentials"`
	Subject          string          `json:"SubjectFromWebIdentityToken,omitempty"`
	AssumedRoleUser  AssumedRoleUser `json:"AssumedRoleUser"`
	PackedPolicySize *int32          `json:"PackedPolicySize,omitempty"`
	Provider         string          `json:"Provider,omitempty"`
	Audience         string          `json:"Audience,omitempty"`
	SourceIdentity   string          `json:"SourceIdentity,omitempty"`
}
