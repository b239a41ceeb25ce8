package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// TestAnswerOfOneKind: values and events are not mixed, and there is one answer.
func TestAnswerOfOneKind(t *testing.T) {
	for name, h := range map[string]func(*Response) error{
		"answer twice":           func(r *Response) error { return errors.Join(r.Answer(1), r.Answer(2)) },
		"event after an answer":  func(r *Response) error { return errors.Join(r.Answer(1), r.Send(2)) },
		"answer after an event":  func(r *Response) error { return errors.Join(r.Send(1), r.Answer(2)) },
		"text after an event":    func(r *Response) error { _, err := io.WriteString(writerAfter(r), "2"); return err },
		"no JSON":                func(r *Response) error { return r.Answer(make(chan int)) },
		"no JSON in a stream":    func(r *Response) error { return r.Send(make(chan int)) },
		"an event after no JSON": func(r *Response) error { _ = r.Answer(func() {}); return nil },
	} {
		var got error
		a, _ := newApp(func(_ context.Context, _ Invocation, out *Response) error { got = h(out); return nil })
		_, body := invoke(t, served(t, a), "{}")
		if (got == nil) != (name == "an event after no JSON") || strings.Contains(body, "2") {
			t.Errorf("%s: %v, answered %q", name, got, body)
		}
	}
}

func writerAfter(r *Response) io.Writer {
	_ = r.Send(1)
	return r.Writer("text/plain")
}

// TestText: text of another type arrives as it is; broken off, it does not look complete.
func TestText(t *testing.T) {
	a, _ := newApp(func(_ context.Context, in Invocation, out *Response) error {
		w := out.Writer("text/plain; charset=utf-8")
		if _, err := io.WriteString(w, "one "); err != nil {
			return err
		}
		if string(in.Payload) == "1" {
			return errors.New("broken")
		}
		_, err := io.WriteString(w, "two")
		return err
	})
	s := served(t, a)
	if resp, body := invoke(t, s, "0"); body != "one two" || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("read %q as %v", body, resp.Header)
	}
	resp := begin(t, s, "1")
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil || string(b) != "one " {
		t.Errorf("read %q, %v", b, err)
	}
}

// TestA52_AnEndedAnswerTakesNothing: a goroutine that outlives its invocation writes into nobody else's answer.
func TestA52_AnEndedAnswerTakesNothing(t *testing.T) {
	var left *Response
	a, _ := newApp(func(_ context.Context, _ Invocation, out *Response) error {
		left = out
		return out.Send("mine")
	})
	if _, body := invoke(t, served(t, a), "{}"); body != "data: \"mine\"\n\n" {
		t.Errorf("read %q", body)
	}
	_, werr := io.WriteString(left.Writer("text/plain"), "late")
	for _, err := range []error{left.Send("late"), left.Answer("late"), werr} {
		if !errors.Is(err, ErrEnded) {
			t.Errorf("wrote after the end: %v", err)
		}
	}
}

// TestConcurrentEvents are whole.
func TestConcurrentEvents(t *testing.T) {
	a, _ := newApp(func(_ context.Context, _ Invocation, out *Response) error {
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if err := out.Send(map[string]int{"i": i}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return nil
	})
	_, body := invoke(t, served(t, a), "{}")
	n := 0
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		var v map[string]int
		if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &v); err != nil {
			t.Errorf("%q: %v", event, err)
		}
		n++
	}
	if n != 50 {
		t.Errorf("%d events", n)
	}
}

// TestEventsAreOneLine: whatever an event holds, it cannot begin another event.
func TestEventsAreOneLine(t *testing.T) {
	for _, v := range []any{"a\n\ndata: b\r\r", json.RawMessage("{\"a\":\n\n1}"), []string{"\u2028", "\u0085"}} {
		b, err := encode(v)
		if err != nil || strings.ContainsAny(string(b), "\r\n") {
			t.Errorf("%q is encoded as %q, %v", v, b, err)
		}
	}
}
