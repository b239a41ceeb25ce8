package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func traceEnvironment(vars map[string]string) *environment {
	return &environment{version: "test", now: time.Now, getenv: func(name string) string { return vars[name] }}
}

// TestA63_SpansCarryNoQuery: spans are sent where they are asked for, our handler sees the query, and no span does: it may
// hold a code, a state or a session URI.
func TestA63_SpansCarryNoQuery(t *testing.T) {
	collector := newCollector(t)
	seen := ""
	h, stop, err := trace(t.Context(), traceEnvironment(nil), tracingConfig{OTLPEndpoint: collector.URL, SampleRatio: 1}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.Query().Get("code") }))
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/identities/oauth2/callback/id?code=s3cretcode&state=s3cretstate", nil))
	stop()
	sent := strings.Join(collector.bodies(), "\n")
	if seen != "s3cretcode" {
		t.Error("the handler lost its query")
	}
	if !strings.Contains(sent, "/identities/oauth2/callback/id") || !strings.Contains(sent, `{"key":"service.name","value":{"stringValue":"lanyard"}}`) {
		t.Errorf("no span of ours was sent: %s", sent)
	}
	if strings.Contains(sent, "s3cret") {
		t.Error("a span holds the query")
	}
}

// TestTraceLinksStrangers: a caller's trace context is a link of the span and does not decide whose child it is.
func TestTraceLinksStrangers(t *testing.T) {
	collector := newCollector(t)
	h, stop, err := trace(t.Context(), traceEnvironment(nil), tracingConfig{OTLPEndpoint: collector.URL, SampleRatio: 1}, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/ping", nil)
	r.Header.Set("Traceparent", "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	stop()
	sent := strings.Join(collector.bodies(), "\n")
	if !strings.Contains(sent, `"links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"`) || strings.Contains(sent, "parentSpanId") {
		t.Errorf("want a link and no parent: %s", sent)
	}
}

// TestTraceOff: without an endpoint the handler is the same, and nothing has to be stopped.
func TestTraceOff(t *testing.T) {
	called := false
	h, stop, err := trace(t.Context(), traceEnvironment(nil), tracingConfig{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	if err != nil {
		t.Fatal(err)
	}
	if _, same := h.(http.HandlerFunc); !same {
		t.Errorf("the handler is wrapped in %T", h)
	}
	h.ServeHTTP(nil, nil)
	stop()
	if !called {
		t.Error("the handler was not called")
	}
}

func TestTraceRefusesEndpoint(t *testing.T) {
	for _, at := range []string{"localhost:4318", "grpc://collector:4317", "http://", "http://[::1"} {
		if _, _, err := trace(t.Context(), traceEnvironment(nil), tracingConfig{OTLPEndpoint: at}, nil); err == nil || !strings.HasPrefix(err.Error(), "tracing.otlp_endpoint: ") {
			t.Errorf("%s: %v", at, err)
		}
	}
}
