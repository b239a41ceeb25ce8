package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const usualGracePeriod = 10 * time.Second

// Run serves the agent until ctx ends, and then waits for what runs, for GracePeriod at most. An app runs once.
//
// An empty addr is that of the environment: port PORT, else 8080; host HOST, else 0.0.0.0 in a container (where
// DOCKER_CONTAINER is set or /.dockerenv is there: nobody could come in otherwise), else 127.0.0.1.
func (a *App) Run(ctx context.Context, addr string) error {
	if addr == "" {
		var err error
		if addr, err = address(os.Getenv, inContainer); err != nil {
			return err
		}
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("the agent cannot listen at %s: %w", addr, err)
	}
	return a.Serve(ctx, l)
}

// address is where to listen if nobody says so.
func address(getenv func(string) string, container func() bool) (string, error) {
	port := cmp.Or(getenv("PORT"), "8080")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("PORT is %q: set it to a port number, or leave it out for 8080", port)
	}
	host := getenv("HOST")
	if host == "" && (getenv("DOCKER_CONTAINER") != "" || container()) {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port), nil
}

func inContainer() bool {
	_, err := os.Stat("/.dockerenv")
	return err == nil
}

// Serve is Run at a listener, which it closes.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s := &http.Server{
		Handler: a, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return base }, ErrorLog: slog.NewLogLogger(a.log().Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	a.ending() // makes stop
	select {
	case err := <-failed:
		a.stop()
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(base, cmp.Or(a.GracePeriod, usualGracePeriod))
	defer cancel()
	err := errors.Join(s.Shutdown(grace), a.waitIdle(grace))
	a.stop()
	cut()
	if err != nil {
		_ = s.Close()
		return fmt.Errorf("the agent ended with work undone, after %s: %w", cmp.Or(a.GracePeriod, usualGracePeriod), err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
