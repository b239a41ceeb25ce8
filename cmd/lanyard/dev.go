package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/spf13/cobra"
)

type devOptions struct {
	listen, dataDir, envFile string
	verbose                  bool
	door                     devDoorOptions
}

func devCommand(env *environment) *cobra.Command {
	var o devOptions
	c := &cobra.Command{
		Use: "dev", GroupID: "serve", Args: cobra.NoArgs,
		Short: "Run everything on this machine, with a development authorization server",
		Long:  "Run everything on this machine: the service on an embedded database, and an authorization server with one user.\nState is kept in the data directory. This is for a laptop: return URLs on loopback need no registration, and plain http is used.",
		RunE: func(c *cobra.Command, _ []string) error {
			return runDev(c.Context(), env, o)
		},
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8585", "address to listen on; port 0 takes a free one")
	c.Flags().StringVar(&o.dataDir, "data-dir", defaultDataDir(env), "directory where state is kept")
	c.Flags().StringVar(&o.envFile, "env-file", "", "write the shell exports of `lanyard env` to this file once ready")
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "log every request that fails")
	o.door.addFlags(c)
	return c
}

func defaultDataDir(env *environment) string {
	if d := env.getenv("LANYARD_DATA_DIR"); d != "" {
		return d
	}
	return "lanyard-data"
}

func runDev(ctx context.Context, env *environment, o devOptions) (err error) {
	dir, err := filepath.Abs(o.dataDir)
	if err != nil {
		return err
	}
	if o.envFile != "" {
		if err := os.Remove(o.envFile); err != nil && !os.IsNotExist(err) { // it says "ready": an old one would lie
			return fmt.Errorf("--env-file: %w", err)
		}
	}
	if err := prepareDataDir(dir); err != nil {
		return err
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	data, err := loadDevData(dir)
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w; choose another address, or port 0 for a free one", o.listen, err)
	}
	defer ln.Close()
	cfg := devConfig(dir, o.listen, "http://"+publicHost(ln))
	if o.verbose {
		cfg.Log.Level = "debug"
	}
	log := newLogger(env.stderr, cfg.Log)
	log.Warn("a development instance: protections are weakened", "settings", strings.Join(cfg.weakenings(), " "))
	in, err := open(ctx, cfg, log, env.now, "--data-dir "+shellQuote(dir))
	if err != nil {
		return err
	}
	defer in.closeLogged()
	if err := data.settle(ctx, in); err != nil {
		return err
	}
	door, err := in.devDoor(ctx, env, data, o.door)
	if err != nil {
		return err
	}
	defer door.closeLogged()
	idp, err := in.devIDP(data, door)
	if err != nil {
		return err
	}
	pools, err := in.userPools()
	if err != nil {
		return err
	}
	options := server.Config{UserPools: pools, BrowserURL: pools.BrowserURL}
	if agents := in.devHost(ctx, env, data); agents != nil {
		defer func() { err = errors.Join(err, agents.close()) }()
		options.Host = agents.Client
	}
	options.Extra = map[string]http.Handler{"/devidp/": idp.Handler(), devidp.PoolsPath: pools.Handler()}
	h, err := in.edge(options)
	if err != nil {
		return err
	}
	return door.beside(ctx, func(ctx context.Context) error {
		return in.serve(ctx, []listener{{ln, h}}, func() error { return errors.Join(announceDev(env, data, o), door.announce(env)) })
	})
}

// publicHost is the listener's address as browsers on this machine reach it.
func publicHost(ln net.Listener) string {
	a, ok := ln.Addr().(*net.TCPAddr)
	if !ok || a.IP.IsUnspecified() {
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		return "127.0.0.1:" + port
	}
	return ln.Addr().String()
}

// settle makes the account and root's key, and notes where the instance is.
func (d *devData) settle(ctx context.Context, in *instance) error {
	d.Endpoint, d.Account, d.Region = in.cfg.PublicURL, in.cfg.Account, in.cfg.Region
	if err := in.identity.EnsureAccount(ctx, d.Account); err != nil {
		return err
	}
	if err := d.ensureRootKey(ctx, in.identity); err != nil {
		return err
	}
	if err := writeFileAtomically(d.awsConfig(), []byte("# Written by lanyard dev; AWS_CONFIG_FILE names it.\n[default]\nregion = "+d.Region+"\n")); err != nil {
		return err
	}
	return d.save()
}

func (d *devData) awsConfig() string { return filepath.Join(d.dir, "aws-config") }

func (d *devData) issuer() string { return d.Endpoint + "/devidp" }

// devIDP returns the development authorization server. Its one client is this instance's credential providers: it
// accepts every callback URL of this instance and of the front door beside it, and none besides.
func (in *instance) devIDP(d *devData, door *runningDoor) (*devidp.Server, error) {
	key, err := issuer.ParsePrivate(d.SigningKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", devFile, err)
	}
	jwks, err := issuer.PublicSet(key)
	if err != nil {
		return nil, err
	}
	return devidp.New(devidp.Config{
		Issuer: d.issuer(),
		Client: devidp.Client{ID: d.ClientID, Name: "Lanyard (development)", SecretHash: devidp.HashSecret(d.ClientSecret)},
		CallbackAllowed: func(u string) bool {
			return strings.HasPrefix(u, d.Endpoint+"/identities/oauth2/callback/") || door.callbackAllowed(u)
		},
		User: devidp.User{Username: d.Username, PasswordHash: d.PasswordHash, Subject: d.Subject, Name: "Dev User", Email: "dev@lanyard.test"},
		Key:  key, JWKS: jwks, Store: in.store.DevRecords(), Now: in.now, Rand: rand.Reader, Log: in.log,
	})
}

// announceDev says what to type next, and writes the file that says "ready".
func announceDev(env *environment, d *devData, o devOptions) error {
	if o.envFile != "" {
		if err := writeFileAtomically(o.envFile, []byte(d.exports(exportOptions{}))); err != nil {
			return err
		}
	}
	program, flag := env.program, ""
	if o.dataDir != "lanyard-data" {
		flag = " --data-dir " + shellQuote(d.dir)
	}
	_, err := io.WriteString(env.stdout, strings.Join([]string{
		"Lanyard is ready at " + d.Endpoint,
		"",
		"  In another terminal:",
		"    # point AWS clients and this command line here",
		`    eval "$(` + program + ` env` + flag + `)"`,
		"    # see an agent get its user's token",
		"    " + program + " demo",
		"",
		"  Sign in at the development authorization server as",
		"    user      " + d.Username,
		"    password  " + d.Password,
		"",
		"  State is kept in " + d.dir + ". This is a development instance: do not expose it.",
		"",
	}, "\n"))
	return err
}
