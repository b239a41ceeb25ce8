package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// TestA63_SpansCarryNoQuery: spans are sent where they are asked for, our handler sees the query, and no span does: it may
// hold a code, a state or a session URI.
func TestA63_SpansCarryNoQuery(t *testing.T) {
	var mu sync.Mutex
	var sent bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			if z, err := gzip.NewReader(r.Body); err == nil {
				body = z
			}
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&sent, body)
	}))
	defer collector.Close()
	seen := ""
	h, stop, err := trace(t.Context(), tracingConfig{OTLPEndpoint: collector.URL, SampleRatio: 1}, "test", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.Query().Get("code") }))
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/identities/oauth2/callback/id?code=s3cretcode&state=s3cretstate", nil))
	stop()
	mu.Lock()
	defer mu.Unlock()
	if seen != "s3cretcode" {
		t.Error("the handler lost its query")
	}
	if !bytes.Contains(sent.Bytes(), []byte("/identities/oauth2/callback/id")) {
		t.Errorf("no span was sent: %d bytes", sent.Len())
	}
	if bytes.Contains(sent.Bytes(), []byte("s3cret")) {
		t.Error("a span holds the query")
	}
}
