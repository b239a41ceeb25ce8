//go:build linux

package host

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func TestStrangersGetNoAnswer(t *testing.T) {
	f := start(t, nil)
	if h, err := f.client.Health(t.Context()); err != nil || h.Status != "ok" || len(h.Isolation) == 0 {
		t.Fatalf("%+v %v", h, err)
	}
	for what, c := range map[string]*hostlink.Client{
		"another client's key":       f.dial(pair(t), f.own.Fingerprint()),
		"the host's own key":         f.dial(f.own, f.own.Fingerprint()),
		"the wrong host's certifier": f.dial(f.server, pair(t).Fingerprint()),
	} {
		_, err := c.Health(t.Context())
		if _, ok := errors.AsType[*hostlink.UnreachableError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
		_, err = c.Invoke(t.Context(), f.invocation(f.spec("plain"), sessionA, "alice", ask{}))
		if _, ok := errors.AsType[*hostlink.UnreachableError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	if strings.Contains(string(b), "ok") || strings.Contains(string(b), "200") {
		t.Errorf("in plain: %q", b)
	}
	if n := len(f.host.list(func(*session) bool { return true })); n != 0 {
		t.Errorf("%d sessions of strangers", n)
	}
}

func TestHostThatForgotASpecIsSentItAgain(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "alice", ask{})
	f.host.specsMu.Lock()
	clear(f.host.specs)
	f.host.order = nil
	f.host.specsMu.Unlock()
	if out := f.must(spec, sessionA, "alice", ask{Do: "size"}); out != "29" {
		t.Errorf("the body after the second try has %s bytes", out)
	}
}

func TestSpecsAreRememberedOnlySoMany(t *testing.T) {
	f := start(t, nil)
	for i := range maxSpecs + 5 {
		s := f.spec("plain")
		s.Environment = map[string]string{"N": strings.Repeat("x", i)}
		f.host.remember(s)
	}
	if n := len(f.host.specs); n != maxSpecs || len(f.host.order) != maxSpecs {
		t.Errorf("%d and %d", n, len(f.host.order))
	}
}

func TestProtocolsThatAreNotServedAreNamed(t *testing.T) {
	f := start(t, nil)
	for _, protocol := range []string{"MCP", "A2A", "AGUI"} {
		_, err := f.call(f.spec("plain", func(s *hostlink.Spec) { s.Protocol = protocol }), sessionA, "alice", ask{})
		if e := f.wants(err, hostlink.CodeInvalid); !strings.Contains(e.Message, protocol) {
			t.Error(e.Message)
		}
	}
}

// TestHostChecksWhatTheServerSends sends what the server's client would not.
func TestHostChecksWhatTheServerSends(t *testing.T) {
	f := start(t, nil)
	for what, r := range map[string]struct{ method, path, body string }{
		"a spec that is none":             {http.MethodPut, hostlink.PathSpecs + strings.Repeat("0", 64), `{"runtimeId":"x"}`},
		"an unknown field":                {http.MethodPut, hostlink.PathSpecs + strings.Repeat("0", 64), `{"command":"x"}`},
		"another request":                 {http.MethodGet, "/debug/pprof", ""},
		"an archive by a path":            {http.MethodPut, hostlink.PathArchives + "..%2f..%2fetc", "x"},
		"a call without headers":          {http.MethodPost, hostlink.PathInvocations, "{}"},
		"a stop of nothing":               {http.MethodPost, hostlink.PathStop, "{}"},
		"logs of nothing":                 {http.MethodGet, hostlink.PathLogs, ""},
		"logs without an end":             {http.MethodGet, hostlink.PathLogs + "?runtime=r&tail=999999999", ""},
		"a stop of a version of no digit": {http.MethodPost, hostlink.PathStop, `{"runtimeId":"agent-a1b2c3d4e5","version":"*"}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), r.method, r.path, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		f.host.Handler().ServeHTTP(w, req)
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}
