package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

func TestJSONAnswer(t *testing.T) {
	a, _ := newApp(JSON(echo))
	resp, body := invoke(t, served(t, a), ` {"text":"grüße ☂ <b> \u0000"} `)
	if resp.StatusCode != 200 || body != `{"text":"grüße ☂ <b> \u0000"}` || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	a, _ = newApp(func(context.Context, Invocation, *Response) error { return nil })
	if resp, body := invoke(t, served(t, a), "1"); resp.StatusCode != 200 || body != "null" {
		t.Errorf("a handler that says nothing: %d %s", resp.StatusCode, body)
	}
}

// TestStreamIsUnbuffered: an event arrives while the handler waits to send the next.
func TestStreamIsUnbuffered(t *testing.T) {
	arrived := make(chan struct{})
	a, _ := newApp(func(ctx context.Context, _ Invocation, out *Response) error {
		if err := out.Send(words{"one\ntwo"}); err != nil {
			return err
		}
		select {
		case <-arrived:
		case <-ctx.Done():
		}
		return out.Send(words{"three"})
	})
	resp := begin(t, served(t, a), "{}")
	defer resp.Body.Close()
	const first = "data: {\"text\":\"one\\ntwo\"}\n\n"
	b := make([]byte, len(first))
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != first {
		t.Fatalf("read %q, %v", b, err)
	}
	close(arrived)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "data: {\"text\":\"three\"}\n\n" || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("read %q, %v, %v", rest, err, resp.Header)
	}
}

func countTo(_ context.Context, n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if i == 2 {
				yield(0, &api.Exception{Name: api.AccessDeniedException, Message: "no more"})
				return
			}
			if !yield(i, nil) {
				return
			}
		}
	}
}

// TestEvents: an error in a stream is its last event, and the status stays what it was.
func TestEvents(t *testing.T) {
	a, log := newApp(Events(countTo))
	s := served(t, a)
	for payload, want := range map[string]string{
		"0": "",
		"2": "data: 0\n\ndata: 1\n\n",
		"9": "data: 0\n\ndata: 1\n\ndata: {\"error\":\"AccessDeniedException: no more\",\"error_type\":\"AccessDeniedException\",\"message\":\"An error occurred during streaming\"}\n\n",
	} {
		resp, body := invoke(t, s, payload)
		if resp.StatusCode != 200 || body != want || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s: %d %q", payload, resp.StatusCode, body)
		}
	}
	if !strings.Contains(log.String(), "no more") {
		t.Errorf("logged %s", log)
	}
}

// TestErrors: an error is the caller's to see, with its status; that somebody has to consent is no failure.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		body   string
		logged bool
	}{
		{errors.New("the tool is not there"), 500, `{"error":"the tool is not there"}`, true},
		{fmt.Errorf("no: %w", &Error{Status: 409, Message: "somebody else has the ticket"}), 409, `{"error":"somebody else has the ticket"}`, false},
		{&Error{Status: 400, Message: "m", Details: "d"}, 400, `{"details":"d","error":"m"}`, false},
		{&client.AuthorizationRequiredError{Provider: "github", URL: "https://MARKER"}, 500, "", false},
	} {
		a, log := newApp(func(context.Context, Invocation, *Response) error { return c.err })
		resp, body := invoke(t, served(t, a), "{}")
		if resp.StatusCode != c.status || c.body != "" && body != c.body || strings.Contains(body, "MARKER") || (log.String() != "") != c.logged {
			t.Errorf("%v: %d %s, logged %s", c.err, resp.StatusCode, body, log)
		}
	}
}

// TestPanics: the caller learns nothing, the log has the stack, the app goes on.
func TestPanics(t *testing.T) {
	a, log := newApp(func(_ context.Context, in Invocation, out *Response) error {
		if string(in.Payload) == `"later"` {
			_ = out.Send(1)
		}
		panic("MARKER")
	})
	s := served(t, a)
	resp, body := invoke(t, s, `"now"`)
	if resp.StatusCode != 500 || strings.Contains(body, "MARKER") || !strings.Contains(body, `"error":`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body = invoke(t, s, `"later"`)
	if resp.StatusCode != 200 || strings.Contains(body, "MARKER") || !strings.Contains(body, `"error_type":"panicked"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if text := log.String(); strings.Count(text, "MARKER") != 2 || !strings.Contains(text, "app_test.go") {
		t.Errorf("logged %s", text)
	}
	if resp, err := s.Client().Get(s.URL + "/ping"); err != nil || resp.StatusCode != 200 {
		t.Errorf("after a panic: %v", err)
	} else {
		resp.Body.Close()
	}
}

// TestA50_PayloadIsBounded and must be JSON in UTF-8.
func TestA50_PayloadIsBounded(t *testing.T) {
	a, _ := newApp(JSON(echo))
	a.MaxPayload = 20
	s := served(t, a)
	for payload, want := range map[string]struct {
		status int
		says   string
	}{
		`{"text":"123456789"}`:  {200, "123456789"},
		`{"text":"1234567890"}`: {413, "20 bytes"},
		`{"text": `:             {400, `"error":"Invalid JSON"`},
		`{} {}`:                 {400, `"error":"Invalid JSON"`},
		``:                      {400, `"error":"Invalid JSON"`},
		"\"\xff\"":              {400, `"error":"Invalid encoding"`},
		`{"text":1}`:            {400, `"error":"Invalid payload"`},
		`[]`:                    {400, `"error":"Invalid payload"`},
	} {
		if resp, body := invoke(t, s, payload); resp.StatusCode != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%q: %d %s", payload, resp.StatusCode, body)
		}
	}
}

func TestNoHandler(t *testing.T) {
	a, _ := newApp(nil)
	if resp, body := invoke(t, served(t, a), "{}"); resp.StatusCode != 500 || !strings.Contains(body, "No entrypoint defined") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestPathsAndMethods(t *testing.T) {
	a, _ := newApp(JSON(echo))
	s := served(t, a)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 404}, {"GET", "/invocations/", 404}, {"GET", "/invocations", 405}, {"PUT", "/invocations", 405}, {"POST", "/ping", 405}, {"GET", "/ping", 200},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, nil)
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status || c.status == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %d", c.method, c.path, resp.StatusCode)
		}
	}
}
