//go:build conformance

package conformance_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestA53_DeployComposeSecretsAreForTheirReaderAlone: a file that finishes consents, or opens the vault, is not in the
// agent's container, which reads what strangers wrote; nor is anybody's in another's.
func TestA53_DeployComposeSecretsAreForTheirReaderAlone(t *testing.T) {
	text, err := os.ReadFile("../deploy/compose.yaml")
	check(t, err)
	var file struct {
		Services map[string]struct {
			Volumes []string `yaml:"volumes"`
			EnvFile []string `yaml:"env_file"`
			User    string   `yaml:"user"`
		} `yaml:"services"`
	}
	check(t, yaml.UnmarshalWithOptions(text, &file, yaml.AllowDuplicateMapKey()))
	want := map[string][]string{
		"postgres":        nil, // its password comes as a secret of compose
		"objects":         nil,
		"keycloak":        {"tls.crt", "tls.key"},
		"lanyard":         {"ca.crt", "pgpass", "root.key", "tls.crt", "tls.key"},
		"front-door":      {"ca.crt", "front-door-client-secret", "tls.crt", "tls.key"},
		"session-binding": {"ca.crt", "nonce.key", "session-binding.env", "tls.crt", "tls.key"},
		"agent":           {"agent.aws", "all-ca.crt", "nonce.key", "state.key"},
	}
	for name, service := range file.Services {
		var reads []string
		for _, v := range append(service.Volumes, service.EnvFile...) {
			path, _, _ := strings.Cut(v, ":")
			if secret, ok := strings.CutPrefix(strings.TrimPrefix(path, "./"), "compose/secrets"); ok {
				reads = append(reads, strings.TrimPrefix(secret, "/"))
			}
		}
		slices.Sort(reads)
		if known, ok := want[name]; !ok || !slices.Equal(reads, known) {
			t.Errorf("%s reads %q, want %q", name, reads, known)
		}
	}
	if user := file.Services["keycloak"].User; !strings.HasPrefix(user, "${RUN_UID") {
		t.Errorf("keycloak runs as %q and cannot read a key that is its owner's alone", user)
	}
	if realm := read(t, "../deploy/compose/keycloak-realm.json"); strings.Count(realm, `"id": "`) != strings.Count(realm, `"username"`) {
		t.Error("a user of the realm has no id, so a new container makes them somebody else")
	}
}
