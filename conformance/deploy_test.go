//go:build conformance

package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deployed are files of the deploy directory that match a pattern; a pattern that matches nothing fails the test.
func deployed(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "deploy", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("deploy/%s: no such files (%v)", pattern, err)
	}
	for i, f := range files {
		if files[i], err = filepath.Abs(f); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// passes runs a checker that must find nothing wrong, and returns what it printed.
func passes(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := bench.Run(t, nil, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return out
}

func TestDeployDockerfile(t *testing.T) {
	t.Parallel()
	hadolint := bench.Tool(t, "python", "bin", "hadolint")
	passes(t, hadolint, deployed(t, "Dockerfile")...)

	loose := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(loose, []byte("FROM debian\nRUN apt-get install curl\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := bench.Run(t, nil, hadolint, loose); err == nil {
		t.Errorf("hadolint finds nothing wrong with an image without a tag:\n%s", out)
	}
}

func TestDeployCompose(t *testing.T) {
	t.Parallel()
	check := bench.Tool(t, "python", "bin", "check-jsonschema")
	compose := deployed(t, "compose.yaml")[0]
	passes(t, check, "--builtin-schema", "vendor.compose-spec", compose)

	text, err := os.ReadFile(compose)
	if err != nil {
		t.Fatal(err)
	}
	misspelt := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(misspelt, []byte(strings.Replace(string(text), "read_only:", "readonly:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := bench.Run(t, nil, check, "--builtin-schema", "vendor.compose-spec", misspelt); err == nil {
		t.Errorf("a misspelt key is accepted:\n%s", out)
	}
}

func TestDeployComposeConfigurations(t *testing.T) {
	t.Parallel()
	for verb, file := range map[string]string{"serve": "lanyard.yaml", "frontdoor": "front-door.yaml", "session-binding": "session-binding.yaml"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(deployed(t, "compose/"+file)[0])
			if err != nil {
				t.Fatal(err)
			}
			newSecrets(t).accepts(verb, string(text))
		})
	}
}

func TestDeployScripts(t *testing.T) {
	t.Parallel()
	for _, script := range deployed(t, "compose/*.sh") {
		passes(t, "/bin/sh", "-n", script)
	}
}

// TestDeployComposeInit runs the first command of the picture: what it makes is for its owner alone, and a second run
// keeps all of it.
func TestDeployComposeInit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "compose"), os.DirFS(filepath.Dir(deployed(t, "compose/init.sh")[0]))); err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{"secrets", "state"} { // of somebody who runs the picture in this checkout
		if err := os.RemoveAll(filepath.Join(dir, "compose", made)); err != nil {
			t.Fatal(err)
		}
	}
	passes(t, "/bin/sh", filepath.Join(dir, "compose", "init.sh"))
	first := readSecrets(t, dir)
	for _, name := range []string{"root.key", "nonce.key", "state.key", "ca.crt", "tls.crt", "tls.key", "pgpass", "front-door-client-secret"} {
		if first[filepath.Join("compose", "secrets", name)] == "" {
			t.Errorf("init.sh makes no %s", name)
		}
	}
	passes(t, "/bin/sh", filepath.Join(dir, "compose", "init.sh"))
	if d := cmp.Diff(first, readSecrets(t, dir)); d != "" {
		t.Error("a second run of init.sh changes what is there")
	}
	text, err := os.ReadFile(filepath.Join(dir, "compose", "lanyard.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	newSecrets(t).accepts("serve", strings.ReplaceAll(string(text), "/secrets/", filepath.Join(dir, "compose", "secrets")+"/"))
}

// readSecrets are the files that init.sh makes, each readable by its owner alone.
func readSecrets(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{".env", "compose/secrets/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, mode %v, want 0600", file, err, info.Mode().Perm())
			}
			name, err := filepath.Rel(dir, file)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	return all
}

// TestDeployUnits has systemd's own reader judge the units, where the distribution brings it.
func TestDeployUnits(t *testing.T) {
	t.Parallel()
	analyze := bench.SystemTool("systemd-analyze")
	for _, unit := range deployed(t, "systemd/*.service") {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateDevices=yes", "CapabilityBoundingSet=", "SystemCallFilter="} {
			if !strings.Contains(string(text), "\n"+line) {
				t.Errorf("%s does not say %s", filepath.Base(unit), line)
			}
		}
		if strings.Contains(string(text), "\nEnvironmentFile=") {
			t.Errorf("%s has secrets in its environment, which every program that it starts inherits: LoadCredential hands over files", filepath.Base(unit))
		}
		if analyze != "" {
			verifyUnit(t, analyze, unit)
		}
	}
}

// verifyUnit allows one complaint: the program is not installed on the machine that runs the tests.
func verifyUnit(t *testing.T, analyze, unit string) {
	t.Helper()
	out, err := bench.Run(t, nil, analyze, "verify", unit)
	for line := range strings.Lines(out) {
		if !strings.Contains(line, "Command /usr/bin/lanyard is not executable") {
			t.Errorf("systemd-analyze verify %s: %s", filepath.Base(unit), line)
		}
	}
	if err != nil && out == "" {
		t.Errorf("systemd-analyze verify %s: %v", filepath.Base(unit), err)
	}
}
