package signin

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxUsed bounds the memory of finished sign-ins. Whoever floods it can make one of his own states work again, for which
// he would need a second code of the issuer as well.
const maxUsed = 10_000

// usedStates makes a state work once: clearing its cookie is a wish that a browser, or whoever copied the cookie, may not
// follow.
type usedStates struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
	order [][sha256.Size]byte // oldest first
}

func newUsedStates() *usedStates {
	return &usedStates{until: map[[sha256.Size]byte]time.Time{}}
}

// use reports whether this is the state's first use.
func (u *usedStates) use(state string, now, until time.Time) bool {
	key := sha256.Sum256([]byte(state))
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.until[key]; known {
		return false
	}
	for len(u.order) > 0 && (len(u.order) >= maxUsed || !now.Before(u.until[u.order[0]])) {
		delete(u.until, u.order[0])
		u.order = u.order[1:]
	}
	u.until[key] = until
	u.order = append(u.order, key)
	return true
}
