package main

import (
	"context"

	"fmt"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

func statusCommand(env *environment) *cobra.Command {
	var name string
	var verbose, asJSON bool
	c := &cobra.Command{
		Use: "status", Args: understood(cobra.NoArgs), Short: "Say whether the agent is launched and ready",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return status(cmd.Context(), env, name, verbose || asJSON)
		},
	}
	agentFlag(c, &name)
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "all that is known, as JSON")
	jsonFlag(c, &asJSON)
	return c
}

// shownStatus is what status --json prints.
type shownStatus struct {
	Config   any                          `json:"config"`
	Agent    *api.GetAgentRuntimeResponse `json:"agent"`
	Endpoint *api.AgentRuntimeEndpoint    `json:"endpoint"`
	Sessions []api.RuntimeSession         `json:"sessions"`
}

func status(ctx context.Context, env *environment, name string, asJSON bool) error {
	p, err := openProject(env)
	if err != nil {
		return err
	}
	a, err := p.agent(env, name)
	if err != nil {
		return err
	}
	s := shownStatus{Config: toJSON(a.doc()), Sessions: []api.RuntimeSession{}}
	if a.id() != "" {
		c, err := openCloud(ctx, env, "", a.region())
		if err != nil {
			return err
		}
		if err := c.look(ctx, a, &s); err != nil {
			return err
		}
	}
	if asJSON {
		if s.Agent != nil {
			s.Agent.Environment = nil // may hold secrets, and is nobody's status
		}
		return writeJSONLine(env.stdout, s)
	}
	t := newTerminal(env)
	t.status(env, a, &s)
	return t.err
}

// look fetches what the instance knows. A runtime that is gone is a status too; sessions are for those who may list them.
func (c *cloud) look(ctx context.Context, a *agent, s *shownStatus) error {
	var err error
	if s.Agent, err = c.agentRuntime(ctx, a.id()); client.Is(err, api.ResourceNotFoundException) {
		s.Agent = nil
		return nil
	}
	if err != nil {
		return explain(err)
	}
	if s.Endpoint, err = c.GetAgentRuntimeEndpoint(ctx, &api.AgentRuntimeEndpointName{ID: a.id(), Name: api.DefaultEndpoint}); err != nil && !client.Is(err, api.ResourceNotFoundException) {
		return explain(err)
	}
	if list, err := c.ListRuntimeSessions(ctx, &api.ListRuntimeSessionsRequest{ID: a.id()}); err == nil {
		s.Sessions = list.Sessions
	}
	return nil
}

func (t *terminal) status(env *environment, a *agent, s *shownStatus) {
	name := programName(env)
	switch {
	case a.id() == "":
		t.panel(newPanel(a.name, warn).head("Configured - not launched").gap().
			field("File", shortPath(textAt(a.doc(), "entrypoint"))).field("Account", a.account()).field("Region", a.region()).gap().
			add(plainly("Launch it with: "), span{accent, name + " launch"}))
		return
	case s.Agent == nil:
		t.panel(newPanel(a.name, bad).head("Gone - the runtime "+a.id()+" was deleted").gap().
			add(plainly("Launch it again with: "), span{accent, name + " launch"}))
		return
	}
	r, head, frame := s.Agent, "Ready - Agent deployed and endpoint available", good
	if r.Status != api.RuntimeReady || s.Endpoint == nil || s.Endpoint.Status != api.RuntimeReady {
		head, frame = "Not ready - "+r.Status, warn
	}
	p := newPanel(a.name, frame).head(head).gap().
		field("Agent ARN", r.ARN).field("Version", r.Version).field("Endpoint", t.endpoint(s.Endpoint)).
		field("Reason", clean(r.FailureReason)).
		field("Account", a.account()).field("Region", a.region()).field("Execution Role", r.RoleARN).
		field("Network", r.Network.Mode).field("Authorization", t.authorization(a)).
		field("Created", t.moment(r.CreatedAt)).field("Updated", t.moment(r.UpdatedAt)).
		field("Last session", a.session())
	for _, session := range s.Sessions {
		p.field("Session "+clean(session.ID), clean(session.State)+", version "+clean(session.Version))
	}
	t.panel(p.gap().add(plainly("Logs: "), span{accent, name + " logs -f"}))
}

func (t *terminal) endpoint(e *api.AgentRuntimeEndpoint) string {
	if e == nil {
		return "none"
	}
	return clean(e.Name) + " " + clean(e.Status)
}

func (t *terminal) moment(at api.DateTime) string {
	v := time.Time(at)
	return t.clock(v) + " (" + t.ago(v) + ")"
}

// launchedAgentOf is an agent that has a runtime, and the connection to where it is.
func launchedAgentOf(ctx context.Context, env *environment, name string) (*project, *agent, *cloud, error) {
	p, err := openProject(env)
	if err != nil {
		return nil, nil, nil, err
	}
	a, err := p.agent(env, name)
	if err != nil {
		return nil, nil, nil, err
	}
	if a.id() == "" {
		return nil, nil, nil, fmt.Errorf("%s is configured but not launched. Launch it with: %s launch", a.name, programName(env))
	}
	c, err := openCloud(ctx, env, "", a.region())
	return p, a, c, err
}
