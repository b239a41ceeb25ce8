package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

func stopSessionCommand(env *environment) *cobra.Command {
	var name, session string
	var asJSON bool
	c := &cobra.Command{
		Use: "stop-session", Args: understood(cobra.NoArgs), Short: "End a session of the agent",
		Long: "End a session of the agent: its process stops, and what it held in memory is gone. Without --session-id it is the last session that invoke used.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return stopSession(cmd.Context(), env, name, session, asJSON)
		},
	}
	agentFlag(c, &name)
	c.Flags().StringVarP(&session, "session-id", "s", "", "session to end (default: the last one)")
	jsonFlag(c, &asJSON)
	return c
}

// stoppedSession is what stop-session --json prints.
type stoppedSession struct {
	Agent   string `json:"agent"`
	Session string `json:"runtimeSessionId"`
	Stopped bool   `json:"stopped"`
}

func stopSession(ctx context.Context, env *environment, name, session string, asJSON bool) error {
	p, a, c, err := launchedAgentOf(ctx, env, name)
	if err != nil {
		return err
	}
	if session = cmp.Or(session, a.session()); session == "" {
		return fmt.Errorf("%s has no session that is known here; name one with --session-id, as %s status lists them", a.name, programName(env))
	}
	_, err = c.StopRuntimeSession(ctx, &api.StopRuntimeSessionRequest{Runtime: a.arn(), Qualifier: ptr(api.DefaultEndpoint), SessionID: session})
	gone := client.Is(err, api.ResourceNotFoundException)
	if err != nil && !gone {
		return explain(err)
	}
	if a.session() == session {
		a.set("bedrock_agentcore.agent_session_id", nil)
		if err := p.save(); err != nil {
			return err
		}
	}
	if asJSON {
		return writeJSONLine(env.stdout, stoppedSession{a.name, session, !gone})
	}
	t := newTerminal(env)
	if gone {
		t.tick("Session " + session + " had ended already")
	} else {
		t.tick("Session " + session + " of " + a.name + " stopped")
	}
	return t.err
}
