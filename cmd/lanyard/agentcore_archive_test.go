package main

import (
	"archive/zip"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// packed packs the working directory and reads what is in it.
func packed(t *testing.T, requirements string) (a *archive, files map[string]string) {
	t.Helper()
	a, err := pack(".", requirements)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	z, err := zip.NewReader(a.file, a.size)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(b)
	}
	return a, files
}

// TestPackLeavesSecretsHere: neither keys, passwords and caches nor Lanyard's own data leave the machine with the code.
func TestPackLeavesSecretsHere(t *testing.T) {
	newFolder(t)
	for _, name := range []string{".env", ".env.local", "prod.env", ".agentcore_identity_user.env", ".agentcore_identity_cognito_user.json", ".agentcore.json", projectFileName,
		".git/config", ".venv/bin/python", "myenv/pyvenv.cfg", "myenv/lib/x.py", "lanyard-data/dev.json", "lanyard-data/root.key", "lanyard-data/lanyard.db", "server.pem", "a.key",
		"__pycache__/agent.pyc", "pkg/__pycache__/x.pyc", "pkg/x.pyc", ".aws/credentials", ".ssh/id_rsa"} {
		write(t, name, "MARKER-SECRET")
	}
	write(t, "pkg/tool.py", "tool\n")
	write(t, "data/text.txt", "text\n")
	_, files := packed(t, "")
	if got, want := sortedKeys(files), []string{"agent.py", "data/text.txt", "pkg/tool.py", "requirements.txt"}; !slices.Equal(got, want) {
		t.Errorf("packed %v, want %v", got, want)
	}
	for name, text := range files {
		saysNot(t, name+text, "MARKER")
	}
}

// TestPackIsTheSameEachTime: an archive that the host has need not be sent again.
func TestPackIsTheSameEachTime(t *testing.T) {
	newFolder(t)
	first, _ := packed(t, "")
	if err := os.Chtimes("agent.py", cliNow, cliNow); err != nil {
		t.Fatal(err)
	}
	again, _ := packed(t, "")
	if first.sha != again.sha || first.files != 2 {
		t.Errorf("%s, then %s (%d files)", first.sha, again.sha, first.files)
	}
	write(t, "agent.py", "changed\n")
	if changed, _ := packed(t, ""); changed.sha == first.sha {
		t.Error("a change is not seen")
	}
}

func TestPackKeepsProgramsRunnable(t *testing.T) {
	newFolder(t)
	write(t, "run.sh", "#!/bin/sh\n")
	if err := os.Chmod("run.sh", 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	a, _ := packed(t, "")
	z, err := zip.NewReader(a.file, a.size)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if runnable := f.Mode()&0o111 != 0; runnable != (f.Name == "run.sh") {
			t.Errorf("%s has mode %v", f.Name, f.Mode())
		}
	}
}

// TestPackFollowsNoLinkOut: a link may not carry a stranger's file along.
func TestPackFollowsNoLinkOut(t *testing.T) {
	newFolder(t)
	secret := t.TempDir() + "/secret"
	write(t, secret, "MARKER-SECRET")
	for name, target := range map[string]string{"out.txt": secret, "up.txt": "../../etc/passwd", "gone.txt": "nowhere", "in.txt": "agent.py"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	a, files := packed(t, "")
	if files["in.txt"] != files["agent.py"] {
		t.Error("a link within the folder is not followed")
	}
	if want := []string{"gone.txt", "out.txt", "up.txt"}; !slices.Equal(a.passed, want) {
		t.Errorf("passed over %v, want %v", a.passed, want)
	}
	for name, text := range files {
		saysNot(t, text, "MARKER", "root:")
		if slices.Contains(a.passed, name) {
			t.Errorf("%s is in the archive", name)
		}
	}
}

func TestPackTakesRequirementsFromElsewhere(t *testing.T) {
	newFolder(t)
	other := t.TempDir() + "/reqs.txt"
	write(t, other, "other-package\n")
	if _, files := packed(t, other); files["requirements.txt"] != "other-package\n" {
		t.Errorf("packed %q", files["requirements.txt"])
	}
	if _, err := pack(".", other+".gone"); err == nil || !strings.Contains(err.Error(), "requirements") {
		t.Errorf("missing requirements: %v", err)
	}
}

func TestEntryPoint(t *testing.T) {
	dir := newFolder(t)
	write(t, "pkg/main.py", "")
	for entry, want := range map[string]string{
		dir + "/agent.py": "agent.py", dir + "/pkg/main.py": "pkg/main.py", dir + "/pkg/main.py:app": "pkg.main:app", "agent.py": "agent.py",
	} {
		a := parsed(t, "{}").put("a", newAgentDoc("a"))
		a.set("entrypoint", entry)
		a.set("source_path", dir)
		if got, rel, err := a.entryPointOf(); err != nil || got != dir || rel != want {
			t.Errorf("%s: %s in %s, %v; want %s", entry, rel, got, err, want)
		}
	}
	for entry, want := range map[string]string{"": "has no entrypoint", "/etc/passwd": "not below its source_path", dir + "/gone.py": "is gone"} {
		a := parsed(t, "{}").put("a", newAgentDoc("a"))
		a.set("entrypoint", entry)
		a.set("source_path", dir)
		if _, _, err := a.entryPointOf(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", entry, err, want)
		}
	}
}
