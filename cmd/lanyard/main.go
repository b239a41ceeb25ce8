// Command lanyard is the one binary: it serves (dev, serve), administers the database of this machine (admin, keys) and
// talks to a running instance (env, token, demo, audit, sessions, why, doctor), and carries an agent from its file to its
// answers (configure, launch, invoke and their kin, which are all it knows when it is called agentcore).
//
// All wiring happens here, and only here are flags, files and the environment read. It protects the operator from a
// configuration that says less than it seems: every weakening is named insecure, off by default, and logged at start.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// environment is all that the program takes from outside, so that tests can run it whole.
type environment struct {
	program string // as it was called, for messages that say what to type next
	args    []string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	getenv  func(string) string
	now     func() time.Time
	version string
}

// gcPercent trades memory for time: a request allocates tens of kilobytes in a heap of a few megabytes, so the default
// of 100 would collect many times a second. GOGC overrides it.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := &environment{program: os.Args[0], args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now, version: version}
	os.Exit(run(ctx, env))
}

// run executes one command line and returns the exit code: 0 done, 1 failed, 2 not understood.
func run(ctx context.Context, env *environment) int {
	root := rootCommand(env)
	root.SetArgs(spelledOut(root, env.args))
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if c.ValidateRequiredFlags() != nil {
		err = asMisuse(c, err)
	}
	fmt.Fprintln(env.stderr, root.Name()+": "+err.Error())
	if _, ok := errors.AsType[*usageError](err); ok {
		return 2
	}
	return 1
}

// usageError is a command line that was not understood.
type usageError struct{ error }

// rootCommand is lanyard, or the verbs of an agent's life alone under the name agentcore.
func rootCommand(env *environment) *cobra.Command {
	root := lanyardCommand(env)
	if calledAgentcore(env) {
		root = agentcoreCommand(env)
	}
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see: %s --help", err, c.CommandPath())}
	})
	strict(root)
	return root
}

func lanyardCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:     "lanyard",
		Short:   "Identity and credentials for AI agents, wire-compatible with Amazon Bedrock AgentCore Identity",
		Version: env.version,
	}
	root.AddGroup(&cobra.Group{ID: "serve", Title: "Serve:"}, agentGroup(), &cobra.Group{ID: "use", Title: "Use a running instance:"}, &cobra.Group{ID: "admin", Title: "Administer:"})
	root.AddCommand(devCommand(env), serveCommand(env), frontDoorCommand(env), envCommand(env), adminCommand(env), policyCommand(env), issuerCommand(env))
	root.AddCommand(hostCommands(env)...)
	root.AddCommand(agentCommands(env)...)
	root.AddCommand(clientCommands(env)...)
	return root
}
