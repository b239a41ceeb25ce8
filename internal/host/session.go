package host

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// key names a session: one process of one version of one runtime.
type key struct{ runtimeID, version, sessionID string }

// name is the key as a file's name: a caller chose the session id.
func (k key) name() string {
	sum := sha256.Sum256([]byte(k.runtimeID + "\x00" + k.version + "\x00" + k.sessionID))
	return hex.EncodeToString(sum[:12])
}

// session is one session and, while it runs, its process. It outlives its process, so that it stays its first user's.
type session struct {
	host  *Host
	key   key
	owner [sha256.Size]byte // of the user key
	user  string            // the user key, for the server
	log   *sessionLog

	mu        sync.Mutex
	spec      *hostlink.Spec
	state     hostlink.SessionState
	process   *process // from the decision to start until it has ended
	inFlight  int
	starts    int
	failures  int // in a row
	retryAt   time.Time
	startedAt time.Time
	usedAt    time.Time
	endedAt   time.Time
	reason    string
}

// steady is how long a process must have run for its end to count as the first failure again.
const steady = 10 * time.Second

func (s *session) ownedBy(userKey string) bool {
	sum := sha256.Sum256([]byte(userKey))
	return subtle.ConstantTimeCompare(sum[:], s.owner[:]) == 1
}

// countIn notes that a request is at work. leave must follow.
func (s *session) countIn() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight >= s.host.cfg.Limits.RequestsPerSession {
		return hostlink.Errorf(hostlink.CodeLimit, "the session already answers %d requests; try again when one has ended", s.inFlight)
	}
	s.inFlight++
	s.usedAt = s.host.now()
	return nil
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	s.usedAt = s.host.now()
}

// answering tells whether a request is at work.
func (s *session) answering() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inFlight > 0
}

// running returns the healthy process of the session: the one there is, or the one that this or another request starts.
func (s *session) running(ctx context.Context) (*process, error) {
	for {
		p, err := s.current()
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.settled:
		}
		switch {
		case p.err != nil:
			return nil, p.err
		case !p.ending() && !p.dead():
			return p, nil
		}
		select { // it is being stopped, or died: the next one starts when it is gone
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.gone:
		}
	}
}

// current returns the session's process and starts one if there is none.
func (s *session) current() (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return s.process, nil
	}
	now := s.host.now()
	if wait := s.retryAt.Sub(now); wait > 0 {
		return nil, &hostlink.Error{Code: hostlink.CodeBackoff, RetryAfter: wait, Log: s.log.lately(),
			Message: "the agent ended " + plural(s.failures, "time") + " in a row (" + s.reason + "); it is started again in " + wait.Round(time.Millisecond).String()}
	}
	p, err := s.host.begin(s)
	if err != nil {
		return nil, err
	}
	s.process, s.state, s.startedAt, s.endedAt, s.reason = p, hostlink.SessionStarting, now, time.Time{}, ""
	s.starts++
	return p, nil
}

// settle notes that the process is healthy.
func (s *session) settle(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == p && s.state == hostlink.SessionStarting {
		s.state = hostlink.SessionReady
	}
	s.usedAt = s.host.now()
}

// ended notes that the process is gone and why, and when the next may start.
func (s *session) ended(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.host.now()
	s.process, s.endedAt = nil, now
	cause, text := p.cause()
	s.reason = text
	if cause != hostlink.CodeCrashed {
		s.state, s.failures = hostlink.SessionEnded, 0
		return
	}
	s.state = hostlink.SessionCrashed
	if p.err == nil && now.Sub(s.startedAt) >= steady {
		s.failures = 0
	}
	s.failures++
	s.retryAt = now.Add(backoff(s.failures, s.host.cfg.Times.Backoff))
}

// backoff lets the first restart happen at once and doubles from a second after that.
func backoff(failures int, most time.Duration) time.Duration {
	if failures < 2 {
		return 0
	}
	return min(time.Second<<min(failures-2, 16), most)
}

// describe is the session as the server may list it.
func (s *session) describe() hostlink.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := hostlink.Session{
		RuntimeARN: s.spec.RuntimeARN, RuntimeID: s.key.runtimeID, Version: s.key.version, SessionID: s.key.sessionID, State: s.state,
		Starts: s.starts, InFlight: s.inFlight, StartedAt: s.startedAt, UsedAt: s.usedAt, EndedAt: s.endedAt, Reason: s.reason,
	}
	if s.process != nil {
		out.PID = s.process.pid()
		if s.process.ending() {
			out.State = hostlink.SessionStopping
		}
	}
	return out
}

// live returns the process, or nil if the session has none.
func (s *session) live() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}
