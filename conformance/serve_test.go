//go:build conformance

package conformance_test

import (
	"bufio"
	"fmt"
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
