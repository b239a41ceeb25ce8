package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

const (
	attempts       = 4
	attemptTimeout = time.Minute
	firstPause     = 100 * time.Millisecond
	longestPause   = 5 * time.Second
)

// send tries an operation until it is answered for good, with growing and jittered pauses.
func (c *Client) send(ctx context.Context, op api.Operation, body []byte) ([]byte, error) {
	return c.again(ctx, op, func() ([]byte, error) { return c.attempt(ctx, op, body) })
}

func (c *Client) again(ctx context.Context, op api.Operation, attempt func() ([]byte, error)) ([]byte, error) {
	pause := firstPause
	for n := 1; ; n++ {
		answer, err := attempt()
		if err == nil || n == attempts || !worthAnother(op, err) || ctx.Err() != nil {
			return answer, err
		}
		if werr := wait(ctx, c.jitter(pause)); werr != nil {
			return nil, errors.Join(err, werr)
		}
		pause = min(2*pause, longestPause)
	}
}

// worthAnother tells failures that may pass. An answer that broke off says nothing about what was done, so only
// operations that change nothing are sent again after it.
func worthAnother(op api.Operation, err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		switch e.Status {
		case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return e.Exception.Name == api.Throttling || e.Exception.Name == api.TooManyRequestsException // which have status 400
	}
	if _, ok := errors.AsType[*UnreachableError](err); !ok {
		return false
	}
	return op.ReadOnly || neverSent(err)
}

// neverSent tells that no connection was made.
func neverSent(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// rootOf is the cause without the URL that net/http puts before it: the endpoint is named already.
func rootOf(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
