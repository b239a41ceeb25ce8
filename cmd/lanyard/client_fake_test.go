package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// fakeLanyard answers operations as a test says, and remembers what it was asked.
type fakeLanyard struct {
	*httptest.Server
	t   *testing.T
	mux *http.ServeMux

	mu    sync.Mutex
	asked []asked
}

type asked struct {
	op   string
	body map[string]any
}

func newFakeLanyard(t *testing.T) *fakeLanyard {
	t.Helper()
	f := &fakeLanyard{t: t, mux: http.NewServeMux()}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-amzn-RequestId", "request-1")
		f.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	f.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	f.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ready\n") })
	return f
}

// on answers an operation. The answer is an *api.Exception, or anything that encodes.
func (f *fakeLanyard) on(op api.Operation, answer func(in map[string]any) any) {
	f.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		in := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			f.t.Errorf("%s: %v", op.Name, err)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDTEST/") {
			f.t.Errorf("%s is not signed by the test's key", op.Name)
		}
		f.mu.Lock()
		f.asked = append(f.asked, asked{op.Name, in})
		f.mu.Unlock()
		out := answer(in)
		if ex, ok := out.(*api.Exception); ok {
			w.Header().Set("X-Amzn-ErrorType", string(ex.Name))
			w.WriteHeader(ex.Name.Status())
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			f.t.Errorf("%s: %v", op.Name, err)
		}
	})
}

// always answers an operation in the same way.
func (f *fakeLanyard) always(op api.Operation, answer any) {
	f.on(op, func(map[string]any) any { return answer })
}

// calls are the requests of one operation.
func (f *fakeLanyard) calls(op api.Operation) []map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []map[string]any
	for _, a := range f.asked {
		if a.op == op.Name {
			list = append(list, a.body)
		}
	}
	return list
}

var cliNow = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// shell is what a command line finds around it.
func (f *fakeLanyard) shell(more ...string) map[string]string {
	vars := map[string]string{"LANYARD_ENDPOINT": f.URL, "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2", "USER": "alice"}
	for i := 0; i < len(more); i += 2 {
		vars[more[i]] = more[i+1]
	}
	return vars
}

func testEnvironment(vars map[string]string, out, errOut io.Writer, args ...string) *environment {
	return &environment{args: args, stdin: strings.NewReader(""), stdout: out, stderr: errOut, version: "test",
		getenv: func(name string) string { return vars[name] }, now: func() time.Time { return cliNow }}
}

// cli runs a command line.
func cli(t *testing.T, vars map[string]string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), testEnvironment(vars, &o, &e, args...))
	return code, o.String(), e.String()
}

// says demands that a text holds every one of the pieces.
func says(t *testing.T, text string, pieces ...string) {
	t.Helper()
	for _, p := range pieces {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not said in:\n%s", p, text)
		}
	}
}

func saysNot(t *testing.T, text string, pieces ...string) {
	t.Helper()
	for _, p := range pieces {
		if strings.Contains(text, p) {
			t.Errorf("%q is said in:\n%s", p, text)
		}
	}
}

// fits demands that no line is wider than a terminal of that width.
func fits(t *testing.T, text string, width int) {
	t.Helper()
	for l := range strings.Lines(text) {
		if n := runes(strings.TrimRight(l, "\n")); n > width {
			t.Errorf("%d columns: %s", n, l)
		}
	}
}

func at(d time.Duration) api.Timestamp { return api.Timestamp(cliNow.Add(d)) }
