package api

// User pools, their domains and resource servers. A member that asks for a protection which is not given here is refused
// unless it asks for the default; what changes no protection is kept and echoed.

// CreateUserPoolRequest makes a user pool.
type CreateUserPoolRequest struct {
	PoolName                    string                 `json:"PoolName" v:"required;len=1..128;pattern=poolName"`
	Policies                    *UserPoolPolicies      `json:"Policies,omitempty"`
	DeletionProtection          *string                `json:"DeletionProtection,omitempty" v:"enum=toggle"`
	MfaConfiguration            *string                `json:"MfaConfiguration,omitempty"`
	LambdaConfig                Echo                   `json:"LambdaConfig,omitempty" v:"items=2..16384"`
	UserPoolAddOns              *UserPoolAddOns        `json:"UserPoolAddOns,omitempty"`
	DeviceConfiguration         *DeviceConfiguration   `json:"DeviceConfiguration,omitempty"`
	UsernameAttributes          []string               `json:"UsernameAttributes,omitempty" v:"items=0..2" each:"enum=verifiedAttribute"`
	UsernameConfiguration       *UsernameConfiguration `json:"UsernameConfiguration,omitempty"`
	AutoVerifiedAttributes      []string               `json:"AutoVerifiedAttributes,omitempty" v:"items=0..2" each:"enum=verifiedAttribute"`
	AdminCreateUserConfig       *AdminCreateUserConfig `json:"AdminCreateUserConfig,omitempty"`
	Schema                      []SchemaAttribute      `json:"Schema,omitempty" v:"items=1..50"`
	UserPoolTags                map[string]string      `json:"UserPoolTags,omitempty" v:"items=0..50" keys:"len=1..128;pattern=tag" each:"len=0..256;pattern=tag"`
	UserPoolTier                *string                `json:"UserPoolTier,omitempty" v:"enum=poolTier"`
	SmsVerificationMessage      Echo                   `json:"SmsVerificationMessage,omitempty" v:"items=2..1024"`
	SmsAuthenticationMessage    Echo                   `json:"SmsAuthenticationMessage,omitempty" v:"items=2..1024"`
	EmailVerificationMessage    Echo                   `json:"EmailVerificationMessage,omitempty" v:"items=2..80000"`
	EmailVerificationSubject    Echo                   `json:"EmailVerificationSubject,omitempty" v:"items=2..1024"`
	VerificationMessageTemplate Echo                   `json:"VerificationMessageTemplate,omitempty" v:"items=2..160000"`
	UserAttributeUpdateSettings Echo                   `json:"UserAttributeUpdateSettings,omitempty" v:"items=2..1024"`
	EmailConfiguration          Echo                   `json:"EmailConfiguration,omitempty" v:"items=2..16384"`
	SmsConfiguration            Echo                   `json:"SmsConfiguration,omitempty" v:"items=2..16384"`
	AccountRecoverySetting      Echo                   `json:"AccountRecoverySetting,omitempty" v:"items=2..1024"`

	AliasAttributes     *Unserved `json:"AliasAttributes,omitempty" unserved:"users sign in by their user name here; leave the aliases out, or name the attribute in UsernameAttributes"`
	KeyConfiguration    *Unserved `json:"KeyConfiguration,omitempty" unserved:"secrets of user pools are sealed under this server's own root key"`
	IssuerConfiguration *Unserved `json:"IssuerConfiguration,omitempty" unserved:"the issuer is always https://cognito-idp.REGION.amazonaws.com/POOL"`
}

// UserPoolPolicies are the password rules of a pool.
type UserPoolPolicies struct {
	PasswordPolicy *PasswordPolicy `json:"PasswordPolicy,omitempty"`
	SignInPolicy   *SignInPolicy   `json:"SignInPolicy,omitempty"`
}

// PasswordPolicy says what a password must have.
type PasswordPolicy struct {
	MinimumLength                 *int32 `json:"MinimumLength,omitempty" v:"range=6..99"`
	RequireUppercase              bool   `json:"RequireUppercase"`
	RequireLowercase              bool   `json:"RequireLowercase"`
	RequireNumbers                bool   `json:"RequireNumbers"`
	RequireSymbols                bool   `json:"RequireSymbols"`
	PasswordHistorySize           *int32 `json:"PasswordHistorySize,omitempty" v:"range=0..24"`
	TemporaryPasswordValidityDays *int32 `json:"TemporaryPasswordValidityDays,omitempty" v:"range=0..365"`
}

// SignInPolicy lists the first factors of a sign-in; only PASSWORD is served.
type SignInPolicy struct {
	AllowedFirstAuthFactors []string `json:"AllowedFirstAuthFactors,omitempty" v:"items=1..5"`
}

// UserPoolAddOns switch advanced security on; only OFF is served.
type UserPoolAddOns struct {
	AdvancedSecurityMode            string `json:"AdvancedSecurityMode" v:"required"`
	AdvancedSecurityAdditionalFlows Echo   `json:"AdvancedSecurityAdditionalFlows,omitempty" v:"items=2..1024"`
}

// DeviceConfiguration remembers devices; only false is served.
type DeviceConfiguration struct {
	ChallengeRequiredOnNewDevice     bool `json:"ChallengeRequiredOnNewDevice,omitempty"`
	DeviceOnlyRememberedOnUserPrompt bool `json:"DeviceOnlyRememberedOnUserPrompt,omitempty"`
}

// UsernameConfiguration says whether case tells user names apart.
type UsernameConfiguration struct {
	CaseSensitive *bool `json:"CaseSensitive" v:"required"`
}

// AdminCreateUserConfig says who may make users. Nobody can sign up here, whatever it says.
type AdminCreateUserConfig struct {
	AllowAdminCreateUserOnly  *bool  `json:"AllowAdminCreateUserOnly,omitempty"`
	UnusedAccountValidityDays *int32 `json:"UnusedAccountValidityDays,omitempty" v:"range=0..365"`
	InviteMessageTemplate     Echo   `json:"InviteMessageTemplate,omitempty" v:"items=2..160000"`
}

// SchemaAttribute is one attribute of a pool's users.
type SchemaAttribute struct {
	Name                       string  `json:"Name" v:"len=1..32;pattern=poolUser"`
	AttributeDataType          *string `json:"AttributeDataType,omitempty" v:"enum=attributeType"`
	DeveloperOnlyAttribute     *bool   `json:"DeveloperOnlyAttribute,omitempty"`
	Mutable                    *bool   `json:"Mutable,omitempty"`
	Required                   *bool   `json:"Required,omitempty"`
	NumberAttributeConstraints Echo    `json:"NumberAttributeConstraints,omitempty" v:"items=2..1024"`
	StringAttributeConstraints Echo    `json:"StringAttributeConstraints,omitempty" v:"items=2..1024"`
}

// UserPool is a user pool as it is answered.
type UserPool struct {
	ID                          string                 `json:"Id"`
	Name                        string                 `json:"Name"`
	ARN                         string                 `json:"Arn"`
	CreationDate                Timestamp              `json:"CreationDate"`
	LastModifiedDate            Timestamp              `json:"LastModifiedDate"`
	Policies                    *UserPoolPolicies      `json:"Policies,omitempty"`
	DeletionProtection          string                 `json:"DeletionProtection"`
	MfaConfiguration            string                 `json:"MfaConfiguration"`
	LambdaConfig                struct{}               `json:"LambdaConfig"`
	EstimatedNumberOfUsers      int                    `json:"EstimatedNumberOfUsers"`
	Domain                      string                 `json:"Domain,omitempty"`
	UserPoolAddOns              *UserPoolAddOns        `json:"UserPoolAddOns,omitempty"`
	DeviceConfiguration         *DeviceConfiguration   `json:"DeviceConfiguration,omitempty"`
	UsernameAttributes          []string               `json:"UsernameAttributes,omitempty"`
	UsernameConfiguration       *UsernameConfiguration `json:"UsernameConfiguration,omitempty"`
	AutoVerifiedAttributes      []string               `json:"AutoVerifiedAttributes,omitempty"`
	AdminCreateUserConfig       *AdminCreateUserConfig `json:"AdminCreateUserConfig,omitempty"`
	SchemaAttributes            []SchemaAttribute      `json:"SchemaAttributes"`
	UserPoolTags                map[string]string      `json:"UserPoolTags,omitempty"`
	UserPoolTier                string                 `json:"UserPoolTier"`
	SmsVerificationMessage      Echo                   `json:"SmsVerificationMessage,omitempty"`
	SmsAuthenticationMessage    Echo                   `json:"SmsAuthenticationMessage,omitempty"`
	EmailVerificationMessage    Echo                   `json:"EmailVerificationMessage,omitempty"`
	EmailVerificationSubject    Echo                   `json:"EmailVerificationSubject,omitempty"`
	VerificationMessageTemplate Echo                   `json:"VerificationMessageTemplate,omitempty"`
	UserAttributeUpdateSettings Echo                   `json:"UserAttributeUpdateSettings,omitempty"`
	EmailConfiguration          Echo                   `json:"EmailConfiguration,omitempty"`
	SmsConfiguration            Echo                   `json:"SmsConfiguration,omitempty"`
	AccountRecoverySetting      Echo                   `json:"AccountRecoverySetting,omitempty"`
}

// UserPoolResponse is the answer of CreateUserPool and DescribeUserPool.
type UserPoolResponse struct {
	UserPool UserPool `json:"UserPool"`
}

// UserPoolID names the pool that an operation is about.
type UserPoolID struct {
	UserPoolID string `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
}

// ListUserPoolsRequest asks for a page of pools.
type ListUserPoolsRequest struct {
	MaxResults *int32 `json:"MaxResults" v:"required;range=1..60"`
	NextToken  string `json:"NextToken,omitempty" v:"len=1..1024;pattern=noSpace"`
}

// ListUserPoolsResponse is a page of pools.
type ListUserPoolsResponse struct {
	UserPools []UserPoolDescription `json:"UserPools"`
	NextToken string                `json:"NextToken,omitempty"`
}

// UserPoolDescription is a pool in a list.
type UserPoolDescription struct {
	ID               string    `json:"Id"`
	Name             string    `json:"Name"`
	LambdaConfig     struct{}  `json:"LambdaConfig"`
	CreationDate     Timestamp `json:"CreationDate"`
	LastModifiedDate Timestamp `json:"LastModifiedDate"`
}

// CreateUserPoolDomainRequest gives a pool the domain of its hosted pages.
type CreateUserPoolDomainRequest struct {
	Domain              string    `json:"Domain" v:"required;len=1..63;pattern=poolDomain"`
	UserPoolID          string    `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	ManagedLoginVersion *int32    `json:"ManagedLoginVersion,omitempty" v:"range=1..2"`
	CustomDomainConfig  *Unserved `json:"CustomDomainConfig,omitempty" unserved:"a domain of your own is not served here; give a prefix alone, which becomes PREFIX.auth.REGION.amazoncognito.com"`
	Routing             *Unserved `json:"Routing,omitempty" unserved:"there is one region here, and nothing to fail over to"`
}

// CreateUserPoolDomainResponse tells the version of the hosted pages.
type CreateUserPoolDomainResponse struct {
	ManagedLoginVersion int32 `json:"ManagedLoginVersion"`
}

// UserPoolDomain names a domain.
type UserPoolDomain struct {
	Domain string `json:"Domain" v:"required;len=1..63;pattern=poolDomain"`
}

// DescribeUserPoolDomainResponse has an empty description for a domain that nobody has.
type DescribeUserPoolDomainResponse struct {
	DomainDescription DomainDescription `json:"DomainDescription"`
}

// DomainDescription is a domain as it is answered.
type DomainDescription struct {
	UserPoolID          string `json:"UserPoolId,omitempty"`
	AccountID           string `json:"AWSAccountId,omitempty"`
	Domain              string `json:"Domain,omitempty"`
	Version             string `json:"Version,omitempty"`
	Status              string `json:"Status,omitempty"`
	ManagedLoginVersion int32  `json:"ManagedLoginVersion,omitempty"`
}

// DeleteUserPoolDomainRequest takes a domain from its pool.
type DeleteUserPoolDomainRequest struct {
	Domain     string `json:"Domain" v:"required;len=1..63;pattern=poolDomain"`
	UserPoolID string `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
}

// CreateResourceServerRequest defines scopes, each IDENTIFIER/NAME.
type CreateResourceServerRequest struct {
	UserPoolID string                `json:"UserPoolId" v:"required;len=1..55;pattern=poolID"`
	Identifier string                `json:"Identifier" v:"required;len=1..256;pattern=oauthScope"`
	Name       string                `json:"Name" v:"required;len=1..256;pattern=poolName"`
	Scopes     []ResourceServerScope `json:"Scopes,omitempty" v:"items=0..100"`
}

// ResourceServerScope is a scope with what it permits, in words.
type ResourceServerScope struct {
	ScopeName        string `json:"ScopeName" v:"required;len=1..256;pattern=scopeName"`
	ScopeDescription string `json:"ScopeDescription" v:"required;len=1..256"`
}

// CreateResourceServerResponse is the resource server as it was made.
type CreateResourceServerResponse struct {
	ResourceServer ResourceServer `json:"ResourceServer"`
}

// ResourceServer is one API that tokens are for.
type ResourceServer struct {
	UserPoolID string                `json:"UserPoolId"`
	Identifier string                `json:"Identifier"`
	Name       string                `json:"Name"`
	Scopes     []ResourceServerScope `json:"Scopes"`
}
