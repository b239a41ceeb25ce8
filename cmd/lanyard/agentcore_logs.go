package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/spf13/cobra"
)

func agentLogsCommand(env *environment) *cobra.Command {
	var name, session string
	var follow, asJSON bool
	var tail int
	c := &cobra.Command{
		Use: "logs", Args: understood(cobra.NoArgs), Short: "Print what the agent wrote to its standard output and error",
		Example: "  " + programName(env) + " logs -f",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if tail < 1 || tail > 100000 {
				return misused(cmd, "--tail %d is not between 1 and 100000", tail)
			}
			in := &api.GetRuntimeLogsRequest{Tail: int32OrNil(tail), Follow: follow}
			if session != "" {
				in.SessionID = &session
			}
			return agentLogs(cmd.Context(), env, name, in, asJSON)
		},
	}
	agentFlag(c, &name)
	c.Flags().StringVarP(&session, "session-id", "s", "", "one session alone")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written later, until Ctrl-C")
	c.Flags().IntVarP(&tail, "tail", "n", 200, "how many lines to begin with")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

// logLine is one line of logs --json.
type logLine struct {
	Line string `json:"line"`
}

func agentLogs(ctx context.Context, env *environment, name string, in *api.GetRuntimeLogsRequest, asJSON bool) error {
	_, a, c, err := launchedAgentOf(ctx, env, name)
	if err != nil {
		return err
	}
	in.ID = a.id()
	body, err := c.GetRuntimeLogs(ctx, in)
	if err != nil {
		return explain(err)
	}
	defer body.Close()
	t := newTerminal(env)
	err = eachLine(body, func(line string) error {
		if asJSON {
			return writeJSONLine(env.stdout, logLine{line})
		}
		t.write(cleanLines(line) + "\n")
		return t.err
	})
	if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return nil // Ctrl-C is how following ends
	}
	return err
}

// eachLine hands out lines as they come, the last one even without an end.
func eachLine(r io.Reader, f func(line string) error) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			if err := f(strings.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the log broke off: %w", err)
		}
	}
}
