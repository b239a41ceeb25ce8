package host

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// listen decides where the agent answers: Python agents on a socket that they inherit, which nobody else can open and no
// other program can take first; others on a free port of the loopback interface.
func (p *process) listen(cmd *exec.Cmd) error {
	p.transport = &http.Transport{
		DialContext: p.connect, DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: keepIdle,
		MaxResponseHeaderBytes: 64 << 10, WriteBufferSize: 32 << 10, ReadBufferSize: 32 << 10,
	}
	if !p.spec.Python() {
		port, err := p.host.ports.free()
		p.port = port
		return err
	}
	p.socket = filepath.Join(p.host.sockets, p.nonce)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("the agent's socket: %w", err)
	}
	defer closeRead(ln)
	ln.SetUnlinkOnClose(false)
	f, err := ln.File()
	if err != nil {
		return fmt.Errorf("the agent's socket: %w", err)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	return nil
}

// keepIdle is below the five seconds after which common servers close an idle connection: a request that is sent just
// then is lost, and one with a body cannot be sent again.
const keepIdle = 3 * time.Second

// socketDir makes the directory of sockets, which only the host can enter. A socket's path is short (unix(7): 108
// bytes), so a long state directory's sockets are elsewhere.
func socketDir(state string) (string, error) {
	dir := filepath.Join(state, "sock")
	if len(dir) > 64 {
		return os.MkdirTemp("", "lanyard-host-")
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// ports hands out free loopback ports, none twice within a short time.
type ports struct{ recent chan int }

func newPorts() *ports { return &ports{recent: make(chan int, 256)} }

func (p *ports) free() (int, error) {
	for range 64 {
		ln, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, fmt.Errorf("a free port: %w", err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		if err := ln.Close(); err != nil {
			return 0, fmt.Errorf("a free port: %w", err)
		}
		if p.fresh(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free loopback port was found")
}

// fresh tells whether the port was not handed out lately, and notes it.
func (p *ports) fresh(port int) bool {
	seen := false
	for range len(p.recent) {
		q := <-p.recent
		seen = seen || q == port
		p.recent <- q
	}
	if seen {
		return false
	}
	if len(p.recent) == cap(p.recent) {
		<-p.recent
	}
	p.recent <- port
	return true
}
