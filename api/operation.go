package api

import (
	"net/http"
	"slices"
)

// Service is the AWS service under which clients call an operation.
type Service string

// Services, by the names their clients sign with. Both AgentCore planes sign as bedrock-agentcore and share a listener.
const (
	AgentCore Service = "bedrock-agentcore"
	Lanyard   Service = "lanyard" // Lanyard's own operations; clients sign them as bedrock-agentcore too
	STS       Service = "sts"
	IAM       Service = "iam"
)

// ResourceKind names one of the resources on which policy decides an operation (all of its kinds must be allowed).
type ResourceKind string

// Resource kinds.
const (
	ResourceDirectory      ResourceKind = "workload-identity-directory"
	ResourceWorkload       ResourceKind = "workload-identity"
	ResourceVault          ResourceKind = "token-vault"
	ResourceOAuth2Provider ResourceKind = "oauth2credentialprovider"
	ResourceAPIKeyProvider ResourceKind = "apikeycredentialprovider"
	ResourceAccount        ResourceKind = "account" // Lanyard's own operations: arn:aws:lanyard:region:account:*
)

// IAM's resource kinds. An STS operation without a resource of its own is decided on "*".
const (
	ResourceUser         ResourceKind = "user"
	ResourceRole         ResourceKind = "role"
	ResourcePolicy       ResourceKind = "policy"
	ResourceOIDCProvider ResourceKind = "oidc-provider"
	ResourcePrincipal    ResourceKind = "user or role"
	ResourceAny          ResourceKind = "*"
)

// Operation is one row of the table: what a client calls, what policy is asked, what is answered.
type Operation struct {
	Name      string
	Service   Service
	Method    string
	Path      string // matched against the raw, still-escaped path; AWS Query operations share one and differ by Name
	Status    int    // on success
	Resources []ResourceKind
	// ReadOnly operations change nothing that a caller can see; their audit records need no flush.
	ReadOnly bool
	// Unsigned operations carry their proof in the request itself. A signature beside it counts for nothing.
	Unsigned bool
}

// Action is the operation's name in policies.
func (o Operation) Action() string { return string(o.Service) + ":" + o.Name }

func identityOp(name, path string, status int, readOnly bool, resources ...ResourceKind) Operation {
	return Operation{Name: name, Service: AgentCore, Method: http.MethodPost, Path: path, Status: status, Resources: resources, ReadOnly: readOnly}
}

func controlOp(name string, status int, readOnly bool, resources ...ResourceKind) Operation {
	return identityOp(name, "/identities/"+name, status, readOnly, resources...)
}

// lanyardOp is decided on the account where it names no narrower resources.
func lanyardOp(name string, readOnly bool, resources ...ResourceKind) Operation {
	if resources == nil {
		resources = []ResourceKind{ResourceAccount}
	}
	return Operation{Name: name, Service: Lanyard, Method: http.MethodPost, Path: "/lanyard/" + name, Status: http.StatusOK, Resources: resources, ReadOnly: readOnly}
}

// The operations. Operations lists them all; a row without a conformance test fails the build.
var (
	GetWorkloadAccessToken          = identityOp("GetWorkloadAccessToken", "/identities/GetWorkloadAccessToken", 200, true, ResourceWorkload, ResourceDirectory)
	GetWorkloadAccessTokenForJWT    = identityOp("GetWorkloadAccessTokenForJWT", "/identities/GetWorkloadAccessTokenForJWT", 200, true, ResourceWorkload, ResourceDirectory)
	GetWorkloadAccessTokenForUserId = identityOp("GetWorkloadAccessTokenForUserId", "/identities/GetWorkloadAccessTokenForUserId", 200, true, ResourceWorkload, ResourceDirectory)
	GetResourceOauth2Token          = identityOp("GetResourceOauth2Token", "/identities/oauth2/token", 200, true, ResourceOAuth2Provider, ResourceVault, ResourceWorkload, ResourceDirectory)
	GetResourceApiKey               = identityOp("GetResourceApiKey", "/identities/api-key", 200, true, ResourceAPIKeyProvider, ResourceVault, ResourceWorkload, ResourceDirectory)
	CompleteResourceTokenAuth       = identityOp("CompleteResourceTokenAuth", "/identities/CompleteResourceTokenAuth", 200, false, ResourceOAuth2Provider, ResourceVault, ResourceWorkload, ResourceDirectory)

	CreateWorkloadIdentity = controlOp("CreateWorkloadIdentity", 201, false, ResourceWorkload, ResourceDirectory)
	GetWorkloadIdentity    = controlOp("GetWorkloadIdentity", 200, true, ResourceWorkload, ResourceDirectory)
	ListWorkloadIdentities = controlOp("ListWorkloadIdentities", 200, true, ResourceDirectory)
	UpdateWorkloadIdentity = controlOp("UpdateWorkloadIdentity", 200, false, ResourceWorkload, ResourceDirectory)
	DeleteWorkloadIdentity = controlOp("DeleteWorkloadIdentity", 204, false, ResourceWorkload, ResourceDirectory)

	CreateOauth2CredentialProvider = controlOp("CreateOauth2CredentialProvider", 201, false, ResourceOAuth2Provider, ResourceVault)
	GetOauth2CredentialProvider    = controlOp("GetOauth2CredentialProvider", 200, true, ResourceOAuth2Provider, ResourceVault)
	ListOauth2CredentialProviders  = controlOp("ListOauth2CredentialProviders", 200, true, ResourceVault)
	UpdateOauth2CredentialProvider = controlOp("UpdateOauth2CredentialProvider", 200, false, ResourceOAuth2Provider, ResourceVault)
	DeleteOauth2CredentialProvider = controlOp("DeleteOauth2CredentialProvider", 204, false, ResourceOAuth2Provider, ResourceVault)

	CreateApiKeyCredentialProvider = controlOp("CreateApiKeyCredentialProvider", 201, false, ResourceAPIKeyProvider, ResourceVault)
	GetApiKeyCredentialProvider    = controlOp("GetApiKeyCredentialProvider", 200, true, ResourceAPIKeyProvider, ResourceVault)
	ListApiKeyCredentialProviders  = controlOp("ListApiKeyCredentialProviders", 200, true, ResourceVault)
	UpdateApiKeyCredentialProvider = controlOp("UpdateApiKeyCredentialProvider", 200, false, ResourceAPIKeyProvider, ResourceVault)
	DeleteApiKeyCredentialProvider = controlOp("DeleteApiKeyCredentialProvider", 204, false, ResourceAPIKeyProvider, ResourceVault)

	FindAuditRecords          = lanyardOp("FindAuditRecords", true)
	ListAuthorizationSessions = lanyardOp("ListAuthorizationSessions", true)
	ListGrants                = lanyardOp("ListGrants", true)
	RotateDataKeys            = lanyardOp("RotateDataKeys", false)
	RevokeGrant               = lanyardOp("RevokeGrant", false, ResourceOAuth2Provider, ResourceVault, ResourceWorkload, ResourceDirectory)
)

// Operations returns every row of the table.
func Operations() []Operation {
	return slices.Concat(agentCoreOperations(), runtimeOperations(), stsOperations(), iamOperations())
}

// agentCoreOperations are the rows of both AgentCore planes, and Lanyard's own.
func agentCoreOperations() []Operation {
	return []Operation{
		GetWorkloadAccessToken, GetWorkloadAccessTokenForJWT, GetWorkloadAccessTokenForUserId,
		GetResourceOauth2Token, GetResourceApiKey, CompleteResourceTokenAuth,
		CreateWorkloadIdentity, GetWorkloadIdentity, ListWorkloadIdentities, UpdateWorkloadIdentity, DeleteWorkloadIdentity,
		CreateOauth2CredentialProvider, GetOauth2CredentialProvider, ListOauth2CredentialProviders,
		UpdateOauth2CredentialProvider, DeleteOauth2CredentialProvider,
		CreateApiKeyCredentialProvider, GetApiKeyCredentialProvider, ListApiKeyCredentialProviders,
		UpdateApiKeyCredentialProvider, DeleteApiKeyCredentialProvider,
		FindAuditRecords, ListAuthorizationSessions, ListGrants, RotateDataKeys, RevokeGrant,
	}
}
