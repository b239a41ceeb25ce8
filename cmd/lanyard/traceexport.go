package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// otlpExporter sends spans to the collector that the operator names, by OTLP/HTTP in JSON. It follows no redirect, reads
// little of an answer, and gives up soon: spans are worth less than the service they describe.
type otlpExporter struct {
	url    string
	header http.Header
	http   *http.Client
	now    func() time.Time
}

const (
	otlpTimeout    = 10 * time.Second // of one attempt
	otlpPause      = time.Second      // before the second attempt, when the collector names none
	otlpMostPause  = 10 * time.Second
	otlpMostAnswer = 64 << 10
	otlpPath       = "/v1/traces"
)

// newOTLPExporter sends to the endpoint: as it is if it has a path, otherwise to the path of the protocol.
func newOTLPExporter(endpoint string, getenv func(string) string, rt http.RoundTripper, now func() time.Time) (*otlpExporter, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("not an http or https URL such as http://localhost:4318")
	}
	if u.Path == "" || path.Clean(u.Path) == "/" {
		u.Path = otlpPath
	}
	header, err := otlpHeader(cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), getenv("OTEL_EXPORTER_OTLP_HEADERS")))
	if err != nil {
		return nil, err
	}
	keep := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &otlpExporter{url: u.String(), header: header, now: now, http: &http.Client{Transport: rt, Timeout: otlpTimeout, CheckRedirect: keep}}, nil
}

// otlpHeader reads the headers for a collector that asks for a key: name=value, separated by commas, percent-encoded.
func otlpHeader(s string) (http.Header, error) {
	h := http.Header{}
	for part := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is not a list such as name=value,name=value, percent-encoded")
		}
		h.Set(name, value)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Encoding", "gzip")
	return h, nil
}

// ExportSpans sends one batch, once more if the collector says that it may do later what it cannot do now.
func (e *otlpExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	body, err := otlpBody(spans)
	if err != nil {
		return err
	}
	pause, err := e.send(ctx, body)
	if err == nil || pause == 0 {
		return err
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return err
	case <-timer.C:
	}
	_, err = e.send(ctx, body)
	return err
}

// Shutdown lets go of the connections.
func (e *otlpExporter) Shutdown(context.Context) error {
	e.http.CloseIdleConnections()
	return nil
}

func otlpBody(spans []sdktrace.ReadOnlySpan) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		err = json.NewEncoder(z).Encode(otlpOf(spans))
	}
	if err == nil {
		err = z.Close()
	}
	return b.Bytes(), err
}

// send makes one attempt. A pause says that another is worth it, and when.
func (e *otlpExporter) send(ctx context.Context, body []byte) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header = e.header.Clone()
	resp, err := e.http.Do(r)
	if err != nil {
		return otlpPause, fmt.Errorf("sending spans: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, otlpMostAnswer))
	if resp.StatusCode == http.StatusOK {
		return 0, otlpRejected(answer)
	}
	if err = errors.Join(fmt.Errorf("the collector at %s answered %s to spans", r.URL.Redacted(), resp.Status), err); !otlpMayPass(resp.StatusCode) {
		return 0, err
	}
	return e.pause(resp.Header.Get("Retry-After")), err
}

// otlpRejected tells what the collector did not take of a request that it answered well.
func otlpRejected(answer []byte) error {
	var a struct {
		Partial struct {
			Rejected json.Number `json:"rejectedSpans"`
			Message  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &a) != nil || cmp.Or(a.Partial.Rejected, "0") == "0" && a.Partial.Message == "" {
		return nil //nolint:nilerr // a collector may answer in another form, or with nothing
	}
	return fmt.Errorf("the collector rejected %s spans: %s", clean(cmp.Or(a.Partial.Rejected, "0").String()), clean(a.Partial.Message))
}

func otlpMayPass(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause reads Retry-After, seconds or a date (RFC 9110 section 10.2.3), within bounds.
func (e *otlpExporter) pause(after string) time.Duration {
	d := otlpPause
	if n, err := strconv.ParseUint(after, 10, 32); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		d = at.Sub(e.now())
	}
	return min(max(d, time.Millisecond), otlpMostPause)
}
