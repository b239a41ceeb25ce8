package server_test

import (
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// conformance holds one test for each row of the table, by the operation's name. Each goes through the AWS SDK's
// clients, or, for Lanyard's own operations, through signed HTTP.
var conformance = map[string]func(*testing.T, *servertest.Service){
	"GetWorkloadAccessToken":          testGetWorkloadAccessToken,
	"GetWorkloadAccessTokenForJWT":    testGetWorkloadAccessTokenForJWT,
	"GetWorkloadAccessTokenForUserId": testGetWorkloadAccessTokenForUserID,
	"GetResourceOauth2Token":          testGetResourceOauth2Token,
	"GetResourceApiKey":               testGetResourceAPIKey,
	"CompleteResourceTokenAuth":       testCompleteResourceTokenAuth,

	"CreateWorkloadIdentity": testCreateWorkloadIdentity,
	"GetWorkloadIdentity":    testGetWorkloadIdentity,
	"ListWorkloadIdentities": testListWorkloadIdentities,
	"UpdateWorkloadIdentity": testUpdateWorkloadIdentity,
	"DeleteWorkloadIdentity": testDeleteWorkloadIdentity,

	"CreateOauth2CredentialProvider": testCreateOauth2CredentialProvider,
	"GetOauth2CredentialProvider":    testGetOauth2CredentialProvider,
	"ListOauth2CredentialProviders":  testListOauth2CredentialProviders,
	"UpdateOauth2CredentialProvider": testUpdateOauth2CredentialProvider,
	"DeleteOauth2CredentialProvider": testDeleteOauth2CredentialProvider,

	"CreateApiKeyCredentialProvider": testCreateAPIKeyCredentialProvider,
	"GetApiKeyCredentialProvider":    testGetAPIKeyCredentialProvider,
	"ListApiKeyCredentialProviders":  testListAPIKeyCredentialProviders,
	"UpdateApiKeyCredentialProvider": testUpdateAPIKeyCredentialProvider,
	"DeleteApiKeyCredentialProvider": testDeleteAPIKeyCredentialProvider,

	"FindAuditRecords":          testFindAuditRecords,
	"ListAuthorizationSessions": testListAuthorizationSessions,
	"ListGrants":                testListGrants,
	"RotateDataKeys":            testRotateDataKeys,
}

// TestConformance runs the test of every row; a row without one fails, and so does a test of no row.
func TestConformance(t *testing.T) {
	t.Parallel()
	if len(conformance) != len(api.Operations()) {
		t.Errorf("%d conformance tests for %d rows", len(conformance), len(api.Operations()))
	}
	for _, op := range api.Operations() {
		test, ok := conformance[op.Name]
		if !ok {
			t.Errorf("%s has no conformance test", op.Name)
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			test(t, servertest.New(t))
		})
	}
}
