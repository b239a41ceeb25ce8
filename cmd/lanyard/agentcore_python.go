package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pythonTimeout bounds the question which Python a command is.
const pythonTimeout = 20 * time.Second

// isDev tells a development instance, whose agent host is this machine.
func isDev(env *environment) bool { return env.getenv("LANYARD_DEV_ISSUER") != "" }

// pythonHere is the version, such as 3.11, with which the agent host of a development instance runs agents that name one:
// that very version, or what python3 is. It is empty where there is no Python.
func pythonHere(ctx context.Context, env *environment, wanted string) string {
	ctx, cancel := context.WithTimeout(ctx, pythonTimeout)
	defer cancel()
	for _, name := range []string{"python" + wanted, "python3"} {
		for _, dir := range filepath.SplitList(env.getenv("PATH")) {
			program := filepath.Join(dir, name)
			if !filepath.IsAbs(program) { // examining a folder must not run what lies in it
				continue
			}
			cmd := exec.CommandContext(ctx, program, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
			cmd.Env = []string{"PATH=" + env.getenv("PATH")}
			if out, err := cmd.Output(); err == nil {
				return strings.TrimSpace(string(out))
			}
		}
	}
	return ""
}

// usualPython is the runtime type of Python agents for which nobody names one: where agents run on this machine, what is
// here.
func usualPython(ctx context.Context, env *environment) string {
	if !isDev(env) {
		return defaultPython
	}
	if runtime := pythonRuntime(pythonHere(ctx, env, "")); slices.Contains(runtimeTypes, runtime) {
		return runtime
	}
	return defaultPython
}

// otherPython says that an agent runs with another Python than its runtime type names.
func (t *terminal) otherPython(ctx context.Context, env *environment, a *agent) {
	runtime := textAt(a.doc(), "runtime_type")
	if !isDev(env) || !strings.HasPrefix(runtime, "PYTHON_") {
		return
	}
	wanted := pythonVersion(runtime)
	found := pythonHere(ctx, env, wanted)
	switch {
	case found == "":
		t.warning("There is no Python on this machine's PATH, where the agent is to run. Install Python " + wanted + ".")
	case found != wanted:
		t.warning("This machine has Python " + found + " and not " + wanted + ": the agent runs with " + found + ". Record it with: " +
			programName(env) + " configure -e " + shortPath(textAt(a.doc(), "entrypoint")) + " --name " + a.name + " --runtime " + pythonRuntime(found))
	}
}
