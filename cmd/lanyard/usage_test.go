package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// command runs one command line in an empty environment.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &environment{args: args, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" }, now: time.Now, version: "test"}
	code = run(t.Context(), env)
	return code, out.String(), errs.String()
}

// What cannot be understood ends with 2 and the way to the help, at every depth of the tree of commands.
func TestMisuseEndsWith2(t *testing.T) {
	for line, says := range map[string]string{
		"bogus":                         `there is no command "bogus"`,
		"grant":                         "grants",
		"admin bogus":                   `there is no command "bogus"`,
		"admin user creat":              "create",
		"admin user create":             "accepts 1 arg(s), received 0",
		"admin key list --root surplus": `unknown command "surplus"`,
		"admin policy put --user u":     `"name" not set`,
		"serve surplus":                 `unknown command "surplus"`,
		"dev --bogus":                   "unknown flag: --bogus",
	} {
		code, stdout, stderr := command(t, strings.Fields(line)...)
		if code != 2 || !strings.Contains(stderr, says) || !strings.Contains(stderr, "; see: lanyard") || stdout != "" {
			t.Errorf("lanyard %s: exit %d, want 2 and %q\n%s%s", line, code, says, stdout, stderr)
		}
		if n := strings.Count(stderr, "; see: "); n != 1 {
			t.Errorf("lanyard %s points to the help %d times\n%s", line, n, stderr)
		}
	}
}

func TestCommandWithoutVerbShowsItsHelp(t *testing.T) {
	for _, line := range []string{"", "admin", "admin user", "audit"} {
		code, stdout, stderr := command(t, strings.Fields(line)...)
		if code != 0 || !strings.Contains(stdout, "Usage:") || stderr != "" {
			t.Errorf("lanyard %s: exit %d\n%s%s", line, code, stdout, stderr)
		}
	}
}
