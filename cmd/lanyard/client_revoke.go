package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

// revokeOptions say which grants to take back.
type revokeOptions struct {
	workload, provider, user string
	yes, local, asJSON       bool
}

func revokeCommand(env *environment) *cobra.Command {
	var o revokeOptions
	c := &cobra.Command{
		Use: "revoke [GRANT-ID...]", Args: understood(cobra.ArbitraryArgs),
		Short: "Take grants back, at the provider and here, with a receipt for each",
		Long: "Take grants back: out of use here first, then revoked at the provider, whose answer is the receipt. Name them by id, or all " +
			"that match --user, --provider and --workload; they are listed, and revoked when that is confirmed.\n\n" +
			"A grant whose provider could not be told stays out of use, and the same command tells it again. --local forgets grants " +
			"without telling the provider, for one that is gone for ever: what it issued may live on there.",
		Example: "  lanyard grants revoke gr-0f1e2d3c\n  lanyard grants revoke --user alice --yes\n  lanyard grants revoke --provider github --json --yes",
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, args); err != nil {
			return err
		}
		return connected(env, func(ctx context.Context, c *client.Client, ids []string) error {
			return revokeGrants(ctx, cmd, env, c, o, ids)
		})(cmd, args)
	}
	c.Flags().StringVar(&o.workload, "workload", "", "all of this workload identity")
	c.Flags().StringVar(&o.provider, "provider", "", "all at this credential provider")
	c.Flags().StringVar(&o.user, "user", "", "all of this user")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&o.local, "local", false, "forget them here without telling the provider")
	c.Flags().BoolVar(&o.asJSON, "json", false, "one receipt a line, as JSON; needs --yes")
	return c
}

func (o *revokeOptions) check(cmd *cobra.Command, args []string) error {
	filtered := o.workload != "" || o.provider != "" || o.user != ""
	switch {
	case filtered == (len(args) > 0):
		return misused(cmd, "say which grants: ids, or --user, --provider or --workload")
	case o.asJSON && !o.yes:
		return misused(cmd, "--json leaves no room to ask; add --yes")
	}
	return nil
}

func revokeGrants(ctx context.Context, cmd *cobra.Command, env *environment, c *client.Client, o revokeOptions, ids []string) error {
	grants, err := o.find(ctx, c, ids)
	if err != nil {
		return err
	}
	t := newTerminal(env)
	if len(grants) == 0 {
		if !o.asJSON {
			t.line(span{dim, "No grant is left to revoke"})
		}
		return t.err
	}
	if ok, err := o.confirmed(cmd, env, t, grants); err != nil || !ok {
		return err
	}
	return revokeEach(ctx, t, c, o, grants)
}

// find are the grants that are named, or all that match and are not revoked yet. One that is named need not be listed:
// revoking it again tells its receipt.
func (o *revokeOptions) find(ctx context.Context, c *client.Client, ids []string) ([]api.GrantItem, error) {
	var found []api.GrantItem
	for _, id := range ids {
		id, err := wholeGrantID(ctx, c, id)
		if err != nil {
			return nil, err
		}
		found = append(found, api.GrantItem{ID: id})
	}
	if len(ids) > 0 {
		return o.described(ctx, c, found)
	}
	for g, err := range c.Grants(ctx, api.ListGrantsRequest{Workload: o.workload, Provider: o.provider, User: userKey(o.user)}) {
		if err != nil {
			return nil, err
		}
		if g.State != "revoked" {
			found = append(found, g)
		}
	}
	return found, nil
}

// described fills in what the list of grants says of those that are named.
func (o *revokeOptions) described(ctx context.Context, c *client.Client, named []api.GrantItem) ([]api.GrantItem, error) {
	if o.yes {
		return named, nil // nobody will read it
	}
	at := map[string]int{}
	for i := range named {
		at[named[i].ID] = i
	}
	for g, err := range c.Grants(ctx, api.ListGrantsRequest{}) {
		if err != nil {
			return nil, err
		}
		if i, ok := at[g.ID]; ok {
			named[i] = g
			if delete(at, g.ID); len(at) == 0 {
				break
			}
		}
	}
	return named, nil
}

// confirmed lists what would end and asks. Where nobody can answer, nothing is revoked.
func (o *revokeOptions) confirmed(cmd *cobra.Command, env *environment, t *terminal, grants []api.GrantItem) (bool, error) {
	if o.yes {
		return true, nil
	}
	ask := newAsker(env, t, false)
	if !ask.asks() {
		return false, misused(cmd, "revoke asks before it ends %s, and there is no terminal to ask on; add --yes", plural(len(grants), "grant"))
	}
	rows := make([][]span, len(grants))
	for i := range grants {
		g := &grants[i]
		rows[i] = []span{plainly(dash(g.State)), {accent, g.Workload + " → " + g.Provider}, plainly(dash(shownUser(g.User))), {dim, strings.Join(g.Scopes, " ")}, {dim, t.shortID(g.ID)}}
	}
	t.table([]string{"STATE", "FROM → AT", "USER", "SCOPES", "ID"}, rows, "SCOPES")
	what := "Revoke " + plural(len(grants), "grant") + " at the provider?"
	if o.local {
		what = "Forget " + plural(len(grants), "grant") + " here, and leave what the provider issued alive?"
	}
	ok, err := ask.yes(what+" It cannot be undone.", false)
	if err == nil && !ok {
		t.line(plainly("Nothing was revoked."))
	}
	return ok, err
}

// revokeEach goes on after a failure: one provider that is down must not keep the others' grants alive. What failed is
// told at the end, by the exit code too.
func revokeEach(ctx context.Context, t *terminal, c *client.Client, o revokeOptions, grants []api.GrantItem) error {
	var rows [][]span
	failed := 0
	for i := range grants {
		doing := fmt.Sprintf("revoking %d of %d: %s", i+1, len(grants), grants[i].ID)
		r, err := during(t, doing, func() (*api.RevokeGrantResponse, error) { return o.revoke(ctx, t, c, &grants[i], len(grants) == 1) })
		if err != nil {
			return err
		}
		if r.Outcome == api.OutcomeFailed {
			failed++
		}
		if o.asJSON {
			if err := writeJSONLine(t.w, r); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, receiptRow(t, r))
	}
	if !o.asJSON {
		t.table([]string{"OUTCOME", "FROM → AT", "USER", "ID", "RECEIPT"}, rows, "RECEIPT")
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s could not be revoked at the provider. Those that were reached are out of use here; run the same command again to tell the provider, or add --local to forget them", failed, plural(len(grants), "grant"))
	}
	return t.err
}

// revoke takes one grant back. Of several, one that is refused is a failed receipt among the others.
func (o *revokeOptions) revoke(ctx context.Context, t *terminal, c *client.Client, g *api.GrantItem, alone bool) (*api.RevokeGrantResponse, error) {
	r, err := c.RevokeGrant(ctx, &api.RevokeGrantRequest{GrantID: g.ID, LocalOnly: o.local})
	if err == nil || alone || ctx.Err() != nil {
		return r, err
	}
	return &api.RevokeGrantResponse{GrantID: g.ID, Workload: g.Workload, Provider: g.Provider, User: g.User,
		Outcome: api.OutcomeFailed, Receipt: err.Error(), At: api.Timestamp(t.now())}, nil
}

func receiptRow(t *terminal, r *api.RevokeGrantResponse) []span {
	look := map[string]span{
		api.OutcomeRevoked: {good, "revoked"}, api.OutcomeAlreadyRevoked: {good, "already revoked"},
		api.OutcomeNotSupported: {warn, "not supported"}, api.OutcomeDeletedLocally: {warn, "deleted locally"}, api.OutcomeFailed: {bad, "failed"},
	}
	state, ok := look[r.Outcome]
	if !ok {
		state = span{warn, r.Outcome}
	}
	receipt := r.Receipt
	if n := len(r.AlsoEnded); n > 0 {
		receipt += "; " + plural(n, "other grant") + " of the user ended with it"
	}
	return []span{state, {accent, r.Workload + " → " + r.Provider}, plainly(dash(shownUser(r.User))), {dim, t.shortID(r.GrantID)}, {dim, receipt}}
}
