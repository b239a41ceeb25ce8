//go:build quickstarts

package quickstarts_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/conformance/converse"
	"github.com/lanyard-id/lanyard/conformance/quickstarts/terminal"
)

// Times within which a block ends on a busy machine.
const (
	quick   = time.Minute
	install = 5 * time.Minute // packages are installed
)

// bed is a person's machine: a home with the programs in ~/bin, `lanyard dev` started there, a model, and a terminal.
type bed struct {
	home     string
	endpoint string
	model    *converse.Model
	terminal *terminal.Terminal
}

// The environment lines: everything that is typed beside the documents so that their commands mean Lanyard. A document's
// own activation of its Python environment puts the toolkit's program first, so ours goes before it afterwards. The model
// is named where the agents run.
const (
	lineWheels  = "export PIP_FIND_LINKS=%s\n"
	lineNoIndex = "export PIP_NO_INDEX=1\n"
	linePoint   = "eval \"$(~/bin/lanyard env)\"\n"
	linePath    = "export PATH=~/bin:\"$PATH\"\n"
	lineModel   = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=%s"
)

// The operator's own AWS account, as the documents' prerequisites want it configured. Its key signs calls of the model,
// and nothing else here knows it.
const operatorKeyID = "AKIAOPERATOROPERATOR"

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{home: bench.Checkout(t), model: &converse.Model{}}
	t.Cleanup(func() { nothingRuns(t, b.home, "") })
	bench.InstallAWS(t, b.home)
	check(t, os.Symlink("lanyard", filepath.Join(b.home, "bin", "agentcore")))
	b.open(t)
	b.run(t, "~/bin/aws configure set aws_access_key_id "+operatorKeyID+"\n~/bin/aws configure set aws_secret_access_key not-a-key-of-anybody\n", quick)
	model := httptest.NewServer(b.model)
	t.Cleanup(model.Close)
	b.endpoint = bench.ShellServer(t, b.home, fmt.Sprintf("env PIP_NO_INDEX=1 PIP_FIND_LINKS=%s "+lineModel+" ./bin/lanyard dev --listen 127.0.0.1:0",
		bench.Wheels(t), model.URL), "Lanyard is ready at ")
	b.run(t, fmt.Sprintf(lineWheels, bench.Wheels(t))+lineNoIndex+linePoint, quick)
	return b
}

// open opens the terminal's window.
func (b *bed) open(t *testing.T) {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.home, "LANG=C.UTF-8", "TMPDIR=" + os.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}
	var err error
	b.terminal, err = terminal.Start(b.home, t.TempDir(), env)
	check(t, err)
	t.Cleanup(func() {
		if err := b.terminal.Close(); err != nil {
			t.Error(err)
		}
	})
}

// run pastes a block in which no command may fail, and returns what was printed.
func (b *bed) run(t *testing.T, block string, timeout time.Duration) string {
	t.Helper()
	r := b.try(t, block, timeout)
	if len(r.Failed) > 0 || r.Status != 0 {
		t.Fatalf("failed with status %d, %q:\n%s\nprinted\n%s", r.Status, r.Failed, block, r.Output)
	}
	return r.Output
}

// try pastes a block of which commands may fail.
func (b *bed) try(t *testing.T, block string, timeout time.Duration) terminal.Result {
	t.Helper()
	r, err := b.terminal.Run(block, timeout)
	check(t, err)
	t.Logf("$ %s\n%s", abridged(block), r.Output)
	return r
}

// refused pastes a command that must fail and say so.
func (b *bed) refused(t *testing.T, block, saying string) {
	t.Helper()
	if r := b.try(t, block, quick); r.Status == 0 || !strings.Contains(r.Output, saying) {
		t.Errorf("status %d of %s: it does not say %q:\n%s", r.Status, block, saying, r.Output)
	}
}

// question is a screen that waits for an answer, done one that needs none any more.
var (
	question = regexp.MustCompile(`([^\n]*(?:\]|\):)) $`) // a question arrives in pieces: only its end is its end
	done     = regexp.MustCompile(`Configuration Success`)
)

// answering runs `agentcore configure` and presses Enter at every question, but says no to an OAuth authorizer. It
// returns what was printed and what was asked.
func (b *bed) answering(t *testing.T, block string) (output string, asked []string) {
	t.Helper()
	r, err := b.terminal.Begin(block)
	check(t, err)
	for {
		m, err := r.Until(regexp.MustCompile(question.String()+"|"+done.String()), quick)
		check(t, err)
		if m[1] == "" {
			break
		}
		asked = append(asked, m[1])
		answer := "\n"
		if strings.Contains(m[1], "OAuth authorizer") {
			answer = "no\n"
		}
		check(t, r.Type(answer))
	}
	result, err := r.Wait(quick)
	check(t, err)
	t.Logf("$ %s\n%s", abridged(block), result.Output)
	if len(result.Failed) > 0 {
		t.Fatalf("failed: %q", result.Failed)
	}
	return result.Output, asked
}

func abridged(block string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(block), "\n")
	if rest != "" {
		first += " …"
	}
	return first
}

// save writes a file of a document as it stands into the terminal's directory.
func (b *bed) save(t *testing.T, name, text string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(strings.TrimSpace(b.run(t, "pwd\n", quick)), name), []byte(text), 0o600))
}

// want checks that an output has each of the patterns.
func want(t *testing.T, output string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(output) {
			t.Errorf("nothing matches %s in\n%s", p, output)
		}
	}
}

// group is the first group of a pattern that must be in the output.
func group(t *testing.T, output, pattern string) string {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(output)
	if len(m) < 2 {
		t.Fatalf("nothing matches %s in\n%s", pattern, output)
	}
	return m[1]
}

// shell asks in a script of our own, beside the terminal.
func (b *bed) shell(t *testing.T, script string) string {
	t.Helper()
	out, err := bench.Shell(t, b.home, linePoint+script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(out)
}
