//go:build linux

package host

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func (f *fixture) state(session string) hostlink.Session {
	f.t.Helper()
	all, err := f.client.Sessions(f.t.Context(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range all {
		if s.SessionID == session {
			return s
		}
	}
	return hostlink.Session{}
}

func TestOneProcessForEachSession(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
	f.must(spec, sessionB, "alice", ask{Do: "pid"})
	a, b := f.state(sessionA), f.state(sessionB)
	if a.PID == 0 || a.PID == b.PID {
		t.Fatalf("process ids %d and %d", a.PID, b.PID)
	}
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
	if again := f.state(sessionA); again.PID != a.PID || again.Starts != 1 {
		t.Fatalf("a second request made it %+v", again)
	}
	next := f.spec("plain", func(s *hostlink.Spec) { s.Version = "2" })
	f.must(next, sessionA, "alice", ask{Do: "pid"})
	if all, err := f.client.Sessions(t.Context(), spec.RuntimeID); err != nil || len(all) != 3 {
		t.Fatalf("a version of its own is a process of its own: %+v, %v", all, err)
	}
}

func TestA52_SessionBelongsToItsFirstUser(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
	_, err := f.call(spec, sessionA, "bob", ask{Do: "pid"})
	e := f.wants(err, hostlink.CodeSessionOwner)
	for _, told := range []string{"alice", "run", "exist", sessionA} {
		if strings.Contains(strings.ReplaceAll(e.Message, "caller", ""), told) {
			t.Errorf("the message tells %q: %s", told, e.Message)
		}
	}
	if s := f.state(sessionA); s.Starts != 1 || s.InFlight != 0 {
		t.Errorf("bob's request reached the session: %+v", s)
	}
	stopped, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID, SessionID: sessionA, UserKey: "bob"})
	if err != nil || stopped.Stopped != 0 {
		t.Fatalf("bob stopped %+v, %v", stopped, err)
	}
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID, SessionID: sessionA, UserKey: "alice"}); err != nil {
		t.Fatal(err)
	}
	_, err = f.call(spec, sessionA, "bob", ask{Do: "pid"})
	if after := f.wants(err, hostlink.CodeSessionOwner); after.Message != e.Message {
		t.Errorf("a session that ended is told from one that runs: %q", after.Message)
	}
	f.must(spec, sessionA, "alice", ask{Do: "pid"})
}

func TestA60_UsersAreComparedByteForByte(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "issuer-1/alice", ask{})
	for _, other := range []string{"issuer-2/alice", "issuer-1/Alice", "issuer-1/alice/", "issuer-1/../issuer-1/alice", "issuer-1/alic"} {
		_, err := f.call(spec, sessionA, other, ask{})
		f.wants(err, hostlink.CodeSessionOwner)
	}
	_, err := f.call(spec, sessionA, "issuer-1/аlice", ask{}) // a Cyrillic letter
	f.wants(err, hostlink.CodeInvalid)
}

func TestA52_NoSessionIsNobodys(t *testing.T) {
	f := start(t, nil)
	_, err := f.call(f.spec("plain"), sessionA, "", ask{})
	f.wants(err, hostlink.CodeInvalid)
	for _, id := range []string{"", "short", strings.Repeat("x", 32), strings.Repeat("x", 257), strings.Repeat("x", 40) + " y", strings.Repeat("ü", 20)} {
		_, err := f.call(f.spec("plain"), id, "alice", ask{})
		f.wants(err, hostlink.CodeInvalid)
	}
}

func TestManyFirstRequestsStartOneProcess(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	var all sync.WaitGroup
	answers := make([]string, 16)
	for i := range answers {
		in := f.invocation(spec, sessionA, "alice", ask{Do: "pid"})
		all.Go(func() {
			res, err := f.client.Invoke(t.Context(), in)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			answers[i] = string(b)
		})
	}
	all.Wait()
	for _, a := range answers {
		if a == "" || a != answers[0] {
			t.Fatalf("answers %q", answers)
		}
	}
	if s := f.state(sessionA); s.Starts != 1 || s.InFlight != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestStreamsUnbuffered(t *testing.T) {
	f := start(t, nil)
	in := f.invocation(f.spec("plain"), sessionA, "alice", ask{Do: "stream", N: 1, Text: "hang"})
	res, err := f.client.Invoke(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	n, err := res.Body.Read(b) // the agent has not ended its answer and never will
	if err != nil || string(b[:n]) != "data: 0 hang\n\n" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	if s := f.state(sessionA); s.InFlight != 1 {
		t.Errorf("while it streams: %+v", s)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request to be over", func() bool { return f.state(sessionA).InFlight == 0 })
}

// eventually waits for what another process or goroutine does in its own time.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		pause := time.NewTimer(5 * time.Millisecond)
		<-pause.C
	}
	t.Fatalf("waited in vain for %s", what)
}

func TestAgentsStatusAndNoOtherHeaderReachesTheCaller(t *testing.T) {
	f := start(t, nil)
	res, err := f.client.Invoke(t.Context(), f.invocation(f.spec("plain"), sessionA, "alice", ask{Do: "status", N: 418}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if res.Status != 418 || err != nil || string(b) != `{"error":"teapot"}` || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %q %v %v", res.Status, b, err, res.Header)
	}
	if len(res.Header) != 1 {
		t.Errorf("headers of the agent that were let through: %v", res.Header)
	}
}

func TestA50_BodyLimit(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	in := f.invocation(spec, sessionA, "alice", ask{})
	in.Body, in.ContentLength = bytes.NewReader(nil), hostlink.MaxBody+1
	_, err := f.do(in)
	f.wants(err, hostlink.CodeTooLarge)
	in = f.invocation(spec, sessionA, "alice", ask{})
	in.Body, in.ContentLength = io.LimitReader(zeros{}, hostlink.MaxBody+1), -1
	_, err = f.do(in)
	f.wants(err, hostlink.CodeTooLarge)
	in.Body = io.MultiReader(strings.NewReader(`{"do":"size","text":"`), io.LimitReader(zeros{}, 5<<20), strings.NewReader(`"}`))
	if out, err := f.do(in); err != nil || out != "5242903" {
		t.Fatalf("%q, %v", out, err)
	}
}

// zeros is an endless body of the letter z.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'z'
	}
	return len(p), nil
}

func TestA50_SessionsOfAllAndOfOneUser(t *testing.T) {
	f := start(t, func(c *Config) { c.Limits.Sessions, c.Limits.SessionsPerUser = 3, 2 })
	spec := f.spec("plain")
	id := func(n int) string { return sessionA[:40] + string(rune('0'+n)) }
	f.must(spec, id(1), "alice", ask{Do: "pid"})
	f.must(spec, id(2), "alice", ask{Do: "pid"})
	_, err := f.call(spec, id(3), "alice", ask{Do: "pid"})
	if e := f.wants(err, hostlink.CodeLimit); !strings.Contains(e.Message, "sessions_per_user") {
		t.Error(e.Message)
	}
	f.must(spec, id(4), "bob", ask{Do: "pid"})
	_, err = f.call(spec, id(5), "carol", ask{Do: "pid"})
	if e := f.wants(err, hostlink.CodeLimit); !strings.Contains(e.Message, "limits.sessions") {
		t.Error(e.Message)
	}
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID, SessionID: id(1)}); err != nil {
		t.Fatal(err)
	}
	f.must(spec, id(5), "carol", ask{Do: "pid"})
}

func TestA50_RequestsOfOneSession(t *testing.T) {
	f := start(t, func(c *Config) { c.Limits.RequestsPerSession = 1 })
	spec := f.spec("plain")
	res, err := f.client.Invoke(t.Context(), f.invocation(spec, sessionA, "alice", ask{Do: "stream", N: 1, Text: "hang"}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, err = f.call(spec, sessionA, "alice", ask{Do: "pid"})
	f.wants(err, hostlink.CodeLimit)
}
