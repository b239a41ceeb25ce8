//go:build conformance

package conformance_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// TestCommandLine runs the scripts of testdata/script: what people type, what they read, and the exit codes on which
// their own scripts rely. Further commands of a script:
//
//	dev [ARG...]            starts lanyard dev on $WORK/data and a free port, and loads what it exports
//	code N PROGRAM [ARG...] runs a program that must end with this exit code
//	until PATTERN PROGRAM   runs a program, which must fail, until its standard error matches: another process may see
//	                        a change only after a moment
//	capture NAME PATTERN    sets a variable to the first group of the pattern in the last standard output
//	modes DIR               checks that a directory and all in it are for their owner only
//	whole FILE              waits until a file is there
func TestCommandLine(t *testing.T) {
	t.Parallel()
	binary := bench.Binary(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"dev": scriptDev, "code": scriptCode, "until": scriptUntil, "capture": scriptCapture, "modes": scriptModes, "whole": scriptWhole,
		},
	})
}

// scriptDev starts an instance that ends with the script.
func scriptDev(ts *testscript.TestScript, _ bool, args []string) {
	s, err := bench.DevIn(ts.Getenv("WORK"), args...)
	ts.Check(err)
	ts.Defer(func() { ts.Check(s.End()) })
	for _, assignment := range s.Env() {
		name, value, _ := strings.Cut(assignment, "=")
		ts.Setenv(name, value)
	}
	ts.Setenv("ADDRESS", strings.TrimPrefix(s.URL, "http://"))
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM [ARG...]")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = lab.ExitCode(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM [ARG...]")
	}
	pattern := regexp.MustCompile(args[0])
	ts.Check(lab.Eventually(args[0]+" is the complaint", func() bool {
		return ts.Exec(args[1], args[2:]...) != nil && pattern.MatchString(ts.ReadFile("stderr"))
	}))
}

func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("the standard output does not match %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func scriptModes(ts *testscript.TestScript, _ bool, args []string) {
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "host" { // the agent host's own, which agents of other uids pass through; its parent is closed
			return fs.SkipDir
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if got := info.Mode().Perm(); got != want {
			return fmt.Errorf("%s has mode %o, want %o", path, got, want)
		}
		return nil
	}))
	if files < 5 {
		ts.Fatalf("%s holds %d files only", args[0], files)
	}
}

func scriptWhole(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	ts.Check(lab.Eventually(file+" is there", func() bool {
		_, err := os.Stat(file)
		return err == nil
	}))
}
