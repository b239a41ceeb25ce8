// Command floor is the least that a Go server can do for a hot path of Lanyard: net/http, JSON, one SigV4 verification
// with a cached key, authenticated encryption, one point read. Its cost divides the cost of Lanyard, so that a figure
// holds on any machine and at any load.
//
// It protects nothing: one fixed key, no policy, no audit, no limits. It serves the benchmark on loopback and must
// never be deployed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "floor: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("floor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:0", "address")
	sqlite := flags.String("sqlite", "", "database file")
	postgres := flags.String("postgres", "", "connection URL")
	rows := flags.Int("rows", 1000, "tokens to store")
	id := flags.String("access-key", "", "access key id")
	secret := flags.String("secret", "", "secret access key")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// With next to nothing on its heap, a Go program collects garbage dozens of times a second. That is no work of the
	// path, and a floor that did it would be too high.
	debug.SetGCPercent(400)
	v := newVault()
	t, err := openTable(ctx, *sqlite, *postgres)
	if err != nil {
		return err
	}
	defer t.close()
	if err := fill(ctx, t, v, *rows); err != nil {
		return err
	}
	m, err := newMinter()
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler(t, v, m, newVerifier(*id, *secret))} //nolint:gosec // loopback, one client, no limits on purpose
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
