package egress

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// rule is one entry of a host list: a name or a network, with port 0 for any.
type rule struct {
	host   string
	prefix netip.Prefix
	port   uint16
}

// matchesHost compares the host as it is written in the URL.
func (r rule) matchesHost(host string, port uint16) bool {
	return r.host != "" && r.host == host && r.matchesPort(port)
}

// matchesAddr compares the address that is about to be dialled.
func (r rule) matchesAddr(ip netip.Addr, port uint16) bool {
	return r.prefix.IsValid() && r.prefix.Contains(ip) && r.matchesPort(port)
}

func (r rule) matchesPort(port uint16) bool { return r.port == 0 || r.port == port }

func parseAllow(entries []string) ([]rule, error) {
	const key = "egress.allow"
	rules := make([]rule, 0, len(entries))
	for _, entry := range entries {
		r, err := parseEntry(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: entry %q: %w", key, entry, err)
		}
		if err := refuseForbidden(r); err != nil {
			return nil, fmt.Errorf("%s: entry %q: %w", key, entry, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parsePlainHTTP(entries []string) ([]rule, error) {
	const key = "egress.insecure_http_hosts"
	rules := make([]rule, 0, len(entries))
	for _, entry := range entries {
		if strings.Contains(entry, "/") {
			return nil, fmt.Errorf("%s: entry %q: write a host name or host:port, without a scheme, path or network mask", key, entry)
		}
		r, err := parseEntry(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: entry %q: %w", key, entry, err)
		}
		if r.prefix.IsValid() { // here an address is a spelling of a host, not a network
			r = rule{host: r.prefix.Addr().String(), port: r.port}
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// parseEntry reads host, host:port, IP, IP:port, [IPv6]:port or CIDR.
func parseEntry(entry string) (rule, error) {
	if strings.Contains(entry, "://") {
		return rule{}, errors.New("write the host alone, without a scheme such as https://")
	}
	if strings.Contains(entry, "/") {
		return parseNetwork(entry)
	}
	if ip, err := netip.ParseAddr(entry); err == nil {
		return addrRule(ip, 0)
	}
	host, port, err := splitEntryPort(entry)
	if err != nil {
		return rule{}, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return addrRule(ip, port)
	}
	host = strings.ToLower(host)
	if err := checkHostName(host); err != nil {
		return rule{}, err
	}
	return rule{host: host, port: port}, nil
}

func parseNetwork(entry string) (rule, error) {
	prefix, err := netip.ParsePrefix(entry)
	if err != nil {
		return rule{}, errors.New("not a network: write a CIDR such as 10.20.0.0/16, or a host without a path")
	}
	if prefix.Addr().Is4In6() {
		return rule{}, errors.New("write the network as IPv4, not as IPv4-mapped IPv6")
	}
	if prefix.Bits() == 0 {
		return rule{}, errors.New("covers every address and would switch the guard off: list the networks that you mean")
	}
	return rule{prefix: prefix.Masked()}, nil
}

func addrRule(ip netip.Addr, port uint16) (rule, error) {
	if ip.Zone() != "" {
		return rule{}, errors.New("an address with a zone is link-local and never permitted")
	}
	ip = ip.Unmap()
	return rule{prefix: netip.PrefixFrom(ip, ip.BitLen()), port: port}, nil
}

func splitEntryPort(entry string) (string, uint16, error) {
	i := strings.LastIndexByte(entry, ':')
	if i < 0 || strings.HasSuffix(entry, "]") {
		return strings.Trim(entry, "[]"), 0, nil
	}
	port, err := parsePort(entry[i+1:])
	if err != nil {
		return "", 0, err
	}
	host := entry[:i]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	return host, port, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q is not a number from 1 to 65535", s)
	}
	return uint16(n), nil
}

// refuseForbidden tells the operator at start what the guard would refuse at
// every dial anyway. A wider network that merely contains such an address is
// accepted; the guard still refuses the address.
func refuseForbidden(r rule) error {
	if !r.prefix.IsValid() {
		return nil
	}
	for _, n := range forbidden {
		if n.prefix.Bits() <= r.prefix.Bits() && n.prefix.Contains(r.prefix.Addr()) {
			return fmt.Errorf("is %s, which is refused even when listed: remove it", n.what)
		}
	}
	return nil
}

func checkLimits(c Config) error {
	if c.Timeout < 0 {
		return fmt.Errorf("egress.timeout: %v is negative: leave it out for %v", c.Timeout, defaultTimeout)
	}
	if c.MaxBody < 0 {
		return fmt.Errorf("egress.max_body: %d is negative: leave it out for %d bytes", c.MaxBody, defaultMaxBody)
	}
	if strings.ContainsFunc(c.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("egress.user_agent: write printable ASCII only")
	}
	return nil
}

// loadRoots adds the operator's bundle to the system's pool; nil means the
// system's alone.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("egress.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("egress.ca_file: the system's certificates could not be read: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("egress.ca_file: %s has no PEM certificate: it must contain -----BEGIN CERTIFICATE----- blocks", file)
	}
	return pool, nil
}
