package api

// The operations of IAM on users and their access keys.
var (
	CreateUser               = iamPut("CreateUser", ResourceUser)
	GetUser                  = iamGet("GetUser", ResourceUser)
	ListUsers                = iamGet("ListUsers", ResourceUser)
	UpdateUser               = iamPut("UpdateUser", ResourceUser)
	DeleteUser               = iamPut("DeleteUser", ResourceUser)
	TagUser                  = iamPut("TagUser", ResourceUser)
	UntagUser                = iamPut("UntagUser", ResourceUser)
	ListUserTags             = iamGet("ListUserTags", ResourceUser)
	ListGroupsForUser        = iamGet("ListGroupsForUser", ResourceUser)
	CreateAccessKey          = iamPut("CreateAccessKey", ResourceUser)
	ListAccessKeys           = iamGet("ListAccessKeys", ResourceUser)
	UpdateAccessKey          = iamPut("UpdateAccessKey", ResourceUser)
	DeleteAccessKey          = iamPut("DeleteAccessKey", ResourceUser)
	GetAccessKeyLastUsed     = iamGet("GetAccessKeyLastUsed", ResourceUser)
	PutUserPolicy            = iamPut("PutUserPolicy", ResourceUser)
	GetUserPolicy            = iamGet("GetUserPolicy", ResourceUser)
	ListUserPolicies         = iamGet("ListUserPolicies", ResourceUser)
	DeleteUserPolicy         = iamPut("DeleteUserPolicy", ResourceUser)
	AttachUserPolicy         = iamPut("AttachUserPolicy", ResourceUser)
	DetachUserPolicy         = iamPut("DetachUserPolicy", ResourceUser)
	ListAttachedUserPolicies = iamGet("ListAttachedUserPolicies", ResourceUser)
)

// The operations of IAM on roles.
var (
	CreateRole                  = iamPut("CreateRole", ResourceRole)
	GetRole                     = iamGet("GetRole", ResourceRole)
	ListRoles                   = iamGet("ListRoles", ResourceRole)
	UpdateRole                  = iamPut("UpdateRole", ResourceRole)
	UpdateRoleDescription       = iamPut("UpdateRoleDescription", ResourceRole)
	UpdateAssumeRolePolicy      = iamPut("UpdateAssumeRolePolicy", ResourceRole)
	DeleteRole                  = iamPut("DeleteRole", ResourceRole)
	TagRole                     = iamPut("TagRole", ResourceRole)
	UntagRole                   = iamPut("UntagRole", ResourceRole)
	ListRoleTags                = iamGet("ListRoleTags", ResourceRole)
	ListInstanceProfilesForRole = iamGet("ListInstanceProfilesForRole", ResourceRole)
	PutRolePolicy               = iamPut("PutRolePolicy", ResourceRole)
	GetRolePolicy               = iamGet("GetRolePolicy", ResourceRole)
	ListRolePolicies            = iamGet("ListRolePolicies", ResourceRole)
	DeleteRolePolicy            = iamPut("DeleteRolePolicy", ResourceRole)
	AttachRolePolicy            = iamPut("AttachRolePolicy", ResourceRole)
	DetachRolePolicy            = iamPut("DetachRolePolicy", ResourceRole)
	ListAttachedRolePolicies    = iamGet("ListAttachedRolePolicies", ResourceRole)
)

// The operations of IAM on managed policies.
var (
	CreatePolicy            = iamPut("CreatePolicy", ResourcePolicy)
	GetPolicy               = iamGet("GetPolicy", ResourcePolicy)
	ListPolicies            = iamGet("ListPolicies", ResourcePolicy)
	DeletePolicy            = iamPut("DeletePolicy", ResourcePolicy)
	CreatePolicyVersion     = iamPut("CreatePolicyVersion", ResourcePolicy)
	GetPolicyVersion        = iamGet("GetPolicyVersion", ResourcePolicy)
	ListPolicyVersions      = iamGet("ListPolicyVersions", ResourcePolicy)
	SetDefaultPolicyVersion = iamPut("SetDefaultPolicyVersion", ResourcePolicy)
	DeletePolicyVersion     = iamPut("DeletePolicyVersion", ResourcePolicy)
	ListEntitiesForPolicy   = iamGet("ListEntitiesForPolicy", ResourcePolicy)
	TagPolicy               = iamPut("TagPolicy", ResourcePolicy)
	UntagPolicy             = iamPut("UntagPolicy", ResourcePolicy)
	ListPolicyTags          = iamGet("ListPolicyTags", ResourcePolicy)
)

// The operations of IAM on OpenID Connect providers.
var (
	CreateOpenIDConnectProvider             = iamPut("CreateOpenIDConnectProvider", ResourceOIDCProvider)
	GetOpenIDConnectProvider                = iamGet("GetOpenIDConnectProvider", ResourceOIDCProvider)
	ListOpenIDConnectProviders              = iamGet("ListOpenIDConnectProviders", ResourceOIDCProvider)
	DeleteOpenIDConnectProvider             = iamPut("DeleteOpenIDConnectProvider", ResourceOIDCProvider)
	AddClientIDToOpenIDConnectProvider      = iamPut("AddClientIDToOpenIDConnectProvider", ResourceOIDCProvider)
	RemoveClientIDFromOpenIDConnectProvider = iamPut("RemoveClientIDFromOpenIDConnectProvider", ResourceOIDCProvider)
	UpdateOpenIDConnectProviderThumbprint   = iamPut("UpdateOpenIDConnectProviderThumbprint", ResourceOIDCProvider)
	TagOpenIDConnectProvider                = iamPut("TagOpenIDConnectProvider", ResourceOIDCProvider)
	UntagOpenIDConnectProvider              = iamPut("UntagOpenIDConnectProvider", ResourceOIDCProvider)
	ListOpenIDConnectProviderTags           = iamGet("ListOpenIDConnectProviderTags", ResourceOIDCProvider)
)

// The operations of IAM on the account: simulation, federation, aliases.
var (
	SimulatePrincipalPolicy              = iamGet("SimulatePrincipalPolicy", ResourcePrincipal)
	SimulateCustomPolicy                 = iamGet("SimulateCustomPolicy", ResourceAny)
	GetContextKeysForPrincipalPolicy     = iamGet("GetContextKeysForPrincipalPolicy", ResourcePrincipal)
	EnableOutboundWebIdentityFederation  = iamPut("EnableOutboundWebIdentityFederation", ResourceAny)
	DisableOutboundWebIdentityFederation = iamPut("DisableOutboundWebIdentityFederation", ResourceAny)
	GetOutboundWebIdentityFederationInfo = iamGet("GetOutboundWebIdentityFederationInfo", ResourceAny)
	ListAccountAliases                   = iamGet("ListAccountAliases", ResourceAny)
)

func iamOperations() []Operation {
	return []Operation{
		CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser, TagUser, UntagUser, ListUserTags, ListGroupsForUser, CreateAccessKey, ListAccessKeys,
		UpdateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed, PutUserPolicy, GetUserPolicy, ListUserPolicies, DeleteUserPolicy, AttachUserPolicy,
		DetachUserPolicy, ListAttachedUserPolicies,
		CreateRole, GetRole, ListRoles, UpdateRole, UpdateRoleDescription, UpdateAssumeRolePolicy, DeleteRole, TagRole, UntagRole, ListRoleTags,
		ListInstanceProfilesForRole, PutRolePolicy, GetRolePolicy, ListRolePolicies, DeleteRolePolicy, AttachRolePolicy, DetachRolePolicy,
		ListAttachedRolePolicies,
		CreatePolicy, GetPolicy, ListPolicies, DeletePolicy, CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions, SetDefaultPolicyVersion,
		DeletePolicyVersion, ListEntitiesForPolicy, TagPolicy, UntagPolicy, ListPolicyTags,
		CreateOpenIDConnectProvider, GetOpenIDConnectProvider, ListOpenIDConnectProviders, DeleteOpenIDConnectProvider, AddClientIDToOpenIDConnectProvider,
		RemoveClientIDFromOpenIDConnectProvider, UpdateOpenIDConnectProviderThumbprint, TagOpenIDConnectProvider, UntagOpenIDConnectProvider,
		ListOpenIDConnectProviderTags,
		SimulatePrincipalPolicy, SimulateCustomPolicy, GetContextKeysForPrincipalPolicy, EnableOutboundWebIdentityFederation,
		DisableOutboundWebIdentityFederation, GetOutboundWebIdentityFederationInfo, ListAccountAliases,
	}
}
