package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/lanyard-id/lanyard/internal/host"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/spf13/cobra"
)

// hostCommands are `host`, which runs agents in a process of its own without any key of the vault, and the command by
// which it starts them.
func hostCommands(env *environment) []*cobra.Command {
	var path string
	var stdin bool
	c := &cobra.Command{
		Use: "host", GroupID: "serve", Args: cobra.NoArgs,
		Short: "Run agents for a Lanyard server, as a configuration file says",
		Long:  "Run agents for a Lanyard server, as a configuration file says.\nThis process holds no key of the vault. It answers only the server whose certificate its configuration names.",
		RunE: func(c *cobra.Command, _ []string) error {
			if stdin {
				return runHostFromStdin(c.Context(), env)
			}
			cfg, err := readHostConfig(path)
			if err != nil {
				return err
			}
			return runHost(c.Context(), env, cfg)
		},
	}
	c.Flags().StringVar(&path, "config", "lanyard-host.yaml", "configuration file")
	c.Flags().BoolVar(&stdin, "stdin-config", false, "read the configuration from standard input, and end when it ends")
	c.MarkFlagsMutuallyExclusive("config", "stdin-config")
	_ = c.Flags().MarkHidden("stdin-config") // between `lanyard dev` and its child
	exec := &cobra.Command{
		Use: "host-exec", Hidden: true, Args: cobra.NoArgs, Short: "Become an agent (used by lanyard host)",
		RunE: func(*cobra.Command, []string) error { return host.ExecMain() },
	}
	return []*cobra.Command{c, exec, sessionBindingCommand(env)}
}

// runHostFromStdin is a host whose parent, `lanyard dev`, holds its standard input open for as long as it lives.
func runHostFromStdin(ctx context.Context, env *environment) error {
	d := json.NewDecoder(env.stdin)
	cfg := defaultHostConfig()
	if err := d.Decode(&cfg); err != nil {
		return errors.New("the configuration on standard input is malformed; this flag is for lanyard dev")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the parent or with this process, whichever is first
		_, _ = io.Copy(io.Discard, io.MultiReader(d.Buffered(), env.stdin))
		cancel()
	}()
	return runHost(ctx, env, &cfg)
}

// hostReady is the line that tells the parent where the host answers.
type hostReady struct {
	URL       string   `json:"url"`
	Isolation []string `json:"isolation"`
}

func runHost(ctx context.Context, env *environment, cfg *hostConfig) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	log := newLogger(env.stderr, cfg.Log)
	for _, w := range cfg.weakenings() {
		log.Warn("a protection is weakened by configuration", "setting", w)
	}
	own, err := cfg.keyPair(env.now())
	if err != nil {
		return err
	}
	if cfg.ServerFingerprint == "" { // the first start: each side needs the other's fingerprint
		return fmt.Errorf("server_fingerprint is missing: it names the one server that this host answers; this host's own is %s", own.Fingerprint())
	}
	server := hostlink.Fingerprint(cfg.ServerFingerprint)
	up, err := hostlink.DialUpstream(cfg.ServerURL, own, server)
	if err != nil {
		return fmt.Errorf("server_url: %w", err)
	}
	defer up.Close()
	h, err := host.New(ctx, cfg.host(), host.Deps{Upstream: up, Now: env.now, Log: log})
	if err != nil {
		return err
	}
	defer func() {
		if err := h.Close(); err != nil {
			log.Error("closing the agent host", "err", err)
		}
	}()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address", err)
	}
	stopHealth, err := cfg.serveHealth(ctx, log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer stopHealth()
	log.Info("the agent host is ready", "listen", ln.Addr().String(), "fingerprint", own.Fingerprint(), "version", env.version)
	for _, line := range h.Isolation() {
		log.Info("isolation of agents", "what", line)
	}
	if err := json.NewEncoder(env.stdout).Encode(hostReady{"https://" + ln.Addr().String(), h.Isolation()}); err != nil {
		return errors.Join(err, ln.Close())
	}
	return h.Run(ctx, ln, own, server)
}

// serveHealth answers GET /health in plain on a loopback address, where one is configured: for supervisors, which do not
// have the server's key. It says that the process is there and nothing else.
func (c *hostConfig) serveHealth(ctx context.Context, log *slog.Logger) (func(), error) {
	if c.HealthListen == "" {
		return func() {}, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HealthListen)
	if err != nil {
		return nil, fmt.Errorf("health_listen: %w; choose another address", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	s := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout, MaxHeaderBytes: maxHeader}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("the health listener ended", "err", err)
		}
	}()
	return func() { _ = s.Close(); <-done }, nil
}

// selfCommand runs this very program again, also after its file was replaced by an upgrade.
func selfCommand() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// hostStopTimeout is how long `lanyard dev` waits for its host to end sessions.
const hostStopTimeout = 20 * time.Second
