package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// collector is a server that takes nothing but what the protocol allows.
type collector struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	got    []string
	answer func(http.ResponseWriter, *http.Request)
}

func newCollector(t *testing.T) *collector {
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) bodies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readOTLP(r)
	if err != nil {
		c.t.Errorf("a request that no collector takes: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, body)
	if c.answer != nil {
		c.answer(w, r)
	}
}

// readOTLP checks a request and gives its body.
func readOTLP(r *http.Request) (string, error) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Content-Encoding") != "gzip" {
		return "", errors.New("not a POST of compressed JSON")
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return "", err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var req struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []any }
			SchemaUrl  string
			ScopeSpans []struct {
				Scope     map[string]any
				SchemaUrl string
				Spans     []struct {
					TraceId, SpanId, ParentSpanId, TraceState, Name               string
					StartTimeUnixNano, EndTimeUnixNano                            json.Number
					Flags, Kind                                                   uint32
					DroppedAttributesCount, DroppedEventsCount, DroppedLinksCount uint32
					Attributes, Events, Links                                     []map[string]any
					Status                                                        struct {
						Code    int
						Message string
					}
				}
			}
		}
	}
	return string(b), d.Decode(&req)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answered(status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func exporterOver(t *testing.T, rt http.RoundTripper) *otlpExporter {
	t.Helper()
	e, err := newOTLPExporter("http://collector.internal:4318", traceEnvironment(nil).getenv, rt, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func oneSpan() []sdktrace.ReadOnlySpan {
	return tracetest.SpanStubs{{Name: "GET /ping"}}.Snapshots()
}

// TestExportTriesTwice: what may pass is tried once more, when the collector says; what may not is not; and the second
// answer is the last.
func TestExportTriesTwice(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		after  string
		tries  int
		pause  time.Duration
	}{
		"well":                 {200, "", 1, 0},
		"refused":              {400, "1", 1, 0},
		"failed for good":      {500, "1", 1, 0},
		"too many":             {429, "3", 2, 3 * time.Second},
		"bad gateway":          {502, "", 2, otlpPause},
		"unavailable":          {503, "soon", 2, otlpPause},
		"gateway timed out":    {504, "86400", 2, otlpMostPause},
		"a date":               {503, "Sat, 01 Jan 2000 00:00:07 GMT", 2, 7 * time.Second},
		"a date that has been": {503, "Fri, 31 Dec 1999 00:00:00 GMT", 2, time.Millisecond},
		"at once":              {503, "0", 2, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // whose clock starts with the year 2000
				tries, start := 0, time.Now()
				e := exporterOver(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					if tries++; r.URL.String() != "http://collector.internal:4318/v1/traces" {
						t.Errorf("sent to %s", r.URL)
					}
					if _, err := readOTLP(r); err != nil {
						t.Error(err)
					}
					return answered(tc.status, http.Header{"Retry-After": {tc.after}}, ""), nil
				}))
				err := e.ExportSpans(t.Context(), oneSpan())
				if tries != tc.tries || time.Since(start) != tc.pause || (err == nil) != (tc.status == 200) {
					t.Errorf("%d tries in %s: %v", tries, time.Since(start), err)
				}
			})
		})
	}
}

func TestExportSecondTrySucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		e := exporterOver(t, roundTrip(func(*http.Request) (*http.Response, error) {
			if tries++; tries == 1 {
				return nil, errors.New("connection reset")
			}
			return answered(200, nil, "{}"), nil
		}))
		if err := e.ExportSpans(t.Context(), oneSpan()); err != nil || tries != 2 {
			t.Errorf("%d tries: %v", tries, err)
		}
	})
}

// TestExportStopsWithItsContext: the pause before the second attempt holds nothing up.
func TestExportStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start, tries := time.Now(), 0
		e := exporterOver(t, roundTrip(func(*http.Request) (*http.Response, error) {
			tries++
			return answered(503, http.Header{"Retry-After": {"9"}}, ""), nil
		}))
		if err := e.ExportSpans(ctx, oneSpan()); err == nil || tries != 1 || time.Since(start) != 2*time.Second {
			t.Errorf("%d tries in %s: %v", tries, time.Since(start), err)
		}
	})
}

// TestExportBoundsOneAttempt: a collector that never answers costs two attempts of ten seconds.
func TestExportBoundsOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		e := exporterOver(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		if err := e.ExportSpans(t.Context(), oneSpan()); err == nil || time.Since(start) != 2*otlpTimeout+otlpPause {
			t.Errorf("%s: %v", time.Since(start), err)
		}
	})
}

func TestExportReportsRejectedSpans(t *testing.T) {
	for body, want := range map[string]string{
		``: "", `{}`: "", `{"partialSuccess":{}}`: "", `<html>`: "", `{"partialSuccess":{"rejectedSpans":"0"}}`: "",
		`{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old\u001b[2J"}}`: "the collector rejected 3 spans: too old",
		`{"partialSuccess":{"rejectedSpans":2}}`:                                     "the collector rejected 2 spans: ",
	} {
		e := exporterOver(t, roundTrip(func(*http.Request) (*http.Response, error) { return answered(200, nil, body), nil }))
		err := e.ExportSpans(t.Context(), oneSpan())
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestExportFollowsNoRedirect: spans go where the operator said, and not where the answer says.
func TestExportFollowsNoRedirect(t *testing.T) {
	elsewhere, here := newCollector(t), newCollector(t)
	here.answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/v1/traces", http.StatusTemporaryRedirect)
	}
	e, err := newOTLPExporter(here.URL, traceEnvironment(nil).getenv, http.DefaultTransport, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.ExportSpans(t.Context(), oneSpan()); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("%v", err)
	}
	if len(here.bodies()) != 1 || len(elsewhere.bodies()) != 0 {
		t.Errorf("%d here, %d elsewhere", len(here.bodies()), len(elsewhere.bodies()))
	}
}

// TestExportErrorsKeepSecrets: neither the endpoint's password nor a header reaches the log.
func TestExportErrorsKeepSecrets(t *testing.T) {
	env := traceEnvironment(map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20s3cret"})
	for _, rt := range []roundTrip{
		func(*http.Request) (*http.Response, error) { return answered(400, nil, "s3cret"), nil },
		func(*http.Request) (*http.Response, error) { return nil, context.Canceled },
	} {
		e, err := newOTLPExporter("http://user:s3cret@collector.internal/in", env.getenv, rt, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // so that nothing waits for a second attempt
		if err := e.ExportSpans(ctx, oneSpan()); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v", err)
		}
	}
}

func TestExportSendsNothingForNothing(t *testing.T) {
	e := exporterOver(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("sent") }))
	if err := errors.Join(e.ExportSpans(t.Context(), nil), e.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestExporterEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://localhost:4318":                     "http://localhost:4318/v1/traces",
		"http://localhost:4318/":                    "http://localhost:4318/v1/traces",
		"https://collector.example/api/otlp/traces": "https://collector.example/api/otlp/traces",
	} {
		e, err := newOTLPExporter(endpoint, traceEnvironment(nil).getenv, nil, time.Now)
		if err != nil || e.url != want {
			t.Errorf("%s: %v %v", endpoint, e, err)
		}
	}
}

func TestExporterHeaders(t *testing.T) {
	for _, tc := range []struct {
		vars map[string]string
		want string // of the header X-Key
		ok   bool
	}{
		{nil, "", true},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-other=1, X-Key = a%20b%3D ,"}, "a b=", true},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-key=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=2"}, "2", true},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-key"}, "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "=s3cret"}, "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-key=%zz"}, "", false},
	} {
		e, err := newOTLPExporter("http://localhost", traceEnvironment(tc.vars).getenv, nil, time.Now)
		if (err == nil) != tc.ok || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v", tc.vars, err)
		} else if err == nil && (e.header.Get("X-Key") != tc.want || e.header.Get("Content-Type") != "application/json") {
			t.Errorf("%v: %v", tc.vars, e.header)
		}
	}
}
