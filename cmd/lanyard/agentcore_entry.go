package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// entryKind is what a file is started by.
type entryKind int

const (
	pythonFile entryKind = iota
	nodeFile
	executableFile
)

// entry is the file that an agent starts from.
type entry struct {
	kind         entryKind
	path, dir    string // absolute
	requirements string // absolute; empty: none
}

// runtimeTypes are what the agent host runs.
var runtimeTypes = []string{"PYTHON_3_10", "PYTHON_3_11", "PYTHON_3_12", "PYTHON_3_13", "PYTHON_3_14", api.RuntimeNode22, api.RuntimeExecutable}

const defaultPython = "PYTHON_3_12"

var roleARNPattern = regexp.MustCompile(`^arn:aws[\w-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)

// entryNames are looked for in a folder.
var entryNames = []string{"main.py", "agent.py", "app.py", "__main__.py"}

// source finds the agent's file, and the requirements beside it.
func (o *configureOptions) source(t *terminal, ask *asker) (entry, error) {
	given := o.entrypoint
	if given == "" {
		var err error
		if given, err = ask.question("File of the agent, or its folder:", ".", func(s string) error { _, err := findEntry(s); return err }); err != nil {
			return entry{}, err
		}
	}
	e, err := findEntry(given)
	if err != nil {
		return entry{}, err
	}
	return e, o.findRequirements(t, ask, &e)
}

// findEntry takes a file, or a folder that has exactly one file with a well-known name.
func findEntry(given string) (entry, error) {
	path, err := filepath.Abs(given)
	if err != nil {
		return entry{}, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return entry{}, fmt.Errorf("-e %s: there is no such file or folder", clean(given))
	}
	if err != nil {
		return entry{}, fmt.Errorf("-e %s: %w", clean(given), err)
	}
	if !info.IsDir() {
		return entryOf(path, info)
	}
	var found []string
	for _, name := range entryNames {
		if info, err := os.Stat(filepath.Join(path, name)); err == nil && info.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return entry{}, fmt.Errorf("the folder %s has none of %s; name the agent's file with -e", clean(given), strings.Join(entryNames, ", "))
	case 1:
		return entry{kind: pythonFile, path: filepath.Join(path, found[0]), dir: path}, nil
	default:
		return entry{}, fmt.Errorf("the folder %s has %s; say which one is the agent with -e", clean(given), strings.Join(found, " and "))
	}
}

func entryOf(path string, info fs.FileInfo) (entry, error) {
	e := entry{path: path, dir: filepath.Dir(path)}
	switch ext := filepath.Ext(path); {
	case ext == ".py":
		e.kind = pythonFile
	case ext == ".js" || ext == ".mjs" || ext == ".cjs":
		e.kind = nodeFile
	case ext == ".ts" || ext == ".tsx":
		return e, fmt.Errorf("%s is TypeScript: compile it, and name the JavaScript file with -e", filepath.Base(path))
	case info.Mode().IsRegular() && info.Mode()&0o111 != 0:
		e.kind = executableFile
	default:
		return e, fmt.Errorf("%s is neither Python (.py), JavaScript (.js, .mjs, .cjs) nor executable; make a program executable with chmod +x", filepath.Base(path))
	}
	return e, nil
}

// findRequirements settles the requirements of a Python agent.
func (o *configureOptions) findRequirements(t *terminal, ask *asker, e *entry) error {
	if e.kind != pythonFile {
		if o.requirements != "" {
			return fmt.Errorf("--requirements-file is for Python agents, and %s is none", filepath.Base(e.path))
		}
		return nil
	}
	isFile := func(path string) error {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("there is no file %s", clean(path))
		}
		return nil
	}
	beside := filepath.Join(e.dir, requirementsName)
	if o.requirements == "" {
		if isFile(beside) == nil {
			e.requirements = beside
			return nil
		}
		answer, err := ask.question("Requirements of the agent, a file as pip reads it:", "", func(s string) error {
			if s == "" {
				return nil
			}
			return isFile(s)
		})
		if err != nil {
			return err
		}
		if o.requirements = answer; answer == "" {
			t.warning("there is no " + requirementsName + " beside " + filepath.Base(e.path) + ": write one that names bedrock-agentcore before you launch")
			return nil
		}
	}
	if err := isFile(o.requirements); err != nil {
		return fmt.Errorf("--requirements-file: %w", err)
	}
	if strings.HasSuffix(o.requirements, ".toml") {
		return errors.New("--requirements-file: the agent host installs a requirements.txt; make one of pyproject.toml, for instance with: uv pip compile pyproject.toml -o requirements.txt")
	}
	var err error
	e.requirements, err = filepath.Abs(o.requirements)
	return err
}

// requirementsName is the file that the agent host installs.
const requirementsName = "requirements.txt"

// suggestedName makes a name of the file's path below the working directory.
func (e entry) suggestedName() string {
	path := filepath.Base(e.path)
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, e.path); err == nil && filepath.IsLocal(rel) {
			path = rel
		}
	}
	path = strings.TrimSuffix(path, filepath.Ext(path))
	return strings.NewReplacer(" ", "_", "-", "_", ".", "_", string(filepath.Separator), "_").Replace(path)
}

func (e entry) language(wanted string) string {
	if wanted != "" {
		return wanted
	}
	if e.kind == nodeFile {
		return "typescript" // the toolkit's word for everything that Node.js runs
	}
	return "python"
}

func (e entry) defaultRuntime() string {
	return map[entryKind]string{pythonFile: defaultPython, nodeFile: api.RuntimeNode22, executableFile: api.RuntimeExecutable}[e.kind]
}

// fits tells whether a runtime can start the file.
func (e entry) fits(runtime string) error {
	kind := pythonFile
	switch {
	case !slices.Contains(runtimeTypes, runtime):
		return fmt.Errorf("%q is not one of %s", clean(runtime), strings.Join(runtimeTypes, ", "))
	case runtime == api.RuntimeNode22:
		kind = nodeFile
	case runtime == api.RuntimeExecutable:
		kind = executableFile
	}
	if kind != e.kind {
		return fmt.Errorf("--runtime %s does not start %s; leave it out for %s", runtime, filepath.Base(e.path), e.defaultRuntime())
	}
	return nil
}
