package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/client/oidcdata"
)

// bindingConfig is everything that decides how `lanyard session-binding` behaves.
type bindingConfig struct {
	Listen      string    `yaml:"listen"`
	TLS         tlsConfig `yaml:"tls"`
	Environment string    `yaml:"environment"` // told by /ping
	// Endpoint and Region stand before the variables of the AWS clients.
	Endpoint string `yaml:"endpoint"`
	Region   string `yaml:"region"`
	// User is how users are named: user_id, by the subject of the front door's header, or jwt, by a JWT in JWTHeader.
	User      string `yaml:"user"`
	JWTHeader string `yaml:"jwt_header"`
	// Signer, Client and Issuer are whose header is believed, and KeysURL, or AWSRegion, where its keys are.
	Signer    string `yaml:"signer"`
	Client    string `yaml:"client"`
	Issuer    string `yaml:"issuer"`
	KeysURL   string `yaml:"keys_url"`
	AWSRegion string `yaml:"aws_region"`

	SuccessPage  string    `yaml:"success_page"`
	StateKeyFile string    `yaml:"state_key_file"`
	Log          logConfig `yaml:"log"`

	InsecureHTTP bool `yaml:"insecure_http"`
}

// Ways to name users.
const (
	userByID  = "user_id"
	userByJWT = "jwt"
)

func readBindingConfig(path string) (*bindingConfig, error) {
	c := bindingConfig{Listen: "127.0.0.1:8587", User: userByID, Log: logConfig{Level: "info", Format: "json"}}
	if err := readConfigFile(path, "lanyard session-binding --help shows it whole", &c); err != nil {
		return nil, err
	}
	besideConfig(path, &c.TLS.CertFile, &c.TLS.KeyFile, &c.SuccessPage, &c.StateKeyFile)
	return &c, c.Validate()
}

// Validate returns every problem, each with the key and the fix.
func (c *bindingConfig) Validate() error {
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	c.validateEdge(bad)
	c.validateService(bad)
	c.validateUser(bad)
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		bad("log.level", "%q is not one of debug, info, warn, error", c.Log.Level)
	}
	if !slices.Contains([]string{"json", "text"}, c.Log.Format) {
		bad("log.format", "%q is not one of json, text", c.Log.Format)
	}
	return errors.Join(problems...)
}

func (c *bindingConfig) validateEdge(bad complain) {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		bad("listen", "%q is not host:port; write for example 127.0.0.1:8587", c.Listen)
	case c.TLS.CertFile == "" && c.TLS.KeyFile == "" && !isLoopbackHost(host) && !c.InsecureHTTP:
		bad("listen", "%q is plain http on the network, where whoever sees a header can show it too; set tls.cert_file and tls.key_file, or say insecure_http: true where the network admits the front door alone", c.Listen)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("tls", "needs both cert_file and key_file, or neither")
	}
}

func (c *bindingConfig) validateService(bad complain) {
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			bad("endpoint", "%q is not a plain URL, such as https://lanyard.example.com", c.Endpoint)
		case u.Scheme != "https" && !(u.Scheme == "http" && isLoopbackHost(u.Hostname())):
			bad("endpoint", "%q is not https; plain http is for this machine alone", c.Endpoint)
		}
	}
	if c.Region != "" && !regionPattern.MatchString(c.Region) {
		bad("region", "%q does not look like a region; write for example us-west-2", c.Region)
	}
}

func (c *bindingConfig) validateUser(bad complain) {
	switch c.User {
	case userByID:
		if c.JWTHeader != "" {
			bad("jwt_header", "is read with user: jwt alone; say that, or leave it out")
		}
		if c.Signer == "" {
			bad("signer", "is missing; write the load balancer's ARN, or the signer of your front door: without it any load balancer of any account would be believed")
		}
	case userByJWT:
		if c.JWTHeader == "" {
			bad("jwt_header", "is missing; write the header that has the user's JWT, such as %s", oidcdata.HeaderAccessToken)
		}
	default:
		bad("user", "%q is not one of %s (the subject of the front door's signed header), %s (a JWT in jwt_header)", c.User, userByID, userByJWT)
	}
	switch {
	case c.Signer == "" && c.Client+c.Issuer+c.KeysURL+c.AWSRegion != "":
		bad("signer", "is missing: client, issuer, keys_url and aws_region say how its header is verified")
	case c.Signer == "":
	case (c.KeysURL == "") == (c.AWSRegion == ""):
		bad("keys_url", "set exactly one of keys_url (where your front door publishes its keys) and aws_region (the load balancer's region)")
	default:
		if _, err := c.keysURL(); err != nil {
			bad("aws_region", "%s", strings.TrimPrefix(err.Error(), "oidcdata: "))
		}
	}
}

func (c *bindingConfig) keysURL() (string, error) {
	if c.KeysURL != "" {
		return c.KeysURL, nil
	}
	return oidcdata.RegionKeysURL(c.AWSRegion)
}

const newStateKey = "(umask 077; openssl rand -base64 32 > FILE)"

// readStateKey reads 32 bytes in base64 from a file that only its owner may read: whoever has them can make states.
func readStateKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("state_key_file: %w; make one with: %s", err, newStateKey)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("state_key_file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("state_key_file: %s is not a file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("state_key_file: %s has mode %04o and may be read by others; run: chmod 600 %s", path, info.Mode().Perm(), shellQuote(path))
	}
	text, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return nil, fmt.Errorf("state_key_file: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("state_key_file: %s does not hold 32 bytes in base64; make one with: %s", path, newStateKey)
	}
	return key, nil
}
