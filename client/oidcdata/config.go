package oidcdata

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Config says whose word is believed.
type Config struct {
	// Signer is who must have signed: the load balancer's ARN, or the name that the front door was given. Required, and
	// compared exactly: without it any load balancer of any account would do.
	Signer string
	// Client is the client id with which the front door signs users in. Configure it: one load balancer may sign in for
	// several applications, and a user of one is not a user of the other.
	Client string
	// Issuer is the identity provider, as the front door was given it. Configure it where one front door serves several,
	// for a subject means something only together with its issuer.
	Issuer string
	// KeysURL is where public keys are read, at KeysURL/{kid}: see RegionKeysURL. It is https; http on loopback alone.
	KeysURL string
	// HTTPClient reads the keys; nil for one of the package's own. Its redirects are never followed.
	HTTPClient *http.Client
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Leeway is added to the expiry for clocks that differ; at most five minutes.
	Leeway time.Duration
}

const maxLeeway = 5 * time.Minute

// Verifier verifies headers. Its methods are safe for concurrent use.
type Verifier struct {
	signer, client, issuer string
	leeway                 time.Duration
	now                    func() time.Time
	keys                   *keyCache
}

// New checks the configuration. It reads no key yet.
func New(c Config) (*Verifier, error) {
	if c.Signer == "" {
		return nil, errors.New("oidcdata: Config.Signer is missing: it is the ARN of your load balancer, or the signer of your front door; without it any load balancer of any account would be believed")
	}
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		return nil, fmt.Errorf("oidcdata: Config.Leeway is %s; it may be from 0 to %s", c.Leeway, maxLeeway)
	}
	base, err := keysBase(c.KeysURL)
	if err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Verifier{signer: c.Signer, client: c.Client, issuer: c.Issuer, leeway: c.Leeway, now: c.Now,
		keys: newKeyCache(base, c.HTTPClient, c.Now)}, nil
}

// keysBase accepts an absolute URL and returns it without a trailing slash.
func keysBase(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return "", errors.New("oidcdata: Config.KeysURL is missing: it is where public keys are read; RegionKeysURL gives that of a load balancer's region")
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("oidcdata: Config.KeysURL is not an https URL, such as RegionKeysURL gives")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("oidcdata: Config.KeysURL must be scheme, host and at most a path: no user name, query or fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", fmt.Errorf("oidcdata: Config.KeysURL is plain http to %s, where anybody on the way could answer with a key of their own: use https", u.Hostname())
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// isLoopback does not take NAME.localhost for this machine: networks of containers give such names to others.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]{2,12}){1,2}-[0-9]{1,2}$`)

// RegionKeysURL is where Application Load Balancers of a region publish their keys. Partitions with hosts of other names
// (China, the isolated ones) are refused: name theirs in Config.KeysURL.
func RegionKeysURL(region string) (string, error) {
	switch {
	case !regionPattern.MatchString(region):
		return "", fmt.Errorf("oidcdata: %q does not look like a region; write for example us-west-2", region)
	case strings.HasPrefix(region, "cn-"), strings.Contains(region, "-iso"):
		return "", fmt.Errorf("oidcdata: the key host of region %s is not known here; name it in Config.KeysURL", region)
	case strings.HasPrefix(region, "us-gov-"):
		return "https://s3-" + region + ".amazonaws.com/aws-elb-public-keys-prod-" + region, nil
	}
	return "https://public-keys.auth.elb." + region + ".amazonaws.com", nil
}
