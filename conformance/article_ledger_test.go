//go:build conformance

package conformance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	articleRow      = regexp.MustCompile("(?m)^\\| E([0-9]+) \\|.*\\| `([^`]+)` \\|$")
	testDeclaration = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
)

// articleNames are the headers, settings and calls that the article and its sample name. Each has a row, so that what is
// left out is left out knowingly.
var articleNames = []string{
	"x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken", "X-GitHub-Api-Version", "Authorization: Bearer", "text/event-stream",
	"AWS_REGION", "IDENTITY_AWS_REGION", "ENVIRONMENT", "LOG_LEVEL", "S3_BUCKET_NAME", "SESSION_BINDING_URL", "INFERENCE_PROFILE_ID",
	"WORKLOAD_IDENTITY_NAME", "GITHUB_PROVIDER_NAME", "GITHUB_API_BASE",
	"OIDC_ISSUER", "OIDC_AUTHORIZATION_ENDPOINT", "OIDC_TOKEN_ENDPOINT", "OIDC_USER_INFO_ENDPOINT", "OIDC_SECRET_NAME", "OIDC_SCOPE",
	"DNS_DOMAIN_NAME", "DNS_HOSTED_ZONE_ID", "certificate", "Listener rules", "time-out", "firewall", "Access logs", "customer managed key", "Task definitions",
	"/invocations", "/docs", "/ping", "/oauth2/idpresponse", "00000003-0000-0000-c000-000000000000", "561",
	"GetWorkloadAccessTokenForUserId", "GetWorkloadAccessTokenForJWT", "GetResourceOauth2Token", "CompleteResourceTokenAuth",
	"provider_name", "scopes", "auth_flow", "session_binding_url", "force_authentication", "token_poller", "custom_state", "custom_parameters", "into",
}

// articleLedger checks docs/seeds.md: every row about the article names a part that was played, or a test that there is,
// and every name of the article has a row.
func articleLedger(t *testing.T, played map[string]bool) {
	t.Helper()
	rows := articleRow.FindAllStringSubmatch(read(t, "../docs/seeds.md"), -1)
	if len(rows) == 0 {
		t.Fatal("docs/seeds.md has no row about the article")
	}
	declared := declaredTests(t)
	shows := map[string]bool{}
	var text strings.Builder
	for i, row := range rows {
		number, test := row[1], row[2]
		if number != strconv.Itoa(i+1) {
			t.Errorf("docs/seeds.md has E%s where E%d is due", number, i+1)
		}
		part, ours := strings.CutPrefix(test, "TestArticle/")
		shows[part] = shows[part] || ours
		if ours && !played[part] || !ours && !declared[test] {
			t.Errorf("docs/seeds.md says that %s shows E%s, and it does not", test, number)
		}
		text.WriteString(row[0] + "\n")
	}
	for _, name := range articleNames {
		if !strings.Contains(text.String(), name) {
			t.Errorf("docs/seeds.md has no row about %s", name)
		}
	}
	for part := range played {
		if !shows[part] {
			t.Errorf("docs/seeds.md has no row for what TestArticle/%s shows", part)
		}
	}
}

// declaredTests are those of the checkout.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	check(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == ".cache" || name == ".git" || name == "node_modules") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range testDeclaration.FindAllStringSubmatch(string(text), -1) {
			declared[m[1]] = true
		}
		return err
	}))
	return declared
}
