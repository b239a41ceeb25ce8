package agent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/client"
)

type pinged struct {
	Status Status `json:"status"`
	Since  int64  `json:"time_of_last_update"`
}

func ping(t *testing.T, a *App) pinged {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1/ping", nil))
	var p pinged
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return p
}

// TestPing: busy while anything is, and since when, in seconds.
func TestPing(t *testing.T) {
	now := time.Unix(1000, 0)
	a := &App{Now: func() time.Time { return now }}
	steps := func(want ...pinged) {
		t.Helper()
		for _, w := range want {
			if got := ping(t, a); got != w {
				t.Errorf("at %d: %+v, want %+v", now.Unix(), got, w)
			}
			now = now.Add(10 * time.Second)
		}
	}
	steps(pinged{Healthy, 1000}, pinged{Healthy, 1000})
	one, two := a.Busy(), a.Busy()
	steps(pinged{HealthyBusy, 1020}, pinged{HealthyBusy, 1020})
	one()
	one() // once is enough, and twice is not twice
	steps(pinged{HealthyBusy, 1020})
	two()
	steps(pinged{Healthy, 1050})
}

// TestOwnPing: what is said is one of the statuses, and a Ping that fails does not have the agent stopped.
func TestOwnPing(t *testing.T) {
	a, log := newApp(nil)
	for say, want := range map[Status]Status{HealthyBusy: HealthyBusy, Healthy: Healthy, "Unwell\"": Healthy} {
		a.Ping = func() Status { return say }
		if got := ping(t, a); got.Status != want {
			t.Errorf("%s: %+v", say, got)
		}
	}
	a.Ping = func() Status { panic("MARKER") }
	if got := ping(t, a); got.Status != Healthy || !strings.Contains(log.String(), "MARKER") {
		t.Errorf("%+v, logged %s", got, log)
	}
}

// TestTask goes on after its invocation, with what that knew, and is busy until it is done.
func TestTask(t *testing.T) {
	a, log := newApp(nil)
	release, token := make(chan struct{}), make(chan string, 1)
	a.Handler = func(ctx context.Context, _ Invocation, _ *Response) error {
		a.Task(ctx, "report", func(ctx context.Context) error {
			<-release
			wat, _ := client.WorkloadToken(ctx)
			token <- string(wat)
			return errors.Join(ctx.Err(), errors.New("no paper"))
		})
		return nil
	}
	invoke(t, served(t, a), "{}", "WorkloadAccessToken", "wat", "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id", "the-request")
	if got := ping(t, a); got.Status != HealthyBusy {
		t.Errorf("at work it is %+v", got)
	}
	close(release)
	if got := <-token; got != "wat" {
		t.Errorf("the task has the token %q", got)
	}
	if err := a.waitIdle(t.Context()); err != nil || ping(t, a).Status != Healthy {
		t.Errorf("after work: %v", err)
	}
	if text := log.String(); !strings.Contains(text, "task failed: report") || !strings.Contains(text, "no paper") || !strings.Contains(text, "the-request") || strings.Contains(text, "canceled") {
		t.Errorf("logged %s", text)
	}
}

func TestTaskThatPanics(t *testing.T) {
	a, log := newApp(nil)
	a.Task(t.Context(), "report", func(context.Context) error { panic("MARKER") })
	if err := a.waitIdle(t.Context()); err != nil || ping(t, a).Status != Healthy || !strings.Contains(log.String(), "MARKER") {
		t.Errorf("%v, logged %s", err, log)
	}
}
