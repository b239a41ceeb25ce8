package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

// doorConfig is everything that decides how a front door behaves. `lanyard frontdoor` reads it from a file, `lanyard dev`
// makes it or reads it.
type doorConfig struct {
	Listen string `yaml:"listen"`
	// KeysListen serves the public keys at /{kid}, as a load balancer's key host does, and /healthz.
	KeysListen     string            `yaml:"keys_listen"`
	PublicURLs     []string          `yaml:"public_urls"`
	StateDir       string            `yaml:"state_dir"`
	TLS            tlsConfig         `yaml:"tls"`
	TrustedProxies []string          `yaml:"trusted_proxies"`
	ForwardedHost  bool              `yaml:"forwarded_host"` // of trusted proxies that set X-Forwarded-Host
	TrustedOrigins []string          `yaml:"trusted_origins"`
	StripHeaders   []string          `yaml:"strip_headers"`
	Signer         string            `yaml:"signer"`
	OIDC           doorOIDC          `yaml:"oidc"`
	Session        doorSession       `yaml:"session"`
	Keys           doorKeys          `yaml:"keys"`
	Rules          []doorRule        `yaml:"rules"`
	Limits         doorLimits        `yaml:"limits"`
	Backend        doorBackend       `yaml:"backend"`
	Egress         egressConfig      `yaml:"egress"`
	AccessLog      string            `yaml:"access_log"` // a file; standard output when empty, "off" for none
	Drain          time.Duration     `yaml:"drain"`      // how long streams may go on after a stop was asked for
	Log            logConfig         `yaml:"log"`
	InsecureHTTP   bool              `yaml:"insecure_http"`
	handlers       map[string]doorOf // `dev` only: paths that this process answers itself
	loopbackEgress bool              // `dev` only
	secret         string            // `dev` only: in place of a file
}

type doorOIDC struct {
	Issuer           string            `yaml:"issuer"`
	ClientID         string            `yaml:"client_id"`
	ClientSecretFile string            `yaml:"client_secret_file"`
	AuthMethod       string            `yaml:"auth_method"`
	Scopes           []string          `yaml:"scopes"`
	Parameters       map[string]string `yaml:"parameters"`
	UserInfo         bool              `yaml:"userinfo"`
	Endpoints        *doorEndpoints    `yaml:"endpoints"`
	PostLogoutURL    string            `yaml:"post_logout_url"`
}

type doorEndpoints struct {
	Authorization string `yaml:"authorization"`
	Token         string `yaml:"token"`
	UserInfo      string `yaml:"userinfo"`
	JWKS          string `yaml:"jwks"`
	EndSession    string `yaml:"end_session"`
}

type doorSession struct {
	CookieName string        `yaml:"cookie_name"`
	Idle       time.Duration `yaml:"idle"`
	Absolute   time.Duration `yaml:"absolute"`
	Login      time.Duration `yaml:"login"`
}

// doorKeys says where keys are kept, in state_dir when empty, and how long each is used.
type doorKeys struct {
	SigningFile string        `yaml:"signing_file"`
	CookieFile  string        `yaml:"cookie_file"`
	EndedFile   string        `yaml:"ended_file"` // beside cookie_file when empty
	Life        time.Duration `yaml:"life"`
}

type doorRule struct {
	Hosts           []string `yaml:"hosts"`
	Path            string   `yaml:"path"`
	Backend         string   `yaml:"backend"`
	Unauthenticated string   `yaml:"unauthenticated"`
	Public          bool     `yaml:"public"`
	AccessToken     bool     `yaml:"access_token"`
	ForwardJWT      string   `yaml:"forward_jwt"`
	JWTAudiences    []string `yaml:"jwt_audiences"`
	MaxBodyBytes    int64    `yaml:"max_body_bytes"`
}

type doorLimits struct {
	PerAddress        doorRate `yaml:"per_address"`
	PerUser           doorRate `yaml:"per_user"`
	StreamsPerUser    int      `yaml:"streams_per_user"`
	StreamsPerAddress int      `yaml:"streams_per_address"`
	Connections       int      `yaml:"connections"`
}

func (l doorLimits) limits() frontdoor.Limits {
	return frontdoor.Limits{PerAddress: frontdoor.Rate(l.PerAddress), PerUser: frontdoor.Rate(l.PerUser),
		StreamsPerUser: l.StreamsPerUser, StreamsPerAddress: l.StreamsPerAddress, Connections: l.Connections}
}

type doorRate struct {
	PerSecond float64 `yaml:"per_second"`
	Burst     int     `yaml:"burst"`
}

type doorBackend struct {
	CAFile          string        `yaml:"ca_file"`
	ResponseTimeout time.Duration `yaml:"response_timeout"`
}

func defaultDoorConfig() doorConfig {
	return doorConfig{Listen: "127.0.0.1:8586", OIDC: doorOIDC{Scopes: []string{"openid"}, UserInfo: true},
		Session: doorSession{Idle: time.Hour, Absolute: 12 * time.Hour, Login: 15 * time.Minute},
		Keys:    doorKeys{Life: frontdoor.DefaultKeyLife}, Drain: 30 * time.Second, Log: logConfig{Level: "info", Format: "json"}}
}

func readDoorConfig(path string) (*doorConfig, error) {
	c := defaultDoorConfig()
	if err := readConfigFile(path, "lanyard frontdoor --help has it whole", &c); err != nil {
		return nil, err
	}
	besideConfig(path, &c.StateDir, &c.TLS.CertFile, &c.TLS.KeyFile, &c.OIDC.ClientSecretFile, &c.Keys.SigningFile, &c.Keys.CookieFile, &c.Keys.EndedFile, &c.Egress.CAFile, &c.Backend.CAFile)
	if c.AccessLog != accessOff {
		besideConfig(path, &c.AccessLog)
	}
	return &c, c.Validate()
}

// accessOff is the access_log that writes none.
const accessOff = "off"

// Validate returns every problem that can be seen without making the front door, each with the key and the fix.
func (c *doorConfig) Validate() error {
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	c.validateEdge(bad)
	if c.StateDir == "" {
		bad("state_dir", "name the directory where keys and ended sessions are kept")
	}
	if c.Signer == "" {
		bad("signer", "is missing; choose the name by which applications know this front door, in the form of a load balancer's ARN: arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/frontdoor/1")
	}
	if c.OIDC.Issuer == "" || c.OIDC.ClientID == "" {
		bad("oidc", "issuer and client_id are needed; register a client with the callback URL %s at the identity provider", c.callbackURLs())
	}
	if len(c.Rules) == 0 && len(c.handlers) == 0 {
		bad("rules", "there is none, so nothing would be forwarded; write one with a backend")
	}
	if c.Drain < 0 {
		bad("drain", "%s is negative", c.Drain)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		bad("log.level", "%q is not one of debug, info, warn, error", c.Log.Level)
	}
	if !slices.Contains([]string{"json", "text"}, c.Log.Format) {
		bad("log.format", "%q is not one of json, text", c.Log.Format)
	}
	return errors.Join(problems...)
}

func (c *doorConfig) validateEdge(bad complain) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		bad("listen", "%q is not host:port; write for example 0.0.0.0:8443", c.Listen)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("tls", "needs both cert_file and key_file, or neither")
	}
	if c.TLS.CertFile == "" && len(c.TrustedProxies) == 0 && !isLoopbackHost(host) && !c.InsecureHTTP {
		bad("tls", "there is neither a certificate (tls.cert_file, tls.key_file) nor a proxy that ends TLS (trusted_proxies: its addresses), and %s is not loopback; add one of them", c.Listen)
	}
	for i, p := range c.PublicURLs {
		u, err := url.Parse(p)
		switch {
		case err != nil || u.Host == "":
			bad(fmt.Sprintf("public_urls[%d]", i), "%q is not a URL of scheme and host", p)
		case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
			bad(fmt.Sprintf("public_urls[%d]", i), "%q is not https: cookies would travel in clear", p)
		}
	}
	if len(c.PublicURLs) == 0 {
		bad("public_urls", "is missing; write the URL at which browsers reach the front door, such as https://app.example.com")
	}
	for i, p := range c.TrustedProxies {
		if _, err := parseNetwork(p); err != nil {
			bad(fmt.Sprintf("trusted_proxies[%d]", i), "%q is neither an address nor a network such as 10.0.0.0/8", p)
		}
	}
	if c.ForwardedHost && len(c.TrustedProxies) == 0 {
		bad("forwarded_host", "is believed from trusted_proxies alone, and there is none; name the proxy that sets X-Forwarded-Host, or leave it out")
	}
	if c.KeysListen != "" {
		if _, _, err := net.SplitHostPort(c.KeysListen); err != nil {
			bad("keys_listen", "%q is not host:port", c.KeysListen)
		}
	}
}

// isLoopbackHost tells hosts that can only mean this machine (RFC 6761 section 6.3 for the names).
func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

func (c *doorConfig) callbackURLs() string {
	var out []string
	for _, p := range c.PublicURLs {
		out = append(out, strings.TrimRight(p, "/")+frontdoor.CallbackPath)
	}
	return strings.Join(out, ", ")
}

// weakenings names every insecure setting that is on: they are logged at every start.
func (c *doorConfig) weakenings() []string {
	var on []string
	if c.InsecureHTTP {
		on = append(on, "insecure_http")
	}
	if len(c.Egress.InsecureHTTPHosts) > 0 {
		on = append(on, "egress.insecure_http_hosts")
	}
	return on
}
