package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth"
)

// config is everything that decides how an instance behaves. `serve` reads it from a file, `dev` makes it.
type config struct {
	Listen    string `yaml:"listen"`
	PublicURL string `yaml:"public_url"`
	// IssuerURL is the https URL below which each account's own issuer is; public_url with /issuer when empty.
	IssuerURL string         `yaml:"issuer_url"`
	Account   string         `yaml:"account"`
	Region    string         `yaml:"region"`
	Database  databaseConfig `yaml:"database"`
	TLS       tlsConfig      `yaml:"tls"`
	// Proxies are addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
	Proxies        []string                `yaml:"proxies"`
	RootKey        rootKeyConfig           `yaml:"root_key"`
	InboundIssuers []issuerConfig          `yaml:"inbound_issuers"`
	Egress         egressConfig            `yaml:"egress"`
	Vendors        map[string]vendorConfig `yaml:"vendors"`
	Tokens         tokensConfig            `yaml:"tokens"`
	Sessions       sessionsConfig          `yaml:"sessions"`
	Audit          auditConfig             `yaml:"audit"`
	Tracing        tracingConfig           `yaml:"tracing"`
	MetricsListen  string                  `yaml:"metrics_listen"`
	Log            logConfig               `yaml:"log"`
	// WebIdentitySubject is the subject form of accounts that chose none: role or session.
	WebIdentitySubject string `yaml:"web_identity_subject"`
	// SigningKeyLife is how long a key signs web identity tokens before the next one does.
	SigningKeyLife time.Duration `yaml:"signing_key_life"`
	// CoveringGrants lists credential providers at which a grant of more scopes serves a request for fewer.
	CoveringGrants []string `yaml:"covering_grants"`
	// AgentHost runs agents for this server; none runs without it.
	AgentHost agentHostConfig `yaml:"agent_host"`

	InsecureHTTP   bool     `yaml:"insecure_http"`
	InsecureNoPKCE []string `yaml:"insecure_no_pkce"`
	// InsecureTokenEndpointAudience lists credential providers whose client assertions name the token endpoint, not the
	// issuer, as their audience.
	InsecureTokenEndpointAudience []string `yaml:"insecure_token_endpoint_audience"`
	InsecureLoopbackReturnURLs    bool     `yaml:"insecure_loopback_return_urls"`
	InsecureFinishSessions        bool     `yaml:"insecure_finish_sessions"`
	InsecureLoopbackIssuers       bool     `yaml:"insecure_loopback_issuers"`

	loopbackEgress bool     // `dev` only: providers on this machine, by http
	standIn        *standIn // `lanyard dev` only: names of Cognito mean its own user pools
}

type databaseConfig struct {
	SQLite   string `yaml:"sqlite"`   // directory of lanyard.db and audit.db
	Postgres string `yaml:"postgres"` // connection URL
	MaxConns int    `yaml:"max_conns"`
}

type tlsConfig struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

type rootKeyConfig struct {
	File   string `yaml:"file"`
	AWSKMS string `yaml:"aws_kms"` // key ARN
}

type issuerConfig struct {
	Issuer       string   `yaml:"issuer"`
	Audiences    []string `yaml:"audiences"`
	ClientIDs    []string `yaml:"client_ids"`
	DiscoveryURL string   `yaml:"discovery_url"`
}

type egressConfig struct {
	Allow             []string      `yaml:"allow"`
	InsecureHTTPHosts []string      `yaml:"insecure_http_hosts"`
	CAFile            string        `yaml:"ca_file"`
	Timeout           time.Duration `yaml:"timeout"`
}

type vendorConfig struct {
	BaseURL string `yaml:"base_url"`
}

type tokensConfig struct {
	WorkloadTTL time.Duration `yaml:"workload_ttl"`
}

type sessionsConfig struct {
	TTL        time.Duration `yaml:"ttl"`
	MaxPending int           `yaml:"max_pending"`
}

type auditConfig struct {
	Retention time.Duration `yaml:"retention"` // 0 keeps records for ever
	Journal   string        `yaml:"journal"`   // directory, configured beside PostgreSQL only
}

type tracingConfig struct {
	OTLPEndpoint string  `yaml:"otlp_endpoint"` // off when empty
	SampleRatio  float64 `yaml:"sample_ratio"`
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// defaultConfig is what a file need not say.
func defaultConfig() config {
	return config{
		Listen: "127.0.0.1:8585", Account: "000000000000", Region: "us-west-2",
		Tokens:   tokensConfig{WorkloadTTL: time.Hour},
		Sessions: sessionsConfig{TTL: 10 * time.Minute, MaxPending: 100},
		Tracing:  tracingConfig{SampleRatio: 1},
		Log:      logConfig{Level: "info", Format: "json"},
	}
}

func readConfig(path string) (*config, error) {
	c := defaultConfig()
	if err := readConfigFile(path, "docs/operations.md has it whole", &c); err != nil {
		return nil, err
	}
	besideConfig(path, &c.Database.SQLite, &c.Audit.Journal, &c.TLS.CertFile, &c.TLS.KeyFile, &c.RootKey.File, &c.Egress.CAFile, &c.AgentHost.KeyFile)
	err := c.Validate()
	if c.Database.SQLite != "" {
		c.Audit.Journal = c.Database.SQLite
	}
	return &c, err
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
)

// Validate returns every problem, each with the key and the fix.
func (c *config) Validate() error {
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", "%q is not host:port; write for example 0.0.0.0:8585", c.Listen)
	}
	if !accountPattern.MatchString(c.Account) {
		bad("account", "%q is not 12 digits", c.Account)
	}
	if !regionPattern.MatchString(c.Region) {
		bad("region", "%q does not look like a region; write for example us-west-2", c.Region)
	}
	c.validateEdge(bad)
	c.validateIssuer(bad)
	c.validateStorage(bad)
	c.validateOutside(bad)
	c.validateLimits(bad)
	c.validateAgentHost(bad)
	return errors.Join(problems...)
}

type complain func(key, format string, args ...any)

func (c *config) validateEdge(bad complain) {
	u, err := url.Parse(c.PublicURL)
	switch {
	case c.PublicURL == "":
		bad("public_url", "is missing; write the https URL under which browsers reach this instance, such as https://lanyard.example.com")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		bad("public_url", "%q is not a plain URL of scheme and host", c.PublicURL)
	case u.Scheme != "https" && !(u.Scheme == "http" && c.InsecureHTTP):
		bad("public_url", "%q is not https; use https, or say insecure_http: true for a test on one machine", c.PublicURL)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("tls", "needs both cert_file and key_file, or neither")
	}
	if c.TLS.CertFile == "" && len(c.Proxies) == 0 && !c.InsecureHTTP {
		bad("tls", "there is neither a certificate (tls.cert_file, tls.key_file) nor a proxy that ends TLS (proxies: its addresses); add one of them")
	}
	for i, p := range c.Proxies {
		if _, err := parseNetwork(p); err != nil {
			bad(fmt.Sprintf("proxies[%d]", i), "%q is neither an address nor a network such as 10.0.0.0/8", p)
		}
	}
	if c.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(c.MetricsListen); err != nil {
			bad("metrics_listen", "%q is not host:port", c.MetricsListen)
		}
	}
}

// validateIssuer wants https, because who verifies our tokens trusts what answers at this URL.
func (c *config) validateIssuer(bad complain) {
	if c.IssuerURL != "" {
		u, err := url.Parse(c.IssuerURL)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.EscapedPath() != u.Path:
			bad("issuer_url", "%q is not a plain URL of scheme, host and path", c.IssuerURL)
		case u.Scheme != "https" && !(u.Scheme == "http" && c.InsecureHTTP):
			bad("issuer_url", "%q is not https; use https, for services elsewhere fetch keys from it", c.IssuerURL)
		}
	}
	if f := identity.SubjectForm(c.WebIdentitySubject); f != "" && f != identity.SubjectRole && f != identity.SubjectSession {
		bad("web_identity_subject", "%q is not one of role, session", c.WebIdentitySubject)
	}
	if d := c.SigningKeyLife; d != 0 && (d < 48*time.Hour || d > 2*365*24*time.Hour) {
		bad("signing_key_life", "%s is not between 48h (a key is published for a day before it signs) and 17520h", d)
	}
}

func parseNetwork(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func (c *config) validateStorage(bad complain) {
	if (c.Database.SQLite == "") == (c.Database.Postgres == "") {
		bad("database", "set exactly one of database.sqlite (a directory) and database.postgres (a connection URL)")
	}
	if c.Database.SQLite != "" && c.Audit.Journal != "" {
		bad("audit.journal", "is for database.postgres; with database.sqlite the journal is in that directory: leave it out")
	}
	if p := c.Database.Postgres; p != "" && !strings.HasPrefix(p, "postgres://") && !strings.HasPrefix(p, "postgresql://") {
		bad("database.postgres", "is not a URL that begins with postgres://")
	}
	if (c.RootKey.File == "") == (c.RootKey.AWSKMS == "") {
		bad("root_key", "set exactly one of root_key.file (make it with: lanyard admin root-key create FILE) and root_key.aws_kms (a key ARN)")
	}
	if k := c.RootKey.AWSKMS; k != "" && !strings.HasPrefix(k, "arn:") {
		bad("root_key.aws_kms", "%q is not a key ARN", k)
	}
}

func (c *config) validateOutside(bad complain) {
	for i, iss := range c.InboundIssuers {
		key := fmt.Sprintf("inbound_issuers[%d]", i)
		if u, err := url.Parse(iss.Issuer); err != nil || u.Host == "" {
			bad(key+".issuer", "%q is not a URL; write the value of the iss claim", iss.Issuer)
		}
		if len(iss.Audiences)+len(iss.ClientIDs) == 0 {
			bad(key, "needs audiences or client_ids: without, a token that any other application got from %s would be accepted", iss.Issuer)
		}
	}
	if d := c.Egress.Timeout; d < 0 || d > 10*time.Second {
		bad("egress.timeout", "%s is not between 0 and 10s; a refresh must end before its lease does", d)
	}
	for name := range c.Vendors {
		if !slices.Contains(oauth.ServedVendors(), name) {
			bad("vendors."+name, "is not served; write one of %s", strings.Join(oauth.ServedVendors(), ", "))
		}
	}
	if t := c.Tracing; t.OTLPEndpoint != "" {
		if u, err := url.Parse(t.OTLPEndpoint); err != nil || u.Host == "" {
			bad("tracing.otlp_endpoint", "%q is not a URL such as http://localhost:4318", t.OTLPEndpoint)
		}
	}
	if c.Tracing.SampleRatio < 0 || c.Tracing.SampleRatio > 1 {
		bad("tracing.sample_ratio", "%v is not between 0 and 1", c.Tracing.SampleRatio)
	}
}

func (c *config) validateLimits(bad complain) {
	if d := c.Tokens.WorkloadTTL; d < time.Minute || d > 24*time.Hour {
		bad("tokens.workload_ttl", "%s is not between 1m and 24h", d)
	}
	if d := c.Sessions.TTL; d < time.Minute || d > time.Hour {
		bad("sessions.ttl", "%s is not between 1m and 1h", d)
	}
	if n := c.Sessions.MaxPending; n < 1 || n > 10_000 {
		bad("sessions.max_pending", "%d is not between 1 and 10000", n)
	}
	if c.Audit.Retention < 0 {
		bad("audit.retention", "%s is negative; write 0 to keep records for ever", c.Audit.Retention)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		bad("log.level", "%q is not one of debug, info, warn, error", c.Log.Level)
	}
	if !slices.Contains([]string{"json", "text"}, c.Log.Format) {
		bad("log.format", "%q is not one of json, text", c.Log.Format)
	}
}

// weakenings names every insecure setting that is on: they are logged at every start.
func (c *config) weakenings() []string {
	var on []string
	add := func(set bool, name string) {
		if set {
			on = append(on, name)
		}
	}
	add(c.InsecureHTTP, "insecure_http")
	add(len(c.InsecureNoPKCE) > 0, "insecure_no_pkce")
	add(len(c.InsecureTokenEndpointAudience) > 0, "insecure_token_endpoint_audience")
	add(c.InsecureLoopbackReturnURLs, "insecure_loopback_return_urls")
	add(c.InsecureFinishSessions, "insecure_finish_sessions")
	add(c.InsecureLoopbackIssuers, "insecure_loopback_issuers")
	add(len(c.Egress.InsecureHTTPHosts) > 0, "egress.insecure_http_hosts")
	add(c.standIn != nil, "insecure_user_pools")
	return on
}
