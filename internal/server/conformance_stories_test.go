package server_test

import (
	"testing"

	"github.com/lanyard-id/lanyard/internal/servertest"
)

// story is one test of several rows that only make sense together: what is made is read, changed, listed and removed.
type story struct {
	test func(*testing.T, *servertest.Service)
	rows []string
}

// stories are the conformance tests of STS and IAM.
var stories = []story{
	{testUsers, []string{"CreateUser", "GetUser", "ListUsers", "UpdateUser", "DeleteUser", "ListGroupsForUser"}},
	{testUserTags, []string{"TagUser", "UntagUser", "ListUserTags"}},
	{testAccessKeys, []string{"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed"}},
	{testOwnUser, []string{"ListAccessKeys"}},
	{testInlinePolicies, []string{"PutUserPolicy", "GetUserPolicy", "ListUserPolicies", "DeleteUserPolicy", "PutRolePolicy", "GetRolePolicy", "ListRolePolicies", "DeleteRolePolicy"}},
	{testAttachments, []string{"AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies", "AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies", "ListEntitiesForPolicy"}},
	{testRoles, []string{"CreateRole", "GetRole", "ListRoles", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy", "DeleteRole", "ListInstanceProfilesForRole"}},
	{testRoleTags, []string{"TagRole", "UntagRole", "ListRoleTags"}},
	{testPolicies, []string{"CreatePolicy", "GetPolicy", "ListPolicies", "DeletePolicy"}},
	{testPolicyVersions, []string{"CreatePolicyVersion", "GetPolicyVersion", "ListPolicyVersions", "SetDefaultPolicyVersion", "DeletePolicyVersion"}},
	{testPolicyTags, []string{"TagPolicy", "UntagPolicy", "ListPolicyTags"}},
	{testOIDCProviders, []string{"CreateOpenIDConnectProvider", "GetOpenIDConnectProvider", "ListOpenIDConnectProviders", "DeleteOpenIDConnectProvider", "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint", "TagOpenIDConnectProvider", "UntagOpenIDConnectProvider", "ListOpenIDConnectProviderTags"}},
	{testSimulation, []string{"SimulatePrincipalPolicy", "SimulateCustomPolicy", "GetContextKeysForPrincipalPolicy"}},
	{testOutboundFederation, []string{"EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation", "GetOutboundWebIdentityFederationInfo", "ListAccountAliases"}},
	{testGetCallerIdentity, []string{"GetCallerIdentity"}},
	{testGetWebIdentityToken, []string{"GetWebIdentityToken"}},
	{testAssumeRole, []string{"AssumeRole"}},
	{testAssumeRoleWithWebIdentity, []string{"AssumeRoleWithWebIdentity"}},

	{testAgentRuntimes, []string{"CreateAgentRuntime", "GetAgentRuntime", "ListAgentRuntimes", "ListAgentRuntimeVersions", "UpdateAgentRuntime", "DeleteAgentRuntime"}},
	{testAgentRuntimeEndpoints, []string{"CreateAgentRuntimeEndpoint", "GetAgentRuntimeEndpoint", "ListAgentRuntimeEndpoints", "UpdateAgentRuntimeEndpoint", "DeleteAgentRuntimeEndpoint"}},
	{testRuntimeSessions, []string{"InvokeAgentRuntime", "StopRuntimeSession", "ListRuntimeSessions", "GetRuntimeLogs"}},
	{testUploadAgentArchive, []string{"UploadAgentArchive"}},
}
