package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/spf13/cobra"
)

// TestMain lets the test binary be the child that startHost starts, the one that confines itself, and the agent.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "host", "host-exec":
			env := &environment{program: "lanyard", stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now}
			root := &cobra.Command{Use: "lanyard", SilenceUsage: true, SilenceErrors: true}
			root.AddGroup(&cobra.Group{ID: "serve", Title: "Serve:"})
			root.AddCommand(hostCommands(env)...)
			if err := root.ExecuteContext(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, "lanyard: "+err.Error())
				os.Exit(1)
			}
			syscall.Exit(0)
		case "test-agent":
			_ = http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, strings.Join(os.Environ(), "\n"))
			}))
			syscall.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// noUpstream answers a host's questions with no.
type noUpstream struct{}

func (noUpstream) Credentials(context.Context, hostlink.Process) (hostlink.Credentials, error) {
	return hostlink.Credentials{}, hostlink.Errorf(hostlink.CodeInvalid, "no")
}
func (noUpstream) ModelAccess(context.Context, hostlink.ModelCall) error {
	return hostlink.Errorf(hostlink.CodeInvalid, "no")
}

func hostEnv(t *testing.T, vars map[string]string) (*environment, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	return &environment{program: "lanyard", stdin: strings.NewReader(""), stdout: io.Discard, stderr: &said, getenv: func(n string) string { return vars[n] }, now: time.Now}, &said
}

func launchHost(t *testing.T) (*runningHost, *bytes.Buffer) {
	t.Helper()
	env, said := hostEnv(t, map[string]string{"PATH": os.Getenv("PATH"), "PIP_INDEX_URL": "https://index.example/simple", "LANYARD_SECRET": "hunter2"})
	h, err := startHost(t.Context(), env, hostLaunch{StateDir: filepath.Join(t.TempDir(), "host"), Region: "us-west-2", Upstream: noUpstream{},
		Variables: map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:8585"}, Log: logConfig{Level: "info", Format: "json"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return h, said
}

func TestStartHostRunsAgents(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Fatal("this test looks into /proc")
	}
	h, said := launchHost(t)
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", h.cmd.Process.Pid))
	if err != nil || strings.Contains(string(cmdline), "PRIVATE") || !strings.HasSuffix(string(cmdline), "host\x00--stdin-config\x00") {
		t.Errorf("%q %v", cmdline, err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	spec := &hostlink.Spec{RuntimeARN: "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-a1b2c3d4e5", RuntimeID: "agent-a1b2c3d4e5", Version: "1",
		Source: hostlink.Source{Directory: dir}, EntryPoint: []string{exe, "test-agent"}}
	res, err := h.Client.Invoke(t.Context(), &hostlink.Invocation{Spec: spec, SessionID: strings.Repeat("s", 40), UserKey: "alice"})
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || !strings.Contains(string(b), "AWS_ENDPOINT_URL_STS=http://127.0.0.1:8585") || strings.Contains(string(b), "hunter2") || strings.Contains(string(b), "PIP_") {
		t.Errorf("the agent's environment is %s, %v", b, err)
	}
	if err := h.close(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	select {
	case <-h.Ended():
	default:
		t.Error("the child has not ended")
	}
	if strings.Contains(said.String(), "PRIVATE") {
		t.Error("the key pair is in the log")
	}
}

func TestHostEndsWithItsParentsPipe(t *testing.T) {
	h, _ := launchHost(t)
	if err := h.hold.Close(); err != nil { // what the kernel does when `lanyard dev` is killed
		t.Fatal(err)
	}
	<-h.Ended()
	if err := h.close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestStartHostSaysThatItFailed(t *testing.T) {
	env, said := hostEnv(t, nil)
	_, err := startHost(t.Context(), env, hostLaunch{StateDir: "relative", Region: "us-west-2", Upstream: noUpstream{}})
	if err == nil || !strings.Contains(err.Error(), "did not start") || !strings.Contains(said.String(), "absolute path") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestHostConfigProblems(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "host.yaml")
	for want, text := range map[string]string{
		"state_dir":          "key_file: k\n",
		"key_file":           "state_dir: s\n",
		"region":             "state_dir: s\nkey_file: k\nregion: nowhere\n",
		"listen":             "state_dir: s\nkey_file: k\nlisten: here\n",
		"health_listen":      "state_dir: s\nkey_file: k\nhealth_listen: 0.0.0.0:1\n",
		"server_fingerprint": "state_dir: s\nkey_file: k\nserver_fingerprint: abc\n",
		"unknown field":      "state_dir: s\nkey_pair: PRIVATE\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readHostConfig(path)
		if err == nil {
			err = c.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := readHostConfig(filepath.Join(dir, "none.yaml")); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Error(err)
	}
}

func TestHostWithoutItsServersFingerprintSaysItsOwn(t *testing.T) {
	env, _ := hostEnv(t, nil)
	cfg := defaultHostConfig()
	cfg.StateDir, cfg.KeyFile = filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "k")
	err := runHost(t.Context(), env, &cfg)
	own, loadErr := hostlink.LoadKeyPair(cfg.KeyFile, "", time.Now())
	if loadErr != nil || err == nil || !strings.Contains(err.Error(), string(own.Fingerprint())) {
		t.Errorf("%v, %v", err, loadErr)
	}
}

func TestHostWeakeningsAreNamed(t *testing.T) {
	cfg := hostConfig{InsecureAnyDirectory: true, InsecureNoNamespaces: true}
	if got := strings.Join(cfg.weakenings(), " "); got != "insecure_any_directory insecure_no_namespaces" {
		t.Error(got)
	}
}
