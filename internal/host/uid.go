package host

import "sync"

// uidPool hands out user ids to sessions, the one that rested longest first: what an ended session may have left
// somewhere is not the next session's.
type uidPool struct {
	mu    sync.Mutex
	free  []int // a queue
	first int
}

// newUIDPool keeps the first id of the range for builds.
func newUIDPool(r UIDRange) *uidPool {
	p := &uidPool{first: r.First}
	for i := 1; i < r.Count; i++ {
		p.free = append(p.free, r.First+i)
	}
	return p
}

// builder is the user id that builds environments, so that no session can alter what others run.
func (p *uidPool) builder() int { return p.first }

func (p *uidPool) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return 0, false
	}
	id := p.free[0]
	p.free = p.free[1:]
	return id, true
}

func (p *uidPool) give(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, id)
}
