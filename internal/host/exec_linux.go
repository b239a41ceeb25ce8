package host

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// confine arranges the file system, drops privileges and ties this process's life to the host's.
func (o *order) confine() error {
	runtime.LockOSThread() // what follows belongs to one thread, and exec keeps that of the thread that calls it
	if o.Namespaces {
		if err := o.arrange(); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up capabilities: %w", err)
	}
	if err := o.drop(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil { // no set-user-id program gives anything back
		return fmt.Errorf("giving up privileges: %w", err)
	}
	// Changing the user id cleared what the host had asked for.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tying the agent's life to the host's: %w", err)
	}
	return nil
}

// arrange hides what an agent must not see in this process's own mount table.
func (o *order) arrange() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mount table private: %w", err)
	}
	kept, err := openKept(o.Keep)
	if err != nil {
		return err
	}
	var hidden []string
	for _, step := range o.steps() { // from the root down, so that what is hidden inside something kept stays hidden
		if step.keep >= 0 {
			err = o.Keep[step.keep].bind(kept[step.keep], slices.ContainsFunc(hidden, func(dir string) bool { return within(step.path, dir) }))
		} else if isDir(step.path) {
			hidden = append(hidden, step.path)
			err = unix.Mount("tmpfs", step.path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=1m,mode=0755")
		}
		if err != nil {
			return fmt.Errorf("arranging %s: %w", step.path, err)
		}
	}
	for _, dir := range hidden {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("closing %s: %w", dir, err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	return nil
}

// openKept opens the directories before anything covers them.
func openKept(all []keep) ([]int, error) {
	out := make([]int, len(all))
	for i, k := range all {
		fd, err := unix.Open(k.Path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Path, err)
		}
		out[i] = fd
	}
	return out, nil
}

// step hides a directory, or keeps one: Keep[keep].
type step struct {
	path string
	keep int
}

// steps orders what is hidden and kept by depth. Of the same directory, hiding is last and wins.
func (o *order) steps() []step {
	var out []step
	for i, k := range o.Keep {
		out = append(out, step{k.Path, i})
	}
	for _, d := range slices.Compact(slices.Sorted(slices.Values(o.Hide))) {
		out = append(out, step{d, -1})
	}
	slices.SortStableFunc(out, func(a, b step) int { return cmp.Compare(strings.Count(a.path, "/"), strings.Count(b.path, "/")) })
	return out
}

// bind puts a directory back where it was, or over itself, read-only unless it is the session's own.
func (k keep) bind(fd int, under bool) error {
	if !under && k.Writable {
		return nil
	}
	if under {
		if err := os.MkdirAll(k.Path, 0o755); err != nil { //nolint:gosec // the way to the directory, in an empty file system
			return err
		}
	}
	from := "/proc/self/fd/" + strconv.Itoa(fd)
	if err := unix.Mount(from, k.Path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if k.Writable {
		return nil
	}
	var was unix.Statfs_t
	if err := unix.Statfs(k.Path, &was); err != nil {
		return err
	}
	return unix.Mount("", k.Path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|lockedFlags(uint64(was.Flags)), "")
}

// lockedFlags are those of a mount that a user namespace may not clear (mount_namespaces(7)).
func lockedFlags(flags uint64) uintptr {
	var out uintptr
	for have, want := range map[uint64]uintptr{
		unix.ST_NOSUID: unix.MS_NOSUID, unix.ST_NODEV: unix.MS_NODEV, unix.ST_NOEXEC: unix.MS_NOEXEC,
		unix.ST_NOATIME: unix.MS_NOATIME, unix.ST_NODIRATIME: unix.MS_NODIRATIME, unix.ST_RELATIME: unix.MS_RELATIME,
	} {
		if flags&have != 0 {
			out |= want
		}
	}
	return out
}
