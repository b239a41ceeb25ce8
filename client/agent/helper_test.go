package agent

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged collects what an app logs.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newApp is an app that logs into the test.
func newApp(h Handler) (*App, *logged) {
	l := &logged{}
	return &App{Handler: h, Log: slog.New(slog.NewJSONHandler(l, nil))}, l
}

// served is the app behind a listener.
func served(t *testing.T, a *App) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return s
}

// invoke posts a payload, with headers in pairs.
func invoke(t *testing.T, s *httptest.Server, payload string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp := begin(t, s, payload, headers...)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(b)
}

func begin(t *testing.T, s *httptest.Server, payload string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/invocations", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

type words struct {
	Text string `json:"text"`
}

// echo answers what it was told.
func echo(_ context.Context, in words) (words, error) { return in, nil }
