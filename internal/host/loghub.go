package host

import (
	"strconv"
	"sync"
)

// logHub hands new lines to those who follow. A follower that does not keep up loses lines and is told how many; it
// never holds up an agent.
type logHub struct {
	mu        sync.Mutex
	followers map[*follower]bool
}

type follower struct {
	wants func(key) bool
	lines chan keyedLine
	lost  int
}

type keyedLine struct {
	key  key
	line string
}

const followerLines = 1024

func (h *logHub) follow(wants func(key) bool) *follower {
	f := &follower{wants: wants, lines: make(chan keyedLine, followerLines)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.followers == nil {
		h.followers = map[*follower]bool{}
	}
	h.followers[f] = true
	return f
}

func (h *logHub) leave(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers, f)
}

func (h *logHub) publish(k key, line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.followers {
		if f.wants(k) {
			f.offer(keyedLine{k, line})
		}
	}
}

func (f *follower) offer(l keyedLine) {
	if f.lost > 0 {
		select {
		case f.lines <- keyedLine{l.key, "(" + strconv.Itoa(f.lost) + " lines left out: they came faster than they were read)\n"}:
			f.lost = 0
		default:
		}
	}
	select {
	case f.lines <- l:
	default:
		f.lost++
	}
}
