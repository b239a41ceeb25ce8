package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/store"
	"github.com/lanyard-id/lanyard/internal/vault"
	"github.com/lanyard-id/lanyard/internal/vault/awskms"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// instance is a wired Lanyard: all parts, nothing running.
type instance struct {
	cfg      *config
	log      *slog.Logger
	store    *store.Store
	identity *identity.Service
	metrics  *prometheus.Registry
	outbound *egress.Client
	now      func() time.Time
}

// open wires an instance. adminFlags end the commands that messages recommend.
func open(ctx context.Context, cfg *config, log *slog.Logger, now func() time.Time, adminFlags string) (*instance, error) {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public_url: %w", err)
	}
	source, err := keySource(ctx, cfg)
	if err != nil {
		return nil, err
	}
	out, err := egress.New(egress.Config{Allow: cfg.Egress.Allow, InsecureHTTPHosts: cfg.Egress.InsecureHTTPHosts, Loopback: cfg.loopbackEgress, CAFile: cfg.Egress.CAFile, Timeout: cfg.Egress.Timeout, Aliases: cfg.standIn.aliases(cfg.PublicURL)})
	if err != nil {
		return nil, err
	}
	vendors, err := vendorTable(cfg)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Config{SQLiteDir: cfg.Database.SQLite, PostgresURL: cfg.Database.Postgres, MaxConns: cfg.Database.MaxConns, JournalDir: cfg.Audit.Journal, Logger: log, Now: now})
	if err != nil {
		return nil, err
	}
	domain := domainConfig(cfg, public, adminFlags)
	domain.InsecureIssuer = cfg.standIn.issuers()
	if cfg.IssuerURL != "" {
		if domain.IssuerURL, err = url.Parse(cfg.IssuerURL); err != nil {
			return nil, fmt.Errorf("issuer_url: %w", err)
		}
	}
	svc := identity.New(domain, identity.Deps{
		Store: st, Vault: vault.New(source, st, now), OAuth: oauth.New(out, now), Vendors: vendors, URLs: out,
		Verifier: issuer.NewVerifier(out, now), Now: now, Rand: rand.Reader, Log: log,
	})
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &instance{cfg: cfg, log: log, store: st, identity: svc, metrics: reg, outbound: out, now: now}, nil
}

func domainConfig(cfg *config, public *url.URL, adminFlags string) identity.Config {
	issuers := make([]issuer.Trust, len(cfg.InboundIssuers))
	for i, c := range cfg.InboundIssuers {
		issuers[i] = issuer.Trust{Issuer: c.Issuer, Audiences: c.Audiences, ClientIDs: c.ClientIDs, DiscoveryURL: c.DiscoveryURL}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	return identity.Config{
		Account: cfg.Account, Region: cfg.Region, PublicURL: public, StateWindow: 250 * time.Millisecond,
		TokenTTL: cfg.Tokens.WorkloadTTL, SessionTTL: cfg.Sessions.TTL, MaxPendingSessions: cfg.Sessions.MaxPending,
		Issuers: issuers, InsecureLoopbackIssuers: cfg.InsecureLoopbackIssuers, InsecureLoopbackReturnURLs: cfg.InsecureLoopbackReturnURLs,
		InsecureFinishSessions: cfg.InsecureFinishSessions, InsecureNoPKCE: cfg.InsecureNoPKCE,
		InsecureTokenEndpointAudience: cfg.InsecureTokenEndpointAudience, CoveringGrants: cfg.CoveringGrants,
		WebIdentitySubject: identity.SubjectForm(cfg.WebIdentitySubject), SigningKeyLife: cfg.SigningKeyLife,
		Replica: host + "/" + strconv.Itoa(os.Getpid()), AdminFlags: adminFlags,
	}
}

func keySource(ctx context.Context, cfg *config) (vault.KeySource, error) {
	if cfg.RootKey.AWSKMS != "" {
		return awskms.New(ctx, cfg.RootKey.AWSKMS, "")
	}
	return vault.FileKeySource(cfg.RootKey.File)
}

func vendorTable(cfg *config) (*oauth.Table, error) {
	bases := map[string]string{}
	for name, v := range cfg.Vendors {
		if v.BaseURL != "" {
			bases[name] = v.BaseURL
		}
	}
	t, err := oauth.NewTable(bases)
	if err != nil {
		return nil, fmt.Errorf("vendors: %w", err)
	}
	return t, nil
}

// edge returns the HTTP edge of the instance.
func (in *instance) edge(options server.Config) (*server.Server, error) {
	public, err := url.Parse(in.cfg.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public_url: %w", err)
	}
	options.PublicURL = public
	for _, p := range in.cfg.Proxies {
		n, err := parseNetwork(p)
		if err != nil {
			return nil, fmt.Errorf("proxies: %w", err)
		}
		options.Proxies = append(options.Proxies, netip.PrefixFrom(n.Addr().Unmap(), n.Bits()))
	}
	return server.New(options, server.Deps{Identity: in.identity, Authn: authn.New(in.identity, in.now), Metrics: in.metrics, Now: in.now, Log: in.log})
}

func (in *instance) close() error {
	in.outbound.CloseIdle()
	return in.store.Close()
}

func (in *instance) closeLogged() {
	if err := in.close(); err != nil {
		in.log.Error("closing the database", "err", err)
	}
}

// background does, until the context ends, what no request waits for: each at its own pace, so that none waits for
// another.
func (in *instance) background(ctx context.Context) {
	var all sync.WaitGroup
	every := func(d time.Duration, what string, f func() error) {
		all.Go(func() {
			t := time.NewTicker(d)
			defer t.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-t.C:
					if err := f(); err != nil && ctx.Err() == nil {
						in.log.Warn("background work failed; it is tried again", "work", what, "err", err)
					}
				}
			}
		})
	}
	every(20*time.Second, "refresh ahead", func() error {
		_, err := in.identity.RefreshDue(ctx, time.Minute, 24*time.Hour, 500)
		return err
	})
	every(time.Hour, "rotate signing keys", func() error { return in.identity.RotateSigningKeys(ctx) })
	every(time.Minute, "note what was used", func() error { return in.identity.FlushTouches(ctx) })
	every(time.Minute, "index the audit", func() error { return in.identity.IndexAudit(ctx) })
	every(10*time.Minute, "sweep", func() error { return in.identity.Sweep(ctx, in.cfg.Audit.Retention) })
	all.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := errors.Join(in.identity.Drain(last), in.identity.FlushTouches(last)); err != nil {
		in.log.Warn("what was at work could not be finished", "err", err)
	}
}

func newLogger(w io.Writer, c logConfig) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
