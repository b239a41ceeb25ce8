package host

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// process is one start of a session's agent, from the decision to start it until nothing of it is left.
type process struct {
	host    *Host
	session *session
	spec    *hostlink.Spec
	nonce   string // tells what this start left from what others did
	token   string // what the agent shows to the credentials endpoint
	model   string // the path by which it reaches models

	dir, home, code, venv string
	uid                   int // 0: the host's own
	port                  int // 0: a socket that the agent inherits
	socket                string
	transport             *http.Transport

	cmd     *exec.Cmd
	alive   *os.File // held open while the host lives; the child waits for its end
	out     []*lineWriter
	exited  chan struct{} // closed when the agent's own process ended
	exit    string
	settled chan struct{} // closed when it is healthy or err says why not
	err     error
	gone    chan struct{} // closed when nothing is left of it
	halt    chan struct{} // closed by the first stop

	mu       sync.Mutex
	stopCode hostlink.Code // why it was stopped; empty while nobody stopped it
	text     string
}

// begin makes the next process of a session and starts it in the background. It is called with the session's lock.
func (h *Host) begin(s *session) (*process, error) {
	p := &process{
		host: h, session: s, spec: s.spec, nonce: randomText(8), token: randomText(32), model: randomText(16),
		exited: make(chan struct{}), settled: make(chan struct{}), gone: make(chan struct{}), halt: make(chan struct{}),
	}
	if !h.workers.start(p.run) {
		return nil, hostlink.Errorf(hostlink.CodeStopping, "the agent host is being shut down")
	}
	return p, nil
}

// run is the life of the process.
func (p *process) run() {
	defer close(p.gone)
	if err := p.begin(); err != nil {
		p.end()
		p.err = p.startError(err)
		p.session.ended(p)
		close(p.settled)
		return
	}
	p.session.settle(p)
	close(p.settled)
	select {
	case <-p.exited:
	case <-p.halt:
	}
	p.end()
	p.session.ended(p)
}

// begin brings the process to its first healthy answer.
func (p *process) begin() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := context.AfterFunc(p.host.life, cancel)
	defer stopped()
	go func() {
		select {
		case <-p.halt:
			cancel()
		case <-ctx.Done():
		}
	}()
	select { // starts are costly: a crowd of new sessions waits in line
	case p.host.starts <- struct{}{}:
		defer func() { <-p.host.starts }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := p.launch(); err != nil {
		return err
	}
	return p.waitHealthy(ctx)
}

// startError says why a start failed in words for the runtime's owner.
func (p *process) startError(err error) error {
	if p.ending() || p.host.life.Err() != nil {
		code, text := p.cause()
		return hostlink.Errorf(code, "the session was ended while its agent started: %s", text)
	}
	if _, ok := errors.AsType[*hostlink.Error](err); !ok {
		p.host.log.Error("an agent could not be started", "runtime", p.spec.RuntimeID, "version", p.spec.Version, "err", err)
	}
	e := *hostlink.AsError(err)
	if e.Log == "" && e.Code != hostlink.CodeSource && e.Code != hostlink.CodeBuild {
		e.Log = p.session.log.lately()
	}
	p.mu.Lock()
	p.text = strings.SplitN(e.Message, "\n", 2)[0]
	p.mu.Unlock()
	return &e
}

// stop ends the process, gracefully at first, and returns when nothing is left of it.
func (p *process) stop(code hostlink.Code, text string) {
	p.mu.Lock()
	if p.stopCode == "" {
		p.stopCode, p.text = code, text
		close(p.halt)
	}
	p.mu.Unlock()
	<-p.gone
}

// ending tells whether somebody stops or stopped the process.
func (p *process) ending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopCode != ""
}

// cause is why the process ended.
func (p *process) cause() (hostlink.Code, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopCode != "":
		return p.stopCode, p.text
	case p.host.life.Err() != nil:
		return hostlink.CodeStopping, "the agent host was shut down"
	case p.text != "":
		return hostlink.CodeCrashed, p.text
	}
	return hostlink.CodeCrashed, p.exit
}

// crashed is the error of a request whose process ended under it.
func (p *process) crashed() error {
	code, text := p.cause()
	e := hostlink.Errorf(code, "the agent ended before it answered: %s", text)
	if code == hostlink.CodeCrashed {
		e.Log = p.session.log.lately()
	}
	return e
}

// launch starts the agent by way of ExecMain, which confines it.
func (p *process) launch() error {
	h := p.host
	hold, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hold.Close()
	p.alive = alive
	cmd := exec.Command(h.cfg.Self[0], h.cfg.Self[1:]...) //nolint:noctx // it lives as long as the session, and stop ends it
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.ExtraFiles = []*os.File{hold}
	if err := p.listen(cmd); err != nil {
		return err
	}
	defer closeAll(cmd.ExtraFiles[1:])
	h.credentials.register(p)
	h.models.register(p)
	order, err := p.order()
	if err != nil {
		return err
	}
	hide := strings.NewReplacer(p.token, "[secret]")
	for _, stream := range []string{"stdout", "stderr"} {
		p.out = append(p.out, &lineWriter{to: p.session.log, stream: stream, now: h.now, hide: hide})
	}
	cmd.Stdout, cmd.Stderr = p.out[0], p.out[1]
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes open
	cmd.SysProcAttr = h.confine.attributes(p.uid)
	if err := h.starter.start(cmd); err != nil {
		return err
	}
	p.cmd = cmd
	p.host.workers.wg.Go(p.watch) // ends with the process, before run does
	if err := p.note(); err != nil {
		return err
	}
	return order.send(alive)
}

// watch waits for the agent's own process.
func (p *process) watch() {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.exit = "exit status 0"
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		p.exit = err.Error()
	}
	p.mu.Unlock()
	for _, w := range p.out {
		w.finish()
	}
	close(p.exited)
}

// end leaves nothing of the process.
func (p *process) end() {
	if p.cmd != nil {
		p.terminate()
		p.host.confine.killRest(p)
	}
	if p.alive != nil {
		_ = p.alive.Close()
	}
	if p.transport != nil {
		p.transport.CloseIdleConnections()
	}
	p.host.credentials.forget(p)
	p.host.models.forget(p)
	p.session.log.close()
	p.removeFiles()
}

// healthy tells whether the process came through its start.
func (p *process) healthy() bool {
	select {
	case <-p.settled:
		return p.err == nil
	default:
		return false
	}
}

func (p *process) pid() int {
	if !p.healthy() {
		return 0
	}
	return p.cmd.Process.Pid
}

func (p *process) portText() string {
	if p.port == 0 {
		return ""
	}
	return strconv.Itoa(p.port)
}

// link names the process to the server.
func (p *process) link() hostlink.Process {
	return hostlink.Process{RuntimeARN: p.spec.RuntimeARN, RuntimeID: p.spec.RuntimeID, Version: p.spec.Version, SessionID: p.session.key.sessionID, UserKey: p.session.user}
}

// connect opens a connection to the agent, to nobody else.
func (p *process) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	if p.socket != "" {
		return d.DialContext(ctx, "unix", p.socket)
	}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", p.portText()))
	if err != nil {
		return nil, err
	}
	if err := p.host.confine.checkPort(p); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
