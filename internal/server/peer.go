package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/lanyard-id/lanyard/internal/authn"
)

// peer tells where a request comes from. Forwarded headers are believed only from listed proxies (A43): the rightmost
// address in X-Forwarded-For that is not a listed proxy is the client's.
func (s *Server) peer(r *http.Request) authn.Peer {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	p := authn.Peer{SourceIP: host, Secure: r.TLS != nil}
	if len(s.cfg.Proxies) == 0 || !s.isProxy(host) {
		return p
	}
	p.Secure = p.Secure || r.Header.Get("X-Forwarded-Proto") == "https"
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		p.SourceIP = hop
		if !s.isProxy(hop) {
			break
		}
	}
	return p
}

func (s *Server) isProxy(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, n := range s.cfg.Proxies {
		if n.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}
