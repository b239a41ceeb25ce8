package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// Story is what `make story` starts, on free ports.
type Story struct {
	Page, User, Password string

	command string // that it prints to see every step
	dir     string
}

var (
	storyPage     = regexp.MustCompile(`The page is at (\S+)`)
	storyUser     = regexp.MustCompile(`sign in as +(\S+)`)
	storyPassword = regexp.MustCompile(`password +(\S+)`)
	storyCommand  = regexp.MustCompile(`(?m)^ +(eval .*)$`)
)

// Story starts it and ends it with the test.
func (l *Lab) Story(t testing.TB) *Story {
	t.Helper()
	binary, err := l.binary()
	binary = must(t, binary, err)
	dir := t.TempDir()
	program := filepath.Join(dir, "story")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./examples/story")
	build.Dir = filepath.Dir(l.dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building examples/story: %v\n%s", err, out)
	}
	address := func() string {
		port, err := freePort()
		return fmt.Sprintf("127.0.0.1:%d", must(t, port, err))
	}
	cmd := exec.Command(program, "-lanyard", binary, "-agent", l.agentProgram(t), "-data-dir", filepath.Join(dir, "data"), "-listen", address(), "-front-door", address())
	cmd.Dir = dir
	cmd.Env = cleanEnv(dir)
	p, err := startProcess("story", filepath.Join(dir, "story.log"), cmd)
	p = must(t, p, err)
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	said := func() string {
		text, _ := os.ReadFile(p.log)
		return string(text)
	}
	if err := p.waitFor(t.Context(), "word that it can be ended", func() bool { return regexp.MustCompile("Ctrl-C").MatchString(said()) }); err != nil {
		t.Fatal(err)
	}
	found := func(pattern *regexp.Regexp) string {
		m := pattern.FindStringSubmatch(said())
		if m == nil {
			t.Fatalf("the story does not say %v:\n%s", pattern, said())
		}
		return m[1]
	}
	return &Story{Page: found(storyPage), User: found(storyUser), Password: found(storyPassword), command: found(storyCommand), dir: dir}
}

// Audit types the command that the story prints.
func (s *Story) Audit(t testing.TB) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", s.command)
	cmd.Dir = s.dir
	cmd.Env = cleanEnv(s.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.command, err, out)
	}
	return string(out)
}
