package frontdoor

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/pages"
	"github.com/lanyard-id/lanyard/internal/signin"
)

//go:embed templates/*.html
var templates embed.FS

// Door is the front door: an http.Handler for every site.
type Door struct {
	cfg       Config
	sites     map[string]*site // by canonical host
	table     table
	origins   *http.CrossOriginProtection
	strip     []string // folded
	signer    *dataSigner
	addresses *limiter
	users     *limiter
	signOuts  *limiter // by user
	live      *live
	pages     *pages.Set
	transport *http.Transport
	buffers   httputil.BufferPool
	errorLog  errorLog
}

type site struct {
	url     *url.URL
	host    string // canonical, as rules are matched
	origin  string
	hsts    string // "" for plain http
	newGate func([][]byte) (*signin.Gate, error)
	gate    atomic.Pointer[gateOf]
}

// gateOf is a gate and the cookie keys with which it was made.
type gateOf struct {
	*signin.Gate
	keys [][]byte
}

// New checks the configuration and makes a Door. It reaches no network and starts nothing.
func New(c Config) (*Door, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	d := &Door{cfg: c, sites: map[string]*site{}, signer: newDataSigner(&c), live: newLive(c.Limits.StreamsPerUser, c.Limits.StreamsPerAddress),
		addresses: newLimiter(c.Limits.PerAddress, maxBuckets), users: newLimiter(c.Limits.PerUser, maxBuckets), signOuts: newLimiter(signOutRate, maxBuckets),
		transport: newTransport(&c), buffers: newBuffers(), errorLog: errorLog{c.Log}}
	var err error
	if d.origins, err = crossOrigin(c.TrustedOrigins); err != nil {
		return nil, err
	}
	if d.strip, err = foldNames(c.StripHeaders); err != nil {
		return nil, err
	}
	if d.pages, err = loadPages(); err != nil {
		return nil, err
	}
	hosts, err := d.addSites()
	if err != nil {
		return nil, err
	}
	d.table, err = newTable(hosts, c.Rules, d.ownRoutes())
	return d, err
}

func loadPages() (*pages.Set, error) {
	own, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	return pages.New(stylePath, own)
}

func (d *Door) addSites() (hosts []string, err error) {
	for _, s := range d.cfg.Sites {
		host, err := checkPublicURL(s.PublicURL)
		if err != nil {
			return nil, err
		}
		if d.sites[host] != nil {
			return nil, fmt.Errorf("public_urls: %s is there twice", host)
		}
		out := &site{url: s.PublicURL, host: host, origin: s.PublicURL.Scheme + "://" + s.PublicURL.Host, newGate: s.NewGate}
		if s.PublicURL.Scheme == "https" {
			out.hsts = "max-age=" + strconv.Itoa(int(d.cfg.HSTS.Seconds()))
		}
		if err := out.makeGate(d.cfg.CookieKeys.Keys()); err != nil {
			return nil, err
		}
		d.sites[host] = out
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// makeGate makes the gate, or gives the one that there is other keys: it goes on knowing what was used up and refreshed.
func (s *site) makeGate(keys [][]byte) error {
	next := s.newGate
	if known := s.gate.Load(); known != nil {
		next = known.WithKeys
	}
	g, err := next(keys)
	if err != nil {
		return err
	}
	s.gate.Store(&gateOf{g, keys})
	return nil
}

// Maintain rotates what is due, takes over what other replicas wrote, and breaks off the streams of sessions that were ended
// there. Call it every minute or so.
func (d *Door) Maintain() error {
	err := errors.Join(d.cfg.Keys.Maintain(), d.cfg.CookieKeys.Maintain())
	keys := d.cfg.CookieKeys.Keys()
	for _, s := range d.sites {
		if !slices.EqualFunc(s.gate.Load().keys, keys, slices.Equal[[]byte]) {
			err = errors.Join(err, s.makeGate(keys))
		}
	}
	return errors.Join(err, d.endStreams(context.Background()))
}

// Check asks the identity provider for its endpoints, as a first sign-in would.
func (d *Door) Check(ctx context.Context) error {
	var errs []error
	for _, s := range d.sites {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.origin+"/", nil)
		if err == nil {
			err = s.gate.Load().Begin(discard{}, r, "/")
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Drain lets requests at work finish until the context ends, and breaks off the rest. Meanwhile each connection has one
// answer more, and /healthz sends probes away. Then nothing more is admitted.
func (d *Door) Drain(ctx context.Context) {
	d.live.drain(ctx)
	d.transport.CloseIdleConnections()
}

// PublicKeys serves public keys in PEM at /{kid}, as a load balancer's key host does, and /healthz for probes.
func (d *Door) PublicKeys() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{kid}", func(w http.ResponseWriter, r *http.Request) { d.writeKey(w, r.PathValue("kid")) })
	mux.HandleFunc("GET /healthz", d.health)
	return mux
}

// health tells whether more should be sent here.
func (d *Door) health(w http.ResponseWriter, _ *http.Request) {
	if d.live.draining.Load() {
		writeText(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	writeText(w, http.StatusOK, "ok\n")
}

func (d *Door) writeKey(w http.ResponseWriter, kid string) {
	pem, ok := d.cfg.Keys.PublicPEM(kid)
	if !ok {
		writeText(w, http.StatusNotFound, "There is no such key. A key is published under the kid of the headers that it signed, until the last of them has expired.\n")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-pem-file")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(pem) // the client's going away is its own affair
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client's going away is its own affair
}

// newTransport reaches backends, which the operator has fixed: certificates are verified always, no proxy of the
// environment is used, and an answer is passed on as it is.
func newTransport(c *Config) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.DisableCompression, t.ForceAttemptHTTP2 = nil, true, false
	t.TLSClientConfig = backendTLS(c.BackendCAs)
	t.DialContext = dialer.DialContext
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxResponseHeaderBytes = 0, 1024, 256<<10
	t.ResponseHeaderTimeout = c.ResponseTimeout
	return t
}

// buffers are the pieces in which bodies are copied.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}
}

func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// errorLog takes what net/http's proxy has to say that no answer shows.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Write(p []byte) (int, error) {
	l.log.Debug("proxying", "what", clip(string(p), 512))
	return len(p), nil
}

// retryAfter is a wait in whole seconds, as the header has it.
func retryAfter(wait time.Duration) string {
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}
