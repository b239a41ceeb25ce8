package lab

import (
	"context"
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
