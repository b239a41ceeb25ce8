package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// workshop is a folder with an agent in it, and a whole service that its verbs talk to. Only the agent host is played.
type workshop struct {
	*servertest.Service
	t    *testing.T
	dir  string
	host *playedHost
	vars map[string]string
}

// playedHost is an agent host whose agents answer what a test wants.
type playedHost struct {
	server.AgentHost
	mu       sync.Mutex
	specs    []*hostlink.Spec
	archives map[string][]byte
	invoked  []*hostlink.Invocation
	bodies   []string
	answer   func(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error)
	sessions []hostlink.Session
	stopped  []string
	log      string
	refusals []error // of the next specs
}

func (h *playedHost) PutSpec(_ context.Context, s *hostlink.Spec) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.specs = append(h.specs, s)
	if err := s.Validate(); err != nil {
		return hostlink.Errorf(hostlink.CodeInvalid, "%s", err.Error())
	}
	if len(h.refusals) == 0 {
		return nil
	}
	err := h.refusals[0]
	h.refusals = h.refusals[1:]
	return err
}

func (h *playedHost) PutArchive(_ context.Context, sum string, archive io.Reader) error {
	b, err := io.ReadAll(archive)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.archives[sum] = b
	return err
}

func (h *playedHost) Invoke(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error) {
	b, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.invoked, h.bodies = append(h.invoked, in), append(h.bodies, string(b))
	f := h.answer
	h.mu.Unlock()
	if f == nil {
		return agentAnswers("application/json", `{"response": "hello"}`), nil
	}
	return f(ctx, in)
}

func agentAnswers(kind, body string) *hostlink.Response {
	return &hostlink.Response{Status: 200, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
}

func (h *playedHost) Stop(_ context.Context, in hostlink.StopRequest) (*hostlink.StopAnswer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = append(h.stopped, in.SessionID)
	return &hostlink.StopAnswer{Stopped: 1}, nil
}

func (h *playedHost) Sessions(context.Context, string) ([]hostlink.Session, error) {
	return h.sessions, nil
}

func (h *playedHost) Logs(context.Context, hostlink.LogRequest) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(h.log)), nil
}

func (h *playedHost) lastInvocation(t *testing.T) (*hostlink.Invocation, string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.invoked) == 0 {
		t.Fatal("no invocation reached the agent host")
	}
	return h.invoked[len(h.invoked)-1], h.bodies[len(h.bodies)-1]
}

func newWorkshop(t *testing.T, opts ...servertest.Option) *workshop {
	t.Helper()
	w := &workshop{t: t, dir: newFolder(t), host: &playedHost{archives: map[string][]byte{}}}
	opts = append([]servertest.Option{servertest.Edge(func(c *server.Config) { c.Host = w.host })}, opts...)
	w.Service = servertest.New(t, opts...)
	w.vars = map[string]string{"LANYARD_ENDPOINT": w.URL, "AWS_ACCESS_KEY_ID": w.Root.AccessKeyID, "AWS_SECRET_ACCESS_KEY": w.Root.Secret, "AWS_REGION": w.Region, "USER": "alice"}
	return w
}

// newFolder is an empty working directory with an agent in it.
func newFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	write(t, "agent.py", "app = None\n")
	write(t, "requirements.txt", "bedrock-agentcore\n")
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// run is one command line, under the name agentcore.
func (w *workshop) run(args ...string) (code int, out, errOut string) {
	w.t.Helper()
	var o, e bytes.Buffer
	code = run(w.t.Context(), w.environment(&o, &e, args...))
	return code, o.String(), e.String()
}

func (w *workshop) environment(out, errOut io.Writer, args ...string) *environment {
	env := testEnvironment(w.vars, out, errOut, args...)
	env.program, env.now = "/usr/local/bin/agentcore", w.Clock.Now
	return env
}

// must expects success.
func (w *workshop) must(args ...string) string {
	w.t.Helper()
	code, out, errOut := w.run(args...)
	if code != 0 {
		w.t.Fatalf("agentcore %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}

// fails expects an exit code and what is said.
func (w *workshop) fails(wanted int, says string, args ...string) string {
	w.t.Helper()
	code, out, errOut := w.run(args...)
	if code != wanted || !strings.Contains(errOut, says) {
		w.t.Errorf("agentcore %s: exit %d, want %d and %q\n%s%s", strings.Join(args, " "), code, wanted, says, out, errOut)
	}
	return errOut
}

// agent reads the file's default agent.
func (w *workshop) agent() *agent {
	w.t.Helper()
	p, err := openProjectIfAny()
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := p.agent(testEnvironment(nil, io.Discard, io.Discard), "")
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// cognitoLater is wired into the edge before the pools are made.
type cognitoLater struct{ server.UserPools }

// newPoolWorkshop is a workshop whose service has user pools.
func newPoolWorkshop(t *testing.T) *workshop {
	t.Helper()
	wire := &cognitoLater{}
	var handler http.Handler
	w := newWorkshop(t, servertest.Dev(), servertest.Edge(func(c *server.Config) {
		c.UserPools = wire
		c.Extra = map[string]http.Handler{devidp.PoolsPath: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) })}
	}))
	pools, err := devidp.NewPools(devidp.PoolsConfig{Identity: w.Identity, Region: w.Region, PublicURL: w.Public, Store: devidptest.NewStore(w.Clock.Now),
		Now: w.Clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	wire.UserPools, handler = pools, pools.Handler()
	return w
}

// countPools counts the user pools of the account.
func (c *cloud) countPools(t *testing.T) int {
	t.Helper()
	pools := cognitoidentityprovider.NewFromConfig(c.cfg, func(o *cognitoidentityprovider.Options) { o.BaseEndpoint = aws.String(c.Endpoint()) })
	out, err := pools.ListUserPools(t.Context(), &cognitoidentityprovider.ListUserPoolsInput{MaxResults: aws.Int32(60)})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.UserPools)
}
