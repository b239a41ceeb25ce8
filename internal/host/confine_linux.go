package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const nsFlags = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC

// attributes of the child that becomes an agent.
func (c *confinement) attributes(int) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if !c.namespaces {
		return a
	}
	a.Cloneflags = nsFlags
	if !c.root { // a user namespace gives the right to the others; the child gives it up before it becomes the agent
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	return a
}

// probeTimeout bounds the one child that tells whether namespaces are to be had.
const probeTimeout = 10 * time.Second

// probe finds out what this machine allows.
func (h *Host) probe(ctx context.Context) {
	c := &h.confine
	c.root = os.Geteuid() == 0
	if c.root {
		c.uids = newUIDPool(h.cfg.UIDs)
	}
	if h.cfg.InsecureNoNamespaces {
		c.why = "insecure_no_namespaces is set"
		return
	}
	c.namespaces = true
	if err := h.tryChild(ctx); err != nil {
		c.namespaces, c.why = false, cleanLine(err.Error())
	}
}

func (h *Host) tryChild(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	defer out.Close()
	uid := 0
	if h.confine.root {
		uid = h.confine.uids.builder()
	}
	cmd := exec.CommandContext(ctx, h.cfg.Self[0], h.cfg.Self[1:]...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = []string{}, "/", []*os.File{in}
	cmd.SysProcAttr = h.confine.attributes(uid)
	cmd.SysProcAttr.Pdeathsig = 0 // the thread that starts it may end before it does
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := h.selfOrder(uid).send(out); err != nil { // fits into the pipe
		return err
	}
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(said.String()); text != "" {
			return errors.New(text)
		}
		return err
	}
	return nil
}

// protectSelf keeps agents of the same user from reading this process's memory and environment (ptrace(2), proc(5)).
// Where they have process ids of their own they cannot name this process; there it is left out, because the kernel would
// not let an unprivileged process that is protected so make user namespaces.
func (c *confinement) protectSelf() error {
	if c.namespaces && !c.root {
		return nil
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
