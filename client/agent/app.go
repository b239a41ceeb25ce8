package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// Handler answers one invocation: by out.Answer or out.Send, or by an error. An error before anything was sent is the
// caller's to see, with status 500 or that of an *Error; in a stream it is the last event. JSON and Events make a
// handler of a plain function.
type Handler func(ctx context.Context, in Invocation, out *Response) error

// Invocation is what the agent is asked.
type Invocation struct {
	Request
	Payload json.RawMessage // valid JSON in UTF-8
}

// Decode reads the payload into v. Its error is the caller's to mend.
func (in Invocation) Decode(v any) error {
	if err := json.Unmarshal(in.Payload, v); err != nil {
		return &Error{Status: http.StatusBadRequest, Message: "Invalid payload", Details: err.Error()}
	}
	return nil
}

// App serves an agent. Set its fields before the first request; it needs no constructor.
type App struct {
	Handler Handler
	// Ping says how the agent is. Nil says HealthyBusy while a Task runs or Busy was not ended. It must answer at once.
	Ping func() Status
	// MaxPayload is the longest payload, in bytes. Zero stands for what an invocation may carry at most.
	MaxPayload int64
	// GracePeriod is for how long Run waits at its end for invocations and tasks. Zero stands for 10 seconds.
	GracePeriod time.Duration
	// Hosts are names beside loopback under which a request over loopback may come: those that a proxy on this machine
	// passes on. Others are refused there, since they are how a web page reaches a developer's machine (DNS rebinding).
	Hosts []string
	// Log is where failures go. Nil stands for slog.Default().
	Log *slog.Logger
	// Now is the clock. Nil stands for the machine's.
	Now func() time.Time

	mu    sync.Mutex
	busy  int
	idle  chan struct{} // if somebody waits: closed when nothing is busy
	last  Status
	since time.Time
	end   context.Context // of the tasks
	stop  context.CancelFunc
}

// ServeHTTP serves the two paths of the contract.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := a.checkOrigin(r); err != nil {
		refuse(w, err)
		return
	}
	method, handle := http.MethodPost, a.invocation
	switch r.URL.Path {
	case "/invocations":
	case "/ping":
		method, handle = http.MethodGet, a.ping
	default:
		refuse(w, &Error{Status: http.StatusNotFound, Message: "An agent has POST /invocations and GET /ping"})
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		refuse(w, &Error{Status: http.StatusMethodNotAllowed, Message: r.URL.Path + " takes " + method})
		return
	}
	handle(w, r)
}

func (a *App) invocation(w http.ResponseWriter, r *http.Request) {
	ctx, err := withRequest(r.Context(), r.Header)
	if err != nil {
		refuse(w, err)
		return
	}
	payload, err := a.payload(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	in := Invocation{Payload: payload}
	in.Request, _ = FromContext(ctx)
	out := &Response{w: w}
	err = a.handle(ctx, in, out)
	a.logFailure(ctx, "invocation failed", err)
	if werr := out.finish(err); werr != nil {
		panic(http.ErrAbortHandler) // an answer that broke off must not look complete
	}
}

func (a *App) handle(ctx context.Context, in Invocation, out *Response) error {
	if a.Handler == nil {
		return errors.New("No entrypoint defined: set App.Handler")
	}
	return caught(func() error { return a.Handler(ctx, in, out) }, debug.Stack)
}

// readTimeout bounds the reading of a payload.
const readTimeout = 2 * time.Minute

// payload reads the body, which must be JSON in UTF-8 (RFC 8259 section 8.1).
func (a *App) payload(w http.ResponseWriter, r *http.Request) (json.RawMessage, error) {
	most := cmp.Or(a.MaxPayload, api.MaxInvocationPayload)
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(readTimeout)) // what has no connection has no slow one
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	_ = conn.SetReadDeadline(time.Time{}) // or the invocation would end with it
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Message: "The payload is too long", Details: "at most " + itoa(e.Limit) + " bytes"}
	}
	switch {
	case err != nil:
		return nil, &Error{Status: http.StatusBadRequest, Message: "The payload ended early"}
	case !utf8.Valid(b):
		return nil, &Error{Status: http.StatusBadRequest, Message: "Invalid encoding", Details: "the payload is not UTF-8"}
	}
	var value json.RawMessage
	if err := json.Unmarshal(b, &value); err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Message: "Invalid JSON", Details: err.Error()}
	}
	return value, nil
}

// logFailure logs what went wrong, with the stack where it was a panic. That a user has to consent, or that a caller is
// gone, is no failure; a refusal is the caller's.
func (a *App) logFailure(ctx context.Context, what string, err error) {
	_, consent := errors.AsType[*client.AuthorizationRequiredError](err)
	_, refusal := errors.AsType[*Error](err)
	if err == nil || consent || refusal || errors.Is(err, context.Canceled) {
		return
	}
	r, _ := FromContext(ctx)
	attrs := []any{"request", r.RequestID, "session", r.SessionID, "error", err}
	if p, ok := errors.AsType[*panicked](err); ok {
		attrs = append(attrs, "panic", fmt.Sprint(p.value), "stack", string(p.stack))
	}
	a.log().ErrorContext(ctx, what, attrs...)
}

func (a *App) log() *slog.Logger {
	if a.Log == nil {
		return slog.Default()
	}
	return a.Log
}

func (a *App) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}
