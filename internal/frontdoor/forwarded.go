package frontdoor

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// origin is where a request came from, as far as that can be believed.
type origin struct {
	client netip.Addr // the address that limits and logs go by
	remote string     // host:port of the connection, or the client's address alone behind a trusted proxy
	chain  string     // X-Forwarded-For for the backend
	host   string     // as the browser was asked for it
	proxy  bool       // the peer is a trusted proxy
	secure bool       // the browser came by https
}

// originOf believes X-Forwarded-* of trusted proxies alone (A43). The rightmost address in X-Forwarded-For that is not a
// trusted proxy is the client's; what stands before it is the client's own invention and goes no further.
func (d *Door) originOf(r *http.Request) origin {
	o := origin{remote: r.RemoteAddr, host: r.Host, secure: r.TLS != nil}
	peer, ok := remoteAddr(r.RemoteAddr)
	if !ok {
		return o
	}
	o.client, o.chain = peer, peer.String()
	if !d.isProxy(peer) {
		return o
	}
	o.proxy = true
	o.secure = o.secure || r.Header.Get("X-Forwarded-Proto") != "http"
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := remoteAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		o.client, o.remote, o.chain = hop, hop.String(), hop.String()+", "+o.chain
		if !d.isProxy(hop) {
			break
		}
	}
	// Many proxies pass X-Forwarded-Host on as the client wrote it; the operator says which one sets it.
	if hosts := r.Header.Values("X-Forwarded-Host"); d.cfg.ForwardedHost && len(hosts) == 1 && hosts[0] != "" {
		o.host = hosts[0]
	}
	return o
}

// remoteAddr reads an address, with or without a port, as connections and proxies write it.
func remoteAddr(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	} else if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	ip, err := netip.ParseAddr(s)
	return ip.Unmap().WithZone(""), err == nil
}

func (d *Door) isProxy(ip netip.Addr) bool {
	for _, n := range d.cfg.TrustedProxies {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// setForwarded tells the backend where the request came from. Scheme, host and port are the public URL's, not what a
// header said.
func setForwarded(h http.Header, o origin, public *url.URL) {
	port := public.Port()
	if port == "" {
		port = defaultPort(public.Scheme)
	}
	h["X-Forwarded-For"] = []string{o.chain}
	h["X-Forwarded-Proto"] = []string{public.Scheme}
	h["X-Forwarded-Host"] = []string{public.Host}
	h["X-Forwarded-Port"] = []string{port}
}
