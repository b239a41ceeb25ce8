package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// maxEnded bounds the record of ended sessions. Each entry took a person's sign-in, and goes when the session would have
// ended by itself.
const maxEnded = 250_000

var errTooManyEnded = errors.New("signin: the record of ended sessions is full: more than 250000 sessions were ended within the longest session's time")

// endedID is what is kept of a session id. Whoever reads the record learns no id.
type endedID [sha256.Size]byte

// EndedMemory is an EndedSessions that forgets with its process: after a restart a copied cookie works again. It is for
// tests and development.
type EndedMemory struct {
	mu    sync.Mutex
	ended endedSet
}

// NewEndedMemory returns an empty record. now decides what may be forgotten.
func NewEndedMemory(now func() time.Time) *EndedMemory {
	return &EndedMemory{ended: endedSet{now: now, until: map[endedID]int64{}}}
}

// End remembers the session id until the given time.
func (m *EndedMemory) End(_ context.Context, id string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended.has(id) && !m.ended.room() {
		return errTooManyEnded
	}
	m.ended.add(sha256.Sum256([]byte(id)), until.Unix())
	return nil
}

// Ended reports whether the session was ended.
func (m *EndedMemory) Ended(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended.has(id), nil
}

// endedSet is the bounded set behind both records. Its owner locks.
type endedSet struct {
	now   func() time.Time
	until map[endedID]int64
	swept int // how many stayed at the last sweep
}

func (e *endedSet) has(id string) bool {
	_, ok := e.until[sha256.Sum256([]byte(id))]
	return ok
}

// room drops what has ended by itself whenever the set has doubled, and reports whether another entry fits.
func (e *endedSet) room() bool {
	if len(e.until) >= 2*e.swept+1024 || len(e.until) >= maxEnded {
		e.sweep()
	}
	return len(e.until) < maxEnded
}

func (e *endedSet) sweep() {
	now := e.now().Unix()
	for id, until := range e.until {
		if until < now {
			delete(e.until, id)
		}
	}
	e.swept = len(e.until)
}

func (e *endedSet) add(id endedID, until int64) { e.until[id] = max(until, e.until[id]) }
