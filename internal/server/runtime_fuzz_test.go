package server

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/prometheus/client_golang/prometheus"
)

// FuzzRuntimePaths: whatever the path, a route that is found has all its labels, none of them empty, and the literal
// segments are those of the row.
func FuzzRuntimePaths(f *testing.F) {
	public := &url.URL{Scheme: "https", Host: "lanyard.example.com"}
	s, err := New(Config{PublicURL: public}, Deps{Identity: identity.New(identity.Config{PublicURL: public}, identity.Deps{}),
		Metrics: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"/runtimes/", "/runtimes/a-0123456789/", "/runtimes/arn%3Aaws%3Ax%2Fy/invocations", "/runtimes//invocations", "/runtimes/%2e%2e/invocations",
		"/runtimes/%zz/invocations", "/runtimes/a/runtime-endpoints/b/", "/runtimes/{agentRuntimeId}/versions", "/runtimes/a%00/versions/"} {
		f.Add("POST", seed)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		r := &http.Request{Method: method, URL: u}
		rt, labels := s.byPath(r)
		if rt == nil {
			return
		}
		if rt.op.Method != method || strings.Count(rt.op.Path, "{") != len(labels) {
			t.Fatalf("%s %s is %s with %v", method, path, rt.op.Name, labels)
		}
		for name, text := range labels {
			if text == "" || !strings.Contains(rt.op.Path, "{"+name+"}") {
				t.Fatalf("%s has label %s = %q", rt.op.Name, name, text)
			}
		}
	})
}
