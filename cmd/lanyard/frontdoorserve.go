package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/frontdoor"
	"github.com/lanyard-id/lanyard/internal/signin"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const publicKeysPath = frontdoor.PublicKeysPath

// doorOf makes a handler of this process's own that answers behind the front door.
type doorOf func() (http.Handler, error)

// runningDoor is a wired front door with what it must give back.
type runningDoor struct {
	cfg     *doorConfig
	door    *frontdoor.Door
	log     *slog.Logger
	now     func() time.Time
	ln      net.Listener
	keysLn  net.Listener
	closers []func() error
	// inspects is set where nothing may be written: the front door of this configuration may be running.
	inspects bool
}

// openDoor wires a front door: all parts, nothing running.
func openDoor(env *environment, cfg *doorConfig, log *slog.Logger) (*runningDoor, error) {
	d := &runningDoor{cfg: cfg, log: log, now: env.now}
	return d, d.open(env)
}

// inspectDoor wires one that leaves no trace: no file is made or changed.
func inspectDoor(env *environment, cfg *doorConfig) (*runningDoor, error) {
	d := &runningDoor{cfg: cfg, log: slog.New(slog.DiscardHandler), now: env.now, inspects: true}
	return d, d.open(env)
}

func (d *runningDoor) open(env *environment) (err error) {
	cfg := d.cfg
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.makeStateDir(); err != nil {
		return err
	}
	out, err := egress.New(egress.Config{Allow: cfg.Egress.Allow, InsecureHTTPHosts: cfg.Egress.InsecureHTTPHosts, Loopback: cfg.loopbackEgress, CAFile: cfg.Egress.CAFile, Timeout: cfg.Egress.Timeout})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() error { out.CloseIdle(); return nil })
	c, err := d.config(env, out)
	if err != nil {
		return err
	}
	d.door, err = frontdoor.New(*c)
	return err
}

func (d *runningDoor) config(env *environment, out *egress.Client) (*frontdoor.Config, error) {
	cfg := d.cfg
	c := &frontdoor.Config{TrustedOrigins: cfg.TrustedOrigins, ForwardedHost: cfg.ForwardedHost, StripHeaders: cfg.StripHeaders,
		Signer: cfg.Signer, ClientID: cfg.OIDC.ClientID, Issuer: cfg.OIDC.Issuer,
		SessionEnd: cfg.Session.Absolute, Log: d.log, Now: env.now, Rand: rand.Reader, Limits: cfg.Limits.limits(),
		ResponseTimeout: cfg.Backend.ResponseTimeout}
	err := d.openKeys(env, c)
	if err != nil {
		return nil, err
	}
	if c.Access, err = d.accessLog(env); err != nil {
		return nil, err
	}
	for _, p := range cfg.TrustedProxies {
		n, err := parseNetwork(p)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %w", err)
		}
		c.TrustedProxies = append(c.TrustedProxies, netip.PrefixFrom(n.Addr().Unmap(), n.Bits()))
	}
	if c.BackendCAs, err = extraCAs(cfg.Backend.CAFile); err != nil {
		return nil, err
	}
	if c.Rules, err = cfg.rules(); err != nil {
		return nil, err
	}
	c.Sites, err = d.sites(env, out)
	return c, err
}

// accessLog writes lines of JSON, without the level and message that every line would share.
func (d *runningDoor) accessLog(env *environment) (*slog.Logger, error) {
	w := env.stdout
	switch {
	case d.cfg.AccessLog == accessOff || d.inspects:
		return nil, nil
	case d.cfg.AccessLog == "":
	default:
		f, err := os.OpenFile(d.cfg.AccessLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("access_log: %w", err)
		}
		d.closers = append(d.closers, f.Close)
		w = f
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return a
	}})), nil
}

// extraCAs are the system's authorities and those of a file; nil, which means the system's, without one.
func extraCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("backend.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("backend.ca_file: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

func (c *doorConfig) rules() ([]frontdoor.Rule, error) {
	var out []frontdoor.Rule
	for i, r := range c.Rules {
		u, err := url.Parse(r.Backend)
		if err != nil {
			return nil, fmt.Errorf("rules[%d].backend: it is not a URL", i)
		}
		out = append(out, frontdoor.Rule{Hosts: r.Hosts, Path: r.Path, Backend: u, Public: r.Public, Unauthenticated: frontdoor.Action(r.Unauthenticated),
			SendAccessToken: r.AccessToken, ForwardJWT: frontdoor.Token(r.ForwardJWT), JWTAudiences: r.JWTAudiences, MaxBody: r.MaxBodyBytes})
	}
	for path, make := range c.handlers { // after the file's, so that rules are counted as they are there
		h, err := make()
		if err != nil {
			return nil, err
		}
		out = append(out, frontdoor.Rule{Path: path, Handler: h})
	}
	return out, nil
}

func (d *runningDoor) sites(env *environment, out *egress.Client) ([]frontdoor.Site, error) {
	cfg := d.cfg
	secret, err := cfg.clientSecret()
	if err != nil {
		return nil, err
	}
	ended, err := d.openEnded(env)
	if err != nil {
		return nil, err
	}
	base := signin.Config{Issuer: cfg.OIDC.Issuer, ClientID: cfg.OIDC.ClientID, ClientSecret: secret, AuthMethod: signin.AuthMethod(cfg.OIDC.AuthMethod),
		Scopes: cfg.OIDC.Scopes, Parameters: cfg.OIDC.Parameters, PostLogoutURL: cfg.OIDC.PostLogoutURL, CookieName: cfg.Session.CookieName,
		Idle: cfg.Session.Idle, Absolute: cfg.Session.Absolute, Login: cfg.Session.Login, Answer: cfg.Backend.ResponseTimeout, UserInfo: cfg.OIDC.UserInfo, Ended: ended, Fetcher: out, Now: env.now, Log: d.log}
	if e := cfg.OIDC.Endpoints; e != nil && *e != (doorEndpoints{}) {
		base.Endpoints = &signin.Endpoints{Authorization: e.Authorization, Token: e.Token, UserInfo: e.UserInfo, JWKS: e.JWKS, EndSession: e.EndSession}
	}
	var sites []frontdoor.Site
	for _, p := range cfg.PublicURLs {
		u, err := url.Parse(strings.TrimRight(p, "/"))
		if err != nil {
			return nil, fmt.Errorf("public_urls: %w", err)
		}
		sites = append(sites, frontdoor.Site{PublicURL: u, NewGate: func(keys [][]byte) (*signin.Gate, error) {
			one := base
			one.RedirectURL, one.Keys = u.String()+frontdoor.CallbackPath, keys
			return signin.New(one)
		}})
	}
	return sites, nil
}

func (c *doorConfig) clientSecret() (vault.Secret, error) {
	if c.OIDC.ClientSecretFile == "" {
		return vault.SecretString(c.secret), nil
	}
	b, err := os.ReadFile(c.OIDC.ClientSecretFile)
	if err != nil {
		return vault.Secret{}, fmt.Errorf("oidc.client_secret_file: %w", err)
	}
	return vault.SecretString(strings.TrimSpace(string(b))), nil
}

func (d *runningDoor) listen(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", d.cfg.Listen)
	if err != nil {
		return fmt.Errorf("the front door's listen: %w; choose another address", err)
	}
	d.ln = ln
	if d.ln, err = d.cfg.TLS.wrap(ln, d.now, d.log, "h2", "http/1.1"); err != nil {
		return err
	}
	if d.cfg.KeysListen != "" {
		if d.keysLn, err = lc.Listen(ctx, "tcp", d.cfg.KeysListen); err != nil {
			return errors.Join(fmt.Errorf("keys_listen: %w", err), ln.Close())
		}
	}
	return nil
}

func (d *runningDoor) address() string { return d.ln.Addr().String() }

// serve answers until the context ends, and then lets streams go on for the drain time.
func (d *runningDoor) serve(ctx context.Context) error {
	servers := []*http.Server{d.door.Server()}
	listeners := []net.Listener{d.ln}
	if d.keysLn != nil {
		servers, listeners = append(servers, d.door.KeysServer()), append(listeners, d.keysLn)
	}
	ended := make(chan error, len(servers))
	for i, s := range servers {
		go func() { ended <- s.Serve(listeners[i]) }()
	}
	err := d.maintain(ctx, ended)
	d.log.Info("stopping: letting streams finish", "drain", d.cfg.Drain)
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.Drain)
	defer done()
	if d.ln != nil {
		_ = d.ln.Close() // no new connections while streams go on
	}
	d.door.Drain(stop)
	last, done := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer done()
	for _, s := range servers {
		if e := s.Shutdown(last); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// maintain rotates keys until the context ends or a listener does.
func (d *runningDoor) maintain(ctx context.Context, ended <-chan error) error {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return fmt.Errorf("the front door's listener ended: %w", err)
		case <-t.C:
			if err := d.door.Maintain(); err != nil {
				d.log.Warn("the front door's keys could not be maintained; it is tried again", "err", err)
			}
		}
	}
}

func (d *runningDoor) close() error {
	var errs []error
	for _, c := range d.closers {
		errs = append(errs, c())
	}
	for _, ln := range []net.Listener{d.ln, d.keysLn} {
		if ln != nil {
			_ = ln.Close() // a second time where it served
		}
	}
	d.closers = nil
	return errors.Join(errs...)
}

func (d *runningDoor) closeLogged() {
	if d == nil {
		return
	}
	if err := d.close(); err != nil {
		d.log.Error("closing the front door", "err", err)
	}
}
