package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
)

// ErrEnded says that an answer is complete, or its invocation over: a goroutine that outlives its invocation writes into
// nobody else's answer.
var ErrEnded = errors.New("agent: the answer has ended")

// errMixed says that an answer is of two kinds.
var errMixed = errors.New("agent: an answer is either one value (Answer), events (Send) or text of another type (Writer)")

// Response is the answer to one invocation: one value, or a stream. Its methods may be called concurrently.
type Response struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	kind  kind
	ended bool
}

type kind int

const (
	unanswered kind = iota
	answered
	events
	raw
)

const eventStream = "text/event-stream; charset=utf-8"

// Answer answers with one JSON value.
func (r *Response) Answer(v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.begin(answered, "application/json"); err != nil {
		return err
	}
	r.ended = true
	_, err = r.w.Write(b)
	return err
}

// Send streams a JSON value to the caller, as a server-sent event.
func (r *Response) Send(event any) error {
	b, err := encode(event)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(events, eventStream, "data: "+string(b)+"\n\n")
}

// startEvents makes an answer without an event a stream nevertheless.
func (r *Response) startEvents() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begin(events, eventStream)
}

// Writer streams text of a type of the handler's choice. Each write is sent at once.
func (r *Response) Writer(contentType string) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.write(raw, contentType, string(b)); err != nil {
			return 0, err
		}
		return len(b), nil
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (r *Response) write(k kind, contentType, text string) error {
	if err := r.begin(k, contentType); err != nil {
		return err
	}
	if _, err := io.WriteString(r.w, text); err != nil {
		return err
	}
	return http.NewResponseController(r.w).Flush()
}

// begin writes the head, the first time.
func (r *Response) begin(k kind, contentType string) error {
	switch {
	case r.ended:
		return ErrEnded
	case r.kind == k && k != answered:
		return nil
	case r.kind != unanswered:
		return errMixed
	}
	r.kind = k
	h := r.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // it is one user's
	r.w.WriteHeader(http.StatusOK)
	return nil
}

// finish ends the answer: with what the handler failed of, with the end of a stream, or with null where there was nothing.
func (r *Response) finish(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.ended = true }()
	switch {
	case r.kind == unanswered && err != nil:
		refuse(r.w, err)
		return nil
	case r.kind == unanswered:
		_ = r.begin(answered, "application/json")
		_, werr := io.WriteString(r.w, "null")
		return werr
	case r.kind == events && err != nil:
		b, _ := encode(map[string]string{"error": err.Error(), "error_type": errorType(err), "message": "An error occurred during streaming"})
		_, werr := io.WriteString(r.w, "data: "+string(b)+"\n\n")
		return werr
	case r.kind == raw && err != nil:
		return errBroken // the text has no place for an error: it must not look complete
	}
	return nil
}

// errBroken ends the connection.
var errBroken = errors.New("agent: the answer broke off")

// encode writes JSON on one line, with the characters that people wrote.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// refuse answers an error with its status: 500 unless it has one.
func refuse(w http.ResponseWriter, err error) {
	status, body := http.StatusInternalServerError, map[string]string{"error": err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		status, body["error"] = e.Status, e.Message
		if e.Details != "" {
			body["details"] = e.Details
		}
	}
	b, _ := encode(body)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
