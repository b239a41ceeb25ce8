package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// session returns the session of a call, made if it is new, if it is that user's. The request is counted in, so that
// the session is not forgotten meanwhile; leave must follow.
func (h *Host) session(spec *hostlink.Spec, call hostlink.Call) (*session, error) {
	k := key{spec.RuntimeID, spec.Version, call.SessionID}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return nil, hostlink.Errorf(hostlink.CodeStopping, "the agent host is being shut down")
	}
	if s := h.sessions[k]; s != nil {
		if !s.ownedBy(call.UserKey) { // says the same of a session that runs and of one that ended
			return nil, hostlink.Errorf(hostlink.CodeSessionOwner, "this session id cannot be used by this caller; use a new one")
		}
		return s, s.countIn()
	}
	if err := h.roomFor(call.UserKey); err != nil {
		return nil, err
	}
	log, err := openSessionLog(h.path("logs"), k, h.cfg.Limits.LogBytes, &h.hub)
	if err != nil {
		return nil, err
	}
	s := &session{host: h, key: k, owner: sha256.Sum256([]byte(call.UserKey)), user: call.UserKey, log: log, spec: spec, usedAt: h.now()}
	h.sessions[k] = s
	return s, s.countIn()
}

// recordsPerSession bounds the records of ended sessions, which keep a session its first user's, and their logs.
const recordsPerSession = 20

// roomFor bounds the sessions of all and of one user. It is called with the lock.
func (h *Host) roomFor(userKey string) error {
	all, own, ownRecords := 0, 0, 0
	for _, s := range h.sessions {
		live, mine := s.live() != nil, s.ownedBy(userKey)
		all += count(live)
		own += count(live && mine)
		ownRecords += count(mine)
	}
	switch {
	case all >= h.cfg.Limits.Sessions:
		return hostlink.Errorf(hostlink.CodeLimit, "%d sessions run on this agent host, which is its limit; stop some, or raise limits.sessions", all)
	case own >= h.cfg.Limits.SessionsPerUser:
		return hostlink.Errorf(hostlink.CodeLimit, "%d sessions of this user run, which is the limit; stop some, or raise limits.sessions_per_user", own)
	case len(h.sessions) >= h.cfg.Limits.Sessions*recordsPerSession:
		return hostlink.Errorf(hostlink.CodeLimit, "%d sessions ended within the last %s, more than the agent host remembers; try again later", len(h.sessions), h.cfg.Times.Keep)
	case ownRecords >= h.cfg.Limits.SessionsPerUser*recordsPerSession:
		return hostlink.Errorf(hostlink.CodeLimit, "this user began %d sessions within the last %s, which is the limit; use one again, or try later", ownRecords, h.cfg.Times.Keep)
	}
	return nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// list returns the sessions that want accepts, in a steady order.
func (h *Host) list(want func(*session) bool) []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*session
	for _, s := range h.sessions {
		if want(s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *session) int {
		return cmp.Or(cmp.Compare(a.key.runtimeID, b.key.runtimeID), cmp.Compare(a.key.version, b.key.version), cmp.Compare(a.key.sessionID, b.key.sessionID))
	})
	return out
}

// stopSessions ends the sessions that a request names and returns how many ran.
func (h *Host) stopSessions(in hostlink.StopRequest) int {
	named := h.list(func(s *session) bool {
		k := s.key
		return k.runtimeID == in.RuntimeID && (in.Version == "" || k.version == in.Version) && (in.SessionID == "" || k.sessionID == in.SessionID) &&
			(in.UserKey == "" || s.ownedBy(in.UserKey))
	})
	return h.stopAll(named, hostlink.CodeSessionEnded, "stopped on request")
}

// stopAll stops sessions side by side and waits until their processes are gone.
func (h *Host) stopAll(all []*session, code hostlink.Code, why string) int {
	var stops sync.WaitGroup
	n := 0
	for _, s := range all {
		if p := s.live(); p != nil {
			n++
			stops.Go(func() { p.stop(code, why) })
		}
	}
	stops.Wait()
	return n
}

// Tick looks at every session once: it stops those that idle or have lived long enough, and forgets those that ended
// long ago. Run calls it again and again.
func (h *Host) Tick(ctx context.Context) {
	now := h.now()
	var idle sync.WaitGroup
	for _, s := range h.list(func(*session) bool { return true }) {
		switch s.due(now, h.cfg.Times.Keep) {
		case dueLifetime:
			idle.Go(func() { h.stopAll([]*session{s}, hostlink.CodeSessionEnded, "reached its maximum lifetime") })
		case dueIdle:
			idle.Go(func() { h.endIdle(ctx, s) })
		case dueForget:
			h.forget(s)
		}
	}
	idle.Wait()
}

type due int

const (
	dueNothing due = iota
	dueIdle
	dueLifetime
	dueForget
)

func (s *session) due(now time.Time, keep time.Duration) due {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.process == nil && s.inFlight == 0 && now.Sub(s.usedAt) >= keep && now.Sub(s.endedAt) >= keep:
		return dueForget
	case s.process == nil || s.state != hostlink.SessionReady:
		return dueNothing
	case now.Sub(s.startedAt) >= s.spec.Lifetime():
		return dueLifetime
	case s.inFlight == 0 && now.Sub(s.usedAt) >= s.spec.Idle():
		return dueIdle
	}
	return dueNothing
}

// endIdle stops an idle session, unless its agent says that it is busy.
func (h *Host) endIdle(ctx context.Context, s *session) {
	p := s.live()
	if p == nil {
		return
	}
	if status, err := p.ping(ctx); err == nil && status == pingBusy {
		s.mu.Lock()
		s.usedAt = h.now()
		s.mu.Unlock()
		return
	}
	if s.stillIdle(h.now()) {
		p.stop(hostlink.CodeSessionEnded, "idle for "+s.spec.Idle().String())
	}
}

func (s *session) stillIdle(now time.Time) bool { return s.due(now, 1<<62) == dueIdle }

func (h *Host) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.due(h.now(), h.cfg.Times.Keep) != dueForget { // a request came in between
		return
	}
	delete(h.sessions, s.key)
	s.log.remove()
}
