package server_test

import (
	"strings"
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
	"RevokeGrant":               testRevokeGrant,
}

// TestConformance runs the test of every row; a row without one fails, and so does a test of no row.
func TestConformance(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for name, test := range conformance {
		rows[name] = true
		run(t, name, test)
	}
	for _, story := range stories {
		for _, name := range story.rows {
			rows[name] = true
		}
		run(t, strings.Join(story.rows, ","), story.test)
	}
	for _, op := range api.Operations() {
		if !rows[op.Name] {
			t.Errorf("%s has no conformance test", op.Name)
		}
		delete(rows, op.Name)
	}
	for name := range rows {
		t.Errorf("%s has a conformance test and no row", name)
	}
}

func run(t *testing.T, name string, test func(*testing.T, *servertest.Service)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t, servertest.New(t))
	})
}
