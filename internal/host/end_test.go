//go:build linux

package host

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func TestIdleSessionEnds(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("graceful", func(s *hostlink.Spec) { s.IdleTimeout = 60 })
	f.must(spec, sessionA, "alice", ask{})
	f.move(59 * time.Second)
	f.host.Tick(t.Context())
	if s := f.state(sessionA); s.State != hostlink.SessionReady {
		t.Fatalf("before its time: %+v", s)
	}
	f.move(2 * time.Second)
	f.host.Tick(t.Context())
	s := f.state(sessionA)
	if s.State != hostlink.SessionEnded || s.Reason != "idle for 1m0s" {
		t.Fatalf("%+v", s)
	}
	if log := f.log(spec, sessionA); !strings.Contains(log, "stdout asked to end") {
		t.Errorf("it was not asked to end: %s", log)
	}
	f.must(spec, sessionA, "alice", ask{}) // used again, it starts again
	f.move(time.Hour)
	f.host.Tick(t.Context())
	f.move(2 * time.Hour)
	f.host.Tick(t.Context())
	if s := f.state(sessionA); s.SessionID != "" {
		t.Errorf("long after its end it is remembered: %+v", s)
	}
}

func (f *fixture) log(spec *hostlink.Spec, session string) string {
	f.t.Helper()
	r, err := f.client.Logs(f.t.Context(), hostlink.LogRequest{RuntimeID: spec.RuntimeID, SessionID: session})
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

func TestBusySessionDoesNotIdle(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain", func(s *hostlink.Spec) { s.MaxLifetime = 7200 })
	f.must(spec, sessionA, "alice", ask{Do: "busy"})
	for range 3 {
		f.move(20 * time.Minute)
		f.host.Tick(t.Context())
		if s := f.state(sessionA); s.State != hostlink.SessionReady {
			t.Fatalf("%+v", s)
		}
	}
	f.move(2 * time.Hour) // but not for ever
	f.host.Tick(t.Context())
	if s := f.state(sessionA); s.State != hostlink.SessionEnded || s.Reason != "reached its maximum lifetime" {
		t.Fatalf("%+v", s)
	}
}

func TestStreamingSessionDoesNotIdleAndItsStopIsTold(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	res, err := f.client.Invoke(t.Context(), f.invocation(spec, sessionA, "alice", ask{Do: "stream", N: 1, Text: "hang"}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	f.move(time.Hour)
	f.host.Tick(t.Context())
	if s := f.state(sessionA); s.State != hostlink.SessionReady {
		t.Fatalf("%+v", s)
	}
	if n, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID}); err != nil || n.Stopped != 1 {
		t.Fatalf("%+v %v", n, err)
	}
	b, err := io.ReadAll(res.Body)
	if string(b) != "data: 0 hang\n\n" {
		t.Errorf("what came before the stop: %q", b)
	}
	f.wants(err, hostlink.CodeSessionEnded)
}

func TestStopIsForcedInTheEnd(t *testing.T) {
	f := start(t, func(c *Config) { c.Times.Stop = 50 * time.Millisecond })
	spec := f.spec("ignore-term")
	f.must(spec, sessionA, "alice", ask{})
	pid := f.state(sessionA).PID
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID, SessionID: sessionA}); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Fatalf("process %d lives on", pid)
	}
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestNothingIsLeftOfASession(t *testing.T) {
	for name, change := range isolations() {
		t.Run(name, func(t *testing.T) {
			f := start(t, change)
			spec := f.spec("plain")
			if out := f.must(spec, sessionA, "alice", ask{Do: "daemon"}); out != "<nil>" {
				t.Fatal(out)
			}
			mark := f.host.id
			if n := len(marks(mark)); n != 2 {
				t.Fatalf("%d processes of the session, want the agent and its daemon", n)
			}
			if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the daemon to end", func() bool { return len(marks(mark)) == 0 })
			if left, err := os.ReadDir(f.host.path("run")); err != nil || len(left) != 0 {
				t.Errorf("directories left: %v %v", left, err)
			}
		})
	}
}

// isolations are the ways in which agents are separated on this machine.
func isolations() map[string]func(*Config) {
	return map[string]func(*Config){
		"as the machine has it": nil,
		"without namespaces":    func(c *Config) { c.InsecureNoNamespaces = true },
	}
}

// marks are the processes that carry a host's mark.
func marks(id string) []int {
	var out []int
	for _, pid := range allProcesses() {
		if marked("/proc/"+strconv.Itoa(pid), []byte(markerVariable+"="+id+".")) {
			out = append(out, pid)
		}
	}
	return out
}

func TestHostsEndIsTheAgents(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "alice", ask{Do: "daemon"})
	res, err := f.client.Invoke(t.Context(), f.invocation(spec, sessionB, "alice", ask{Do: "stream", N: 1, Text: "hang"}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	f.stop()
	_, err = io.ReadAll(res.Body)
	f.wants(err, hostlink.CodeStopping)
	eventually(t, "everything to end", func() bool { return len(marks(f.host.id)) == 0 })
}
