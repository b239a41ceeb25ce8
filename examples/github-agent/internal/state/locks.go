package state

import "sync"

// Busy lets one request at a time work on an object of this process. The zero value is ready.
type Busy struct {
	mu    sync.Mutex
	names map[string]bool
}

// Begin takes an object, or says that another request has it.
func (b *Busy) Begin(name string) (end func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.names[name] {
		return nil, false
	}
	if b.names == nil {
		b.names = map[string]bool{}
	}
	b.names[name] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.names, name)
	}, true
}
