//go:build linux && soak

package host

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

var (
	soakFor    = flag.Duration("soak", time.Minute, "how long the soak runs")
	soakGo     = flag.Int("sessions", 200, "how many sessions of a Go agent stream at once")
	soakPython = flag.Int("python-sessions", 20, "how many sessions of an agent of the Python SDK stream beside them")
)

// soak is what many sessions did.
type soak struct {
	*fixture
	end                                time.Time
	sessions                           []soakSession
	streams, events, crashes, backoffs [2]atomic.Int64 // of Go, of Python
}

// soakSession is a session and what each of its events must be.
type soakSession struct {
	id    string
	spec  *hostlink.Spec
	kind  int // 0: Go, 1: Python
	event func(i int) string
}

// TestSoakStreams has many sessions of Go and Python agents stream at once, each with a text of its own, while one agent
// crashes every second: no answer is mixed up with another's, nothing is left behind, and memory stays flat.
func TestSoakStreams(t *testing.T) {
	f, python := contractFixture(t, func(c *Config) { c.Times.Start = 2 * time.Minute })
	s := &soak{fixture: f}
	plain := f.spec("plain", func(s *hostlink.Spec) {
		s.RuntimeID = "plain-a1b2c3d4e5"
		s.RuntimeARN = strings.Replace(s.RuntimeARN, "agent-", "plain-", 1)
	})
	for i := range *soakGo {
		id := fmt.Sprintf("session-of-go-%032d", i)
		s.sessions = append(s.sessions, soakSession{id, plain, 0, func(i int) string { return fmt.Sprintf("data: %d %s", i, id) }})
	}
	for i := range *soakPython {
		id := fmt.Sprintf("session-of-python-%032d", i)
		s.sessions = append(s.sessions, soakSession{id, python, 1, func(i int) string { return fmt.Sprintf(`data: {"i": %d, "text": "%s"}`, i, id) }})
	}
	s.start()
	s.end = time.Now().Add(*soakFor)
	var all sync.WaitGroup
	for _, one := range s.sessions {
		all.Go(func() { s.stream(one) })
	}
	memory := s.crashOneEverySecond()
	all.Wait()
	last := residentKB(t)
	for kind, name := range []string{"Go", "Python"} {
		t.Logf("%s: %d streams, %d events, %d answers broken off by crashes, %d refused while backing off",
			name, s.streams[kind].Load(), s.events[kind].Load(), s.crashes[kind].Load(), s.backoffs[kind].Load())
		if s.streams[kind].Load() == 0 || s.crashes[kind].Load() == 0 {
			t.Errorf("%s: nothing was streamed, or nothing crashed", name)
		}
	}
	t.Logf("%s on %d CPUs; resident memory of the host %d kB at first, %d kB at last", *soakFor, runtime.NumCPU(), memory, last)
	if last > memory+memory/4 {
		t.Errorf("memory grew from %d kB to %d kB", memory, last)
	}
	f.stop()
	eventually(t, "every agent to end", func() bool { return len(marks(f.host.id)) == 0 })
	if left, err := os.ReadDir(f.host.path("run")); err != nil || len(left) != 0 {
		t.Errorf("%d directories are left, %v", len(left), err)
	}
}

// start starts every session, so that all of them stream from the first moment.
func (s *soak) start() {
	began := time.Now()
	var all sync.WaitGroup
	for _, one := range s.sessions {
		all.Go(func() {
			if n, err := s.streamOnce(one); err != nil {
				s.t.Errorf("the first stream of %s ended after %d events: %v", one.id, n, err)
			}
		})
	}
	all.Wait()
	s.t.Logf("%d sessions started in %s", len(s.sessions), time.Since(began).Round(time.Second))
}

// stream lets a session stream again and again.
func (s *soak) stream(one soakSession) {
	for time.Now().Before(s.end) {
		n, err := s.streamOnce(one)
		s.events[one.kind].Add(int64(n))
		switch e, _ := errors.AsType[*hostlink.Error](err); {
		case err == nil:
			s.streams[one.kind].Add(1)
		case e != nil && e.Code == hostlink.CodeCrashed:
			s.crashes[one.kind].Add(1)
		case e != nil && e.Code == hostlink.CodeBackoff:
			s.backoffs[one.kind].Add(1)
			pause(e.RetryAfter)
		default:
			s.t.Errorf("%s: %v", one.id, err)
			return
		}
	}
}

func pause(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

const soakEvents = 200

// streamOnce reads one answer of a session and checks that every event is the session's own.
func (s *soak) streamOnce(one soakSession) (int, error) {
	res, err := s.client.Invoke(s.t.Context(), s.invocation(one.spec, one.id, "user-of-"+one.id, ask{Do: "stream", N: soakEvents, Text: one.id}))
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
		if want := one.event(n); lines.Text() != want {
			return n, fmt.Errorf("event %d of %s is %q, want %q", n, one.id, lines.Text(), want)
		}
		n++
	}
	if err := lines.Err(); err != nil {
		return n, err
	}
	if n != soakEvents {
		return n, fmt.Errorf("an answer of %s ended well after %d of %d events", one.id, n, soakEvents)
	}
	return n, nil
}

// crashOneEverySecond kills an agent of Go and one of Python in turn, and returns the host's memory after a third of the
// time.
func (s *soak) crashOneEverySecond() int {
	memory, began := 0, time.Now()
	for i := 0; time.Now().Before(s.end); i++ {
		pause(time.Second)
		victim := s.sessions[i*7%*soakGo].id
		if i%2 == 1 {
			victim = s.sessions[*soakGo+i/2*7%*soakPython].id
		}
		for _, one := range s.host.list(func(s *session) bool { return s.key.sessionID == victim }) {
			if p := one.live(); p != nil && p.pid() != 0 {
				signalGroup(p.pid(), sigKill)
			}
		}
		if memory == 0 && time.Since(began) > s.end.Sub(began)/3 {
			memory = residentKB(s.t)
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
