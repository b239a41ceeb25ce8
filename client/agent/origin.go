package agent

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// checkOrigin refuses what a web page sends from elsewhere: a browser on the same machine reaches loopback, and the agent
// would act for whoever is at work there (A62, A65).
func (a *App) checkOrigin(r *http.Request) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return &Error{Status: http.StatusForbidden, Message: "An agent is not called by web pages of another origin"}
	}
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); !ok || !isLoopback(at.String()) {
		return nil
	}
	if isLoopback(r.Host) || isAddress(r.Host) || slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(h, hostname(r.Host)) }) {
		return nil
	}
	return &Error{Status: http.StatusMisdirectedRequest, Message: "This agent is not known under the name in the Host header", Details: "call it at 127.0.0.1, or add the name to App.Hosts"}
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

func isLoopback(hostport string) bool {
	host := strings.ToLower(hostname(hostport))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 section 6.3
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isAddress: a name server has no say in what an address means.
func isAddress(hostport string) bool {
	_, err := netip.ParseAddr(hostname(hostport))
	return err == nil
}
