package signin

import (
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"time"
)

const (
	maxRenewals = 8192
	// maxSuperseded bounds what is kept of sessions after their results: a hash and two numbers each.
	maxSuperseded = 1 << 17
)

// errSuperseded refuses a cookie from before a refresh whose result is no longer remembered. Its refresh token was used up
// then. Sending it again would look like theft to the issuer, and cost whoever has the newer cookie their session.
var errSuperseded = errors.New("signin: the session cookie was renewed long ago")

var errTooManyRenewals = fail(Unreachable, "too many sessions are being refreshed: try again in a minute")

// renewalKey names one session in one generation of its tokens.
type renewalKey [sha256.Size]byte

func keyOf(s *session) renewalKey {
	return sha256.Sum256([]byte(s.ID + " " + strconv.Itoa(s.Generation)))
}

// renewal is one refresh: under way until done is closed, then its result.
type renewal struct {
	done  chan struct{}
	next  *session
	err   error
	firm  time.Time // until when the result is given up for no other
	until time.Time // when the result is forgotten; zero while it is under way
}

// renewals is the memory of refreshes under way and of fresh results, bounded in number. It is what makes a refresh
// happen once: the tokens themselves are in as many copies as the browser sends requests.
type renewals struct {
	mu     sync.Mutex
	by     map[renewalKey]*renewal
	newest map[endedID]generation // by session
}

// generation is the newest one of a session whose tokens are known to have taken the place of those before.
type generation struct {
	number int
	until  int64
}

func newRenewals() *renewals {
	return &renewals{by: map[renewalKey]*renewal{}, newest: map[endedID]generation{}}
}

// join returns the refresh of a session's generation and whether the caller has to do it.
func (m *renewals) join(s *session, now time.Time) (_ *renewal, mine bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := keyOf(s)
	if r := m.by[key]; r != nil && !r.forgotten(now) {
		return r, false, nil
	}
	if g, ok := m.newest[sessionHash(s)]; ok && s.Generation < g.number {
		return nil, false, errSuperseded
	}
	if len(m.by) >= maxRenewals && !m.makeRoom(now) {
		return nil, false, errTooManyRenewals
	}
	r := &renewal{done: make(chan struct{})}
	m.by[key] = r
	return r, true, nil
}

func sessionHash(s *session) endedID { return sha256.Sum256([]byte(s.ID)) }

// finish publishes the result of refreshing before. It is kept for the given time at least, and as long as it spares its
// followers a refresh where there is room: until the new tokens are due themselves.
func (m *renewals) finish(r *renewal, before, next *session, err error, now time.Time, kept time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.next, r.err, r.firm = next, err, now.Add(kept)
	r.until = r.firm
	if next != nil && next.AccessUntil != 0 && next.dueAt().After(r.firm) {
		r.until = next.dueAt()
	}
	if next != nil && next.RefreshToken != before.RefreshToken {
		m.supersede(next, now)
	}
	close(r.done)
	m.sweep(now)
}

// supersede remembers that the tokens before this generation are used up. Where there is no room for that, the issuer says
// it.
func (m *renewals) supersede(next *session, now time.Time) {
	if len(m.newest) >= maxSuperseded {
		for id, g := range m.newest {
			if g.until < now.Unix() {
				delete(m.newest, id)
			}
		}
	}
	if id := sessionHash(next); len(m.newest) < maxSuperseded || m.newest[id].number > 0 {
		m.newest[id] = generation{max(next.Generation, m.newest[id].number), next.EndsAt}
	}
}

func (r *renewal) forgotten(now time.Time) bool { return !r.until.IsZero() && !now.Before(r.until) }

// sweep forgets what is no longer needed. m.mu is held.
func (m *renewals) sweep(now time.Time) {
	for key, r := range m.by {
		if r.forgotten(now) {
			delete(m.by, key)
		}
	}
}

// makeRoom gives up one result that is kept for convenience. One that an answer under way depends on is not given up for
// another.
func (m *renewals) makeRoom(now time.Time) bool {
	m.sweep(now)
	if len(m.by) < maxRenewals {
		return true
	}
	for key, r := range m.by {
		if !r.firm.IsZero() && !now.Before(r.firm) {
			delete(m.by, key)
			return true
		}
	}
	return false
}
