//go:build quickstarts

package quickstarts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// processes are the command lines of everything on this machine that runs in a directory or was started with it in its
// command line.
func processes(dir string) []string {
	var list []string
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return []string{err.Error()}
	}
	for _, p := range all {
		line, err := os.ReadFile(filepath.Join(p, "cmdline"))
		if err != nil {
			continue // it has ended since
		}
		command := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		in, _ := os.Readlink(filepath.Join(p, "cwd"))
		if command != "" && (strings.Contains(command, dir) || strings.HasPrefix(in, dir)) {
			list = append(list, fmt.Sprintf("%s in %s: %s", filepath.Base(p), in, command))
		}
	}
	return list
}

// nothingRuns waits until no process is left in a directory whose command line has the text.
func nothingRuns(t *testing.T, dir, text string) {
	t.Helper()
	var left []string
	err := lab.Eventually("nothing runs in "+dir, func() bool {
		left = slices.DeleteFunc(processes(dir), func(p string) bool { return !strings.Contains(p, text) })
		return len(left) == 0
	})
	if err != nil {
		t.Errorf("%v:\n%s", err, strings.Join(left, "\n"))
	}
}

// records are what the instance keeps for the account, a line each.
func (b *bed) records(t *testing.T) string {
	t.Helper()
	return b.shell(t, b.program(t, "records.py")+"\nlanyard grants --json\n")
}

// program is the command line of a program of ours, run with the clients that the documents install.
func (b *bed) program(t *testing.T, name string, args ...string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("programs", name))
	check(t, err)
	return strings.Join(append([]string{filepath.Join(bench.ToolkitPython(t), "python"), "-B", file}, args...), " ")
}
