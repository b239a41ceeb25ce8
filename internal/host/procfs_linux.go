package host

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// checkPort refuses a port that is not held by the session's own process alone: another agent may have taken it first,
// in order to be sent this session's tokens (A47). A port that is open to the network is refused as well, because
// whoever reaches it could tell the agent to be anybody.
func (c *confinement) checkPort(p *process) error {
	rows, err := listeners(p.port)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errPort(p.port, "is not listened on any more")
	}
	for _, r := range rows {
		if !c.holds(p, r) {
			return hostlink.Errorf(hostlink.CodeNotHealthy, "port %d, which was meant for this agent, is held by another process; the agent was not called", p.port)
		}
		if !r.loopback {
			return hostlink.Errorf(hostlink.CodeNotHealthy, "the agent listens on all interfaces, so that the network could call it past Lanyard; let it listen on 127.0.0.1 and the port in PORT")
		}
	}
	return nil
}

// holds tells whether a listening socket is the session's.
func (c *confinement) holds(p *process, l listening) bool {
	if p.uid != 0 { // nobody else has this user id
		return l.uid == p.uid
	}
	held := false
	p.eachProcess(func(dir string) bool {
		held = hasSocket(dir, l.inode)
		return held
	})
	return held
}

// listening is one row of the kernel's table of listening sockets.
type listening struct {
	uid      int
	inode    string
	loopback bool
}

func listeners(port int) ([]listening, error) {
	var out []listening
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(name)
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				continue // no IPv6
			}
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out = append(out, parseListeners(b, port)...)
	}
	return out, nil
}

const stateListen = "0A"

// parseListeners reads the format of proc(5): local address in the second field, state in the fourth, then uid and inode.
func parseListeners(table []byte, port int) []listening {
	suffix := fmt.Sprintf(":%04X", port)
	var out []listening
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != stateListen || !strings.HasSuffix(f[1], suffix) {
			continue
		}
		uid, err := strconv.Atoi(f[7])
		if err != nil {
			continue
		}
		out = append(out, listening{uid, f[9], loopbackHex(strings.TrimSuffix(f[1], suffix))})
	}
	return out
}

// loopbackHex reads an address of that table: 32-bit words of network order, each printed as a number of this machine.
func loopbackHex(text string) bool {
	b, err := hex.DecodeString(text)
	if err != nil || len(b)%4 != 0 {
		return false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return ok && a.Unmap().IsLoopback()
}

func hasSocket(dir, inode string) bool {
	fds, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if readLink(filepath.Join(dir, "fd", fd.Name())) == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}

// eachProcess calls f with the /proc directory of every process of the session that can be found, until f is content:
// those in its process id namespace, in its group, or with its marker.
func (p *process) eachProcess(f func(dir string) bool) {
	own := p.cmd.Process.Pid
	space := ""
	if p.host.confine.namespaces {
		space = readLink(fmt.Sprintf("/proc/%d/ns/pid", own))
	}
	mark := []byte(markerVariable + "=" + p.host.mark(p) + "\x00")
	for _, pid := range allProcesses() {
		dir := "/proc/" + strconv.Itoa(pid)
		switch {
		case pid == own, space != "" && readLink(dir+"/ns/pid") == space, space == "" && marked(dir, mark):
			if f(dir) {
				return
			}
		}
	}
}

func marked(dir string, mark []byte) bool {
	env, err := os.ReadFile(dir + "/environ")
	return err == nil && bytes.Contains(append(env, 0), mark)
}

func allProcesses() []int {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	out := make([]int, 0, len(names))
	for _, n := range names {
		if pid, err := strconv.Atoi(filepath.Base(n)); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// killRest ends whatever is left of a session after its own process. With a process id namespace the kernel did it.
func (c *confinement) killRest(p *process) {
	signalGroup(p.cmd.Process.Pid, sigKill)
	if !c.namespaces {
		killMarked(p.host.mark(p) + "\x00")
	}
}

// killMarked ends processes whose marker begins so, again and again while there are more: they may be making children.
func killMarked(prefix string) {
	mark := []byte(markerVariable + "=" + prefix)
	for range 50 {
		found := false
		for _, pid := range allProcesses() {
			if pid != os.Getpid() && marked("/proc/"+strconv.Itoa(pid), mark) {
				found = signalOne(pid) || found
			}
		}
		if !found {
			return
		}
	}
}
