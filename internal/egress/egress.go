// Package egress is the one HTTP client for outbound requests whose URL comes
// from somebody else: a request field, a provider's configuration, a discovery
// document or a redirect.
//
// It protects the network that Lanyard runs in (private services, loopback
// listeners, cloud metadata endpoints) from whoever can choose or influence
// such a URL, and it protects Lanyard's own memory and time from whoever
// answers. Nothing in a URL, a DNS answer or a response is trusted: the form
// of the URL is checked first, and the address is checked again at dial time,
// on the very address that is dialled, so that a name which resolves
// differently the second time gains nothing.
//
// It must never follow a proxy from the environment, reach a link-local or
// metadata address (not even one that the operator listed), send a credential
// to a host other than the one it was given for, or put a query string, a
// header or a resolved internal address into an error message.
package egress

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	defaultTimeout   = 10 * time.Second
	defaultMaxBody   = 1 << 20
	defaultUserAgent = "Lanyard"

	maxURLLength   = 2048
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
	maxIdle        = 100
	maxIdlePerHost = 8
	maxPerHost     = 64
	idleTimeout    = 90 * time.Second
)

// Resolver turns a host name into addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says where the client may go. The zero value reaches public https
// addresses only.
type Config struct {
	// Allow lists what may have a private address: a host name, host:port, an
	// IP address, IP:port or a CIDR network (egress.allow).
	Allow []string
	// InsecureHTTPHosts lists the hosts (or host:port) that plain http is
	// permitted for (egress.insecure_http_hosts). It permits no address.
	InsecureHTTPHosts []string
	// Loopback permits http and https to loopback on any port, for localhost
	// names and literal loopback addresses. Development only.
	Loopback bool
	// CAFile is a PEM bundle trusted in addition to the system's (egress.ca_file).
	CAFile string
	// Timeout bounds a whole call, redirects and body included; 10 s when zero.
	Timeout time.Duration
	// MaxBody bounds a response body in bytes; 1 MiB when zero.
	MaxBody int64
	// UserAgent is sent unless the call brings its own.
	UserAgent string
	// Resolver replaces net.DefaultResolver.
	Resolver Resolver
	// Aliases send requests for some names to this process's own listener. Development only.
	Aliases *Aliases
}

// Client makes guarded requests. It is safe for concurrent use.
type Client struct {
	allow     []rule
	plainHTTP []rule
	loopback  bool
	timeout   time.Duration
	maxBody   int64
	userAgent string
	resolver  Resolver
	aliases   *Aliases
	origin    *url.URL // of aliases
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	transport *http.Transport
}

// Response is a whole answer, read within the limits.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// New validates every entry of c; its errors name the configuration key.
func New(c Config) (*Client, error) {
	allow, err := parseAllow(c.Allow)
	if err != nil {
		return nil, err
	}
	plain, err := parsePlainHTTP(c.InsecureHTTPHosts)
	if err != nil {
		return nil, err
	}
	if err := checkLimits(c); err != nil {
		return nil, err
	}
	roots, err := loadRoots(c.CAFile)
	if err != nil {
		return nil, err
	}
	client := &Client{
		allow:     allow,
		plainHTTP: plain,
		loopback:  c.Loopback,
		timeout:   orDefault(c.Timeout, defaultTimeout),
		maxBody:   orDefault(c.MaxBody, defaultMaxBody),
		userAgent: orDefault(c.UserAgent, defaultUserAgent),
		resolver:  c.Resolver,
		dial:      new(net.Dialer).DialContext,
	}
	if client.resolver == nil {
		client.resolver = net.DefaultResolver
	}
	if c.Aliases != nil {
		client.aliases = c.Aliases
		if client.origin, err = c.Aliases.parseOrigin(); err != nil {
			return nil, err
		}
	}
	client.transport = newTransport(client, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots})
	return client, nil
}

// newTransport leaves Proxy nil, so that no environment variable can route
// around the address check, and disables decompression, so that a small body
// stays small.
func newTransport(c *Client, tlsConfig *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            c.dialVetted,
		TLSClientConfig:        tlsConfig,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxConnsPerHost:        maxPerHost,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    c.timeout,
		ResponseHeaderTimeout:  c.timeout,
	}
}

// CloseIdle closes the pooled connections that no request is using.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
