package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/lanyard-id/lanyard/api"
)

// Client calls one Lanyard. Its methods are safe for concurrent use.
type Client struct {
	endpoints   endpoints
	region      string
	credentials aws.CredentialsProvider
	http        *http.Client
	now         func() time.Time
	jitter      func(most time.Duration) time.Duration
	getenv      func(string) string
	tokenAge    time.Duration // of a workload access token that a source keeps
}

// Option changes what New would take from the environment.
type Option func(*options)

type options struct {
	endpoint     string
	region       string
	credentials  aws.CredentialsProvider
	getenv       func(string) string
	transport    http.RoundTripper
	now          func() time.Time
	tokenAge     time.Duration
	insecureHTTP bool
}

// WithEndpoint sends every operation to one endpoint, such as http://127.0.0.1:8585.
func WithEndpoint(url string) Option { return func(o *options) { o.endpoint = url } }

// WithRegion signs for a region. Lanyard accepts any.
func WithRegion(region string) Option { return func(o *options) { o.region = region } }

// WithCredentials signs with these credentials.
func WithCredentials(p aws.CredentialsProvider) Option {
	return func(o *options) { o.credentials = p }
}

// WithEnvironment reads the endpoint variables through getenv. The default AWS chain, used when credentials are not
// given, reads the process's environment whatever getenv says.
func WithEnvironment(getenv func(string) string) Option {
	return func(o *options) { o.getenv = getenv }
}

// WithTransport sends requests through rt, for instance one that trusts a private certificate authority.
func WithTransport(rt http.RoundTripper) Option { return func(o *options) { o.transport = rt } }

// WithClock dates signatures by now.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithInsecureHTTP allows plain http to other hosts than loopback: whoever is on the network between reads every token.
func WithInsecureHTTP() Option { return func(o *options) { o.insecureHTTP = true } }

// fallbackRegion signs where no region is configured: the server accepts any.
const fallbackRegion = "us-west-2"

// New returns a client. It calls nobody yet, except what the default AWS chain asks to find credentials.
func New(ctx context.Context, opts ...Option) (*Client, error) {
	o := options{getenv: os.Getenv, now: time.Now, tokenAge: usualWorkloadTokenAge}
	for _, set := range opts {
		set(&o)
	}
	at, err := o.endpoints()
	if err != nil {
		return nil, err
	}
	if o.credentials == nil || o.region == "" {
		if err := o.fromChain(ctx); err != nil {
			return nil, err
		}
	}
	if o.transport == nil {
		o.transport = newTransport()
	}
	return &Client{endpoints: at, region: o.region, credentials: o.credentials, now: o.now, jitter: randomUpTo, getenv: o.getenv, tokenAge: o.tokenAge,
		http: &http.Client{Transport: o.transport, CheckRedirect: noRedirect}}, nil
}

// fromChain fills what was not given from the environment, the shared files, the container or the instance.
func (o *options) fromChain(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	if o.credentials == nil {
		o.credentials = cfg.Credentials
	}
	if o.region == "" {
		o.region = cfg.Region
	}
	if o.region == "" {
		o.region = fallbackRegion
	}
	return nil
}

// Endpoint is where tokens are asked for.
func (c *Client) Endpoint() string { return c.endpoints.data }

// ControlEndpoint is where workload identities and credential providers are kept.
func (c *Client) ControlEndpoint() string { return c.endpoints.control }

// ServiceEndpoint is where the operations of one service are called, or why they cannot be.
func (c *Client) ServiceEndpoint(s api.Service) (string, error) {
	return c.endpoints.of(api.Operation{Service: s}), c.endpoints.refused[s]
}

// Region is the region that requests are signed for.
func (c *Client) Region() string { return c.region }

// noRedirect keeps a signed request from being repeated elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func randomUpTo(most time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(most) + 1)) //nolint:gosec // spreads retries, guards nothing
}

// ErrNoCredentials says that there is nothing to sign with.
var ErrNoCredentials = errors.New("no AWS credentials were found to sign with")

// ErrNoEndpoint says that nothing names an endpoint.
var ErrNoEndpoint = errors.New("no endpoint is configured: set AWS_ENDPOINT_URL_BEDROCK_AGENTCORE and AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL, or LANYARD_ENDPOINT")
