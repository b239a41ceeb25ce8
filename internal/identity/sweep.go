package identity

import (
	"sync"
	"time"
)

// A workload that was stolen, or talked into it, could walk through all users by their ids (A54). Two settings of a
// workload identity stand against it: it acts for verified users alone, or for so many different user ids in a minute.

// vouchable refuses a user id for which this workload may not act.
func (s *Service) vouchable(w *Workload, userID string) error {
	if w == nil {
		return nil // it does not exist, which the next step says
	}
	if w.VerifiedUsersOnly {
		return refuse(Denied, "workload identity %s acts for verified users only: get its token with GetWorkloadAccessTokenForJWT. An operator allows user ids with: %s", w.Name, s.command("admin workload set "+w.Name+" --verified-users-only=false"))
	}
	if w.UsersPerMinute > 0 && !s.sweeps.admit(w.ID, userID, w.UsersPerMinute, s.Now()) {
		s.Log.Warn("a workload asks for tokens of many users at once; is it sweeping?", "workload", w.Name, "account", w.Account, "limit", w.UsersPerMinute)
		return refuse(Throttled, "workload identity %s acts for at most %d different users in a minute, and asks for more. An operator raises the limit with: %s", w.Name, w.UsersPerMinute, s.command("admin workload set "+w.Name+" --users-per-minute N"))
	}
	return nil
}

// sweepGate counts the different users of each workload in the minute at work. It is bounded: users beyond a
// workload's limit are refused, not kept, and only workloads with a limit are counted.
type sweepGate struct {
	mu        sync.Mutex
	minute    int64
	workloads map[string]map[string]struct{}
}

// admit reports whether the user is among the first limit users of the workload in this minute.
func (g *sweepGate) admit(workload, user string, limit int, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if minute := now.Unix() / 60; minute != g.minute || g.workloads == nil {
		g.minute, g.workloads = minute, map[string]map[string]struct{}{}
	}
	users := g.workloads[workload]
	if _, known := users[user]; known {
		return true
	}
	if len(users) >= limit {
		return false
	}
	if users == nil {
		users = map[string]struct{}{}
		g.workloads[workload] = users
	}
	users[user] = struct{}{}
	return true
}
