package server_test

import (
	"maps"
	"reflect"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

const (
	iamPrefix   = "arn:aws:iam::000000000000:"
	roleARN     = iamPrefix + "role/role"
	policyARN   = iamPrefix + "policy/managed"
	providerARN = iamPrefix + "oidc-provider/issuer.example.com"
	document    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock-agentcore:Nothing","Resource":"*"}}`
	trust       = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}`
)

// people makes what the samples of STS and IAM are about: a user with a key, a role, a managed policy with two versions,
// an OpenID Connect provider.
func (w *world) people(t testing.TB) {
	t.Helper()
	root, s, ctx := identity.LocalAdmin(w.Account), w.Identity, t.Context()
	tags := map[string]string{"team": "x"}
	_, err := s.CreateUser(ctx, root, identity.NewUser{Name: "person", Tags: tags})
	check(t, err)
	key, _, err := s.CreateAccessKey(ctx, root, "person")
	check(t, err)
	w.keyID = key.ID
	check(t, s.PutUserPolicy(ctx, root, "person", "inline", document))
	_, err = s.CreateRole(ctx, root, identity.NewRole{Name: "role", Trust: trust, Tags: tags})
	check(t, err)
	check(t, s.PutRolePolicy(ctx, root, "role", "inline", document))
	_, err = s.CreatePolicy(ctx, root, identity.NewPolicy{Name: "managed", Document: document, Tags: tags})
	check(t, err)
	_, err = s.CreatePolicyVersion(ctx, root, policyARN, document, false)
	check(t, err)
	_, err = s.CreateOIDCProvider(ctx, root, identity.NewOIDCProvider{URL: "https://issuer.example.com", ClientIDs: []string{"client"}, Tags: tags})
	check(t, err)
}

// querySample is a request of an operation of STS or IAM.
func (w *world) querySample(op api.Operation) map[string]any {
	switch op.Name {
	case "GetWebIdentityToken":
		return map[string]any{"Audience": []any{"https://api.example.com"}, "SigningAlgorithm": "ES384", "Tags": tagSample()}
	case "AssumeRole":
		return map[string]any{"RoleArn": roleARN, "RoleSessionName": "session", "Tags": tagSample(), "PolicyArns": []any{map[string]any{"arn": policyARN}}}
	case "AssumeRoleWithWebIdentity":
		return map[string]any{"RoleArn": roleARN, "RoleSessionName": "session", "WebIdentityToken": "a.b.c"}
	case "SimulatePrincipalPolicy":
		return map[string]any{"PolicySourceArn": iamPrefix + "user/person", "ActionNames": []any{"iam:GetUser"}, "ContextEntries": []any{map[string]any{"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": []any{"x"}}}}
	case "SimulateCustomPolicy":
		return map[string]any{"PolicyInputList": []any{document}, "ActionNames": []any{"iam:GetUser"}}
	case "GetContextKeysForPrincipalPolicy":
		return map[string]any{"PolicySourceArn": iamPrefix + "user/person"}
	case "ListUsers", "ListRoles", "ListPolicies", "ListAccountAliases", "GetCallerIdentity", "ListOpenIDConnectProviders",
		"EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation", "GetOutboundWebIdentityFederationInfo":
		return map[string]any{}
	}
	return maps.Clone(w.nounSample(op))
}

// nounSample names the user, role, policy or provider of the operation, and what else its input requires.
func (w *world) nounSample(op api.Operation) map[string]any {
	subject := map[api.ResourceKind]map[string]any{
		api.ResourceUser: {"UserName": "person"}, api.ResourceRole: {"RoleName": "role"},
		api.ResourcePolicy: {"PolicyArn": policyARN}, api.ResourceOIDCProvider: {"OpenIDConnectProviderArn": providerARN},
	}[op.Resources[0]]
	more := map[string]map[string]any{
		"CreateUser":                              {"UserName": "another", "Tags": tagSample()},
		"TagUser":                                 {"Tags": tagSample()},
		"UntagUser":                               {"TagKeys": []any{"team"}},
		"UpdateAccessKey":                         {"AccessKeyId": w.keyID, "Status": "Inactive"},
		"DeleteAccessKey":                         {"AccessKeyId": w.keyID},
		"PutUserPolicy":                           {"PolicyName": "inline", "PolicyDocument": document},
		"GetUserPolicy":                           {"PolicyName": "inline"},
		"DeleteUserPolicy":                        {"PolicyName": "inline"},
		"AttachUserPolicy":                        {"PolicyArn": policyARN},
		"DetachUserPolicy":                        {"PolicyArn": policyARN},
		"CreateRole":                              {"RoleName": "another", "AssumeRolePolicyDocument": trust, "Tags": tagSample()},
		"UpdateRole":                              {"MaxSessionDuration": 7200},
		"UpdateRoleDescription":                   {"Description": "d"},
		"UpdateAssumeRolePolicy":                  {"PolicyDocument": trust},
		"TagRole":                                 {"Tags": tagSample()},
		"UntagRole":                               {"TagKeys": []any{"team"}},
		"PutRolePolicy":                           {"PolicyName": "inline", "PolicyDocument": document},
		"GetRolePolicy":                           {"PolicyName": "inline"},
		"DeleteRolePolicy":                        {"PolicyName": "inline"},
		"AttachRolePolicy":                        {"PolicyArn": policyARN},
		"DetachRolePolicy":                        {"PolicyArn": policyARN},
		"CreatePolicyVersion":                     {"PolicyDocument": document},
		"GetPolicyVersion":                        {"VersionId": "v1"},
		"SetDefaultPolicyVersion":                 {"VersionId": "v2"},
		"DeletePolicyVersion":                     {"VersionId": "v2"},
		"TagPolicy":                               {"Tags": tagSample()},
		"UntagPolicy":                             {"TagKeys": []any{"team"}},
		"TagOpenIDConnectProvider":                {"Tags": tagSample()},
		"UntagOpenIDConnectProvider":              {"TagKeys": []any{"team"}},
		"AddClientIDToOpenIDConnectProvider":      {"ClientID": "another"},
		"RemoveClientIDFromOpenIDConnectProvider": {"ClientID": "client"},
		"UpdateOpenIDConnectProviderThumbprint":   {"ThumbprintList": []any{"0123456789abcdef0123456789abcdef01234567"}},
	}
	switch op.Name {
	case "CreatePolicy":
		return map[string]any{"PolicyName": "another", "PolicyDocument": document, "Tags": tagSample()}
	case "CreateOpenIDConnectProvider":
		return map[string]any{"Url": "https://another.example.com", "Tags": tagSample()}
	case "GetAccessKeyLastUsed":
		return map[string]any{"AccessKeyId": w.keyID}
	}
	maps.Copy(subject, more[op.Name])
	return subject
}

func tagSample() []any { return []any{map[string]any{"Key": "team", "Value": "y"}} }

// queryInputs are the shapes of the requests of STS and IAM.
var queryInputs = map[string]reflect.Type{
	"GetCallerIdentity":                       reflect.TypeFor[api.Empty](),
	"GetWebIdentityToken":                     reflect.TypeFor[api.GetWebIdentityTokenRequest](),
	"AssumeRole":                              reflect.TypeFor[api.AssumeRoleRequest](),
	"AssumeRoleWithWebIdentity":               reflect.TypeFor[api.AssumeRoleWithWebIdentityRequest](),
	"EnableOutboundWebIdentityFederation":     reflect.TypeFor[api.Empty](),
	"DisableOutboundWebIdentityFederation":    reflect.TypeFor[api.Empty](),
	"GetOutboundWebIdentityFederationInfo":    reflect.TypeFor[api.Empty](),
	"CreateUser":                              reflect.TypeFor[api.CreateUserRequest](),
	"GetUser":                                 reflect.TypeFor[api.GetUserRequest](),
	"ListUsers":                               reflect.TypeFor[api.PathRequest](),
	"UpdateUser":                              reflect.TypeFor[api.UpdateUserRequest](),
	"DeleteUser":                              reflect.TypeFor[api.UserName](),
	"TagUser":                                 reflect.TypeFor[api.TagUserRequest](),
	"UntagUser":                               reflect.TypeFor[api.UntagUserRequest](),
	"ListUserTags":                            reflect.TypeFor[api.UserPage](),
	"ListGroupsForUser":                       reflect.TypeFor[api.UserPage](),
	"CreateAccessKey":                         reflect.TypeFor[api.CreateAccessKeyRequest](),
	"ListAccessKeys":                          reflect.TypeFor[api.ListAccessKeysRequest](),
	"UpdateAccessKey":                         reflect.TypeFor[api.UpdateAccessKeyRequest](),
	"DeleteAccessKey":                         reflect.TypeFor[api.DeleteAccessKeyRequest](),
	"GetAccessKeyLastUsed":                    reflect.TypeFor[api.GetAccessKeyLastUsedRequest](),
	"PutUserPolicy":                           reflect.TypeFor[api.PutUserPolicyRequest](),
	"GetUserPolicy":                           reflect.TypeFor[api.UserPolicyName](),
	"ListUserPolicies":                        reflect.TypeFor[api.UserPage](),
	"DeleteUserPolicy":                        reflect.TypeFor[api.UserPolicyName](),
	"AttachUserPolicy":                        reflect.TypeFor[api.UserAttachment](),
	"DetachUserPolicy":                        reflect.TypeFor[api.UserAttachment](),
	"ListAttachedUserPolicies":                reflect.TypeFor[api.ListAttachedUserPoliciesRequest](),
	"CreateRole":                              reflect.TypeFor[api.CreateRoleRequest](),
	"GetRole":                                 reflect.TypeFor[api.RoleName](),
	"ListRoles":                               reflect.TypeFor[api.PathRequest](),
	"UpdateRole":                              reflect.TypeFor[api.UpdateRoleRequest](),
	"UpdateRoleDescription":                   reflect.TypeFor[api.UpdateRoleDescriptionRequest](),
	"UpdateAssumeRolePolicy":                  reflect.TypeFor[api.UpdateAssumeRolePolicyRequest](),
	"DeleteRole":                              reflect.TypeFor[api.RoleName](),
	"TagRole":                                 reflect.TypeFor[api.TagRoleRequest](),
	"UntagRole":                               reflect.TypeFor[api.UntagRoleRequest](),
	"ListRoleTags":                            reflect.TypeFor[api.RolePage](),
	"ListInstanceProfilesForRole":             reflect.TypeFor[api.RolePage](),
	"PutRolePolicy":                           reflect.TypeFor[api.PutRolePolicyRequest](),
	"GetRolePolicy":                           reflect.TypeFor[api.RolePolicyName](),
	"ListRolePolicies":                        reflect.TypeFor[api.RolePage](),
	"DeleteRolePolicy":                        reflect.TypeFor[api.RolePolicyName](),
	"AttachRolePolicy":                        reflect.TypeFor[api.RoleAttachment](),
	"DetachRolePolicy":                        reflect.TypeFor[api.RoleAttachment](),
	"ListAttachedRolePolicies":                reflect.TypeFor[api.ListAttachedRolePoliciesRequest](),
	"CreatePolicy":                            reflect.TypeFor[api.CreatePolicyRequest](),
	"GetPolicy":                               reflect.TypeFor[api.PolicyARN](),
	"ListPolicies":                            reflect.TypeFor[api.ListPoliciesRequest](),
	"DeletePolicy":                            reflect.TypeFor[api.PolicyARN](),
	"CreatePolicyVersion":                     reflect.TypeFor[api.CreatePolicyVersionRequest](),
	"GetPolicyVersion":                        reflect.TypeFor[api.PolicyVersionID](),
	"ListPolicyVersions":                      reflect.TypeFor[api.PolicyPage](),
	"SetDefaultPolicyVersion":                 reflect.TypeFor[api.PolicyVersionID](),
	"DeletePolicyVersion":                     reflect.TypeFor[api.PolicyVersionID](),
	"ListEntitiesForPolicy":                   reflect.TypeFor[api.ListEntitiesForPolicyRequest](),
	"TagPolicy":                               reflect.TypeFor[api.TagPolicyRequest](),
	"UntagPolicy":                             reflect.TypeFor[api.UntagPolicyRequest](),
	"ListPolicyTags":                          reflect.TypeFor[api.PolicyPage](),
	"CreateOpenIDConnectProvider":             reflect.TypeFor[api.CreateOIDCProviderRequest](),
	"GetOpenIDConnectProvider":                reflect.TypeFor[api.OIDCProviderARN](),
	"ListOpenIDConnectProviders":              reflect.TypeFor[api.Empty](),
	"DeleteOpenIDConnectProvider":             reflect.TypeFor[api.OIDCProviderARN](),
	"AddClientIDToOpenIDConnectProvider":      reflect.TypeFor[api.OIDCProviderClientID](),
	"RemoveClientIDFromOpenIDConnectProvider": reflect.TypeFor[api.OIDCProviderClientID](),
	"UpdateOpenIDConnectProviderThumbprint":   reflect.TypeFor[api.UpdateThumbprintRequest](),
	"TagOpenIDConnectProvider":                reflect.TypeFor[api.TagOIDCProviderRequest](),
	"UntagOpenIDConnectProvider":              reflect.TypeFor[api.UntagOIDCProviderRequest](),
	"ListOpenIDConnectProviderTags":           reflect.TypeFor[api.OIDCProviderPage](),
	"SimulatePrincipalPolicy":                 reflect.TypeFor[api.SimulatePrincipalPolicyRequest](),
	"SimulateCustomPolicy":                    reflect.TypeFor[api.SimulateCustomPolicyRequest](),
	"GetContextKeysForPrincipalPolicy":        reflect.TypeFor[api.GetContextKeysRequest](),
	"ListAccountAliases":                      reflect.TypeFor[api.MarkerRequest](),
}
