package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// confinement is what this machine lets the host do to separate agents.
type confinement struct {
	root       bool
	namespaces bool
	uids       *uidPool // nil unless root
	why        string   // no namespaces because
}

// isolation says in plain words what separates agents here, and what does not.
func (c *confinement) isolation() []string {
	var out []string
	if c.namespaces {
		out = append(out, "each session has its own process ids and mount table; the state directory and hidden directories are not visible to agents")
	} else {
		out = append(out, "no namespaces ("+c.why+"): agents see the processes and files that their user id may see")
	}
	if c.root {
		out = append(out, "each session has a user id of its own")
	} else {
		out = append(out, "all sessions have the host's own user id: run the host as root for one each")
	}
	return append(out, "the network is shared: agents reach what this machine reaches, its metadata address and other agents' loopback ports included")
}

// order says what the child becomes.
func (p *process) order() (*order, error) {
	h := p.host
	args, err := p.command()
	if err != nil {
		return nil, err
	}
	o := &order{
		Args: args, Env: h.environment(p.spec, p), Dir: p.code, UID: p.uid, Umask: 0o077, Limits: h.cfg.Limits.forProcess(p.uid != 0 || h.confine.namespaces && !h.confine.root),
		Namespaces: h.confine.namespaces,
		Keep:       []keep{{p.code, false}, {p.home, true}},
	}
	for _, dir := range p.extra(p.host.find(args[0])) {
		o.Keep = append(o.Keep, keep{dir, false})
	}
	o.Hide = h.hidden(o.Keep)
	return o, nil
}

// extra are directories besides its own that the agent runs from: its environment, its interpreter's.
func (p *process) extra(program string) []string {
	var out []string
	if p.venv != "" {
		out = append(out, p.venv)
	}
	for _, path := range []string{program, p.interpreter()} {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || !filepath.IsAbs(path) || within(real, p.code) {
			continue
		}
		dir := filepath.Dir(real)
		if prefix := filepath.Dir(dir); filepath.Base(dir) == "bin" && isDir(filepath.Join(prefix, "lib")) {
			dir = prefix // an installation: the program needs what is beside it
		}
		if !slices.Contains(out, dir) && strings.Count(dir, "/") > 1 { // what is right below the root is nowhere hidden
			out = append(out, dir)
		}
	}
	return out
}

// find is where a command is on the agents' PATH.
func (h *Host) find(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range filepath.SplitList(h.cfg.Path) {
		if full := filepath.Join(dir, name); filepath.IsAbs(full) && executable(full) {
			return full
		}
	}
	return name
}

// interpreter is the program behind the environment's python, which may be anywhere.
func (p *process) interpreter() string {
	if p.venv == "" {
		return ""
	}
	return filepath.Join(p.venv, "bin", "python")
}

// hidden are the directories that a process must not see, and those on the way to what it needs that its user id could
// not pass: hiding such a directory makes the way and shows nothing else of it.
func (h *Host) hidden(kept []keep) []string {
	out := append(slices.Clone(h.cfg.Hide), h.cfg.StateDir, h.sockets)
	if !h.confine.root {
		return out
	}
	for _, k := range kept {
		for dir := filepath.Dir(k.Path); dir != "/"; dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
				out = append(out, dir)
			}
		}
	}
	return out
}

// selfOrder is what the probe tells a child: arrange everything and end.
func (h *Host) selfOrder(uid int) *order {
	return &order{Probe: true, UID: uid, Namespaces: true, Hide: []string{h.cfg.StateDir}, Limits: h.cfg.Limits.forProcess(false)}
}

func errPort(port int, what string) error {
	return fmt.Errorf("port %d %s", port, what)
}
