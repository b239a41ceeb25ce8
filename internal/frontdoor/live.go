package frontdoor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/signin"
)

// live knows the requests at work, so that nobody can hold any number of streams, a session that ends takes its streams
// with it, and a stop waits for them. WebSockets count: net/http forgets them once they are hijacked.
type live struct {
	maxPerUser, maxPerAddress int

	draining atomic.Bool // the process is about to stop: each connection's next answer is its last

	mu       sync.Mutex
	stopping bool
	holders  map[holder]int
	flights  map[*flight]struct{}
	idle     chan struct{} // of a drain: closed when nothing is at work
}

// holder is who a request at work is counted for: a user, or the address that nobody signed in at.
type holder struct{ user, address string }

type flight struct {
	holder
	session string
	cancel  context.CancelFunc
}

type admission int

const (
	admitted admission = iota
	tooMany            // the user, or the address, has as many as are allowed
	stopping           // the process ends
)

func newLive(maxPerUser, maxPerAddress int) *live {
	return &live{maxPerUser: maxPerUser, maxPerAddress: maxPerAddress, holders: map[holder]int{}, flights: map[*flight]struct{}{}}
}

// enter admits a request of a user, or of an address where user is "". The context ends when the session does; leave must
// be called.
func (l *live) enter(ctx context.Context, user, address, session string) (context.Context, func(), admission) {
	who, most := holder{user: user}, l.maxPerUser
	if user == "" {
		who, most = holder{address: address}, l.maxPerAddress
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopping:
		return nil, nil, stopping
	case l.holders[who] >= most:
		return nil, nil, tooMany
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &flight{holder: who, session: session, cancel: cancel}
	l.flights[f] = struct{}{}
	l.holders[who]++
	return ctx, func() { l.leave(f) }, admitted
}

func (l *live) leave(f *flight) {
	f.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.flights, f)
	if l.holders[f.holder]--; l.holders[f.holder] == 0 {
		delete(l.holders, f.holder)
	}
	l.settle()
}

// settle ends a drain once nothing is at work. The lock is held.
func (l *live) settle() {
	if l.idle != nil && len(l.flights) == 0 {
		l.stopping = true
		close(l.idle)
		l.idle = nil
	}
}

// endSession breaks off what a session has at work.
func (l *live) endSession(session string) {
	l.cancel(func(f *flight) bool { return session != "" && f.session == session })
}

// sessions are those that have something at work.
func (l *live) sessions() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]bool{}
	for f := range l.flights {
		if f.session != "" {
			out[f.session] = true
		}
	}
	return out
}

// stillSignedIn asks the record once more after the request was counted: a session that was ended since it was opened has
// no stream that whoever ended it did not see (A44).
func (x *exchange) stillSignedIn(ctx context.Context) *problem {
	if x.session == nil {
		return nil
	}
	switch err := x.gate().Alive(ctx, x.session.ID); {
	case err == nil:
		return nil
	case errors.Is(err, signin.ErrNoSession):
		return x.notSignedIn()
	default:
		return signinProblem(err)
	}
}

// endStreams breaks off what belongs to sessions that ended without a request here: at another replica, or by the issuer's
// word.
func (d *Door) endStreams(ctx context.Context) error {
	var errs []error
	for session := range d.live.sessions() {
		for _, s := range d.sites {
			err := s.gate.Load().Alive(ctx, session)
			if errors.Is(err, signin.ErrNoSession) {
				d.live.endSession(session)
			} else if err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (l *live) cancel(which func(*flight) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.flights {
		if which(f) {
			f.cancel()
		}
	}
}

// drain waits until nothing is at work, or breaks it off when the context ends; then nothing more is admitted. Until then
// requests on connections that are open already are served, for they were sent before anybody could know.
func (l *live) drain(ctx context.Context) {
	l.draining.Store(true)
	done := make(chan struct{})
	l.mu.Lock()
	l.idle = done
	l.settle()
	l.mu.Unlock()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	l.mu.Lock()
	l.stopping = true
	l.mu.Unlock()
	l.cancel(func(*flight) bool { return true })
	last := time.NewTimer(lastWait)
	defer last.Stop()
	select {
	case <-done:
	case <-last.C: // a handler that does not listen must not hold up a stop for ever
	}
}

// lastWait is how long what was broken off may take to notice.
const lastWait = 5 * time.Second
