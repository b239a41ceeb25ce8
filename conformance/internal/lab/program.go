package lab

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const programTimeout = 3 * time.Minute

// Python runs a program of the python directory against the server and fails the test unless it exits with 0. Further
// environment variables are NAME=value.
func (l *Lab) Python(t *testing.T, s *Server, program string, extra ...string) {
	t.Helper()
	python, err := l.component("python", "bin", "python")
	python = must(t, python, err)
	l.run(t, s, extra, python, filepath.Join(l.dir, "python", program))
}

// Node runs a program of the node directory against the server.
func (l *Lab) Node(t *testing.T, s *Server, program string, extra ...string) {
	t.Helper()
	node, err := systemProgram("node")
	node = must(t, node, err)
	if _, err := l.component("node", "node_modules"); err != nil {
		t.Fatal(err)
	}
	l.run(t, s, extra, node, filepath.Join(l.dir, "node", program))
}

// AWS runs the AWS CLI against the server and returns what it printed and whether it succeeded.
func (l *Lab) AWS(t *testing.T, s *Server, args ...string) (string, error) {
	t.Helper()
	aws, err := l.component("awscli", "aws")
	aws = must(t, aws, err)
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, aws, append(args, "--output", "json", "--no-cli-pager", "--color", "off")...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnv(cmd.Dir), s.Env()...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Verifier is a program that reads tokens, one a line, and writes a line for each: its claims as JSON, or why it is
// refused. It gets the issuer and the audience as arguments.
type Verifier func(t *testing.T, issuer, audience string, tokens []string) []string

// Verifiers are the programs by which services in other languages verify tokens, by the library that each uses.
func (l *Lab) Verifiers() map[string]Verifier {
	python := func(t testing.TB) []string {
		return []string{l.PythonProgram(t), filepath.Join(l.dir, "python", "verify.py")}
	}
	node := func(t testing.TB) []string {
		program, err := systemProgram("node")
		return []string{must(t, program, err), filepath.Join(l.dir, "node", "verify.mjs")}
	}
	java := func(t testing.TB) []string {
		program, err := systemProgram("java")
		program = must(t, program, err)
		jar, err := l.component("java", "nimbus-jose-jwt.jar")
		return []string{program, "-XX:TieredStopAtLevel=1", "-cp", must(t, jar, err), filepath.Join(l.dir, "java", "Verify.java")}
	}
	return map[string]Verifier{"PyJWT": l.verifier(python), "jose": l.verifier(node), "nimbus-jose-jwt": l.verifier(java)}
}

func (l *Lab) verifier(command func(testing.TB) []string) Verifier {
	return func(t *testing.T, issuer, audience string, tokens []string) []string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
		defer cancel()
		args := append(command(t), issuer, audience)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = t.TempDir()
		cmd.Env = cleanEnv(cmd.Dir)
		cmd.Stdin = strings.NewReader(strings.Join(tokens, "\n") + "\n")
		out, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			t.Fatalf("%s: %v\n%s", filepath.Base(args[0]), err, exit.Stderr)
		}
		lines := strings.Split(strings.TrimSpace(string(must(t, out, err))), "\n")
		if len(lines) != len(tokens) {
			t.Fatalf("%s answered %d lines for %d tokens:\n%s", filepath.Base(args[0]), len(lines), len(tokens), out)
		}
		return lines
	}
}

// run runs a program in an empty directory, with what lanyard exported and the lab's address.
func (l *Lab) run(t *testing.T, s *Server, extra []string, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnv(cmd.Dir), s.Env()...)
	cmd.Env = append(cmd.Env, "LAB="+l.Control(t), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Env = append(cmd.Env, extra...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(args[len(args)-1]), err, out)
	}
	if text := strings.TrimSpace(string(out)); text != "" {
		t.Log(text)
	}
}
