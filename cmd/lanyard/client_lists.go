package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

// listOptions narrow what sessions and grants show.
type listOptions struct {
	workload, provider, user string
	count                    int
	asJSON                   bool
}

func (o *listOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.workload, "workload", "", "only of this workload identity")
	c.Flags().StringVar(&o.provider, "provider", "", "only at this credential provider")
	c.Flags().StringVar(&o.user, "user", "", "only of this user")
	c.Flags().IntVarP(&o.count, "lines", "n", 50, "how many at most")
	c.Flags().BoolVar(&o.asJSON, "json", false, "one JSON object a line")
}

func (o *listOptions) wants(workload, provider, user string) bool {
	return (o.workload == "" || o.workload == workload) && (o.provider == "" || o.provider == provider) && (o.user == "" || userKey(o.user) == user)
}

func sessionsCommand(env *environment) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use: "sessions", Args: understood(cobra.NoArgs),
		Short: "List consents that are pending, done or failed, newest first",
		RunE: connected(env, func(ctx context.Context, c *client.Client, _ []string) error {
			return listSessions(ctx, env, c, o)
		}),
	}
	o.flags(c)
	return c
}

func listSessions(ctx context.Context, env *environment, c *client.Client, o listOptions) error {
	t := newTerminal(env)
	var rows [][]span
	for s, err := range c.AuthorizationSessions(ctx) {
		if err != nil {
			return err
		}
		if len(rows) == o.count {
			break
		}
		if !o.wants(s.Workload, s.Provider, s.User) {
			continue
		}
		if o.asJSON {
			if err := writeJSONLine(t.w, s); err != nil {
				return err
			}
		}
		rows = append(rows, []span{{dim, t.ago(time.Time(s.CreatedAt))}, sessionState(t, &s), {accent, s.Workload + " → " + s.Provider},
			plainly(shownUser(s.User)), {dim, strings.Join(s.Scopes, " ")}, {dim, t.shortID(s.ID)}})
	}
	if o.asJSON {
		return nil
	}
	if len(rows) == 0 {
		t.line(span{dim, "No authorization session matches. One begins when GetResourceOauth2Token finds no grant; try: lanyard demo"})
		return t.err
	}
	t.table([]string{"BEGUN", "STATUS", "FROM → AT", "USER", "SCOPES", "ID"}, rows, "SCOPES")
	return t.err
}

// sessionState says where a consent stands, with the reason of a failure.
func sessionState(t *terminal, s *api.AuthorizationSession) span {
	switch s.Status {
	case "completed":
		return span{good, "completed"}
	case "failed":
		if s.Failure != "" && s.Failure != "expired" {
			return span{bad, "failed: " + s.Failure}
		}
		return span{bad, strings.TrimSpace("failed " + s.Failure)}
	case "pending":
		return span{warn, "pending, over " + t.until(time.Time(s.ExpiresAt))}
	default:
		return span{warn, s.Status}
	}
}

func grantsCommand(env *environment) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use: "grants", Args: understood(cobra.NoArgs),
		Short: "List stored consents: who allowed which workload what, where",
		RunE: connected(env, func(ctx context.Context, c *client.Client, _ []string) error {
			return listGrants(ctx, env, c, o)
		}),
	}
	c.AddCommand(revokeCommand(env))
	o.flags(c)
	return c
}

func listGrants(ctx context.Context, env *environment, c *client.Client, o listOptions) error {
	t := newTerminal(env)
	var rows [][]span
	for g, err := range c.Grants(ctx, api.ListGrantsRequest{Workload: o.workload, Provider: o.provider, User: userKey(o.user)}) {
		if err != nil {
			return err
		}
		if len(rows) == o.count {
			break
		}
		if o.asJSON {
			if err := writeJSONLine(t.w, g); err != nil {
				return err
			}
		}
		rows = append(rows, grantRow(t, &g))
	}
	if o.asJSON {
		return nil
	}
	if len(rows) == 0 {
		t.line(span{dim, "No grant matches. A grant is made when a user consents; try: lanyard demo"})
		return t.err
	}
	head := []string{"STATE", "FROM → AT", "USER", "SCOPES", "TOKEN", "ID"}
	if !t.narrow() {
		head = append(head, "USED", "REASON")
	}
	t.table(head, rows, "SCOPES")
	return t.err
}

// narrow tells a terminal on which only what matters most has room.
func (t *terminal) narrow() bool { return t.width > 0 && t.width < 120 }

func grantRow(t *terminal, g *api.GrantItem) []span {
	state := span{good, g.State}
	if g.State != "active" {
		state = span{bad, strings.ReplaceAll(g.State, "_", " ")}
	}
	row := []span{state, {accent, g.Workload + " → " + g.Provider}, plainly(dash(shownUser(g.User))), {dim, strings.Join(g.Scopes, " ")}, plainly(expiry(t, g)), {dim, t.shortID(g.ID)}}
	if !t.narrow() {
		row = append(row, span{dim, t.ago(time.Time(g.LastUsedAt))}, span{dim, g.Reason})
	}
	return row
}

// expiry says until when the token at hand is good, and that a grant renews itself.
func expiry(t *terminal, g *api.GrantItem) string {
	switch {
	case g.State != "active":
		return "none"
	case g.AccessExpiresAt == nil:
		return "endless"
	case g.Refreshable:
		return "renews " + t.until(time.Time(*g.AccessExpiresAt))
	default:
		return "ends " + t.until(time.Time(*g.AccessExpiresAt))
	}
}

// shortID is as much of an id as tells it from others on a screen; other programs get it whole.
func (t *terminal) shortID(id string) string {
	const enough = 12
	if t.width == 0 || runes(id) <= enough || t.width >= 160 {
		return id
	}
	return string([]rune(id)[:enough])
}

const (
	wholeGrant   = len("gr-") + 32
	wholeSession = 64
	lookThrough  = 2000
)

// wholeGrantID finds the one grant whose id begins so.
func wholeGrantID(ctx context.Context, c *client.Client, prefix string) (string, error) {
	if prefix == "" || len(prefix) >= wholeGrant {
		return prefix, nil
	}
	ids := func(yield func(string, error) bool) {
		for g, err := range c.Grants(ctx, api.ListGrantsRequest{}) {
			if !yield(g.ID, err) {
				return
			}
		}
	}
	return onlyMatch("grant", prefix, ids)
}

// wholeSessionID finds the one authorization session whose id begins so.
func wholeSessionID(ctx context.Context, c *client.Client, prefix string) (string, error) {
	if prefix == "" || len(prefix) >= wholeSession {
		return prefix, nil
	}
	ids := func(yield func(string, error) bool) {
		for s, err := range c.AuthorizationSessions(ctx) {
			if !yield(s.ID, err) {
				return
			}
		}
	}
	return onlyMatch("authorization session", prefix, ids)
}

func onlyMatch(what, prefix string, ids func(func(string, error) bool)) (string, error) {
	found, n := "", 0
	for id, err := range ids {
		if err != nil {
			return "", err
		}
		if n++; n > lookThrough {
			break
		}
		if !strings.HasPrefix(id, prefix) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("more than one %s has an id that begins with %s; write more of it", what, prefix)
		}
		found = id
	}
	if found == "" {
		return "", fmt.Errorf("no %s has an id that begins with %s; write the whole id if it was deleted", what, prefix)
	}
	return found, nil
}
