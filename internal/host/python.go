package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// launcher is the program that serves a Python agent.
//
//go:embed launcher.py
var launcher string

// interpreter is a Python of this machine.
type interpreter struct{ path, version string }

// instead says that this is another Python than a language names, and nothing if it is not.
func (i interpreter) instead(language string) string {
	asked := pythonOf(language)
	if i.version == asked || strings.HasPrefix(i.version, asked+".") {
		return ""
	}
	return "this agent runs with Python " + i.version + ": Python " + asked + ", which its runtime names, is not on the agent host's path"
}

// pythonOf is the version in a language such as PYTHON_3_12.
func pythonOf(language string) string {
	return strings.ReplaceAll(strings.TrimPrefix(language, "PYTHON_"), "_", ".")
}

// interpreterTimeout bounds the question which Python a command is.
const interpreterTimeout = 20 * time.Second

// findPython returns the interpreter for a language such as PYTHON_3_12: that very version, or what python3 is.
func (h *Host) findPython(ctx context.Context, language string) (interpreter, error) {
	version := pythonOf(language)
	for _, name := range []string{"python" + version, "python3"} {
		path := h.find(name)
		if !filepath.IsAbs(path) {
			continue
		}
		if found, err := h.askPython(ctx, path); err == nil {
			return found, nil
		}
	}
	return interpreter{}, hostlink.Errorf(hostlink.CodeBuild, "neither python%s nor python3 is on the agent host's path; install Python %s, or set path in the host's configuration", version, version)
}

// askPython follows version managers' wrappers to the program itself. It runs as the host, which trusts its own PATH.
func (h *Host) askPython(ctx context.Context, path string) (interpreter, error) {
	ctx, cancel := context.WithTimeout(ctx, interpreterTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-c", "import sys; print(getattr(sys, '_base_executable', None) or sys.executable); print('%d.%d.%d' % sys.version_info[:3])")
	cmd.Env, cmd.Dir = []string{"PATH=" + h.cfg.Path}, "/"
	out, err := cmd.Output()
	if err != nil {
		return interpreter{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 || !filepath.IsAbs(lines[0]) {
		return interpreter{}, fmt.Errorf("%s does not answer as Python does", path)
	}
	real, err := filepath.EvalSymlinks(lines[0])
	return interpreter{real, lines[1]}, err
}

// python returns the environment of a Python agent, and the interpreter that it is of: the one built for the same
// requirements, or a new one.
func (h *Host) python(ctx context.Context, spec *hostlink.Spec, code string) (string, interpreter, error) {
	py, err := h.findPython(ctx, spec.Language)
	if err != nil {
		return "", py, err
	}
	env, err := h.environmentOf(ctx, py, spec, code)
	return env, py, err
}

func (h *Host) environmentOf(ctx context.Context, py interpreter, spec *hostlink.Spec, code string) (string, error) {
	requirements, err := inSource(code, spec.RequirementsFile())
	if err != nil {
		return "", hostlink.Errorf(hostlink.CodeBuild, "the agent's requirements cannot be read (%v); a Python agent needs a %s that names bedrock-agentcore", err, spec.RequirementsFile())
	}
	link := h.path("envs", h.environmentKey(py, requirements, code))
	if env, err := os.Readlink(link); err == nil {
		h.touch(filepath.Dir(env))
		return env, nil
	}
	done := h.flights.DoChan(link, func() (any, error) {
		if env, err := os.Readlink(link); err == nil {
			return env, nil
		}
		return h.workers.do(func() (any, error) { return h.build(py, filepath.Join(code, spec.RequirementsFile()), code, link) })
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// environmentKey names an environment by all that decides what is in it. Requirements that refer to other files belong
// to one source alone.
func (h *Host) environmentKey(py interpreter, requirements []byte, code string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00", py.path, py.version, requirements)
	for _, name := range slices.Sorted(maps.Keys(h.cfg.InstallerVariables)) {
		fmt.Fprintf(sum, "%s=%s\x00", name, h.cfg.InstallerVariables[name])
	}
	for line := range bytes.Lines(requirements) {
		if l := strings.TrimSpace(string(line)); strings.HasPrefix(l, "-") || strings.HasPrefix(l, ".") || strings.Contains(l, "file:") || strings.Contains(l, "@") {
			fmt.Fprintf(sum, "%s", code)
			break
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// build makes an environment where it stays, because its scripts name their directory, and shows it under its key only
// when it is complete.
func (h *Host) build(py interpreter, requirements, code, link string) (string, error) {
	select { // a queue of its own: a start that waits for a build keeps its place in the line of starts
	case h.builds <- struct{}{}:
		defer func() { <-h.builds }()
	case <-h.life.Done():
		return "", hostlink.Errorf(hostlink.CodeStopping, "the agent host is being shut down")
	}
	ctx, cancel := context.WithTimeout(h.life, h.cfg.Times.Build)
	defer cancel()
	dir := link + "." + randomText(6)
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // every session's user reads it
		return "", err
	}
	b := &build{host: h, py: py, dir: dir, code: code, requirements: requirements}
	if err := b.run(ctx); err != nil {
		h.log.Warn("a Python environment could not be built", "requirements", requirements, "err", err)
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	if err := os.Symlink(b.env(), link); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	h.log.Info("a Python environment was built", "python", py.version, "dir", dir)
	return b.env(), nil
}

// build is one run of the installer. Packages run code of their own while they are installed, so it is confined as an
// agent is, under the one user id that no session has.
type build struct {
	host                    *Host
	py                      interpreter
	dir, code, requirements string
	out                     outputTail
}

func (b *build) env() string { return filepath.Join(b.dir, "env") }

func (b *build) run(ctx context.Context) error {
	uid := 0
	if b.host.confine.uids != nil {
		uid = b.host.confine.uids.builder()
		if err := os.Chown(b.dir, uid, uid); err != nil {
			return err
		}
	}
	for _, args := range b.commands() {
		if err := b.host.runConfined(ctx, b.order(args, uid), &b.out); err != nil {
			return b.failed(ctx, err)
		}
	}
	if uid == 0 {
		return nil
	}
	return os.Chown(b.dir, 0, 0)
}

func (b *build) commands() [][]string {
	python := filepath.Join(b.env(), "bin", "python")
	if uv := b.host.find("uv"); filepath.IsAbs(uv) && !b.host.pipConfigured() {
		return [][]string{
			{uv, "venv", "--quiet", "--no-config", "--python", b.py.path, b.env()},
			{uv, "pip", "install", "--quiet", "--no-config", "--no-cache", "--python", python, "-r", b.requirements},
		}
	}
	return [][]string{
		{b.py.path, "-I", "-m", "venv", b.env()},
		{python, "-I", "-m", "pip", "install", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--quiet", "-r", b.requirements},
	}
}

// pipConfigured tells whether the operator told pip where to fetch from: uv does not read that.
func (h *Host) pipConfigured() bool {
	return slices.ContainsFunc([]string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONFIG_FILE", "PIP_TRUSTED_HOST", "PIP_CERT"}, func(name string) bool {
		return h.cfg.InstallerVariables[name] != ""
	})
}

func (b *build) order(args []string, uid int) *order {
	h := b.host
	vars := map[string]string{"PATH": h.cfg.Path, "HOME": b.dir, "TMPDIR": b.dir, "LANG": "C.UTF-8", markerVariable: h.id + ".build"}
	maps.Copy(vars, h.cfg.InstallerVariables)
	o := &order{Args: args, Env: pairs(vars), Dir: b.code, UID: uid, Umask: 0o022, Limits: h.cfg.Limits.forProcess(false), Namespaces: h.confine.namespaces,
		Keep: []keep{{b.code, false}, {b.dir, true}}}
	p := &process{host: h, code: b.code}
	for _, program := range []string{b.py.path, args[0]} {
		for _, dir := range p.extra(program) {
			if !within(dir, b.dir) && !slices.ContainsFunc(o.Keep, func(k keep) bool { return k.Path == dir }) {
				o.Keep = append(o.Keep, keep{dir, false})
			}
		}
	}
	o.Hide = h.hidden(o.Keep)
	return o
}

func (b *build) failed(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it took longer than %s", b.host.cfg.Times.Build)
	}
	return &hostlink.Error{Code: hostlink.CodeBuild, Log: b.out.text(),
		Message: "the agent's Python environment could not be built (" + err.Error() + "); the installer's last lines say why"}
}
