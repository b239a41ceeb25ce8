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

	"github.com/goccy/go-yaml"
)

// projectFileName is the file that the verbs share with the AWS toolkit. Both write it whole, so what either does not
// know must survive here: members, their order and comments are kept.
const projectFileName = ".bedrock_agentcore.yaml"

// project is the file and the agents in it.
type project struct {
	path     string
	doc      yaml.MapSlice
	comments yaml.CommentMap
}

// projectPath is the file of the working directory.
func projectPath() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("the working directory is unknown: %w", err)
	}
	return filepath.Join(dir, projectFileName), nil
}

// openProject reads the file of the working directory, which must exist.
func openProject(env *environment) (*project, error) {
	p, err := openProjectIfAny()
	if err == nil && p.doc == nil {
		return nil, fmt.Errorf("there is no %s here, so no agent is configured in this folder. Configure one with:\n\n    %s configure -e agent.py", projectFileName, programName(env))
	}
	return p, err
}

// openProjectIfAny reads the file, or returns a project without agents.
func openProjectIfAny() (*project, error) {
	path, err := projectPath()
	if err != nil {
		return nil, err
	}
	p := &project{path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", projectFileName, err)
	}
	return p, p.parse(b)
}

func (p *project) parse(b []byte) error {
	p.comments = yaml.CommentMap{}
	if err := yaml.UnmarshalWithOptions(b, &p.doc, yaml.UseOrderedMap(), yaml.CommentToMap(p.comments)); err != nil {
		return fmt.Errorf("%s is no YAML that can be read, and was left as it is:\n%s", projectFileName, yaml.FormatError(err, false, true))
	}
	if p.doc == nil {
		p.doc = yaml.MapSlice{}
	}
	if agents, ok := lookup(p.doc, "agents"); ok && agents != nil {
		if _, ok := agents.(yaml.MapSlice); !ok {
			return fmt.Errorf("%s: agents is not a map from names to agents", projectFileName)
		}
		return nil
	}
	return p.adoptSingle()
}

// adoptSingle turns the toolkit's first form, one agent at the top, into today's.
func (p *project) adoptSingle() error {
	name, named := lookup(p.doc, "name")
	if _, ok := lookup(p.doc, "entrypoint"); !ok || !named {
		return nil
	}
	text, ok := name.(string)
	if !ok {
		return fmt.Errorf("%s: name is not a text", projectFileName)
	}
	p.doc = yaml.MapSlice{{Key: "default_agent", Value: text}, {Key: "agents", Value: yaml.MapSlice{{Key: text, Value: p.doc}}}}
	p.comments = nil // their places have moved
	return nil
}

// save writes the file as one step.
func (p *project) save() error {
	b, err := p.encode()
	if err != nil {
		return fmt.Errorf("writing %s: %w", projectFileName, err)
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(p.path); err == nil {
		mode = info.Mode().Perm()
	}
	return replaceFile(p.path, b, mode)
}

// encode writes YAML in the manner of the toolkit, so that a change shows as that change alone.
func (p *project) encode() ([]byte, error) {
	quoteAccounts(p.doc)
	opts := []yaml.EncodeOption{yaml.UseSingleQuote(true), yaml.UseLiteralStyleIfMultiline(true)}
	if len(p.comments) > 0 {
		opts = append(opts, yaml.WithComment(p.comments))
	}
	b, err := yaml.MarshalWithOptions(p.doc, opts...)
	if err != nil && len(p.comments) > 0 { // a comment whose member is gone
		p.comments = nil
		return p.encode()
	}
	return b, err
}

// singleQuoted is a text that is written with quotes whatever it looks like: scripts cut account ids out between them.
type singleQuoted string

// MarshalYAML writes the quotes.
func (s singleQuoted) MarshalYAML() ([]byte, error) {
	return []byte("'" + strings.ReplaceAll(string(s), "'", "''") + "'"), nil
}

func quoteAccounts(doc yaml.MapSlice) {
	for _, item := range mapAt(doc, "agents") {
		aws := mapAt(asMap(item.Value), "aws")
		if account := textAt(aws, "account"); account != "" {
			set(&aws, "account", singleQuoted(account))
		}
	}
}

// names are the agents, in the order of the file.
func (p *project) names() []string {
	var names []string
	for _, item := range mapAt(p.doc, "agents") {
		if name, ok := item.Key.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// agent returns the agent of that name; without a name, the default one or the only one.
func (p *project) agent(env *environment, name string) (*agent, error) {
	names := p.names()
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no agent; configure one with: %s configure -e agent.py", projectFileName, programName(env))
	}
	if name == "" {
		name = textAt(p.doc, "default_agent")
	}
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if name == "" {
		return nil, fmt.Errorf("%s has several agents and no default_agent; choose one with --agent: %s", projectFileName, strings.Join(names, ", "))
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("%s has no agent %q; it has %s", projectFileName, name, strings.Join(names, ", "))
	}
	return &agent{project: p, name: name}, nil
}

// put adds an agent or replaces it, and makes it the default.
func (p *project) put(name string, doc yaml.MapSlice) *agent {
	agents := mapAt(p.doc, "agents")
	set(&agents, name, doc)
	set(&p.doc, "default_agent", name)
	set(&p.doc, "agents", agents)
	return &agent{project: p, name: name}
}

// remove takes an agent out. The default becomes the first of the others.
func (p *project) remove(name string) {
	agents := slices.DeleteFunc(mapAt(p.doc, "agents"), func(i yaml.MapItem) bool { return i.Key == name })
	set(&p.doc, "agents", agents)
	if textAt(p.doc, "default_agent") != name {
		return
	}
	if left := p.names(); len(left) > 0 {
		set(&p.doc, "default_agent", left[0])
		return
	}
	set(&p.doc, "default_agent", nil)
}

// delete removes the file.
func (p *project) delete() error {
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", projectFileName, err)
	}
	return nil
}

var agentNamePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,47}$`)

func checkAgentName(name string) error {
	if agentNamePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q is not an agent's name: a letter, then at most 47 letters, digits and underscores", clean(name))
}
