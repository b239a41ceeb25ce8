package server_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// inputs are the shapes of the operations' requests.
var inputs = map[string]reflect.Type{
	"GetWorkloadAccessToken":          reflect.TypeFor[api.GetWorkloadAccessTokenRequest](),
	"GetWorkloadAccessTokenForJWT":    reflect.TypeFor[api.GetWorkloadAccessTokenForJWTRequest](),
	"GetWorkloadAccessTokenForUserId": reflect.TypeFor[api.GetWorkloadAccessTokenForUserIdRequest](),
	"GetResourceOauth2Token":          reflect.TypeFor[api.GetResourceOauth2TokenRequest](),
	"GetResourceApiKey":               reflect.TypeFor[api.GetResourceApiKeyRequest](),
	"CompleteResourceTokenAuth":       reflect.TypeFor[api.CompleteResourceTokenAuthRequest](),
	"CreateWorkloadIdentity":          reflect.TypeFor[api.CreateWorkloadIdentityRequest](),
	"GetWorkloadIdentity":             reflect.TypeFor[api.WorkloadIdentityName](),
	"ListWorkloadIdentities":          reflect.TypeFor[api.ListRequest](),
	"UpdateWorkloadIdentity":          reflect.TypeFor[api.UpdateWorkloadIdentityRequest](),
	"DeleteWorkloadIdentity":          reflect.TypeFor[api.WorkloadIdentityName](),
	"CreateOauth2CredentialProvider":  reflect.TypeFor[api.CreateOauth2CredentialProviderRequest](),
	"GetOauth2CredentialProvider":     reflect.TypeFor[api.ProviderName](),
	"ListOauth2CredentialProviders":   reflect.TypeFor[api.ListRequest](),
	"UpdateOauth2CredentialProvider":  reflect.TypeFor[api.UpdateOauth2CredentialProviderRequest](),
	"DeleteOauth2CredentialProvider":  reflect.TypeFor[api.ProviderName](),
	"CreateApiKeyCredentialProvider":  reflect.TypeFor[api.CreateApiKeyCredentialProviderRequest](),
	"GetApiKeyCredentialProvider":     reflect.TypeFor[api.ProviderName](),
	"ListApiKeyCredentialProviders":   reflect.TypeFor[api.ListApiKeyCredentialProvidersRequest](),
	"UpdateApiKeyCredentialProvider":  reflect.TypeFor[api.UpdateApiKeyCredentialProviderRequest](),
	"DeleteApiKeyCredentialProvider":  reflect.TypeFor[api.ProviderName](),
	"FindAuditRecords":                reflect.TypeFor[api.FindAuditRecordsRequest](),
	"ListAuthorizationSessions":       reflect.TypeFor[api.PageRequest](),
	"ListGrants":                      reflect.TypeFor[api.ListGrantsRequest](),
	"RotateDataKeys":                  reflect.TypeFor[api.Empty](),
	"RevokeGrant":                     reflect.TypeFor[api.RevokeGrantRequest](),
}

// world is a service in which every operation has something to work on.
type world struct {
	*servertest.Service
	agent   *servertest.Agent
	token   string // a workload access token of alice
	session string // an authorization session of alice
	grant   string // the id of a grant of carol
	keyID   string // an access key of person
	runtime string // the id of an agent runtime
	host    *fakeHost
}

func newWorld(t testing.TB, opts ...servertest.Option) *world {
	t.Helper()
	h := &fakeHost{}
	s := servertest.New(t, append([]servertest.Option{servertest.Edge(func(c *server.Config) { c.Host = h })}, opts...)...)
	w := &world{Service: s, agent: s.NewAgent(t), host: h}
	_, err := w.agent.Control.CreateApiKeyCredentialProvider(context.Background(), keyInput("key", "k3y"))
	check(t, err)
	w.agent.Grant(t, "carol")
	w.grant = s.Grants(t)[0].ID
	w.token = w.agent.Token(t, "alice")
	w.session = *w.agent.Begin(t, "alice").SessionUri
	w.people(t)
	w.runtime = w.newRuntime(t, "my_agent", nil)
	return w
}

// sample is a request of the operation that would be carried out.
func (w *world) sample(op api.Operation) map[string]any {
	custom := map[string]any{"customOauth2ProviderConfig": map[string]any{
		"oauthDiscovery": map[string]any{"discoveryUrl": w.agent.IDP.DiscoveryURL}, "clientId": "id", "clientSecret": "secret"}}
	samples := map[string]map[string]any{
		"GetWorkloadAccessToken":          {"workloadName": "agent"},
		"GetWorkloadAccessTokenForJWT":    {"workloadName": "agent", "userToken": "a.b.c"},
		"GetWorkloadAccessTokenForUserId": {"workloadName": "agent", "userId": "alice"},
		"GetResourceOauth2Token":          {"workloadIdentityToken": w.token, "resourceCredentialProviderName": "provider", "scopes": []any{"read"}, "oauth2Flow": "USER_FEDERATION", "resourceOauth2ReturnUrl": servertest.ReturnURL},
		"GetResourceApiKey":               {"workloadIdentityToken": w.token, "resourceCredentialProviderName": "key"},
		"CompleteResourceTokenAuth":       {"userIdentifier": map[string]any{"userId": "alice"}, "sessionUri": w.session},
		"CreateWorkloadIdentity":          {"name": "another"},
		"GetWorkloadIdentity":             {"name": "agent"},
		"ListWorkloadIdentities":          {},
		"UpdateWorkloadIdentity":          {"name": "agent"},
		"DeleteWorkloadIdentity":          {"name": "agent"},
		"CreateOauth2CredentialProvider":  {"name": "another", "credentialProviderVendor": "CustomOauth2", "oauth2ProviderConfigInput": custom},
		"GetOauth2CredentialProvider":     {"name": "provider"},
		"ListOauth2CredentialProviders":   {},
		"UpdateOauth2CredentialProvider":  {"name": "provider", "credentialProviderVendor": "CustomOauth2", "oauth2ProviderConfigInput": custom},
		"DeleteOauth2CredentialProvider":  {"name": "provider"},
		"CreateApiKeyCredentialProvider":  {"name": "another", "apiKey": "k"},
		"GetApiKeyCredentialProvider":     {"name": "key"},
		"ListApiKeyCredentialProviders":   {},
		"UpdateApiKeyCredentialProvider":  {"name": "key", "apiKey": "k"},
		"DeleteApiKeyCredentialProvider":  {"name": "key"},
		"FindAuditRecords":                {},
		"ListAuthorizationSessions":       {},
		"ListGrants":                      {},
		"RotateDataKeys":                  {},
		"RevokeGrant":                     {"grantId": w.grant},
	}
	if op.Service.Version() != "" {
		return w.querySample(op)
	}
	if api.RuntimeInput(op) != nil {
		return w.runtimeSample(op)
	}
	return samples[op.Name]
}
