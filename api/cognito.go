package api

import (
	"encoding/json"
	"net/http"
)

// CognitoIDP is the service of user pools. Its operations are served by the development authorization server alone, so
// they are no rows of Operations: a server that is given no user pools does not know them.
const CognitoIDP Service = "cognito-idp"

// CognitoTarget begins the X-Amz-Target of every operation of CognitoIDP.
const CognitoTarget = "AWSCognitoIdentityProviderService."

// ResourceUserPool is arn:aws:cognito-idp:region:account:userpool/id.
const ResourceUserPool ResourceKind = "userpool"

func poolGet(name string, resource ResourceKind) Operation {
	return Operation{Name: name, Service: CognitoIDP, Method: http.MethodPost, Path: "/", Status: http.StatusOK, Resources: []ResourceKind{resource}, ReadOnly: true}
}

func poolPut(name string) Operation {
	op := poolGet(name, ResourceUserPool)
	op.ReadOnly = false
	return op
}

// poolProven is a row whose request carries its own proof: a password or a token.
func poolProven(name string) Operation {
	op := poolPut(name)
	op.Unsigned = true
	return op
}

// The operations of user pools.
var (
	CreateUserPool   = Operation{Name: "CreateUserPool", Service: CognitoIDP, Method: http.MethodPost, Path: "/", Status: http.StatusOK, Resources: []ResourceKind{ResourceAny}}
	DescribeUserPool = poolGet("DescribeUserPool", ResourceUserPool)
	DeleteUserPool   = poolPut("DeleteUserPool")
	ListUserPools    = poolGet("ListUserPools", ResourceAny)

	CreateUserPoolDomain   = poolPut("CreateUserPoolDomain")
	DescribeUserPoolDomain = poolGet("DescribeUserPoolDomain", ResourceAny)
	DeleteUserPoolDomain   = poolPut("DeleteUserPoolDomain")

	CreateUserPoolClient   = poolPut("CreateUserPoolClient")
	DescribeUserPoolClient = poolGet("DescribeUserPoolClient", ResourceUserPool)
	UpdateUserPoolClient   = poolPut("UpdateUserPoolClient")
	DeleteUserPoolClient   = poolPut("DeleteUserPoolClient")
	ListUserPoolClients    = poolGet("ListUserPoolClients", ResourceUserPool)

	CreateResourceServer = poolPut("CreateResourceServer")

	AdminCreateUser      = poolPut("AdminCreateUser")
	AdminGetUser         = poolGet("AdminGetUser", ResourceUserPool)
	AdminSetUserPassword = poolPut("AdminSetUserPassword")
	AdminEnableUser      = poolPut("AdminEnableUser")
	AdminDisableUser     = poolPut("AdminDisableUser")
	AdminDeleteUser      = poolPut("AdminDeleteUser")

	InitiateAuth           = poolProven("InitiateAuth")
	RespondToAuthChallenge = poolProven("RespondToAuthChallenge")
	RevokeToken            = poolProven("RevokeToken")
)

// CognitoOperations returns every row of the table of user pools.
func CognitoOperations() []Operation {
	return []Operation{
		CreateUserPool, DescribeUserPool, DeleteUserPool, ListUserPools,
		CreateUserPoolDomain, DescribeUserPoolDomain, DeleteUserPoolDomain,
		CreateUserPoolClient, DescribeUserPoolClient, UpdateUserPoolClient, DeleteUserPoolClient, ListUserPoolClients,
		CreateResourceServer,
		AdminCreateUser, AdminGetUser, AdminSetUserPassword, AdminEnableUser, AdminDisableUser, AdminDeleteUser,
		InitiateAuth, RespondToAuthChallenge, RevokeToken,
	}
}

// The exceptions of user pools. Clients of this protocol know them by name: the status is 400, or 500 of
// InternalErrorException.
const (
	InvalidParameterException  ExceptionName = "InvalidParameterException"
	NotAuthorizedException     ExceptionName = "NotAuthorizedException"
	UserNotFoundException      ExceptionName = "UserNotFoundException"
	UsernameExistsException    ExceptionName = "UsernameExistsException"
	InvalidPasswordException   ExceptionName = "InvalidPasswordException"
	ScopeDoesNotExistException ExceptionName = "ScopeDoesNotExistException"
	InvalidOAuthFlowException  ExceptionName = "InvalidOAuthFlowException"
	TooManyRequestsException   ExceptionName = "TooManyRequestsException"
	LimitExceededException     ExceptionName = "LimitExceededException"
	InternalErrorException     ExceptionName = "InternalErrorException"
	ConcurrentModification     ExceptionName = "ConcurrentModificationException"
	UnsupportedUserState       ExceptionName = "UnsupportedUserStateException"
	UnsupportedTokenType       ExceptionName = "UnsupportedTokenTypeException"
	SerializationException     ExceptionName = "SerializationException"
)

// Echo is a member that is kept and answered as it came: it changes nothing of what is protected here.
type Echo = json.RawMessage

// OAuth flows that a client may be allowed.
const (
	OAuthCode              = "code"
	OAuthImplicit          = "implicit"
	OAuthClientCredentials = "client_credentials"
)

// Choices of PreventUserExistenceErrors.
const (
	ExistenceErrorsLegacy  = "LEGACY"
	ExistenceErrorsEnabled = "ENABLED"
)

// Choices of MessageAction.
const (
	MessageResend   = "RESEND"
	MessageSuppress = "SUPPRESS"
)
