package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// TestLaunchWaitsForTheBuild: it asks on while the agent host installs what the agent requires, longer than a client tries
// again by itself, and makes one runtime.
func TestLaunchWaitsForTheBuild(t *testing.T) {
	w := newWorkshop(t)
	w.must("configure", "-e", "agent.py", "--name", "slow")
	for range 6 {
		w.host.refusals = append(w.host.refusals, hostlink.Errorf(hostlink.CodeBuilding, "it is being built"))
	}
	says(t, w.must("launch"), "✓ Runtime ready, version 1")
	if len(w.host.refusals) != 0 {
		t.Errorf("the agent host was asked %d times less", len(w.host.refusals))
	}
	list, err := w.Client(w.Root).Control.ListAgentRuntimes(t.Context(), &control.ListAgentRuntimesInput{})
	if err != nil || len(list.AgentRuntimes) != 1 {
		t.Errorf("%d runtimes, %v", len(list.AgentRuntimes), err)
	}
}

// TestLaunchTellsWhatTheInstallerSaid: at once, and the version before stays.
func TestLaunchTellsWhatTheInstallerSaid(t *testing.T) {
	w := launched(t)
	was := read(t, projectFileName)
	w.host.refusals = []error{&hostlink.Error{Code: hostlink.CodeBuild, Message: "the agent's Python environment could not be built (exit status 1); the installer's last lines say why",
		Log: "Collecting nothing\nERROR: No matching distribution found for nothing\n"}}
	w.fails(1, "the installer's last lines say why:\n    Collecting nothing\n    ERROR: No matching distribution found for nothing ", "launch")
	if got := read(t, projectFileName); got != was {
		t.Errorf("the file changed to\n%s", got)
	}
	list, err := w.Client(w.Root).Control.ListAgentRuntimeVersions(t.Context(), &control.ListAgentRuntimeVersionsInput{AgentRuntimeId: ptr(w.agent().id())})
	if err != nil || len(list.AgentRuntimes) != 1 {
		t.Errorf("%d versions, %v", len(list.AgentRuntimes), err)
	}
}

// pythons puts interpreters of these versions, by name, on the PATH of the commands, and makes the instance one for
// development.
func (w *workshop) pythons(versions map[string]string) {
	w.t.Helper()
	bin := w.t.TempDir()
	for name, version := range versions {
		script := fmt.Sprintf("#!/bin/sh\necho %s\n", version)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
			w.t.Fatal(err)
		}
	}
	w.vars["PATH"], w.vars["LANYARD_DEV_ISSUER"] = bin+":relative", w.URL+"/devidp"
}

// TestConfigureTakesThePythonOfThisMachine: agents of a development instance run here.
func TestConfigureTakesThePythonOfThisMachine(t *testing.T) {
	w := newWorkshop(t)
	w.pythons(map[string]string{"python3": "3.11", "python3.13": "3.13"})
	out := w.must("configure", "-e", "agent.py", "--name", "here")
	says(t, out, "Runtime: PYTHON_3_11")
	saysNot(t, out, "This machine has")
	saysNot(t, w.must("configure", "-e", "agent.py", "--name", "other", "--runtime", "PYTHON_3_13"), "This machine has")

	out = w.must("configure", "-e", "agent.py", "--name", "missing", "--runtime", "PYTHON_3_12")
	const says311 = "! This machine has Python 3.11 and not 3.12: the agent runs with 3.11. Record it with: agentcore configure -e agent.py --name missing --runtime PYTHON_3_11"
	says(t, out, "Runtime: PYTHON_3_12", says311)
	says(t, w.must("launch"), says311)

	w.pythons(map[string]string{"python3": "2.7"})
	says(t, w.must("configure", "-e", "agent.py", "--name", "old"), "Runtime: "+defaultPython, "This machine has Python 2.7")
	w.pythons(nil)
	write(t, "relative/python3", "#!/bin/sh\necho 3.10\n")
	if err := os.Chmod("relative/python3", 0o700); err != nil { //nolint:gosec // it is a program, which must not run
		t.Fatal(err)
	}
	says(t, w.must("configure", "-e", "agent.py", "--name", "none"), "Runtime: "+defaultPython, "There is no Python on this machine's PATH")
}

// TestWorkingFitsItsLine: a step says how long it takes once it takes long, and never more than its line has room for.
func TestWorkingFitsItsLine(t *testing.T) {
	for _, width := range []int{40, 60, 80} {
		var b strings.Builder
		now := cliNow
		d := &terminal{w: &b, live: true, width: width, now: func() time.Time { now = now.Add(time.Minute); return now }}
		d.working("installing what " + requirementsName + " names")()
		first, _, _ := strings.Cut(strings.TrimPrefix(b.String(), clearLine), clearLine)
		if n := columnsOf(first); n > width || !strings.HasSuffix(first, " 1m") {
			t.Errorf("%d columns for %q, of %d", n, first, width)
		}
	}
}
