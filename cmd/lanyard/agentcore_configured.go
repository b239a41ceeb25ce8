package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// speaker writes for people: to the standard output, or beside it where that is another program's input.
func speaker(env *environment, asJSON bool) *terminal {
	if !asJSON {
		return newTerminal(env)
	}
	aside := *env
	aside.stdout = env.stderr
	return newTerminal(&aside)
}

// configured is the panel after configure.
func (t *terminal) configured(env *environment, a *agent) {
	name := programName(env)
	aws := a.aws()
	p := newPanel("✅ Configuration Success", good).head("Agent").
		field("Name", a.name).
		field("Entrypoint", shortPath(textAt(a.doc(), "entrypoint"))).
		field("Runtime", cmp.Or(textAt(a.doc(), "runtime_type"), defaultPython)).
		field("Region", a.region()).
		field("Account", a.account()).gap().
		head("Protection").
		field("Execution role", cmp.Or(a.roleARN(), "made by launch")).
		field("Authorization", t.authorization(a)).
		field("Headers passed on", strings.Join(textsAt(mapAt(a.doc(), "request_header_configuration"), "requestHeaderAllowlist"), ", ")).
		field("Idle timeout", secondsOf(intAt(mapAt(aws, "lifecycle_configuration"), "idle_runtime_session_timeout"))).
		field("Max lifetime", secondsOf(intAt(mapAt(aws, "lifecycle_configuration"), "max_lifetime"))).
		field("Memory", "Disabled").gap().
		add(plainly("Saved to "), span{accent, projectFileName}).gap().
		head("Next Steps:").
		add(plainly("1. "), span{accent, name + " launch"}).
		add(plainly("2. "), span{accent, name + ` invoke '{"prompt": "Hello"}'`})
	t.line()
	t.panel(p)
}

func (t *terminal) authorization(a *agent) string {
	inner := mapAt(a.doc(), "authorizer_configuration", "customJWTAuthorizer")
	if len(inner) == 0 {
		return "IAM (callers sign with AWS credentials)"
	}
	return "JWT of " + textAt(inner, "discoveryUrl")
}

func secondsOf(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d s", n)
}

// shortPath is a path as seen from the working directory.
func shortPath(path string) string {
	wd, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, filepath.FromSlash(path)); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// listedAgent is one line of configure list.
type listedAgent struct {
	Name       string `json:"name"`
	Default    bool   `json:"default"`
	Entrypoint string `json:"entrypoint"`
	Region     string `json:"region"`
	Account    string `json:"account"`
	ARN        string `json:"agentRuntimeArn,omitempty"`
}

func configureListCommand(env *environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Args: understood(cobra.NoArgs), Short: "List the agents of " + projectFileName,
		RunE: func(*cobra.Command, []string) error {
			p, err := openProject(env)
			if err != nil {
				return err
			}
			return listAgents(env, p, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

func listAgents(env *environment, p *project, asJSON bool) error {
	t := newTerminal(env)
	var rows [][]span
	for _, name := range p.names() {
		a := &agent{project: p, name: name}
		l := listedAgent{Name: name, Default: textAt(p.doc, "default_agent") == name, Entrypoint: shortPath(textAt(a.doc(), "entrypoint")), Region: a.region(), Account: a.account(), ARN: a.arn()}
		if asJSON {
			if err := writeJSONLine(env.stdout, l); err != nil {
				return err
			}
			continue
		}
		mark, state := " ", span{dim, "configured"}
		if l.Default {
			mark = "*"
		}
		if l.ARN != "" {
			state = span{good, "launched"}
		}
		rows = append(rows, []span{plainly(mark), {bold, name}, plainly(l.Entrypoint), plainly(l.Account), plainly(l.Region), state})
	}
	if len(rows) > 0 {
		t.table([]string{" ", "AGENT", "FILE", "ACCOUNT", "REGION", "STATE"}, rows, "FILE")
	}
	return t.err
}

func setDefaultCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "set-default AGENT", Args: understood(cobra.ExactArgs(1)), Short: "Choose the agent that verbs mean without --agent",
		ValidArgsFunction: completeAgents,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := openProject(env)
			if err != nil {
				return err
			}
			a, err := p.agent(env, args[0])
			if err != nil {
				return err
			}
			set(&p.doc, "default_agent", a.name)
			if err := p.save(); err != nil {
				return err
			}
			t := newTerminal(env)
			t.tick(a.name + " is the default agent")
			return t.err
		},
	}
}

// completeAgents offers the names of the file to the shell.
func completeAgents(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := openProjectIfAny()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.names(), cobra.ShellCompDirectiveNoFileComp
}

// agentFlag adds --agent.
func agentFlag(c *cobra.Command, name *string) {
	c.Flags().StringVarP(name, "agent", "a", "", "agent of "+projectFileName+" (default: its default_agent)")
	complete(c, "agent", completeAgents)
}

// choices offers values of a flag to the shell.
func choices(c *cobra.Command, flag string, values ...string) {
	complete(c, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func complete(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the flag does not exist, or has one already
	}
}

// configureChoices are offered to the shell.
func configureChoices(c *cobra.Command) {
	choices(c, "runtime", runtimeTypes...)
	choices(c, "deployment-type", deployDirect, deployContainer)
	choices(c, "language", "python", "typescript")
	choices(c, "protocol", "HTTP")
	choices(c, "region", "us-west-2", "us-east-1", "eu-central-1")
	if err := c.MarkFlagFilename("entrypoint", "py", "js", "mjs", "cjs"); err != nil {
		panic(err)
	}
}
