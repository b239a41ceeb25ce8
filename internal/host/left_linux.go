package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// clearLeft ends processes that an earlier host of this state directory left: those with its mark, and those that its
// notes name, if they are still what they were then.
func (h *Host) clearLeft() {
	notes, err := filepath.Glob(h.path("run", "*", "pid"))
	if err == nil {
		for _, n := range notes {
			killNoted(n)
		}
	}
	killMarked(h.id + ".")
}

func killNoted(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	f := strings.Fields(string(b))
	if len(f) != 2 {
		return
	}
	if pid, err := strconv.Atoi(f[0]); err == nil && pid > 1 && startedAt(pid) == f[1] {
		signalGroup(pid, sigKill)
	}
}

// startedAt is when a process started, in the kernel's ticks (proc(5), field 22 of stat): process ids are used again.
func startedAt(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(string(b[strings.LastIndexByte(string(b), ')'):]), ") ")
	f := strings.Fields(rest)
	if !ok || len(f) < 20 {
		return ""
	}
	return f[19]
}

// catchesTerm tells whether a process has a handler for SIGTERM (proc(5), SigCgt of status).
func catchesTerm(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "\nSigCgt:")
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && mask&(1<<(uint(sigTerm)-1)) != 0
}
