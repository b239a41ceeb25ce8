package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
)

func serveCommand(env *environment) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "serve", GroupID: "serve", Args: cobra.NoArgs,
		Short: "Run the service as a configuration file says",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(path)
			if err != nil {
				return err
			}
			return runServe(c.Context(), env, cfg, path)
		},
	}
	c.Flags().StringVar(&path, "config", "lanyard.yaml", "configuration file")
	return c
}

func runServe(ctx context.Context, env *environment, cfg *config, path string) error {
	log := newLogger(env.stderr, cfg.Log)
	for _, w := range cfg.weakenings() {
		log.Warn("a protection is weakened by configuration", "setting", w)
	}
	in, err := open(ctx, cfg, log, env.now, "--config "+shellQuote(path))
	if err != nil {
		return err
	}
	defer in.closeLogged()
	if err := in.identity.EnsureAccount(ctx, cfg.Account); err != nil {
		return err
	}
	agents, back, err := in.agentHost(ctx)
	if err != nil {
		return err
	}
	h, err := in.edge(server.Config{Host: agents})
	if err != nil {
		return err
	}
	traced, stopTracing, err := trace(ctx, env, cfg.Tracing, h)
	if err != nil {
		return err
	}
	defer stopTracing()
	listeners, err := in.listen(ctx, traced)
	if err != nil {
		return err
	}
	return in.serve(ctx, append(listeners, back...), func() error {
		log.Info("ready", "listen", listeners[0].ln.Addr().String(), "publicUrl", cfg.PublicURL, "account", cfg.Account, "version", env.version)
		if err := in.identity.CheckIssuers(ctx); err != nil {
			log.Warn("the accounts' issuers could not be checked", "err", err)
		}
		if has, err := in.identity.HasRootKey(ctx, cfg.Account); err == nil && !has {
			log.Warn("the account has no root access key yet", "mend", "lanyard admin bootstrap --config "+path)
		}
		return nil
	})
}

// listener is a socket and what answers on it.
type listener struct {
	ln      net.Listener
	handler http.Handler
}

func (in *instance) listen(ctx context.Context, h http.Handler) ([]listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", in.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address", err)
	}
	if ln, err = in.cfg.TLS.wrap(ln, in.now, in.log, "http/1.1"); err != nil {
		return nil, err
	}
	out := []listener{{ln, h}}
	if in.cfg.MetricsListen != "" {
		m, err := (&net.ListenConfig{}).Listen(ctx, "tcp", in.cfg.MetricsListen)
		if err != nil {
			_ = ln.Close()
			return nil, fmt.Errorf("metrics_listen: %w", err)
		}
		out = append(out, listener{m, promhttp.HandlerFor(in.metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4})})
	}
	return out, nil
}

// Times and sizes that bound what one connection may cost (A50).
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 5 * time.Minute // a rotation of many rows takes its time
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 15 * time.Second
	maxHeader     = 64 << 10
)

// serve answers until the context ends, then lets what is at work finish. ready is called when connections are taken.
func (in *instance) serve(ctx context.Context, listeners []listener, ready func() error) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { in.background(work) })
	errs := make(chan error, len(listeners))
	servers := make([]*http.Server, len(listeners))
	for i, l := range listeners {
		servers[i] = &http.Server{Handler: l.handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
			IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader}
		go func() { errs <- servers[i].Serve(l.ln) }()
	}
	err := ready()
	if err == nil {
		select {
		case <-ctx.Done():
			in.log.Info("stopping: letting requests finish")
		case err = <-errs:
		}
	}
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer done()
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(stop))
	}
	cancel()
	background.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}
