//go:build linux

package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
	"golang.org/x/sys/unix"
)

// fixture is a running host and the server's client of it.
type fixture struct {
	t        *testing.T
	host     *Host
	client   *hostlink.Client
	server   *hostlink.KeyPair
	own      *hostlink.KeyPair
	url      string
	agent    string
	moved    atomic.Int64
	upstream *fakeUpstream
	stop     func()
	logged   *lockedBuffer
}

// fakeUpstream is the server as hosts ask it.
type fakeUpstream struct {
	mu    sync.Mutex
	asked []hostlink.Process
	calls []hostlink.ModelCall
	creds func(hostlink.Process) (hostlink.Credentials, error)
	allow func(hostlink.ModelCall) error
}

func (u *fakeUpstream) Credentials(_ context.Context, p hostlink.Process) (hostlink.Credentials, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked = append(u.asked, p)
	if u.creds == nil {
		return hostlink.Credentials{}, errors.New("no role")
	}
	return u.creds(p)
}

func (u *fakeUpstream) ModelAccess(_ context.Context, c hostlink.ModelCall) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls = append(u.calls, c)
	if u.allow == nil {
		return hostlink.Errorf(hostlink.CodeInvalid, "not allowed")
	}
	return u.allow(c)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func testExecutable(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// hostConfig is a configuration that runs this test binary as its child.
func hostConfig(t testing.TB) Config {
	t.Helper()
	// A host without namespaces that an earlier test made has protected this whole process.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // where there is no mount table, agents of another user id walk through it
		t.Fatal(err)
	}
	return Config{
		StateDir: filepath.Join(dir, "state"), AnyDirectory: true, Self: []string{testExecutable(t), "host-exec"}, Region: "us-west-2",
		Limits: Limits{Memory: 1 << 46}, // the race detector maps terabytes
		Times:  Times{Start: 20 * time.Second, Stop: 2 * time.Second, Sweep: time.Hour},
	}
}

func start(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	cfg := hostConfig(t)
	if change != nil {
		change(&cfg)
	}
	f := &fixture{t: t, upstream: &fakeUpstream{}, logged: &lockedBuffer{}}
	f.server, f.own = pair(t), pair(t)
	f.agent = placeAgent(t, cfg)
	h, err := New(t.Context(), cfg, Deps{Upstream: f.upstream, Now: f.now, Log: slog.New(slog.NewTextHandler(f.logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	f.host = h
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.url = "https://" + ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx, ln, f.own, f.server.Fingerprint()) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Run: %v", err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Cleanup(f.stop)
	f.client = f.dial(f.server, f.own.Fingerprint())
	return f
}

// placeAgent puts this test binary where every user id may execute it.
func placeAgent(t *testing.T, cfg Config) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(cfg.StateDir), "agent")
	if _, err := os.Stat(path); err == nil || os.Link(testExecutable(t), path) == nil {
		return path
	}
	b, err := os.ReadFile(testExecutable(t))
	if err == nil {
		err = os.WriteFile(path, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func pair(t testing.TB) *hostlink.KeyPair {
	t.Helper()
	k, err := hostlink.NewKeyPair("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (f *fixture) dial(own *hostlink.KeyPair, peer hostlink.Fingerprint) *hostlink.Client {
	f.t.Helper()
	c, err := hostlink.Dial(hostlink.Config{URL: f.url, Own: own, Peer: peer})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return c
}

func (f *fixture) now() time.Time { return time.Now().Add(time.Duration(f.moved.Load())) }

func (f *fixture) move(d time.Duration) { f.moved.Add(int64(d)) }

// spec runs this test binary as an agent.
func (f *fixture) spec(mode string, change ...func(*hostlink.Spec)) *hostlink.Spec {
	s := &hostlink.Spec{
		RuntimeARN: "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-a1b2c3d4e5", RuntimeID: "agent-a1b2c3d4e5", Version: "1",
		Source: hostlink.Source{Directory: f.sourceDir()}, EntryPoint: []string{f.agent, "agent", mode},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func (f *fixture) sourceDir() string {
	dir := filepath.Join(filepath.Dir(f.agent), "source")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.t.Fatal(err)
	}
	return dir
}

const (
	sessionA = "session-a-0123456789abcdef0123456789abcdef"
	sessionB = "session-b-0123456789abcdef0123456789abcdef"
)

func (f *fixture) invocation(spec *hostlink.Spec, session, user string, a ask) *hostlink.Invocation {
	b, err := json.Marshal(a)
	if err != nil {
		f.t.Fatal(err)
	}
	return &hostlink.Invocation{Spec: spec, SessionID: session, UserKey: user, RequestID: "request-1", Body: bytes.NewReader(b), ContentLength: int64(len(b)),
		Caller: http.Header{"Content-Type": {"application/json"}}}
}

// call invokes and returns the whole answer.
func (f *fixture) call(spec *hostlink.Spec, session, user string, a ask) (string, error) {
	f.t.Helper()
	return f.do(f.invocation(spec, session, user, a))
}

func (f *fixture) do(in *hostlink.Invocation) (string, error) {
	f.t.Helper()
	res, err := f.client.Invoke(f.t.Context(), in)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

func (f *fixture) must(spec *hostlink.Spec, session, user string, a ask) string {
	f.t.Helper()
	out, err := f.call(spec, session, user, a)
	if err != nil {
		f.t.Fatalf("%+v: %v\n%s", a, err, f.logged)
	}
	return out
}

// wants fails unless err has the code, and returns it.
func (f *fixture) wants(err error, code hostlink.Code) *hostlink.Error {
	f.t.Helper()
	e, ok := errors.AsType[*hostlink.Error](err)
	if !ok || e.Code != code {
		f.t.Fatalf("got %v, want the code %s", err, code)
	}
	return e
}
