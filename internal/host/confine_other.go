//go:build !linux

package host

import (
	"context"
	"os"
	"syscall"
)

func (c *confinement) attributes(int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// probe finds out what this machine allows.
func (h *Host) probe(context.Context) {
	h.confine.root, h.confine.why = os.Geteuid() == 0, "this system has none"
	if h.confine.root {
		h.confine.uids = newUIDPool(h.cfg.UIDs)
	}
}

// checkPort cannot tell whose a port is here.
func (c *confinement) checkPort(*process) error { return nil }

// killRest ends what stayed in the agent's process group; what left the group is not found here.
func (c *confinement) killRest(p *process) { signalGroup(p.cmd.Process.Pid, sigKill) }

// clearLeft finds what an earlier host left by the notes alone.
func (h *Host) clearLeft() {}

func catchesTerm(int) bool { return true }

func startedAt(int) string { return "" }

func (c *confinement) protectSelf() error { return nil }
