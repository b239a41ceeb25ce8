package egress

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Check applies the rules that need no network: an absolute https URL (or http
// where permitted) with a host, without user information or fragment, and
// without a literal address that would be refused at dial. Use it when a URL
// is stored, so that whoever writes it learns at once; every request repeats it.
func (c *Client) Check(rawURL string) (*url.URL, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, refusedForm(rawURL, err)
	}
	port, err := urlPort(u)
	if err != nil {
		return nil, refusedForm(rawURL, err)
	}
	host := strings.ToLower(u.Hostname())
	if u.Scheme == "http" && !c.permitsPlainHTTP(host, port) {
		return nil, refusedForm(rawURL, errors.New("plain http would expose what is sent: use https"+
			c.loopbackHint(host)+" (or list the host under egress.insecure_http_hosts)"))
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return u, nil //nolint:nilerr // a name: the address is judged at dial
	}
	if refusal := c.vet(host, ip, port); refusal != nil {
		refusal.URL = displayURL(u)
		return nil, refusal
	}
	return u, nil
}

// parseURL accepts the characters of RFC 3986 only, so that no other parser
// down the line can read a different host out of the same text.
func parseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURLLength {
		return nil, errors.New("the URL is longer than 2048 characters")
	}
	if i := strings.IndexFunc(raw, notURLRune); i >= 0 {
		return nil, errors.New("the URL has a character that must be percent-encoded (a space, a control or non-ASCII character, or one of \\ \" < > ^ ` { | })")
	}
	if strings.Contains(raw, "#") {
		return nil, errors.New("the URL has a fragment: remove everything from # on")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a valid URL: write it as https://host/path")
	}
	return u, checkParts(u)
}

func checkParts(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the URL must be absolute and start with https://")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("the URL has no host: write it as https://host/path")
	case u.User != nil:
		return errors.New("the URL has user information before its host: remove everything up to the @")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("the URL has a colon without a port: remove the colon or add the port")
	}
	if strings.HasPrefix(u.Host, "[") {
		return checkBracketed(u.Hostname())
	}
	return checkHostName(strings.ToLower(u.Hostname()))
}

func checkBracketed(host string) error {
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is6() || ip.Zone() != "" {
		return errors.New("the host in brackets is not an IPv6 address without a zone")
	}
	return nil
}

// checkHostName accepts a dotted IPv4 address or a DNS name. Spellings of an
// address that only some resolvers understand (127.1, 0x7f000001, 2130706433)
// are refused: a name never ends in a numeric label.
func checkHostName(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return nil
	}
	if host == "" || len(host) > 253 {
		return errors.New("the host must have 1 to 253 characters")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return errors.New("the host has an empty or overlong label: remove leading, trailing and doubled dots")
		}
		if strings.IndexFunc(label, notHostRune) >= 0 {
			return errors.New("the host may have letters, digits, hyphens and dots only: write an international name in its xn-- form")
		}
	}
	if last := labels[len(labels)-1]; isNumeric(last) {
		return errors.New("the host looks like an IP address in an unusual form: write it as four decimal numbers")
	}
	return nil
}

func notURLRune(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\\\"<>^`{|}", r)
}

func notHostRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// isNumeric reports a label that address parsers read as a number.
func isNumeric(label string) bool {
	if rest, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

func urlPort(u *url.URL) (uint16, error) {
	switch {
	case u.Port() != "":
		return parsePort(u.Port())
	case u.Scheme == "http":
		return 80, nil
	default:
		return 443, nil
	}
}

func (c *Client) permitsPlainHTTP(host string, port uint16) bool {
	if c.loopback && isLoopbackName(host) {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	for _, r := range c.plainHTTP {
		if r.matchesHost(host, port) {
			return true
		}
	}
	return false
}

func (c *Client) loopbackHint(host string) string {
	if c.loopback || !isLoopbackName(host) {
		return ""
	}
	return "; http to loopback is for development only"
}

// isLoopbackName reports the hosts that can only mean this machine: literal
// loopback addresses, and localhost names (RFC 6761 section 6.3), which are
// never looked up.
func isLoopbackName(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
