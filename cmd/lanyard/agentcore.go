package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The verbs of an agent's life: configure, launch, invoke, status, logs, stop-session, destroy, identity. They are what
// people know from the AgentCore toolkit, and share its file .bedrock_agentcore.yaml. The binary has them as its own
// commands, and is only them when it is called by the name agentcore.

// agentcoreName is the name under which the binary is the verbs alone.
const agentcoreName = "agentcore"

// programName is what to type in messages that say what to do next.
func programName(env *environment) string {
	if calledAgentcore(env) {
		return agentcoreName
	}
	return "lanyard"
}

func calledAgentcore(env *environment) bool {
	return strings.TrimSuffix(filepath.Base(env.program), ".exe") == agentcoreName
}

// agentCommands are the verbs.
func agentCommands(env *environment) []*cobra.Command {
	list := []*cobra.Command{
		configureCommand(env), launchCommand(env), invokeCommand(env), statusCommand(env),
		agentLogsCommand(env), stopSessionCommand(env), destroyCommand(env), identityCommand(env),
	}
	for _, c := range list {
		c.GroupID = "agents"
	}
	return list
}

func agentGroup() *cobra.Group { return &cobra.Group{ID: "agents", Title: "Run agents:"} }

// agentcoreCommand is the root of a binary called agentcore.
func agentcoreCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   agentcoreName,
		Short: "Configure, launch and invoke agents on Lanyard",
		Long: "Configure, launch and invoke agents on Lanyard, with the verbs and the file of the AgentCore toolkit.\n\n" +
			"A first agent:\n\n    agentcore configure -e agent.py\n    agentcore launch\n    agentcore invoke '{\"prompt\": \"Hello\"}'\n\n" +
			"Lanyard's own commands (dev, serve, token, audit and more) are under the name lanyard.",
		Version: env.version,
	}
	root.AddGroup(agentGroup())
	root.AddCommand(agentCommands(env)...)
	return root
}

// The toolkit's short flags may have several letters (-dm, -ni), which POSIX flags cannot. A flag says that it has such a
// name with this annotation, and spelledOut writes the long one before the command line is parsed.
const shortAnnotation = "lanyard-short"

// short gives a flag a second name of several letters, and says so in its help.
func short(c *cobra.Command, name, alias string) {
	f := c.Flags().Lookup(name)
	f.Usage += " (-" + alias + ")"
	if err := c.Flags().SetAnnotation(name, shortAnnotation, []string{alias}); err != nil {
		panic(err) // the flag was just found
	}
}

// spelledOut replaces the short flags of the command that a command line calls. Nothing behind "--" is touched, nor the
// value of a flag.
func spelledOut(root *cobra.Command, args []string) []string {
	c, rest, err := root.Find(args)
	if err != nil || c == root {
		return args
	}
	long := longNames(c)
	if len(long) == 0 {
		return args
	}
	out := slices.Clone(args)
	at := len(args) - len(rest) // what Find leaves comes last
	value := false
	for i := at; i < len(out) && (value || out[i] != "--"); i++ {
		if value {
			value = false
			continue
		}
		name, given, isSet := strings.Cut(out[i], "=")
		if to, ok := long[name]; ok {
			if out[i] = to; isSet {
				out[i] += "=" + given
			}
		}
		value = wantsValue(c, out[i])
	}
	return out
}

func longNames(c *cobra.Command) map[string]string {
	long := map[string]string{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		for _, alias := range f.Annotations[shortAnnotation] {
			long["-"+alias] = "--" + f.Name
		}
	})
	return long
}

// wantsValue tells whether the next argument is this flag's value.
func wantsValue(c *cobra.Command, arg string) bool {
	var f *pflag.Flag
	switch {
	case strings.Contains(arg, "="):
	case strings.HasPrefix(arg, "--"):
		f = c.Flags().Lookup(arg[2:])
	case strings.HasPrefix(arg, "-") && len(arg) == 2:
		f = c.Flags().ShorthandLookup(arg[1:])
	}
	return f != nil && f.NoOptDefVal == ""
}
