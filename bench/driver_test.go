package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/sigv4"
)

func loadOf(t *testing.T, h http.Handler) *load {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	request := "POST / HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 2\r\n\r\n{}"
	return &load{addr: addr, requests: [][]byte{[]byte(request)}, want: `{"ok"`, conns: 2, warm: time.Millisecond, duration: 50 * time.Millisecond, pid: os.Getpid()}
}

func TestDriverCountsOnlySuccesses(t *testing.T) {
	var served atomic.Int64
	l := loadOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		served.Add(1)
		fmt.Fprint(w, `{"ok":true}`)
	}))
	s, err := l.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.requests == 0 || int64(s.requests) > served.Load() || s.p50 <= 0 || s.p99 < s.p50 || s.perSec <= 0 {
		t.Errorf("sample %+v of %d requests", s, served.Load())
	}
}

func TestDriverFailsOnTheFirstRefusal(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"ok":true}`)
		},
		"body": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"authorizationUrl":"x"}`) },
		"chunks": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"ok":`)
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, `true}`)
		},
		"closed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := loadOf(t, h).run(t.Context()); err == nil {
				t.Errorf("measured %+v", s)
			}
		})
	}
}

func TestDriverStopsWithItsContext(t *testing.T) {
	l := loadOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) }))
	l.duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.run(ctx); err == nil {
		t.Error("a cancelled run returned a sample")
	}
}

func TestRequestsAreWholeAndSigned(t *testing.T) {
	s := &server{addr: "127.0.0.1:1", keys: sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, stride: 3, tokens: []string{"a", "b"}}
	for _, p := range paths {
		list, err := s.requests(t.Context(), &p)
		if err != nil || len(list) != 2 {
			t.Fatalf("%s: %d requests, %v", p.name, len(list), err)
		}
		text := string(list[1])
		if !strings.HasPrefix(text, "POST "+p.op.Path+" HTTP/1.1\r\n") || !strings.Contains(text, "Credential=AKID/") || !strings.Contains(text, "\r\nContent-Length: ") {
			t.Errorf("%s: %s", p.name, text)
		}
		if p.name == "wat" && !strings.Contains(text, userName(3)) {
			t.Errorf("the second request is not of the user a stride away: %s", text)
		}
	}
}

func TestProcessFiguresOfThisProcess(t *testing.T) {
	mb, err := residentMB(os.Getpid())
	if err != nil || mb < 1 {
		t.Errorf("memory %v, %v", mb, err)
	}
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := cpuTime(-1); err == nil {
		t.Error("the time of no process was read")
	}
}
