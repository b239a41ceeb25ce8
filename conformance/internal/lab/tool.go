package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// toolTimeout bounds one run of a checker; the slowest starts an interpreter and reads some hundred schemas.
const toolTimeout = time.Minute

// Tool returns the path of a program of an installed component.
func (l *Lab) Tool(t testing.TB, component string, path ...string) string {
	t.Helper()
	program, err := l.component(component, path...)
	return must(t, program, err)
}

// SystemTool returns the path of a program that the distribution brings, and "" where it is not installed.
func (l *Lab) SystemTool(name string) string {
	path, err := systemProgram(name)
	if err != nil {
		return ""
	}
	return path
}

// Run runs a program in the project's directory and returns all that it prints. The program sees no credentials and no
// proxies of whoever runs the tests: only where programs and temporary files are, and what variables says.
func (l *Lab) Run(t testing.TB, variables []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), toolTimeout)
	defer stop()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Dir(l.dir)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + l.tmp}, variables...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Certificate returns files of this run: an authority, and a certificate for 127.0.0.1 that it signed, with its key.
func (l *Lab) Certificate(t testing.TB) (authority, certificate, key string) {
	t.Helper()
	a, err := l.ca()
	must(t, a, err)
	return a.caFile, a.certFile, a.keyFile
}
