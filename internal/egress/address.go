package egress

import "net/netip"

// network is a block of addresses and what to call it in a message.
type network struct {
	prefix netip.Prefix
	what   string
}

// The tables follow the IANA special-purpose address registries (RFC 6890)
// and the documented metadata endpoints of the large clouds.

// forbidden is never dialled, whatever the operator lists: nothing that a
// provider could legitimately be lives there, and instance credentials do.
var forbidden = []network{
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address (cloud metadata)"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "a cloud metadata address"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "a cloud metadata address"},
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud metadata address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud metadata address"},
	{netip.MustParsePrefix("192.0.0.192/32"), "a cloud metadata address"},
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("::/128"), "an unspecified address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("255.255.255.255/32"), "the broadcast address"},
}

// private is dialled only when the operator's list covers it.
var private = []network{
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier-grade NAT address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a documentation address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a benchmarking address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a documentation address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a documentation address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("fc00::/7"), "a unique local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	{netip.MustParsePrefix("2001:db8::/32"), "a documentation address"},
	{netip.MustParsePrefix("3fff::/20"), "a documentation address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"},
	{netip.MustParsePrefix("2002::/16"), "a 6to4 address"},
}

var (
	globalUnicast6 = netip.MustParsePrefix("2000::/3")
	nat64          = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour      = netip.MustParsePrefix("2002::/16")
	teredo         = netip.MustParsePrefix("2001::/32")
	compatible     = netip.MustParsePrefix("::/96")
)

// reach says who may be dialled at an address.
type reach int

const (
	reachNever   reach = iota // the zero value refuses
	reachListed               // only where the operator lists it
	reachAnybody              // public
)

// classify judges one address by its least trusted reading: IPv6 forms that
// carry an IPv4 address are judged by that address too, because a translator
// on the path delivers there.
func classify(ip netip.Addr) (reach, string) {
	if !ip.IsValid() || ip.Zone() != "" {
		return reachNever, "a link-local address"
	}
	ip = ip.Unmap()
	worst, what := classifyPlain(ip)
	for _, inner := range embedded(ip) {
		if r, w := classifyPlain(inner); r < worst {
			worst, what = r, w+" inside an IPv6 address"
		}
	}
	return worst, what
}

func classifyPlain(ip netip.Addr) (reach, string) {
	for _, n := range forbidden {
		if n.prefix.Contains(ip) {
			return reachNever, n.what
		}
	}
	for _, n := range private {
		if n.prefix.Contains(ip) {
			return reachListed, n.what
		}
	}
	if ip.Is6() && !globalUnicast6.Contains(ip) && !nat64.Contains(ip) {
		return reachListed, "a reserved address"
	}
	return reachAnybody, "a public address"
}

// embedded returns the IPv4 addresses that an IPv6 transition form carries.
func embedded(ip netip.Addr) []netip.Addr {
	if !ip.Is6() {
		return nil
	}
	b := ip.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case nat64.Contains(ip): // RFC 6052 section 2.2
		return []netip.Addr{at(12)}
	case compatible.Contains(ip) && !isLow(b): // RFC 4291 section 2.5.5.1
		return []netip.Addr{at(12)}
	case sixToFour.Contains(ip): // RFC 3056 section 2
		return []netip.Addr{at(2)}
	case teredo.Contains(ip): // RFC 4380 section 4: server, then the client with its bits inverted
		client := netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
		return []netip.Addr{at(4), client}
	}
	return nil
}

// isLow reports ::0 to ::ffff, which read as IPv6 addresses (:: and ::1 among
// them) and not as IPv4-compatible ones.
func isLow(b [16]byte) bool { return b[12] == 0 && b[13] == 0 }
