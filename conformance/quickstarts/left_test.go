//go:build quickstarts

package quickstarts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// endTime is how long a process may take to end.
const endTime = 20 * time.Second

// nothingRuns waits until no process is left in a directory whose command line has the text.
func nothingRuns(t *testing.T, dir, text string) {
	t.Helper()
	var left []string
	deadline := time.Now().Add(endTime)
	for {
		left = nil
		for _, p := range processes(dir) {
			if strings.Contains(p, text) {
				left = append(left, p)
			}
		}
		if left == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("still running in %s:\n%s", dir, strings.Join(left, "\n"))
			return
		}
		time.Sleep(endTime / 200)
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
