package agent

import (
	"context"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
)

// Status is what an agent says of itself. A busy one is not stopped for being idle.
type Status string

// The statuses of the contract.
const (
	Healthy     Status = "Healthy"
	HealthyBusy Status = "HealthyBusy"
)

// ping answers how the agent is, and since when. A Ping that fails must not have the host stop what runs.
func (a *App) ping(w http.ResponseWriter, r *http.Request) {
	now := Healthy
	err := caught(func() error {
		now = a.status()
		return nil
	}, debug.Stack)
	a.logFailure(r.Context(), "ping failed", err)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":` + strconv.Quote(string(now)) + `,"time_of_last_update":` + itoa(a.sinceOf(now)) + "}"))
}

func (a *App) status() Status {
	if a.Ping != nil {
		if a.Ping() == HealthyBusy {
			return HealthyBusy
		}
		return Healthy
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy > 0 {
		return HealthyBusy
	}
	return Healthy
}

// sinceOf is when the status became what it is, in seconds.
func (a *App) sinceOf(now Status) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last != now {
		a.last, a.since = now, a.now()
	}
	return a.since.Unix()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Busy has the agent say that it is busy until done is called, once or more often.
func (a *App) Busy() (done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy++
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.busy--; a.busy == 0 && a.idle != nil {
			close(a.idle)
			a.idle = nil
		}
	})
}

// Task goes on with work after its invocation was answered. The agent says that it is busy meanwhile. The work's context
// has the values of ctx, the workload access token among them, and ends when the app does; an error or a panic is logged.
func (a *App) Task(ctx context.Context, name string, work func(context.Context) error) {
	done := a.Busy()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(a.ending(), cancel)
	go func() {
		defer done()
		defer cancel()
		defer stop()
		err := caught(func() error { return work(ctx) }, debug.Stack)
		a.logFailure(ctx, "task failed: "+name, err)
	}()
}

// ending is done when tasks have to end.
func (a *App) ending() context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.end == nil {
		a.end, a.stop = context.WithCancel(context.Background())
	}
	return a.end
}

// waitIdle waits until nothing is busy.
func (a *App) waitIdle(ctx context.Context) error {
	a.mu.Lock()
	if a.busy == 0 {
		a.mu.Unlock()
		return nil
	}
	if a.idle == nil {
		a.idle = make(chan struct{})
	}
	idle := a.idle
	a.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
