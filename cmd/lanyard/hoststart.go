package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// hostLaunch is what `lanyard dev` gives the host that it starts.
type hostLaunch struct {
	StateDir  string
	Hide      []string // directories that agents must not see: the data directory
	Region    string
	Variables map[string]string // for agents: the endpoint variables
	Models    []hostModel
	Upstream  hostlink.Upstream // answers the host's questions
	Archive   func(ctx context.Context, sha256 string) (io.ReadCloser, error)
	Log       logConfig
}

// runningHost is a host started as a child.
type runningHost struct {
	Client    *hostlink.Client
	Isolation []string
	cmd       *exec.Cmd
	hold      io.Closer // the child's standard input: it ends when this is closed, by us or by our death
	upstream  *http.Server
	ended     chan struct{}
	err       error
	all       sync.WaitGroup
}

// startHost starts `lanyard host` as a child with key pairs of one run, which travel through a pipe, and the listener on
// which the child asks back. It returns when the child is ready.
func startHost(ctx context.Context, env *environment, l hostLaunch) (*runningHost, error) {
	server, err := hostlink.NewKeyPair("lanyard dev", env.now())
	if err != nil {
		return nil, err
	}
	own, err := hostlink.NewKeyPair("lanyard host", env.now())
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the agent host's way to ask back: %w", err)
	}
	cfg, err := l.config(env, server, own, "https://"+ln.Addr().String())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	h := &runningHost{ended: make(chan struct{}), upstream: &http.Server{Handler: hostlink.UpstreamHandler(l.Upstream), ReadHeaderTimeout: headerTimeout,
		ReadTimeout: readTimeout, WriteTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader}}
	h.all.Go(func() { _ = h.upstream.Serve(hostlink.Listen(ln, server, own.Fingerprint())) })
	ready, err := h.start(env, cfg)
	if err == nil {
		h.Isolation = ready.Isolation
		h.Client, err = hostlink.Dial(hostlink.Config{URL: ready.URL, Own: server, Peer: own.Fingerprint(), Archive: l.Archive})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the agent host did not start: %w", err), h.close())
	}
	return h, nil
}

func (l hostLaunch) config(env *environment, server, own *hostlink.KeyPair, upstream string) (*hostConfig, error) {
	pem, err := own.PEM()
	if err != nil {
		return nil, err
	}
	cfg := defaultHostConfig()
	cfg.Listen, cfg.StateDir, cfg.Hide, cfg.Region, cfg.Variables, cfg.Models = "127.0.0.1:0", l.StateDir, l.Hide, l.Region, l.Variables, l.Models
	cfg.ServerURL, cfg.ServerFingerprint, cfg.KeyPair = upstream, string(server.Fingerprint()), string(pem)
	cfg.Path, cfg.InstallerVariables = env.getenv("PATH"), installerVariables(env.getenv)
	cfg.InsecureAnyDirectory = true // the operator of a development instance is the developer
	cfg.Log = l.Log
	return &cfg, nil
}

// installerVariables are those of this environment that tell pip and uv where to fetch from. Nothing else of it reaches
// the host, and these reach no agent.
func installerVariables(getenv func(string) string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{
		"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT",
		"UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NATIVE_TLS", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
	} {
		if v := getenv(name); v != "" {
			out[name] = v
		}
	}
	return out
}

// hostReadyTimeout bounds the child's start; it clears what an earlier host left, which takes longer than starting.
const hostReadyTimeout = 30 * time.Second

func (h *runningHost) start(env *environment, cfg *hostConfig) (*hostReady, error) {
	self, err := selfCommand()
	if err != nil {
		return nil, err
	}
	h.cmd = exec.Command(self, "host", "--stdin-config") //nolint:noctx // it ends with its standard input
	h.cmd.Env = hostEnvironment(env.getenv)
	h.cmd.Stderr = env.stderr
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		h.cmd = nil
		return nil, err
	}
	h.hold = in
	line := make(chan []byte, 1)
	h.all.Go(func() {
		r := bufio.NewReader(out)
		first, _ := r.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, r)
		h.err = h.cmd.Wait()
		close(h.ended)
	})
	if err := json.NewEncoder(in).Encode(cfg); err != nil {
		return nil, err
	}
	return h.awaitReady(line)
}

func (h *runningHost) awaitReady(line <-chan []byte) (*hostReady, error) {
	t := time.NewTimer(hostReadyTimeout)
	defer t.Stop()
	select {
	case b := <-line:
		var ready hostReady
		if err := json.Unmarshal(b, &ready); err != nil {
			return nil, errors.New("it ended; its log above says why")
		}
		return &ready, nil
	case <-t.C:
		return nil, fmt.Errorf("it was not ready within %s", hostReadyTimeout)
	}
}

// hostEnvironment is that of the host's own process: enough to find the operator's AWS credentials for models.
func hostEnvironment(getenv func(string) string) []string {
	var out []string
	for _, name := range []string{
		"HOME", "PATH", "TMPDIR", "TZ", "GOCOVERDIR", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	} {
		if v := getenv(name); v != "" {
			out = append(out, name+"="+v)
		}
	}
	return out
}

// Ended is closed when the child has ended, whatever the reason.
func (h *runningHost) Ended() <-chan struct{} { return h.ended }

// close ends the child and all its sessions.
func (h *runningHost) close() error {
	var err error
	if h.hold != nil {
		_ = h.hold.Close()
		t := time.NewTimer(hostStopTimeout)
		defer t.Stop()
		select {
		case <-h.ended:
			err = h.err
		case <-t.C:
			err = errors.Join(errors.New("the agent host did not end in time and was killed"), h.cmd.Process.Kill())
		}
	}
	if h.Client != nil {
		h.Client.Close()
	}
	err = errors.Join(err, h.upstream.Close())
	h.all.Wait()
	return err
}
