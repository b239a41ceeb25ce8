package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// prepare makes what the process needs: its files, its environment, a user id and a private directory.
func (p *process) prepare(ctx context.Context) error {
	h := p.host
	var err error
	if p.code, err = h.source(ctx, p.spec); err != nil {
		return err
	}
	if p.spec.Python() {
		if err = p.environment(ctx); err != nil {
			return err
		}
	}
	if h.confine.uids != nil {
		id, ok := h.confine.uids.take()
		if !ok {
			return hostlink.Errorf(hostlink.CodeLimit, "every user id of the agent host's range is in use; widen uids, or stop sessions")
		}
		p.uid = id
	}
	return p.makeHome()
}

// environment finds the Python environment. The agent's owner reads in its log if it is not what was asked for.
func (p *process) environment(ctx context.Context) error {
	env, py, err := p.host.python(ctx, p.spec, p.code)
	if err != nil {
		return err
	}
	p.venv = env
	if note := py.instead(p.spec.Language); note != "" {
		w := lineWriter{to: p.session.log, stream: "stderr", now: p.host.now, hide: strings.NewReplacer()}
		w.emit([]byte("lanyard: " + note))
	}
	return nil
}

func (p *process) makeHome() error {
	p.dir = p.host.path("run", p.session.key.name()+"-"+p.nonce)
	p.home = filepath.Join(p.dir, "home")
	if err := os.Mkdir(p.dir, 0o711); err != nil { //nolint:gosec // the session's user passes through it
		return err
	}
	for _, dir := range []string{p.home, filepath.Join(p.home, "tmp")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if p.uid != 0 {
			if err := os.Chown(dir, p.uid, p.uid); err != nil {
				return err
			}
		}
	}
	return nil
}

// note writes down which process this is, for the next host if this one is killed.
func (p *process) note() error {
	pid := p.cmd.Process.Pid
	return os.WriteFile(filepath.Join(p.dir, "pid"), []byte(strconv.Itoa(pid)+" "+startedAt(pid)+"\n"), 0o600)
}

func (p *process) removeFiles() {
	if p.socket != "" {
		_ = os.Remove(p.socket)
	}
	if p.dir != "" {
		if err := os.RemoveAll(p.dir); err != nil {
			p.host.log.Warn("a session's directory could not be removed", "dir", p.dir, "err", err)
		}
	}
	if p.uid != 0 {
		p.host.confine.uids.give(p.uid)
	}
}

// command is what the process executes.
func (p *process) command() ([]string, error) {
	entry := p.spec.EntryPoint
	switch {
	case p.spec.Python():
		if len(entry) > 1 && entry[0] == "opentelemetry-instrument" { // what a container's command would begin with
			entry = entry[1:]
		}
		if len(entry) != 1 {
			return nil, hostlink.Errorf(hostlink.CodeSource, "a Python agent's entry point is one file or module:variable, not %d words", len(entry))
		}
		return []string{filepath.Join(p.venv, "bin", "python"), "-c", launcher, entry[0], strconv.Itoa(listenerFD)}, nil
	case strings.HasPrefix(p.spec.Language, "NODE_"):
		return append([]string{"node"}, entry...), nil
	}
	args := append([]string{}, entry...)
	if !strings.Contains(args[0], "/") && executable(filepath.Join(p.code, args[0])) {
		args[0] = "./" + args[0]
	}
	return args, nil
}

// listenerFD is where the agent inherits its socket.
const listenerFD = 4

// inSource opens a file of a source and nothing outside it.
func inSource(code, name string) ([]byte, error) {
	root, err := os.OpenRoot(code)
	if err != nil {
		return nil, err
	}
	defer closeRead(root)
	b, err := root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Unwrap(err))
	}
	return b, nil
}
