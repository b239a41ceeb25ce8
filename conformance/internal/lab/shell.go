package lab

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Binary is the lanyard program that is tested.
func (l *Lab) Binary(t testing.TB) string {
	t.Helper()
	binary, err := l.binary()
	return must(t, binary, err)
}

// PythonProgram is the interpreter that has the pinned clients.
func (l *Lab) PythonProgram(t testing.TB) string {
	t.Helper()
	python, err := l.component("python", "bin", "python")
	return must(t, python, err)
}

// Checkout is an empty directory with the program at bin/lanyard, as `make build` leaves one.
func (l *Lab) Checkout(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(l.Binary(t))
	from = must(t, from, err)
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(dir, "bin", "lanyard"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	to = must(t, to, err)
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Shell runs a script in a directory, with a clean environment in which a first failing command ends it, and returns
// what it printed.
func (l *Lab) Shell(t testing.TB, dir, script string) (string, error) {
	t.Helper()
	return l.shell(t, dir, script, nil)
}

func (l *Lab) shell(t testing.TB, dir, script string, env []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(cleanEnv(dir), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// AWSShell is Shell with the server's environment and the AWS CLI as aws.
func (l *Lab) AWSShell(t testing.TB, s *Server, dir, script string) (string, error) {
	t.Helper()
	l.InstallAWS(t, dir)
	return l.shell(t, dir, script, s.Env())
}

// InstallAWS puts the AWS CLI below the directory, where its shells find it as aws.
func (l *Lab) InstallAWS(t testing.TB, dir string) {
	t.Helper()
	aws, err := l.component("awscli", "aws")
	aws = must(t, aws, err)
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(aws, filepath.Join(bin, "aws")); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
}

// ShellServer starts a command of a shell that serves until the test ends, and returns the rest of the line that says
// it is ready.
func (l *Lab) ShellServer(t testing.TB, dir, command, ready string) string {
	t.Helper()
	cmd := exec.Command("sh", "-eu", "-c", "exec "+command)
	cmd.Dir = dir
	cmd.Env = cleanEnv(dir)
	p, err := startProcess(command, filepath.Join(t.TempDir(), "log"), cmd)
	p = must(t, p, err)
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	line, err := p.readyLine(t.Context(), ready)
	return must(t, line, err)
}
