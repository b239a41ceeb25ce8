package server

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// UserPools is what serves the operations of user pools. Each passes the domain's choke point by itself; those of
// UserPoolSignIn take a caller of whom only the address is known, and believe nothing but the proof in the request.
type UserPools interface {
	UserPoolAdmin
	UserPoolClients
	UserPoolUsers
	UserPoolSignIn
}

// UserPoolAdmin makes and deletes pools and what describes them.
type UserPoolAdmin interface {
	CreateUserPool(context.Context, *policy.Caller, *api.CreateUserPoolRequest) (*api.UserPoolResponse, error)
	DescribeUserPool(context.Context, *policy.Caller, *api.UserPoolID) (*api.UserPoolResponse, error)
	DeleteUserPool(context.Context, *policy.Caller, *api.UserPoolID) (*api.Empty, error)
	ListUserPools(context.Context, *policy.Caller, *api.ListUserPoolsRequest) (*api.ListUserPoolsResponse, error)
	CreateUserPoolDomain(context.Context, *policy.Caller, *api.CreateUserPoolDomainRequest) (*api.CreateUserPoolDomainResponse, error)
	DescribeUserPoolDomain(context.Context, *policy.Caller, *api.UserPoolDomain) (*api.DescribeUserPoolDomainResponse, error)
	DeleteUserPoolDomain(context.Context, *policy.Caller, *api.DeleteUserPoolDomainRequest) (*api.Empty, error)
	CreateResourceServer(context.Context, *policy.Caller, *api.CreateResourceServerRequest) (*api.CreateResourceServerResponse, error)
}

// UserPoolClients registers OAuth clients.
type UserPoolClients interface {
	CreateUserPoolClient(context.Context, *policy.Caller, *api.CreateUserPoolClientRequest) (*api.UserPoolClientResponse, error)
	DescribeUserPoolClient(context.Context, *policy.Caller, *api.UserPoolClientID) (*api.UserPoolClientResponse, error)
	UpdateUserPoolClient(context.Context, *policy.Caller, *api.UpdateUserPoolClientRequest) (*api.UserPoolClientResponse, error)
	DeleteUserPoolClient(context.Context, *policy.Caller, *api.UserPoolClientID) (*api.Empty, error)
	ListUserPoolClients(context.Context, *policy.Caller, *api.ListUserPoolClientsRequest) (*api.ListUserPoolClientsResponse, error)
}

// UserPoolUsers makes and changes users.
type UserPoolUsers interface {
	AdminCreateUser(context.Context, *policy.Caller, *api.AdminCreateUserRequest) (*api.AdminCreateUserResponse, error)
	AdminGetUser(context.Context, *policy.Caller, *api.PoolUserName) (*api.AdminGetUserResponse, error)
	AdminSetUserPassword(context.Context, *policy.Caller, *api.AdminSetUserPasswordRequest) (*api.Empty, error)
	AdminEnableUser(context.Context, *policy.Caller, *api.PoolUserName) (*api.Empty, error)
	AdminDisableUser(context.Context, *policy.Caller, *api.PoolUserName) (*api.Empty, error)
	AdminDeleteUser(context.Context, *policy.Caller, *api.PoolUserName) (*api.Empty, error)
}

// UserPoolSignIn signs users in by the proof in the request.
type UserPoolSignIn interface {
	InitiateAuth(context.Context, *policy.Caller, *api.InitiateAuthRequest) (*api.AuthResponse, error)
	RespondToAuthChallenge(context.Context, *policy.Caller, *api.RespondToAuthChallengeRequest) (*api.AuthResponse, error)
	RevokeToken(context.Context, *policy.Caller, *api.RevokeTokenRequest) (*api.Empty, error)
}

// cognitoTable binds every operation of user pools to its handler; without user pools there are none.
func (s *Server) cognitoTable() []*route {
	p := s.cfg.UserPools
	if p == nil {
		return nil
	}
	return []*route{
		handle(api.CreateUserPool, p.CreateUserPool),
		handle(api.DescribeUserPool, p.DescribeUserPool),
		handle(api.DeleteUserPool, p.DeleteUserPool),
		handle(api.ListUserPools, p.ListUserPools),

		handle(api.CreateUserPoolDomain, p.CreateUserPoolDomain),
		handle(api.DescribeUserPoolDomain, p.DescribeUserPoolDomain),
		handle(api.DeleteUserPoolDomain, p.DeleteUserPoolDomain),
		handle(api.CreateResourceServer, p.CreateResourceServer),

		handle(api.CreateUserPoolClient, p.CreateUserPoolClient),
		handle(api.DescribeUserPoolClient, p.DescribeUserPoolClient),
		handle(api.UpdateUserPoolClient, p.UpdateUserPoolClient),
		handle(api.DeleteUserPoolClient, p.DeleteUserPoolClient),
		handle(api.ListUserPoolClients, p.ListUserPoolClients),

		handle(api.AdminCreateUser, p.AdminCreateUser),
		handle(api.AdminGetUser, p.AdminGetUser),
		handle(api.AdminSetUserPassword, p.AdminSetUserPassword),
		handle(api.AdminEnableUser, p.AdminEnableUser),
		handle(api.AdminDisableUser, p.AdminDisableUser),
		handle(api.AdminDeleteUser, p.AdminDeleteUser),

		handle(api.InitiateAuth, p.InitiateAuth),
		handle(api.RespondToAuthChallenge, p.RespondToAuthChallenge),
		handle(api.RevokeToken, p.RevokeToken),
	}
}
