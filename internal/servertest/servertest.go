// Package servertest runs a whole Lanyard in process, for tests: the real store, vault, OAuth engine, guarded client,
// JWT verifier, domain and HTTP edge, wired as the program wires them, behind a listener on loopback. What a test may
// move or break is the clock (Clock), the store's answers (OnStore) and the configuration (Configure).
//
// It protects nothing: keys are fixed, secrets are handed out in clear, and it must never be linked into a program.
package servertest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/store"
	"github.com/lanyard-id/lanyard/internal/vault"
	"github.com/prometheus/client_golang/prometheus"
)

// Account and Region are those of a service that was told no others.
const (
	Account = "000000000000"
	Region  = "us-west-2"
)

// Service is one running replica.
type Service struct {
	Identity *identity.Service
	Store    identity.Store // as the service sees it: with the faults of OnStore
	URL      string         // of the listener
	Public   string         // the public URL; equals URL unless told otherwise
	Account  string
	Region   string
	Root     Credentials
	Clock    *Clock
	Metrics  *prometheus.Registry
	// Dir holds the SQLite files, for tests that edit them behind the service's back; "" on PostgreSQL.
	Dir string

	faults  *faults
	logs    *logBuffer
	options options
	raw     *store.Store
}

type options struct {
	dir, postgres string
	replica       int
	public        string
	clock         *Clock
	vendors       map[string]string
	configure     []func(*identity.Config)
	egress        []func(*egress.Config)
	edge          []func(*server.Config)
}

// Option changes how a service is wired.
type Option func(*options)

// Dev switches on what `lanyard dev` switches on.
func Dev() Option {
	return Configure(func(c *identity.Config) {
		c.InsecureLoopbackIssuers, c.InsecureLoopbackReturnURLs, c.InsecureFinishSessions = true, true, true
	})
}

// Configure edits the domain's configuration.
func Configure(f func(*identity.Config)) Option {
	return func(o *options) { o.configure = append(o.configure, f) }
}

// Postgres keeps everything in the database of this URL instead of SQLite.
func Postgres(databaseURL string) Option { return func(o *options) { o.postgres = databaseURL } }

// Public is the URL under which browsers are told to come; the listener stays on loopback.
func Public(publicURL string) Option { return func(o *options) { o.public = publicURL } }

// Vendors points vendors at base URLs of a test's own.
func Vendors(bases map[string]string) Option { return func(o *options) { o.vendors = bases } }

// Egress edits the configuration of the guarded client.
func Egress(f func(*egress.Config)) Option {
	return func(o *options) { o.egress = append(o.egress, f) }
}

// Edge edits the configuration of the HTTP edge.
func Edge(f func(*server.Config)) Option { return func(o *options) { o.edge = append(o.edge, f) } }

// New starts a service that is closed with the test, with one account and root's key.
func New(t testing.TB, opts ...Option) *Service {
	t.Helper()
	o := options{clock: newClock()}
	for _, opt := range opts {
		opt(&o)
	}
	if o.postgres == "" {
		o.dir = databaseDir(t)
	}
	s := start(t, o)
	s.Root = s.RootOf(t, s.Account)
	return s
}

// Replica starts another replica on the same store and clock. It answers for the same public URL. Options are its own.
func (s *Service) Replica(t testing.TB, opts ...Option) *Service {
	t.Helper()
	o := s.options
	o.replica++
	o.public = s.Public
	o.configure = slices.Clone(o.configure)
	for _, opt := range opts {
		opt(&o)
	}
	r := start(t, o)
	r.Root = s.Root
	return r
}

func start(t testing.TB, o options) *Service {
	t.Helper()
	s := &Service{Account: Account, Region: Region, Clock: o.clock, Dir: o.dir, Metrics: prometheus.NewRegistry(), options: o, logs: &logBuffer{}}
	log := slog.New(slog.NewJSONHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	raw, err := store.Open(context.Background(), store.Config{SQLiteDir: o.dir, PostgresURL: o.postgres, MaxConns: 8, JournalDir: o.dir, Logger: log, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.raw, s.faults = raw, &faults{Store: raw}
	s.Store = s.faults
	listener := httptest.NewUnstartedServer(nil)
	s.URL = "http://" + listener.Listener.Addr().String()
	s.Public = s.URL
	if o.public != "" {
		s.Public = o.public
	}
	out := s.outbound(t)
	s.Identity = s.domain(t, out, log)
	listener.Config.Handler = s.edge(t, log)
	listener.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelError)
	listener.Start()
	t.Cleanup(func() {
		listener.CloseClientConnections()
		listener.Close()
		out.CloseIdle()
		if err := raw.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

func (s *Service) outbound(t testing.TB) *egress.Client {
	t.Helper()
	c := egress.Config{Loopback: true}
	for _, f := range s.options.egress {
		f(&c)
	}
	out, err := egress.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *Service) domain(t testing.TB, out *egress.Client, log *slog.Logger) *identity.Service {
	t.Helper()
	vendors, err := oauth.NewTable(s.options.vendors)
	if err != nil {
		t.Fatal(err)
	}
	cfg := identity.Config{
		Account: s.Account, Region: s.Region, PublicURL: parse(t, s.Public), StateWindow: 250 * time.Millisecond,
		TokenTTL: time.Hour, SessionTTL: 10 * time.Minute, MaxPendingSessions: 100, Replica: "replica-" + strconv.Itoa(s.options.replica),
	}
	for _, f := range s.options.configure {
		f(&cfg)
	}
	s.Account, s.Region = cfg.Account, cfg.Region
	return identity.New(cfg, identity.Deps{
		Store: s.Store, Vault: vault.New(rootKey(t), s.Store, s.Clock.Now), OAuth: oauth.New(out, s.Clock.Now), Vendors: vendors, URLs: out,
		Verifier: issuer.NewVerifier(out, s.Clock.Now), Now: s.Clock.Now, Rand: rand.Reader, Log: log,
		GenerateKey: spareKey,
	})
}

func (s *Service) edge(t testing.TB, log *slog.Logger) *server.Server {
	t.Helper()
	cfg := server.Config{PublicURL: parse(t, s.Public)}
	for _, f := range s.options.edge {
		f(&cfg)
	}
	h, err := server.New(cfg, server.Deps{Identity: s.Identity, Authn: authn.New(s.Identity, s.Clock.Now), Metrics: s.Metrics, Now: s.Clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rootKey is the same for all services, so that replicas open what each other sealed. It is written without a flush.
func rootKey(t testing.TB) *vault.FileKeys {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, []byte("c2VydmVydGVzdCByb290IGtleSwgZm9yIHRlc3RzISE=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := vault.FileKeySource(path)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Logs returns what this replica logged so far, at every level, as JSON lines.
func (s *Service) Logs() string { return s.logs.String() }

// Audit returns the audit records of the account that match, oldest first.
func (s *Service) Audit(t testing.TB, f identity.AuditFilter) []identity.AuditRecord {
	t.Helper()
	return s.AuditOf(t, s.Account, f)
}

// AuditOf is Audit for any account.
func (s *Service) AuditOf(t testing.TB, account string, f identity.AuditFilter) []identity.AuditRecord {
	t.Helper()
	rows, err := s.raw.FindAudit(context.Background(), account, f, "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]identity.AuditRecord, len(rows))
	for i, r := range rows {
		out[len(rows)-1-i] = r
	}
	return out
}
