package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// scripted answers one step after another and notes when it was called.
type scripted struct {
	steps []func() (*http.Response, error)
	at    []time.Time
}

func (s *scripted) RoundTrip(*http.Request) (*http.Response, error) {
	n := len(s.at)
	s.at = append(s.at, time.Now())
	return s.steps[min(n, len(s.steps)-1)]()
}

func status(code int, name string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return answer(code, `{"__type":"`+name+`","message":"m"}`), nil
	}
}

func broken(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

var dialed = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

func TestRetries(t *testing.T) {
	good := status(200, "")
	for _, tc := range []struct {
		name  string
		op    func(context.Context, *Client) error
		steps []func() (*http.Response, error)
		calls int
		fails bool
	}{
		{"throttled", list, []func() (*http.Response, error){status(429, "ThrottlingException"), good}, 2, false},
		{"server errors", list, []func() (*http.Response, error){status(500, "InternalServerException"), status(502, ""), status(503, ""), good}, 4, false},
		{"given up", list, []func() (*http.Response, error){status(500, "InternalServerException")}, attempts, true},
		{"refusals are final", list, []func() (*http.Response, error){status(403, "AccessDeniedException")}, 1, true},
		{"quota is final", list, []func() (*http.Response, error){status(402, "ServiceQuotaExceededException")}, 1, true},
		{"read broken off", list, []func() (*http.Response, error){broken(io.ErrUnexpectedEOF), good}, 2, false},
		{"change broken off: nobody knows what was done", rotate, []func() (*http.Response, error){broken(io.ErrUnexpectedEOF), good}, 1, true},
		{"change never sent", rotate, []func() (*http.Response, error){broken(dialed), good}, 2, false},
		{"change throttled", rotate, []func() (*http.Response, error){status(429, "ThrottlingException"), good}, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{steps: tc.steps}
				c := newTestClient(t, "http://127.0.0.1:1", WithTransport(s))
				if err := tc.op(t.Context(), c); (err != nil) != tc.fails || len(s.at) != tc.calls {
					t.Errorf("%d calls, want %d; error %v", len(s.at), tc.calls, err)
				}
			})
		})
	}
}

func rotate(ctx context.Context, c *Client) error {
	_, err := c.RotateDataKeys(ctx)
	return err
}

func TestPausesGrowAndAreJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{steps: []func() (*http.Response, error){status(503, "X")}}
		c := newTestClient(t, "http://127.0.0.1:1", WithTransport(s))
		var asked []time.Duration
		c.jitter = func(most time.Duration) time.Duration { asked = append(asked, most); return most / 2 }
		if err := list(t.Context(), c); err == nil {
			t.Fatal("no error")
		}
		for i, want := range []time.Duration{firstPause, 2 * firstPause, 4 * firstPause} {
			if asked[i] != want || s.at[i+1].Sub(s.at[i]) != want/2 {
				t.Errorf("pause %d: up to %s, was %s", i, asked[i], s.at[i+1].Sub(s.at[i]))
			}
		}
	})
	for range 100 {
		if d := randomUpTo(time.Second); d < 0 || d > time.Second {
			t.Fatalf("jitter of %s", d)
		}
	}
}

func TestContextEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{steps: []func() (*http.Response, error){status(503, "ServiceUnavailableException")}}
		c := newTestClient(t, "http://127.0.0.1:1", WithTransport(s))
		c.jitter = func(time.Duration) time.Duration { return time.Hour }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := list(ctx, c)
		if !errors.Is(err, context.DeadlineExceeded) || !Is(err, api.ServiceUnavailableException) || len(s.at) != 1 {
			t.Errorf("%d calls, got %v: want the end of the context and what was refused before", len(s.at), err)
		}
	})
}

// TestA37_SlowAnswers: a peer that never answers costs a minute, not a goroutine for ever.
func TestA37_SlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})))
		start := time.Now()
		err := rotate(t.Context(), c)
		if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Endpoint != "http://127.0.0.1:1" || time.Since(start) != attemptTimeout {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}
