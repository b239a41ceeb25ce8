package host

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	sigTerm = syscall.SIGTERM
	sigInt  = syscall.SIGINT
	sigKill = syscall.SIGKILL
)

// signalGroup signals a process and those it started that stayed in its group.
func signalGroup(pid int, sig syscall.Signal) {
	_ = syscall.Kill(-pid, sig) // gone already
}

// drop takes the limits and gives up root for good.
func (o *order) drop() error {
	unix.Umask(o.Umask)
	for _, l := range o.Limits {
		if err := setLimit(l); err != nil {
			return err
		}
	}
	if o.UID == 0 {
		return nil
	}
	if err := syscall.Setgroups([]int{}); err != nil {
		return fmt.Errorf("giving up groups: %w", err)
	}
	if err := syscall.Setgid(o.UID); err != nil {
		return fmt.Errorf("taking group %d: %w", o.UID, err)
	}
	if err := syscall.Setuid(o.UID); err != nil {
		return fmt.Errorf("taking user id %d: %w; choose uids that this system maps", o.UID, err)
	}
	if os.Getuid() != o.UID || os.Geteuid() != o.UID || syscall.Setuid(0) == nil {
		return fmt.Errorf("user id %d could not be taken for good", o.UID)
	}
	return nil
}

// setLimit lowers a limit; one that is lower already stays.
func setLimit(l limit) error {
	var was unix.Rlimit
	if err := unix.Getrlimit(l.Resource, &was); err != nil {
		return fmt.Errorf("limit %d: %w", l.Resource, err)
	}
	most := min(l.Value, was.Max)
	if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
		return fmt.Errorf("limit %d: %w", l.Resource, err)
	}
	return nil
}

// become replaces this program by the agent's. The order's pipe closes with it.
func (o *order) become(in *os.File) error {
	path, err := o.program()
	if err != nil {
		return err
	}
	unix.CloseOnExec(int(in.Fd()))
	if err := o.orphaned(in); err != nil {
		return err
	}
	if err := unix.Exec(path, o.Args, o.Env); err != nil {
		return fmt.Errorf("%s cannot be executed: %w%s", path, err, execHint(err))
	}
	return nil
}

func execHint(err error) string {
	switch {
	case errors.Is(err, unix.EACCES):
		return "; it must be executable, in a directory that every user may enter"
	case errors.Is(err, unix.ENOEXEC):
		return "; a script needs a first line such as #!/bin/sh"
	}
	return ""
}

// orphaned tells whether the host ended while this child was being prepared.
func (o *order) orphaned(in *os.File) error {
	fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 0); err == nil && n > 0 && fds[0].Revents&unix.POLLHUP != 0 {
		return fmt.Errorf("the agent host has gone")
	}
	return nil
}

// limits are those of an agent's process.
func (l Limits) forProcess(ownUser bool) []limit {
	out := []limit{
		{unix.RLIMIT_CORE, 0}, // a core file holds every token of the process
		{unix.RLIMIT_NOFILE, uint64(l.OpenFiles)},
		{unix.RLIMIT_DATA, uint64(l.Memory)}, // counts what is written to; address space alone is free, and runtimes reserve much
		{unix.RLIMIT_FSIZE, uint64(l.FileSize)},
	}
	if ownUser { // the kernel counts processes by user
		out = append(out, limit{unix.RLIMIT_NPROC, uint64(l.Processes)})
	}
	return out
}

// readLink is os.Readlink for /proc, where a process may vanish at any time.
func readLink(path string) string {
	s, err := os.Readlink(path)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(s, " (deleted)")
}

// signalOne kills one process and tells whether it was there.
func signalOne(pid int) bool { return syscall.Kill(pid, sigKill) == nil }
