//go:build linux

package host

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func TestCrashIsToldAndTheNextRequestStartsAnew(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	_, err := f.call(spec, sessionA, "alice", ask{Do: "crash"})
	e := f.wants(err, hostlink.CodeCrashed)
	if !strings.Contains(e.Message, "exit status 7") || !strings.Contains(e.Log, "about to crash") {
		t.Errorf("%q, log %q", e.Message, e.Log)
	}
	eventually(t, "the crash to be noted", func() bool { return f.state(sessionA).State == hostlink.SessionCrashed })
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
	if s := f.state(sessionA); s.Starts != 2 {
		t.Errorf("%+v", s)
	}
}

func TestCrashMidwayIsNotTheEnd(t *testing.T) {
	f := start(t, nil)
	res, err := f.client.Invoke(t.Context(), f.invocation(f.spec("plain"), sessionA, "alice", ask{Do: "crash-midway"}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if string(b) != "data: 1\n\n" {
		t.Errorf("what came before the crash: %q", b)
	}
	f.wants(err, hostlink.CodeCrashed)
}

// TestNextRequestAfterACrashFindsANewProcess, however soon it comes.
func TestNextRequestAfterACrashFindsANewProcess(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	for i := range 3 {
		id := sessionA[:len(sessionA)-1] + string(rune('a'+i))
		_, err := f.call(spec, id, "alice", ask{Do: "crash"})
		f.wants(err, hostlink.CodeCrashed)
		f.must(spec, id, "alice", ask{Do: "pid"})
	}
}

func TestRepeatedCrashesBackOff(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	crash := func() {
		t.Helper()
		_, err := f.call(spec, sessionA, "alice", ask{Do: "crash"})
		f.wants(err, hostlink.CodeCrashed)
		eventually(t, "the crash to be noted", func() bool { return f.state(sessionA).State == hostlink.SessionCrashed })
	}
	crash()
	crash()
	_, err := f.call(spec, sessionA, "alice", ask{Do: "pid"})
	e := f.wants(err, hostlink.CodeBackoff)
	if e.RetryAfter <= 0 || e.RetryAfter > time.Second || !strings.Contains(e.Log, "about to crash") {
		t.Errorf("%+v", e)
	}
	f.move(time.Second)
	crash()
	_, err = f.call(spec, sessionA, "alice", ask{Do: "pid"})
	if e := f.wants(err, hostlink.CodeBackoff); e.RetryAfter < time.Second {
		t.Errorf("the third crash waits %s", e.RetryAfter)
	}
	f.move(time.Minute)
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
	f.move(time.Minute) // a steady minute forgives
	crash()
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
}

func TestNeverHealthySaysWhyWithItsLog(t *testing.T) {
	f := start(t, func(c *Config) { c.Times.Start = 4 * time.Second }) // long enough for the process to have said something
	_, err := f.call(f.spec("never"), sessionA, "alice", ask{})
	e := f.wants(err, hostlink.CodeNotHealthy)
	if !strings.HasPrefix(e.Message, "Runtime initialization time exceeded. Please make sure that initialization completes in ") || !strings.Contains(e.Log, "still loading") {
		t.Errorf("%q, log %q", e.Message, e.Log)
	}
	if n := len(marks(f.host.id)); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestEndAtStartSaysWhyWithItsLog(t *testing.T) {
	f := start(t, nil)
	_, err := f.call(f.spec("exit"), sessionA, "alice", ask{})
	e := f.wants(err, hostlink.CodeNotHealthy)
	if !strings.Contains(e.Message, "exit status 3") || !strings.Contains(e.Log, "the model's key is missing") {
		t.Errorf("%q, log %q", e.Message, e.Log)
	}
}

func TestNoSuchExecutable(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain", func(s *hostlink.Spec) { s.EntryPoint = []string{"no-such-program"} })
	_, err := f.call(spec, sessionA, "alice", ask{})
	if e := f.wants(err, hostlink.CodeNotHealthy); !strings.Contains(e.Log, `"no-such-program" is not on the agents' PATH`) {
		t.Errorf("log %q", e.Log)
	}
}

func TestGarbageIsToldFromACrash(t *testing.T) {
	f := start(t, nil)
	_, err := f.call(f.spec("garbage"), sessionA, "alice", ask{})
	f.wants(err, hostlink.CodeGarbage)
}

func TestStopWhileStarting(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("never")
	done := make(chan error, 1)
	in := f.invocation(spec, sessionA, "alice", ask{})
	go func() {
		_, err := f.client.Invoke(t.Context(), in)
		done <- err
	}()
	eventually(t, "the start", func() bool { return f.state(sessionA).State == hostlink.SessionStarting })
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID}); err != nil {
		t.Fatal(err)
	}
	f.wants(<-done, hostlink.CodeSessionEnded)
}
