package identity

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// checkReturnURLs refuses what may never be registered (A12, A58).
func (s *Service) checkReturnURLs(list []string) error {
	for _, raw := range list {
		if err := s.checkReturnURL("allowedResourceOauth2ReturnUrls", raw); err != nil {
			return err
		}
	}
	return nil
}

// scriptSchemes run or read in the browser instead of leading to an application.
var scriptSchemes = []string{"javascript", "data", "vbscript", "file", "blob", "about", "view-source"}

// checkReturnURL refuses URLs that could not safely end a consent: our own callback (the browser would be sent in a
// circle and the session lost), scripts, a user name in the authority, a fragment (RFC 6749 section 3.1.2), and query
// parameters that would be taken for the ones we add.
func (s *Service) checkReturnURL(field, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme == "":
		return invalid(field, "return URL %q is not a URL; register an absolute one such as https://app.example.com/oauth2/session-binding", clip(raw))
	case strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }):
		return invalid(field, "return URL %q has a control character or a backslash, which browsers read in different ways; register it without", clip(raw))
	case slices.Contains(scriptSchemes, strings.ToLower(u.Scheme)):
		return invalid(field, "return URL %q would run in the browser instead of leading to your application; register an http, https or application-owned scheme", clip(raw))
	case u.User != nil:
		return invalid(field, "return URL %q has a user name before its host, which hides where it leads; register it without", clip(raw))
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return invalid(field, "return URL %q has a fragment, which RFC 6749 section 3.1.2 forbids; register it without", clip(raw))
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host == "":
		return invalid(field, "return URL %q names no host", clip(raw))
	case s.isCallback(u):
		return invalid(field, "return URL %q is Lanyard's own callback URL, which belongs at the provider; a return URL leads back to your application, which calls CompleteResourceTokenAuth", clip(raw))
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return invalid(field, "return URL %q has a malformed query", clip(raw))
	}
	for _, name := range []string{"session_id", "state", "error"} {
		if q.Has(name) {
			return invalid(field, "return URL %q already carries the parameter %s, which Lanyard adds; register it without", clip(raw), name)
		}
	}
	return nil
}

// isCallback recognises our own endpoints in every spelling that leads a browser there.
func (s *Service) isCallback(u *url.URL) bool {
	own := path.Join("/", s.cfg.PublicURL.Path, "identities/oauth2") + "/"
	return authority(u) == authority(s.cfg.PublicURL) && strings.HasPrefix(path.Join("/", u.Path)+"/", own)
}

// authority is the host and port that a URL leads to.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}

// returnURLAllowed matches exactly what the workload registered, byte for byte: no prefix, no case folding, no decoding.
func (s *Service) returnURLAllowed(w *Workload, raw string) bool {
	if slices.Contains(w.ReturnURLs, raw) {
		return true
	}
	return s.cfg.InsecureLoopbackReturnURLs && isLoopbackURL(raw)
}

// isLoopbackURL tells http URLs on the loopback interface, any port (RFC 8252 section 7.3).
func isLoopbackURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return false
	}
	host := u.Hostname()
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && net.IP(ip.AsSlice()).IsLoopback() && !ip.Is4In6()
}

// withParams appends the parameters that an ending of a session adds to its return URL.
func withParams(returnURL string, params [][2]string) string {
	var b strings.Builder
	b.WriteString(returnURL)
	sep := byte('?')
	if strings.Contains(returnURL, "?") {
		sep = '&'
	}
	for _, p := range params {
		b.WriteByte(sep)
		b.WriteString(p[0])
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[1]))
		sep = '&'
	}
	return b.String()
}

// clip shortens what a message repeats of the request.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
