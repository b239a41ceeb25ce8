package frontdoor

import (
	"context"
	"sync"
	"time"
)

// live knows the requests at work, so that a user cannot hold any number of streams, a session that ends takes its streams
// with it, and a stop waits for them. WebSockets count: net/http forgets them once they are hijacked.
type live struct {
	maxPerUser int

	mu       sync.Mutex
	stopping bool
	users    map[string]int
	flights  map[*flight]struct{}
	work     sync.WaitGroup
}

type flight struct {
	user, session string
	cancel        context.CancelFunc
}

type admission int

const (
	admitted admission = iota
	tooMany            // the user has as many as are allowed
	stopping           // the process ends
)

func newLive(maxPerUser int) *live {
	return &live{maxPerUser: maxPerUser, users: map[string]int{}, flights: map[*flight]struct{}{}}
}

// enter admits a request of a user, "" for nobody. The context ends when the session does; leave must be called.
func (l *live) enter(ctx context.Context, user, session string) (context.Context, func(), admission) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopping:
		return nil, nil, stopping
	case user != "" && l.users[user] >= l.maxPerUser:
		return nil, nil, tooMany
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &flight{user: user, session: session, cancel: cancel}
	l.flights[f] = struct{}{}
	if user != "" {
		l.users[user]++
	}
	l.work.Add(1)
	return ctx, func() { l.leave(f) }, admitted
}

func (l *live) leave(f *flight) {
	f.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.flights, f)
	if f.user != "" {
		if l.users[f.user]--; l.users[f.user] == 0 {
			delete(l.users, f.user)
		}
	}
	l.work.Done()
}

// endSession breaks off what a session has at work.
func (l *live) endSession(session string) {
	l.cancel(func(f *flight) bool { return session != "" && f.session == session })
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

// drain admits nothing more, waits for what is at work until the context ends, and then breaks it off.
func (l *live) drain(ctx context.Context) {
	l.mu.Lock()
	l.stopping = true
	l.mu.Unlock()
	done := make(chan struct{})
	go func() {
		l.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
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
