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

// lastLook is how long the last look may take, the one at the limit itself.
const lastLook = 5 * time.Second

// ErrConsentTimeout says that the user did not consent in time. The authorization session may still be open: a later
// request with its SessionURI continues it.
var ErrConsentTimeout = errors.New("the user has not consented in time")

type pollEvery struct{ interval, limit time.Duration }

// PollEvery looks after every interval, and once more when limit is over, before it gives up with ErrConsentTimeout. What is
// not positive stands for the usual: every 5 seconds, for 10 minutes.
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
	limited, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	end, _ := limited.Deadline() // ctx may end before the limit
	for time.Until(end) > p.interval {
		if wait(limited, p.interval) != nil {
			break
		}
		done, err := check(limited)
		if limited.Err() != nil && err != nil {
			break
		}
		if done || err != nil {
			return err
		}
	}
	_ = wait(ctx, time.Until(end)) // ctx is asked next
	return p.last(ctx, check)
}

// last looks at the limit, with time of its own: whoever consents within the last interval has consented in time.
func (p pollEvery) last(ctx context.Context, check func(context.Context) (bool, error)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	over := fmt.Errorf("%w (%s)", ErrConsentTimeout, p.limit)
	last, cancel := context.WithTimeout(ctx, lastLook)
	defer cancel()
	done, err := check(last)
	switch {
	case ctx.Err() != nil && err != nil:
		return context.Cause(ctx)
	case err != nil && last.Err() == nil:
		return fmt.Errorf("%w: %w", over, err)
	case done:
		return err
	}
	return over
}
