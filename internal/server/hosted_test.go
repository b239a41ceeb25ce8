package server_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA63_ConsentCookies: the cookie that ties the browser is out of scripts' reach, leaves with same-site navigation
// alone, is bound to this very host where browsers come by https, and is taken back when the browser has returned.
func TestA63_ConsentCookies(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{"": "lanyard-consent-", "https://lanyard.example.com": "__Host-lanyard-consent-"} {
		s := servertest.New(t, servertest.Public(public))
		begun := s.NewAgent(t).Begin(t, "alice")
		b := s.NewBrowser(t)
		leave := b.Open(t, *begun.AuthorizationUrl)
		cookies := (&http.Response{Header: leave.Header}).Cookies()
		if len(cookies) != 1 {
			t.Fatalf("cookies: %v", leave.Header["Set-Cookie"])
		}
		c := cookies[0]
		if !strings.HasPrefix(c.Name, want) || c.Secure != (public != "") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.Value) != 43 || c.Expires.IsZero() {
			t.Errorf("cookie is %v", c)
		}
		if strings.Contains(leave.Location, c.Value) {
			t.Error("the provider is told the cookie")
		}
		for _, h := range []struct{ name, want string }{{"Referrer-Policy", "no-referrer"}, {"Cache-Control", "no-store"}} {
			if leave.Header.Get(h.name) != h.want {
				t.Errorf("%s is %q", h.name, leave.Header.Get(h.name))
			}
		}
		if public == "" {
			back := b.Open(t, b.Open(t, leave.Location).Location)
			if gone := (&http.Response{Header: back.Header}).Cookies(); len(gone) != 1 || gone[0].Name != c.Name || gone[0].MaxAge >= 0 {
				t.Errorf("the cookie stays: %v", back.Header["Set-Cookie"])
			}
		}
	}
}

// TestA45_PagesForbidFramesAndScripts: every page leaves with a policy that a stored name could not get around.
func TestA45_PagesForbidFramesAndScripts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, path := range []string{
		"/identities/oauth2/authorize", "/identities/oauth2/authorize?request_uri=urn:ietf:params:oauth:request_uri:<script>",
		"/identities/oauth2/callback/x?error_description=<script>alert(1)</script>", "/identities/oauth2/callback/%3Cscript%3E",
	} {
		a := get(t, s, "GET", path, nil, "")
		csp := a.Header.Get("Content-Security-Policy")
		if a.Status != 400 || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || a.Header.Get("X-Frame-Options") != "DENY" || strings.Contains(string(a.Body), "<script>") {
			t.Errorf("%s: %d %q %s", path, a.Status, csp, a.Body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if a := get(t, s, method, "/identities/oauth2/authorize", nil, ""); a.Status < 400 {
			t.Errorf("%s answers %d", method, a.Status)
		}
	}
}

// TestA43_ForwardedHeaders: what a stranger says about where it comes from is ignored; a listed proxy is believed, up to
// the first address that is not listed.
func TestA43_ForwardedHeaders(t *testing.T) {
	t.Parallel()
	proxies := servertest.Edge(func(c *server.Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for name, c := range map[string]struct {
		opts    []servertest.Option
		forward string
		want    string
	}{
		"a stranger's word":     {nil, "203.0.113.7", "127.0.0.1"},
		"a listed proxy's":      {[]servertest.Option{proxies}, "203.0.113.7", "203.0.113.7"},
		"through two proxies":   {[]servertest.Option{proxies}, "198.51.100.9, 203.0.113.7, 10.1.2.3", "203.0.113.7"},
		"forged by the client":  {[]servertest.Option{proxies}, "127.0.0.1, 203.0.113.7", "203.0.113.7"},
		"no address":            {[]servertest.Option{proxies}, "unknown", "127.0.0.1"},
		"line break and markup": {[]servertest.Option{proxies}, "<x>, 203.0.113.7", "203.0.113.7"},
	} {
		s := servertest.New(t, c.opts...)
		r := s.Request(t, api.ListWorkloadIdentities, `{}`)
		r.Header.Set("X-Forwarded-For", c.forward)
		r.Header.Set("X-Real-IP", "192.0.2.1")
		a := s.Send(t, s.Root, r)
		records := s.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
		if len(records) != 1 || records[0].SourceIP != c.want {
			t.Errorf("%s: audited as %+v, want %s", name, records, c.want)
		}
		if name == "a listed proxy's" { // figures are for this machine: the client's address counts, not the proxy's
			if m := get(t, s, "GET", "/metrics", http.Header{"X-Forwarded-For": {c.forward}}, ""); m.Status != 403 {
				t.Errorf("figures are served through a proxy: %d", m.Status)
			}
		}
	}
}

// TestA43_HostHeader: addresses are built from the configured URL, whatever Host a request names.
func TestA43_HostHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.Request(t, api.GetResourceOauth2Token, w.sample(api.GetResourceOauth2Token))
	r.Host = "evil.example.com"
	r.Header.Set("X-Forwarded-Host", "evil.example.com")
	a := w.Send(t, w.Root, r)
	if a.Status != 200 || strings.Contains(string(a.Body), "evil.example.com") || !strings.Contains(string(a.Body), w.URL) {
		t.Errorf("answer is %d %s", a.Status, a.Body)
	}
}

// TestRequestIDs: every answer has one of its own, and it is the server's, not the caller's.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	seen := map[string]bool{}
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/nowhere", "/identities/oauth2/authorize", "/identities/oauth2/style.css", "/identities/GetWorkloadIdentity"} {
		a := get(t, s, "GET", path, http.Header{"X-Amzn-Requestid": {"mine"}}, "")
		id := a.Header.Get("x-amzn-RequestId")
		if len(id) != 36 || seen[id] || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.Header)
		}
		seen[id] = true
	}
}
