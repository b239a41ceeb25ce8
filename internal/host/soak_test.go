//go:build linux && soak

package host

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

var (
	soakFor      = flag.Duration("soak", time.Minute, "how long the soak runs")
	soakSessions = flag.Int("sessions", 200, "how many sessions stream at once")
)

// TestSoakStreams has many sessions stream at once, each with a text of its own, while one agent crashes every second:
// no answer is mixed up with another's, nothing is left behind, and memory stays flat.
func TestSoakStreams(t *testing.T) {
	f := start(t, func(c *Config) { c.Limits.SessionsPerUser = *soakSessions + 1 })
	spec := f.spec("plain")
	var streams, events, crashes, backoffs atomic.Int64
	end := time.Now().Add(*soakFor)
	var all sync.WaitGroup
	for i := range *soakSessions {
		all.Go(func() {
			session := fmt.Sprintf("session-%032d", i)
			for time.Now().Before(end) {
				n, err := f.streamOnce(spec, session)
				events.Add(int64(n))
				switch e, _ := errors.AsType[*hostlink.Error](err); {
				case err == nil:
					streams.Add(1)
				case e != nil && e.Code == hostlink.CodeCrashed:
					crashes.Add(1)
				case e != nil && e.Code == hostlink.CodeBackoff:
					backoffs.Add(1)
					pause(e.RetryAfter)
				default:
					t.Errorf("session %d: %v", i, err)
					return
				}
			}
		})
	}
	memory := f.crashOneEverySecond(end, *soakSessions)
	all.Wait()
	last := residentKB(t)
	t.Logf("%d sessions for %s: %d streams, %d events, %d answers broken off by crashes, %d refused while backing off; resident memory of the host %d kB at first, %d kB at last",
		*soakSessions, *soakFor, streams.Load(), events.Load(), crashes.Load(), backoffs.Load(), memory, last)
	if last > memory+memory/2 {
		t.Errorf("memory grew from %d kB to %d kB", memory, last)
	}
	f.stop()
	eventually(t, "every agent to end", func() bool { return len(marks(f.host.id)) == 0 })
	if left, err := os.ReadDir(f.host.path("run")); err != nil || len(left) != 0 {
		t.Errorf("%d directories are left, %v", len(left), err)
	}
}

func pause(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

const soakEvents = 200

// streamOnce reads one answer of a session and checks that every event is the session's own.
func (f *fixture) streamOnce(spec *hostlink.Spec, session string) (int, error) {
	res, err := f.client.Invoke(f.t.Context(), f.invocation(spec, session, "user-of-"+session, ask{Do: "stream", N: soakEvents, Text: session}))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	n := 0
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		if lines.Text() != fmt.Sprintf("data: %d %s", n, session) {
			return n, fmt.Errorf("event %d of %s is %q", n, session, lines.Text())
		}
		n++
	}
	if err := lines.Err(); err != nil {
		return n, err
	}
	if n != soakEvents {
		return n, fmt.Errorf("an answer of %s ended well after %d of %d events", session, n, soakEvents)
	}
	return n, nil
}

// crashOneEverySecond returns the host's memory once all sessions ran for a third of the time.
func (f *fixture) crashOneEverySecond(end time.Time, sessions int) int {
	memory, began := 0, time.Now()
	for i := 0; time.Now().Before(end); i++ {
		pause(time.Second)
		victim := fmt.Sprintf("session-%032d", i*7%sessions)
		for _, s := range f.host.list(func(s *session) bool { return s.key.sessionID == victim }) {
			if p := s.live(); p != nil && p.pid() != 0 {
				signalGroup(p.pid(), sigKill)
			}
		}
		if memory == 0 && time.Since(began) > end.Sub(began)/3 {
			memory = residentKB(f.t)
		}
	}
	return memory
}

func residentKB(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	n := 0
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
