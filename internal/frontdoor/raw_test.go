package frontdoor_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// cookies are the browser's cookies for the front door, as a header's value.
func (b *browser) cookies(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(b.w.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range b.http.Jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "LanyardFrontDoor") { // the identity provider of the tests is on the same host
			all = append(all, c.Name+"="+c.Value)
		}
	}
	return strings.Join(all, "; ")
}

// dial opens a connection to the front door.
func (w *world) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.site.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// raw sends bytes as they are, lines joined by CR LF and ended by an empty one, and reads one answer.
func (w *world) raw(t testing.TB, lines ...string) (*http.Response, string) {
	t.Helper()
	c := w.dial(t)
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer to %q: %v", lines, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (w *world) host() string { return strings.TrimPrefix(w.site.URL, "http://") }

// smuggled are lines by which a client could pass for "mallory", each of which some backend reads as an identity.
var smuggled = []string{
	"x-amzn-oidc-data: mallory", "X-AMZN-OIDC-DATA: mallory", "X_AMZN_OIDC_DATA: mallory", "x-amzn_oidc-data: mallory",
	"x.amzn.oidc.data: mallory", "x--amzn-oidc-data: mallory", "xamznoidcdata: mallory", "X-Amzn-Oidc-Data: a\r\nX-Amzn-Oidc-Data: mallory",
	"x-amzn-oidc-identity: mallory", "x_amzn_oidc_identity: mallory", "x-amzn-oidc-accesstoken: mallory", "X-Amzn-Oidc-Accesstoken_: mallory",
	"x-amzn-oidc-anything: mallory", "X-Amzn-Bedrock-AgentCore-Runtime-User-Id: mallory", "x_amzn_bedrock_agentcore_runtime_session_id: mallory",
	"WorkloadAccessToken: mallory", "workload-access-token: mallory", "Workload_Access_Token: mallory", "OAuth2CallbackUrl: mallory",
	"X-Forwarded-User: mallory", "X-Forwarded-Email: mallory", "X_Forwarded_User: mallory", "X-Forwarded-Preferred-Username: mallory",
	"X-Forwarded-Access-Token: mallory", "X-Forwarded-Prefix: /mallory", "Forwarded: for=mallory", "X-Real-IP: mallory", "X-Auth-Request-User: mallory",
	"X-Remote-User: mallory", "Remote-User: mallory", "X-Original-URL: /mallory", "X-Rewrite-URL: /mallory", "X-MS-CLIENT-PRINCIPAL-ID: mallory",
	"X-Auth-User: mallory", "X-Auth-Username: mallory", "X-User-Name: mallory", "X-User-Email: mallory", "X-Vouch-User: mallory", "X-Pomerium-Claim-Email: mallory",
	"X-Consumer-Username: mallory", "Tailscale-User-Login: mallory", "Cf-Connecting-Ip: mallory", "Client-Ip: mallory", "X-Cluster-Client-Ip: mallory",
	"Fastly-Client-Ip: mallory", "X-Azure-ClientIP: mallory", "X-Scheme: mallory",
	"X-Amzn-Trace-Id: mallory", "X-Forwarded-Host: mallory", "X-Forwarded-For: mallory", "X-Forwarded-Proto: mallory", "X-Forwarded-Port: mallory",
}

func TestA42_IdentityHeadersAreStrippedInEverySpelling(t *testing.T) {
	w := newWorld(t, func(w *world) {
		b := mustURL(w.backend.URL)
		w.cfg.Rules = append(w.cfg.Rules, rule("/public", b, func(r *ruleT) { r.Public = true }), rule("/allow", b, func(r *ruleT) { r.Unauthenticated = "allow" }))
	})
	cookie := w.signedIn(t).cookies(t)
	for _, path := range []string{"/", "/public", "/allow"} {
		for _, line := range smuggled {
			lines := []string{"GET " + path + " HTTP/1.1", "Host: " + w.host(), "Connection: close", line}
			if path == "/" {
				lines = append(lines, "Cookie: "+cookie)
			}
			resp, body := w.raw(t, lines...)
			if resp.StatusCode != 200 {
				t.Fatalf("%s with %q: %d %s", path, line, resp.StatusCode, body)
			}
			if strings.Contains(body, "mallory") {
				t.Errorf("%s: %q reached the backend: %s", path, line, body)
			}
			wantUser := map[string]string{"/": subject}[path]
			if got := backendHeader(t, body).Get("X-Amzn-Oidc-Identity"); got != wantUser {
				t.Errorf("%s with %q: the backend takes the user for %q, want %q", path, line, got, wantUser)
			}
		}
	}
}

func TestA42_HopByHopTricksTakeNothingAway(t *testing.T) {
	w := newWorld(t)
	cookie := w.signedIn(t).cookies(t)
	for _, line := range []string{"Connection: close, x-amzn-oidc-data", "Connection: x-amzn-oidc-identity, X-Forwarded-For, close", "Connection: close\r\nConnection: X-Amzn-Oidc-Data", "Connection: close\r\nKeep-Alive: x-amzn-oidc-data", "Connection: close\r\nTE: trailers"} {
		resp, body := w.raw(t, "GET / HTTP/1.1", "Host: "+w.host(), line, "Cookie: "+cookie)
		h := backendHeader(t, body)
		if resp.StatusCode != 200 || h.Get("X-Amzn-Oidc-Data") == "" || h.Get("X-Amzn-Oidc-Identity") != subject || h.Get("X-Forwarded-For") != "127.0.0.1" {
			t.Errorf("%q: %d %s", line, resp.StatusCode, body)
		}
	}
}

func TestA42_MalformedHeadersAreRefused(t *testing.T) {
	w := newWorld(t)
	cookie := w.signedIn(t).cookies(t)
	for _, line := range []string{"X-Amzn-Oidc-Data : mallory", "X-Amzn-Oidc-Data\t: mallory", "X-Amzn-Oidc-Data\x00: mallory", " X-Amzn-Oidc-Data: mallory", "Transfer-Encoding: chunked\r\nContent-Length: 5"} {
		resp, body := w.raw(t, "POST / HTTP/1.1", "Host: "+w.host(), "Connection: close", "Accept: */*"+"\r\n"+line, "Cookie: "+cookie, "", "0", "", "")
		if resp.StatusCode == 200 && strings.Contains(backendHeader(t, body).Get("X-Amzn-Oidc-Data"), "mallory") {
			t.Errorf("%q reached the backend: %s", line, body)
		}
	}
}

// A trailer comes after the checks, and some programs add it to the headers.
func TestA42_TrailersAreDropped(t *testing.T) {
	trailers := make(chan http.Header, 1)
	w := newWorld(t)
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		trailers <- r.Trailer
		echo(rw, r)
	})
	cookie := w.signedIn(t).cookies(t)
	resp, body := w.raw(t, "POST / HTTP/1.1", "Host: "+w.host(), "Connection: close", "Cookie: "+cookie, "Transfer-Encoding: chunked", "Trailer: X-Amzn-Oidc-Identity", "", "2", "hi", "0", "X-Amzn-Oidc-Identity: mallory")
	if resp.StatusCode != 200 || strings.Contains(body, "mallory") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if got := <-trailers; len(got) != 0 {
		t.Errorf("the backend got trailers: %v", got)
	}
}

func TestA42_OwnCookiesStayHere(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	resp, body := w.raw(t, "GET / HTTP/1.1", "Host: "+w.host(), "Connection: close", "Cookie: app=1; "+b.cookies(t)+"; other=\"2\"", "Cookie: third=3")
	if got := backendHeader(t, body).Get("Cookie"); resp.StatusCode != 200 || got != `app=1; other="2"; third=3` {
		t.Errorf("the backend got the cookies %q", got)
	}
}

// A backend may end the session, as it may behind a load balancer, and not begin one.
func TestBackendMaySignOutAndNotIn(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	w.serving(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Add("Set-Cookie", "LanyardFrontDoor-0=planted; Path=/")
		rw.Header().Add("Set-Cookie", "app=1")
	})
	got := b.navigate(t, "/")
	if lines := got.Header.Values("Set-Cookie"); len(lines) != 1 || lines[0] != "app=1" {
		t.Errorf("Set-Cookie %q", lines)
	}
	w.serving(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Add("Set-Cookie", "LanyardFrontDoor-0=; Max-Age=-1")
	})
	b.navigate(t, "/")
	if got := b.navigate(t, "/"); got.Status != http.StatusFound {
		t.Errorf("after the application signed its user out: %d", got.Status)
	}
}

func backendHeader(t testing.TB, body string) http.Header {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("no echo of the backend: %s", body)
	}
	return s.Header
}

func TestA43_ForwardedHeadersOfStrangersAreNotBelieved(t *testing.T) {
	spoofed := []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "X-Forwarded-Port", "1", "Forwarded", "for=203.0.113.9;host=evil.example"}
	t.Run("stranger", func(t *testing.T) {
		w := newWorld(t)
		h := w.signedIn(t).do(t, "GET", "/", "", spoofed...).seen(t).Header
		if h.Get("X-Forwarded-For") != "127.0.0.1" || h.Get("X-Forwarded-Proto") != "http" || h.Get("X-Forwarded-Host") != w.host() || h.Get("Forwarded") != "" {
			t.Errorf("the backend was told %v", h)
		}
		if strings.Contains(w.access.String(), "203.0.113.9") {
			t.Error("the access log has the invented address")
		}
	})
	t.Run("trusted proxy", func(t *testing.T) {
		w := newWorld(t, trustLoopback)
		b := w.signedIn(t)
		h := b.do(t, "GET", "/", "", "X-Forwarded-For", "6.6.6.6, 203.0.113.9").seen(t).Header
		if got := h.Get("X-Forwarded-For"); got != "203.0.113.9, 127.0.0.1" {
			t.Errorf("X-Forwarded-For %q; what stands before the first untrusted address is its invention", got)
		}
		if got := b.do(t, "GET", "/", "", "X-Forwarded-Host", "evil.example").seen(t).Header.Get("X-Forwarded-Host"); got != w.host() {
			t.Errorf("X-Forwarded-Host %q", got)
		}
	})
}

func TestA43_TheHostDecidesNoRedirect(t *testing.T) {
	w := newWorld(t)
	for _, host := range []string{"evil.example", "127.0.0.1", w.host() + ".evil.example", "evil.example@" + w.host(), "localhost:" + strings.Split(w.host(), ":")[1]} {
		resp, body := w.raw(t, "GET / HTTP/1.1", "Host: "+host, "Connection: close", "Accept: text/html")
		if resp.StatusCode != http.StatusMisdirectedRequest && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("host %q: %d %s", host, resp.StatusCode, body)
		}
		if resp.Header.Get("Location") != "" {
			t.Errorf("host %q: redirected to %s", host, resp.Header.Get("Location"))
		}
	}
	// The absolute form has its own host, which counts (RFC 9112 section 3.2.2).
	if resp, _ := w.raw(t, "GET http://evil.example/ HTTP/1.1", "Host: "+w.host(), "Connection: close"); resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("absolute form with another host: %d", resp.StatusCode)
	}
	if resp, _ := w.raw(t, "GET / HTTP/1.1", "Host: "+strings.Replace(w.host(), "127.0.0.1", "127.0.0.1.", 1), "Connection: close", "Accept: text/html"); resp.StatusCode != http.StatusFound || !strings.Contains(resp.Header.Get("Location"), url.QueryEscape(w.site.URL+"/oauth2/idpresponse")) {
		t.Errorf("a host with its final dot: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
}

// An https site answers a stranger's plain http with nothing but the way to https.
func TestPlainHTTPForAnHTTPSSite(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.Sites = append(w.cfg.Sites, w.otherSite("https://app.example.com"))
	})
	b := w.browser()
	got := b.do(t, "GET", "/x?y=1", "", "Host", "app.example.com", "Accept", "text/html")
	if got.Status != http.StatusPermanentRedirect || got.Header.Get("Location") != "https://app.example.com/x?y=1" {
		t.Errorf("%d to %q", got.Status, got.Header.Get("Location"))
	}
	if got := b.do(t, "POST", "/x", "secret", "Host", "app.example.com"); got.Status != http.StatusForbidden {
		t.Errorf("a POST: %d %s", got.Status, got.Body)
	}
	if !strings.HasPrefix(got.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Error("an https site sends no Strict-Transport-Security")
	}
}
