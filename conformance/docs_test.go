//go:build conformance

package conformance_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is one fenced block of a document.
type block struct {
	file, language, text string
}

var (
	fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	link  = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// documents are the files that a user reads.
func documents(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("../docs/*.md")
	check(t, err)
	return append([]string{"../README.md"}, docs...)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	return string(text)
}

func blocks(t *testing.T, file, language string) []block {
	t.Helper()
	var found []block
	for _, m := range fence.FindAllStringSubmatch(read(t, file), -1) {
		if m[1] == language {
			found = append(found, block{file, language, m[2]})
		}
	}
	return found
}

// TestDocs does what the documents say, as they say it: it starts the instance as `make run` does, and runs every block
// of shell commands and the README's program.
func TestDocs(t *testing.T) {
	t.Parallel()
	dir := bench.Checkout(t)
	bench.InstallAWS(t, dir)
	endpoint := bench.ShellServer(t, dir, runRecipe(t), "Lanyard is ready at ")
	t.Logf("the instance is at %s", endpoint)
	ran := 0
	for _, file := range documents(t) {
		for _, b := range blocks(t, file, "sh") {
			ran++
			if out, err := bench.Shell(t, dir, b.text); err != nil {
				t.Errorf("%s: %v\n%s\n%s", b.file, err, b.text, out)
			}
		}
	}
	if ran == 0 {
		t.Error("no document has a block of shell commands")
	}
	programs := blocks(t, "../README.md", "python")
	if len(programs) != 1 {
		t.Fatalf("the README has %d Python programs, want 1", len(programs))
	}
	check(t, os.WriteFile(filepath.Join(dir, "program.py"), []byte(programs[0].text), 0o600))
	out, err := bench.Shell(t, dir, `eval "$(./bin/lanyard env)"`+"\n"+bench.PythonProgram(t)+" program.py")
	if err != nil || !strings.HasPrefix(out, endpoint+"/identities/oauth2/authorize?request_uri=") {
		t.Errorf("the README's program: %v\n%s", err, out)
	}
}

// runRecipe is the command of `make run` after the build. Where somebody has the default port already, a free one is
// taken: the documents name none.
func runRecipe(t *testing.T) string {
	t.Helper()
	_, recipe, ok := strings.Cut(read(t, "../Makefile"), "\nrun: build")
	if !ok {
		t.Fatal("the Makefile has no target run that builds first")
	}
	lines := strings.Split(recipe, "\n")
	command := strings.TrimSpace(lines[1])
	if !strings.HasPrefix(command, "./bin/lanyard dev") || strings.HasPrefix(lines[2], "\t") {
		t.Fatalf("make run does more than to start the instance: %q", lines[1:3])
	}
	l, err := net.Listen("tcp", "127.0.0.1:8585")
	if err != nil {
		t.Logf("the default port is taken: %v", err)
		return command + " --listen 127.0.0.1:0"
	}
	check(t, l.Close())
	return command
}

// TestDocsLinkToWhatThereIs follows the links between the documents.
func TestDocsLinkToWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, file := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
}
