package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
	"golang.org/x/sync/singleflight"
)

// Host runs agents. Its methods are safe for concurrent use.
type Host struct {
	cfg     Config
	now     func() time.Time
	log     *slog.Logger
	id      string // marks this state directory's processes
	lock    *os.File
	sockets string
	confine confinement

	life context.Context // until Close
	kill context.CancelFunc

	credentials *credentialsEndpoint
	models      *modelProxy
	local       *http.Server
	starter     *starter
	starts      chan struct{}
	builds      chan struct{}
	ports       *ports
	workers     workers
	flights     singleflight.Group
	hub         logHub

	mu       sync.Mutex
	sessions map[key]*session
	stopping bool

	specsMu sync.Mutex
	specs   map[string]*hostlink.Spec
	order   []string // of specs, oldest first
}

// New prepares a host on its state directory, and ends and removes what an earlier one left there. Nothing runs until
// Run is called; Close must be called in any case.
func New(ctx context.Context, cfg Config, deps Deps) (*Host, error) {
	if err := cfg.settle(); err != nil {
		return nil, err
	}
	life, kill := context.WithCancel(context.Background())
	h := &Host{
		cfg: cfg, now: deps.Now, log: deps.Log, life: life, kill: kill, starter: newStarter(), starts: make(chan struct{}, cfg.Limits.Starts),
		builds: make(chan struct{}, cfg.Limits.Starts),
		ports:  newPorts(), sessions: map[key]*session{}, specs: map[string]*hostlink.Spec{},
	}
	h.credentials = &credentialsEndpoint{upstream: deps.Upstream, now: deps.Now, tokens: map[[32]byte]*tokenHolder{}}
	if err := h.open(ctx, deps.Upstream); err != nil {
		kill()
		return nil, errors.Join(err, h.unlock())
	}
	return h, nil
}

func (h *Host) open(ctx context.Context, up hostlink.Upstream) error {
	if err := h.takeState(); err != nil {
		return err
	}
	h.clearLeft()
	if err := h.makeState(); err != nil {
		return err
	}
	h.probe(ctx)
	err := h.confine.protectSelf()
	if err != nil {
		return fmt.Errorf("host: protecting this process: %w", err)
	}
	h.models, err = newModelProxy(ctx, h.cfg.Models, up, h.now, h.log)
	return err
}

// takeState makes sure that one host at a time uses the state directory. The lock ends with the process, however.
func (h *Host) takeState() error {
	f, err := os.OpenFile(h.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("host: state directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("host: another agent host runs on %s; stop it, or choose another state directory", h.cfg.StateDir)
	}
	h.lock = f
	b, err := os.ReadFile(h.path("id"))
	if h.id = string(b); err == nil && len(b) == 32 {
		return nil
	}
	h.id = randomText(16)
	return os.WriteFile(h.path("id"), []byte(h.id), 0o600)
}

func (h *Host) makeState() error {
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{{"run", 0o711}, {"code", 0o711}, {"envs", 0o711}, {"logs", 0o700}} { // 0711: other users pass, and must know the name
		if d.name == "run" {
			if err := os.RemoveAll(h.path(d.name)); err != nil {
				return fmt.Errorf("host: what an earlier host left: %w", err)
			}
		}
		if err := os.MkdirAll(h.path(d.name), d.mode); err != nil {
			return fmt.Errorf("host: state directory: %w", err)
		}
	}
	if err := errors.Join(h.forgetUnused("code"), h.forgetUnused("envs"), h.forgetUnused("logs"), h.forgetHalfBuilt()); err != nil {
		return fmt.Errorf("host: what an earlier host left: %w", err)
	}
	var err error
	h.sockets, err = socketDir(h.cfg.StateDir)
	if err != nil {
		return fmt.Errorf("host: directory of sockets: %w", err)
	}
	return nil
}

func (h *Host) path(parts ...string) string {
	return filepath.Join(append([]string{h.cfg.StateDir}, parts...)...)
}

// mark is what the environment of a process's descendants carries.
func (h *Host) mark(p *process) string { return h.id + "." + p.nonce }

// Isolation says in plain words what separates agents on this machine, and what does not.
func (h *Host) Isolation() []string { return h.confine.isolation() }

// Run serves the link on ln until the context ends, then ends every session. The listener's TLS is Run's to add.
func (h *Host) Run(ctx context.Context, ln net.Listener, own *hostlink.KeyPair, server hostlink.Fingerprint) error {
	loop, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("host: the credentials endpoint: %w", err)
	}
	h.credentials.address = loop.Addr().String()
	h.models.address = loop.Addr().String()
	h.local = &http.Server{Handler: h.localHandler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader}
	link := &http.Server{Handler: h.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader * 4,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)}
	var all sync.WaitGroup
	all.Go(h.starter.run)
	errs := make(chan error, 2)
	all.Go(func() { errs <- h.local.Serve(loop) })
	all.Go(func() { errs <- link.Serve(hostlink.Listen(ln, own, server)) })
	all.Go(func() { h.tick(ctx) })
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	h.endAll()
	last, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	_ = link.Shutdown(last) // requests whose agents were ended are told so
	err = errors.Join(err, link.Close(), h.local.Close())
	h.starter.stop()
	all.Wait()
	return err
}

// Bounds of one connection (A50). Bodies have none in time: an agent may stream for hours.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	lastWords     = 2 * time.Second // for answers that broke off when the host was stopped
)

func (h *Host) tick(ctx context.Context) {
	t := time.NewTicker(h.cfg.Times.Sweep)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			h.Tick(ctx)
		}
	}
}

// endAll takes no more requests and ends every session.
func (h *Host) endAll() {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.stopAll(h.list(func(*session) bool { return true }), hostlink.CodeStopping, "the agent host was shut down")
	h.kill() // starts that were not sessions yet, builds
	h.workers.wait()
}

// Close gives the state directory back. Run must have returned.
func (h *Host) Close() error {
	h.kill()
	return errors.Join(os.RemoveAll(h.sockets), h.unlock())
}

func (h *Host) unlock() error {
	if h.lock == nil {
		return nil
	}
	return h.lock.Close()
}

// workers are the goroutines of processes; once waited for, no more start.
type workers struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

func (w *workers) start(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.wg.Go(f)
	return true
}

// do runs f where wait waits for it.
func (w *workers) do(f func() (any, error)) (any, error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil, hostlink.Errorf(hostlink.CodeStopping, "the agent host is being shut down")
	}
	w.wg.Add(1)
	w.mu.Unlock()
	defer w.wg.Done()
	return f()
}

func (w *workers) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wg.Wait()
}

// randomText returns n random bytes in hexadecimal. crypto/rand cannot fail.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
