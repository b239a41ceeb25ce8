//go:build conformance

package conformance_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// TestService runs a service as an operator sets it up: https, PostgreSQL or SQLite, a company's own GitHub as a vendor,
// and an agent whose key allows what an agent needs.
func TestService(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(testing.TB) string { return `sqlite: "{{dir}}/data"` },
		"postgres": func(t testing.TB) string { return fmt.Sprintf("postgres: %q", bench.PostgresURL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := bench.Provider(t, "github-enterprise")
			s := bench.Serve(t, fmt.Sprintf(`listen: "{{listen}}"
public_url: "https://{{listen}}"
database: {%s}
root_key: {file: "{{dir}}/root-key"}
vendors: {GithubOauth2: {base_url: %q}}
`, database(t), github.Info().Issuer))
			env := append(credentials(t, s, "OPERATOR_", "bootstrap"), agentUser(t, s)...)
			env = append(env, "LAB_PROVIDER=github-enterprise")
			bench.Python(t, s, "service.py", append(env, "PHASE=consent")...)
			s.Kill()
			s.Start(t)
			bench.Python(t, s, "service.py", append(env, "PHASE=after")...)
		})
	}
}

// TestServiceFederation is the quickstart's identity part at a service with https, whose issuer's documents are then
// exported for a static host.
func TestServiceFederation(t *testing.T) {
	t.Parallel()
	s := bench.Serve(t, `listen: "{{listen}}"
public_url: "https://{{listen}}"
database: {sqlite: "{{dir}}/data"}
root_key: {file: "{{dir}}/root-key"}
`)
	s.Setenv(credentials(t, s, "", "bootstrap")...)
	bench.Python(t, s, "federation.py")
	c := cli{t, s}
	c.refused("ValidationError", "iam", "create-open-id-connect-provider", "--url", "http://127.0.0.1:1/issuer")
	var enabled struct{ IssuerIdentifier string }
	c.run(&enabled, "iam", "enable-outbound-web-identity-federation")
	if !strings.HasPrefix(enabled.IssuerIdentifier, s.URL+"/issuer/") || !strings.HasPrefix(s.URL, "https://") {
		t.Errorf("the issuer is %s", enabled.IssuerIdentifier)
	}
	dir := t.TempDir()
	s.Lanyard(t, "issuer", "export", dir)
	client := s.Client(t)
	for _, document := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		served := get(t, client, enabled.IssuerIdentifier+document)
		if exported := exportedFile(t, dir, document); exported != served {
			t.Errorf("%s is exported as\n%s\nand served as\n%s", document, exported, served)
		}
	}
}

func get(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	check(t, err)
	answer, err := client.Do(r)
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", address, answer.Status)
	}
	return string(text)
}

// exportedFile finds a document below an exported directory, wherever the issuer's path put it.
func exportedFile(t *testing.T, dir, document string) string {
	t.Helper()
	var found []string
	check(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, document) {
			found = append(found, path)
		}
		return err
	}))
	if len(found) != 1 {
		t.Fatalf("%s is exported as %q", document, found)
	}
	return read(t, found[0])
}

// agentUser makes a user that may do what an agent does and nothing else.
func agentUser(t *testing.T, s *lab.Server) []string {
	t.Helper()
	s.Admin(t, "user", "create", "agent")
	s.Admin(t, "policy", "put", "--user", "agent", "--name", "agent",
		"--allow", "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
		"--allow", "bedrock-agentcore:GetResourceOauth2Token",
		"--allow", "bedrock-agentcore:CompleteResourceTokenAuth")
	return credentials(t, s, "", "key", "create", "--user", "agent")
}

// credentials runs a command that prints an access key, and puts a prefix before the names.
func credentials(t *testing.T, s *lab.Server, prefix string, command ...string) []string {
	t.Helper()
	var env []string
	for lines := bufio.NewScanner(strings.NewReader(s.Admin(t, command...))); lines.Scan(); {
		env = append(env, prefix+lines.Text())
	}
	if len(env) != 2 {
		t.Fatalf("lanyard admin %s printed %d lines, want an access key", strings.Join(command, " "), len(env))
	}
	return env
}
