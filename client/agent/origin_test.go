package agent

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestA62_WebPagesOfOtherOrigins do not reach an agent on the machine of whoever looks at them.
func TestA62_WebPagesOfOtherOrigins(t *testing.T) {
	called := false
	a, _ := newApp(func(context.Context, Invocation, *Response) error { called = true; return nil })
	s := served(t, a)
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://127.0.0.1:1"},
	} {
		if resp, body := invoke(t, s, "{}", headers...); resp.StatusCode != 403 || called {
			t.Errorf("%v: %d %s", headers, resp.StatusCode, body)
		}
	}
	for _, headers := range [][]string{nil, {"Origin", s.URL}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}} {
		if resp, body := invoke(t, s, "{}", headers...); resp.StatusCode != 200 {
			t.Errorf("%v: %d %s", headers, resp.StatusCode, body)
		}
	}
}

// TestA65_NamesOfStrangers: over loopback, a name that a stranger's name server gives is refused.
func TestA65_NamesOfStrangers(t *testing.T) {
	a, _ := newApp(JSON(look))
	a.Hosts = []string{"agent.example.com"}
	for _, c := range []struct {
		local, host string
		status      int
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", 200}, {"127.0.0.1:8080", "localhost", 200}, {"127.0.0.1:8080", "a.localhost:80", 200}, {"[::1]:8080", "[::1]:8080", 200}, {"[::1]:8080", "[::1]", 200},
		{"127.0.0.1:8080", "192.0.2.7", 200}, {"127.0.0.1:8080", "AGENT.example.com:8080", 200},
		{"127.0.0.1:8080", "rebound.evil.example:8080", 421}, {"[::ffff:127.0.0.1]:8080", "evil.example", 421}, {"127.0.0.1:8080", "localhost.evil.example", 421}, {"127.0.0.1:8080", "127.0.0.1.evil.example", 421}, {"127.0.0.1:8080", "", 421},
		{"192.0.2.1:8080", "agent.internal", 200}, // whoever reaches it there needs no browser
	} {
		at, err := net.ResolveTCPAddr("tcp", c.local)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(at)), http.MethodPost, "/invocations", strings.NewReader("{}"))
		r.Host = c.host
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s as %q: %d %s", c.local, c.host, w.Code, w.Body)
		}
	}
}
