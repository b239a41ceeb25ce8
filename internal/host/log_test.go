//go:build linux

package host

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func TestLogsAreFollowed(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "alice", ask{Do: "log", Text: "first"})
	r, err := f.client.Logs(t.Context(), hostlink.LogRequest{RuntimeID: spec.RuntimeID, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	want := func(parts ...string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		for _, p := range parts {
			if !strings.Contains(lines.Text(), p) {
				t.Fatalf("%q has no %q", lines.Text(), p)
			}
		}
	}
	want(sessionA, "Z stdout first")
	f.must(spec, sessionB, "bob", ask{Do: "log", Text: "second"})
	want(sessionB, "Z stdout second")
}

func TestLogsOfEndedSessionsAreKeptForAWhile(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain")
	f.must(spec, sessionA, "alice", ask{Do: "log", Text: "last words"})
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID}); err != nil {
		t.Fatal(err)
	}
	if log := f.log(spec, sessionA); !strings.Contains(log, "last words") {
		t.Fatal(log)
	}
	f.move(2 * time.Hour)
	f.host.Tick(t.Context())
	_, err := f.client.Logs(t.Context(), hostlink.LogRequest{RuntimeID: spec.RuntimeID, SessionID: sessionA})
	f.wants(err, hostlink.CodeSessionNotFound)
	if left, err := os.ReadDir(f.host.path("logs")); err != nil || len(left) != 0 {
		t.Errorf("files %v %v", left, err)
	}
}

func newLog(t *testing.T, limit int64) *sessionLog {
	t.Helper()
	l, err := openSessionLog(t.TempDir(), key{"r", "1", "s"}, limit, &logHub{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func TestA50_LogIsBounded(t *testing.T) {
	l := newLog(t, 2000)
	for i := range 1000 {
		l.append(fmt.Sprintf("line %d\n", i))
	}
	size := int64(0)
	files, err := filepath.Glob(l.path + "*")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode())
		}
	}
	if size > 2000 {
		t.Errorf("%d bytes", size)
	}
	last, err := l.last(3)
	if err != nil || strings.Join(last, "") != "line 997\nline 998\nline 999\n" {
		t.Errorf("%q %v", last, err)
	}
}

func TestA48_LogLinesCannotPretend(t *testing.T) {
	l := newLog(t, 1<<20)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &lineWriter{to: l, stream: "stdout", now: func() time.Time { return at }, hide: strings.NewReplacer("hunter2", "[secret]")}
	for _, piece := range []string{"plain ü\n", "over\rwritten\n", "\x1b[2Jclear\n", "two\x00\n", "bad \xff\n", "turn\u202eed\n", "par", "ted\r\n", "hunter2\n", strings.Repeat("x", maxLogLine+5) + "\n", "no end"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.finish()
	lines, err := l.last(100)
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "2026-01-02T03:04:05.000Z stdout "
	want := []string{"plain ü", `over\rwritten`, `\x1b[2Jclear`, `two\x00`, `bad \xff`, `turn\u202eed`, "parted", "[secret]", strings.Repeat("x", maxLogLine), "xxxxx", "no end"}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i := range want {
		if lines[i] != prefix+want[i]+"\n" {
			t.Errorf("%q, want %q", lines[i], want[i])
		}
	}
}

func TestSlowFollowerLosesLinesAndIsTold(t *testing.T) {
	hub := &logHub{}
	k := key{"r", "1", "s"}
	f := hub.follow(func(key) bool { return true })
	for range followerLines + 3 {
		hub.publish(k, "x\n")
	}
	<-f.lines
	<-f.lines
	hub.publish(k, "last\n")
	var got string
	for len(f.lines) > 0 {
		got = (<-f.lines).line
		if strings.Contains(got, "lines left out") {
			break
		}
	}
	if !strings.HasPrefix(got, "(3 lines left out") || (<-f.lines).line != "last\n" {
		t.Errorf("%q", got)
	}
	hub.leave(f)
	hub.publish(k, "gone\n")
	if len(f.lines) != 0 {
		t.Error("a follower that left is still written to")
	}
}
