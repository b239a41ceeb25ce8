package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// untouched fails the test if anything is sent.
func untouched(t *testing.T) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was called", r.URL)
		return nil, errors.New("not to be called")
	})
}

const pendingAnswer = `{"authorizationUrl":"https://lanyard.example.com/a","sessionUri":"urn:ietf:params:oauth:request_uri:x","sessionStatus":"IN_PROGRESS"}`

// inTurn answers one request after another; the last answer stays.
func inTurn(sent *int, answers ...func() (*http.Response, error)) Option {
	return WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		*sent++
		return answers[min(*sent, len(answers))-1]()
	}))
}

func says(status int, body string, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return answer(status, body, headers...), nil }
}

func pollingRequest(change ...func(*TokenRequest)) TokenRequest {
	req := TokenRequest{Provider: "p", Flow: api.FlowUserFederation, Workload: FixedWorkloadToken("wat"), OnAuthorizationURL: func(context.Context, string) error { return nil }}
	for _, f := range change {
		f(&req)
	}
	return req
}

// TestPollingAsUsual: every 5 seconds, for 10 minutes, the last look being at their end.
func TestPollingAsUsual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, began := 0, time.Now()
		c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, pendingAnswer)))
		_, err := c.ResourceToken(t.Context(), pollingRequest())
		if took := time.Since(began); !errors.Is(err, ErrConsentTimeout) || took != 10*time.Minute {
			t.Errorf("after %s: %v", took, err)
		}
		if sent != 121 { // the first, and one every five seconds
			t.Errorf("%d requests were sent", sent)
		}
	})
}

// consentAfter answers with a token as soon as so much time is over.
func consentAfter(began time.Time, wait time.Duration, sent *int) Option {
	return WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		*sent++
		if time.Since(began) < wait {
			return answer(200, pendingAnswer), nil
		}
		return answer(200, `{"accessToken":"TOKEN"}`), nil
	}))
}

// TestAConsentInTheLastIntervalCounts: also where the interval is longer than the limit.
func TestAConsentInTheLastIntervalCounts(t *testing.T) {
	for name, every := range map[string]time.Duration{"within": 40 * time.Second, "as long": time.Minute, "longer": time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			sent, began := 0, time.Now()
			c := newTestClient(t, "http://127.0.0.1:1", consentAfter(began, 59*time.Second, &sent))
			token, err := c.ResourceToken(t.Context(), pollingRequest(func(r *TokenRequest) { r.Poller = PollEvery(every, time.Minute) }))
			if took := time.Since(began); err != nil || token != "TOKEN" || took != time.Minute {
				t.Errorf("%s: after %s and %d requests: %v", name, took, sent, err)
			}
		})
	}
}

// TestTheLastLookIsShort: a server that does not answer it costs seconds, and the context ends it at once.
func TestTheLastLookIsShort(t *testing.T) {
	hang := func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := PollEvery(time.Hour, time.Minute).Poll(t.Context(), hang)
		if took := time.Since(began); !errors.Is(err, ErrConsentTimeout) || took != time.Minute+lastLook {
			t.Errorf("after %s: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer cancel()
		if err := PollEvery(time.Hour, time.Minute).Poll(ctx, hang); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrConsentTimeout) {
			t.Errorf("the context ended during the last look: %v", err)
		}
	})
}

// TestTheEndOfASessionAtTheLimitIsBoth: the usual limit is as long as a session lives.
func TestTheEndOfASessionAtTheLimitIsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, pendingAnswer), says(403, `{"message":"it expired"}`, "X-Amzn-ErrorType", "AccessDeniedException")))
		_, err := c.ResourceToken(t.Context(), pollingRequest(func(r *TokenRequest) { r.Poller = PollEvery(time.Minute, time.Minute) }))
		if !errors.Is(err, ErrConsentTimeout) || !Is(err, api.AccessDeniedException) || sent != 2 {
			t.Errorf("%d requests, %v", sent, err)
		}
	})
}

func TestPollingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, pendingAnswer)))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(12*time.Second, cancel)
		began := time.Now()
		_, err := c.ResourceToken(ctx, pollingRequest())
		if took := time.Since(began); !errors.Is(err, context.Canceled) || took != 12*time.Second || sent != 3 {
			t.Errorf("after %s and %d requests: %v", took, sent, err)
		}
	})
}

// TestPollingOutlivesARestart: an endpoint that is away for a while costs no consent.
func TestPollingOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		away := func() (*http.Response, error) { return nil, errors.New("connection reset") }
		c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, pendingAnswer), away, away, away, away, away, away,
			says(503, `{"message":"starting"}`, "X-Amzn-ErrorType", "ServiceUnavailableException"), says(200, `{"accessToken":"TOKEN"}`)))
		token, err := c.ResourceToken(t.Context(), pollingRequest())
		if err != nil || token != "TOKEN" {
			t.Errorf("after %d requests: %v", sent, err)
		}
	})
}

// TestPollingTellsWhyItSawNothing: an endpoint that stays away is named at the end.
func TestPollingTellsWhyItSawNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, pendingAnswer), func() (*http.Response, error) { return nil, errors.New("connection reset") }))
		_, err := c.ResourceToken(t.Context(), pollingRequest(func(r *TokenRequest) { r.Poller = PollEvery(time.Minute, 3*time.Minute) }))
		if !errors.Is(err, ErrConsentTimeout) || !strings.Contains(err.Error(), "connection reset") {
			t.Errorf("got %v", err)
		}
	})
}

// TestAPollerCannotGoOn: after a refusal nothing more is sent, however often a poller looks; one that gives up early, or
// says that all is well, has no token.
func TestAPollerCannotGoOn(t *testing.T) {
	sent := 0
	c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, pendingAnswer), says(403, `{"message":"no"}`, "X-Amzn-ErrorType", "AccessDeniedException")))
	_, err := c.ResourceToken(t.Context(), pollingRequest(func(r *TokenRequest) {
		r.Poller = PollerFunc(func(ctx context.Context, check func(context.Context) (bool, error)) error {
			for range 50 {
				if done, err := check(ctx); !done || !Is(err, api.AccessDeniedException) {
					t.Errorf("looked: %v, %v", done, err)
				}
			}
			return nil
		})
	}))
	if !Is(err, api.AccessDeniedException) || sent != 2 {
		t.Errorf("%d requests, %v", sent, err)
	}
	sent = 0
	token, err := c.ResourceToken(t.Context(), pollingRequest(func(r *TokenRequest) {
		r.Poller = PollerFunc(func(context.Context, func(context.Context) (bool, error)) error { return nil })
	}))
	if token != "" || err == nil || !strings.Contains(err.Error(), "gave up") || sent != 1 {
		t.Errorf("%d requests, %v", sent, err)
	}
}

// TestEveryPollIsOfTheSession: it carries the session, and forces nothing.
func TestEveryPollIsOfTheSession(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		n++
		polls := strings.Contains(string(body), `"sessionUri":"urn:ietf:params:oauth:request_uri:x"`)
		forces := strings.Contains(string(body), "forceAuthentication")
		if polls != (n > 1) || forces != (n == 1) {
			t.Errorf("request %d is %s", n, body)
		}
		if n == 3 {
			_, _ = w.Write([]byte(`{"accessToken":"TOKEN"}`))
			return
		}
		_, _ = w.Write([]byte(pendingAnswer))
	})
	c := newTestClient(t, s.URL)
	token, err := c.ResourceToken(t.Context(), pollingRequest(func(r *TokenRequest) {
		r.ForceAuthentication, r.Poller = true, looks(5, func(int) {})
	}))
	if err != nil || token != "TOKEN" || n != 3 {
		t.Errorf("%d requests, %v", n, err)
	}
}

func TestAnswersThatAreNeither(t *testing.T) {
	for _, body := range []string{`{}`, `{"sessionUri":"urn:ietf:params:oauth:request_uri:x"}`, `{"authorizationUrl":"https://x/"}`} {
		sent := 0
		c := newTestClient(t, "http://127.0.0.1:1", inTurn(&sent, says(200, body)))
		if _, err := c.ResourceToken(t.Context(), pollingRequest()); err == nil || !strings.Contains(err.Error(), "is it Lanyard") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
