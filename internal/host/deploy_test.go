//go:build linux

package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// playedPython stands for an interpreter: its pip notes that it ran, then does what the requirements say line by line.
const playedPython = `#!/bin/sh
case "$2 $3" in
"-c "*) echo "$0"; echo 3.11.2 ;;
"-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
"-m pip")
  for last; do :; done
  echo ran >> "$HOME/ran"
  . "$last" ;;
esac
`

// deployFixture is a host whose Python is played, and the spec of an agent with these requirements.
func deployFixture(t *testing.T, requirements string, change ...func(*Config)) (*fixture, *hostlink.Spec) {
	t.Helper()
	f := start(t, func(c *Config) {
		bin := filepath.Join(filepath.Dir(c.StateDir), "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // the installer's user id looks into it
			t.Fatal(err)
		}
		c.Path = bin + ":/usr/bin:/bin"
		place(t, filepath.Join(bin, "python3.11"), playedPython, 0o755)
		for _, f := range change {
			f(c)
		}
	})
	place(t, filepath.Join(f.sourceDir(), "requirements.txt"), requirements, 0o644)
	return f, f.spec("", func(s *hostlink.Spec) { s.EntryPoint, s.Language = []string{"agent.py"}, "PYTHON_3_11" })
}

func place(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// built are the environments that are complete.
func (f *fixture) built() []string {
	f.t.Helper()
	var links []string
	all, err := os.ReadDir(f.host.path("envs"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range all {
		if e.Type()&os.ModeSymlink != 0 {
			links = append(links, e.Name())
		}
	}
	return links
}

// installs counts how often the installer ran.
func (f *fixture) installs() int {
	f.t.Helper()
	all, err := filepath.Glob(f.host.path("envs", "*", "ran"))
	if err != nil {
		f.t.Fatal(err)
	}
	n := 0
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err != nil {
			f.t.Fatal(err)
		}
		n += strings.Count(string(b), "ran\n")
	}
	return n
}

// TestDeploymentBuildsTheEnvironment: it is there when the spec is taken, before any session begins, and the next version
// with the same requirements needs no other.
func TestDeploymentBuildsTheEnvironment(t *testing.T) {
	f, spec := deployFixture(t, ": nothing\n")
	for _, version := range []string{"1", "2"} {
		spec.Version = version
		if err := f.client.PutSpec(t.Context(), spec); err != nil {
			t.Fatalf("%v\n%s\n%s", err, hostlink.AsError(err).Log, f.logged)
		}
		if n := len(f.built()); n != 1 || f.installs() != 1 {
			t.Errorf("version %s: %d environments by %d runs of the installer", version, n, f.installs())
		}
	}
}

// TestDeploymentTellsWhatTheInstallerSaid: and leaves nothing that a session could take for an environment.
func TestDeploymentTellsWhatTheInstallerSaid(t *testing.T) {
	f, spec := deployFixture(t, "echo ERROR: No matching distribution found for nothing-of-this-name >&2; exit 1\n")
	e := f.wants(f.client.PutSpec(t.Context(), spec), hostlink.CodeBuild)
	if !strings.Contains(e.Log, "No matching distribution found for nothing-of-this-name") {
		t.Errorf("the installer's last lines are %q", e.Log)
	}
	if left, err := os.ReadDir(f.host.path("envs")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	place(t, filepath.Join(f.sourceDir(), "requirements.txt"), ": mended\n", 0o644)
	spec.Version = "2" // a version stays what it was
	if err := f.client.PutSpec(t.Context(), spec); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// TestDeploymentDoesNotHoldItsCaller: a build that takes longer than callers wait goes on without them, once.
func TestDeploymentDoesNotHoldItsCaller(t *testing.T) {
	f, spec := deployFixture(t, "until [ -e "+"\"$(pwd)/go\""+" ]; do sleep 0.05; done\n", func(c *Config) { c.Times.Deploy = 300 * time.Millisecond })
	for range 2 {
		f.wants(f.client.PutSpec(t.Context(), spec), hostlink.CodeBuilding)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.client.PutSpec(gone, spec); err == nil {
		t.Error("a caller that went away was answered")
	}
	copies, err := filepath.Glob(f.host.path("code", "copy-*"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("copies of the source: %v, %v", copies, err)
	}
	place(t, filepath.Join(copies[0], "go"), "", 0o644)
	eventually(t, "the environment", func() bool { return f.client.PutSpec(t.Context(), spec) == nil })
	if f.installs() != 1 {
		t.Errorf("the installer ran %d times", f.installs())
	}
}

// TestDeploymentsBuildInLine: as many at once as agents start, whatever somebody deploys.
func TestDeploymentsBuildInLine(t *testing.T) {
	f, spec := deployFixture(t, ": each has its own\n", func(c *Config) { c.Limits.Starts = 1 })
	var all sync.WaitGroup
	most := 0
	done := make(chan struct{})
	for i := range 4 {
		s := *spec
		dir := filepath.Join(filepath.Dir(f.agent), "source-"+string(rune('a'+i)))
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as in sourceDir
			t.Fatal(err)
		}
		place(t, filepath.Join(dir, "requirements.txt"), "sleep 0.1 # "+dir+"\n", 0o644)
		s.Source.Directory = dir
		all.Go(func() {
			if err := f.client.PutSpec(t.Context(), &s); err != nil {
				t.Error(err)
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			dirs, err := filepath.Glob(f.host.path("envs", "*.*"))
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, len(dirs)-len(f.built()))
		}
	}
	if most > 1 || len(f.built()) != 4 {
		t.Errorf("%d environments were built at once, %d in all", most, len(f.built()))
	}
}

// TestAnotherPythonIsTold: an agent's owner reads in its log that it runs with another Python than its runtime names.
func TestAnotherPythonIsTold(t *testing.T) {
	f, spec := deployFixture(t, ": nothing\n", func(c *Config) {
		place(t, filepath.Join(filepath.Dir(c.StateDir), "bin", "python3"), playedPython, 0o755)
	})
	const told = "lanyard: this agent runs with Python 3.11.2: Python 3.12, which its runtime names, is not on the agent host's path"
	for language, want := range map[string]bool{"PYTHON_3_12": true, "PYTHON_3_11": false} {
		spec.Language = language
		_, err := f.call(spec, sessionA+language, "alice", ask{})
		if e := f.wants(err, hostlink.CodeNotHealthy); strings.Contains(e.Log, told) != want { // the played interpreter serves nothing
			t.Errorf("%s: the log says %q", language, e.Log)
		}
	}
	for language, want := range map[string]string{"PYTHON_3_1": "3.1,", "PYTHON_3_11": "", "PYTHON_3_13": "3.13,"} {
		if got := (interpreter{version: "3.11.2"}).instead(language); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", language, got)
		}
	}
}
