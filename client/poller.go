package client

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Poller decides when to look again whether the user has consented. It calls check until that is done or fails, and
// returns check's error as it is, or its own if it gives up. An authorization session lives for ten minutes at the server:
// after that check fails, whatever the poller had in mind.
type Poller interface {
	Poll(ctx context.Context, check func(context.Context) (done bool, err error)) error
}

// PollerFunc is a function that polls.
type PollerFunc func(ctx context.Context, check func(context.Context) (bool, error)) error

// Poll calls the function.
func (f PollerFunc) Poll(ctx context.Context, check func(context.Context) (bool, error)) error {
	return f(ctx, check)
}

// How the agent SDKs of other languages poll.
const (
	usualPollInterval = 5 * time.Second
	usualPollLimit    = 10 * time.Minute
)

// ErrConsentTimeout says that the user did not consent in time. The authorization session may still be open: a later
// request with its SessionURI continues it.
var ErrConsentTimeout = errors.New("the user has not consented in time")

type pollEvery struct{ interval, limit time.Duration }

// PollEvery looks after every interval, and gives up after limit with ErrConsentTimeout. What is not positive stands for
// the usual: every 5 seconds, for 10 minutes.
func PollEvery(interval, limit time.Duration) Poller {
	if interval <= 0 {
		interval = usualPollInterval
	}
	if limit <= 0 {
		limit = usualPollLimit
	}
	return pollEvery{interval, limit}
}

// Poll waits first: nobody consents at once.
func (p pollEvery) Poll(ctx context.Context, check func(context.Context) (bool, error)) error {
	over := fmt.Errorf("%w (%s)", ErrConsentTimeout, p.limit)
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, over)
	defer cancel()
	for {
		if wait(ctx, p.interval) != nil {
			return context.Cause(ctx)
		}
		done, err := check(ctx)
		if ctx.Err() != nil && err != nil {
			return context.Cause(ctx)
		}
		if done || err != nil {
			return err
		}
	}
}
