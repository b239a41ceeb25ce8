package main

import (
	"context"
	"errors"
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

// revoking is the revocation of many, one after another, and what came of each so far.
type revoking struct {
	o               *revokeOptions
	t               *terminal
	c               *client.Client
	grants          []api.GrantItem
	rows            [][]span
	failed, refused int
}

// revokeEach goes on after a failure: one provider that is down must not keep the others' grants alive. What failed is
// told at the end, by the exit code too. Where it cannot go on, the receipts so far are shown all the same: those grants
// are gone.
func revokeEach(ctx context.Context, t *terminal, c *client.Client, o revokeOptions, grants []api.GrantItem) error {
	r := &revoking{o: &o, t: t, c: c, grants: grants}
	for i := range grants {
		if err := r.one(ctx, i); err != nil {
			r.show()
			if left := len(grants) - i - 1; left > 0 {
				err = fmt.Errorf("%w. It happened at grant %s, and %s after it %s not tried", err, grants[i].ID, plural(left, "grant"), wereOf(left))
			}
			return err
		}
	}
	r.show()
	if err := r.problem(); err != nil {
		return err
	}
	return t.err
}

func wereOf(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// one takes one grant back. Of several, one that is refused is a row among the others.
func (r *revoking) one(ctx context.Context, i int) error {
	g := &r.grants[i]
	doing := fmt.Sprintf("revoking %d of %d: %s", i+1, len(r.grants), g.ID)
	got, err := during(r.t, doing, func() (*api.RevokeGrantResponse, error) {
		return r.c.RevokeGrant(ctx, &api.RevokeGrantRequest{GrantID: g.ID, LocalOnly: r.o.local})
	})
	ex, refused := errors.AsType[*api.Exception](err)
	switch {
	case err == nil:
	case !refused || len(r.grants) == 1:
		return err // Lanyard cannot be reached: the next would not be either
	default:
		r.refused++
		got = &api.RevokeGrantResponse{GrantID: g.ID, Workload: g.Workload, Provider: g.Provider, User: g.User,
			Outcome: outcomeRefused, Receipt: ex.Error(), At: api.Timestamp(r.t.now())}
	}
	if got.Outcome == api.OutcomeFailed {
		r.failed++
	}
	if r.o.asJSON {
		return writeJSONLine(r.t.w, got)
	}
	r.rows = append(r.rows, receiptRow(r.t, got))
	return nil
}

func (r *revoking) show() {
	if len(r.rows) > 0 {
		r.t.table([]string{"OUTCOME", "FROM → AT", "USER", "ID", "RECEIPT"}, r.rows, "RECEIPT")
	}
}

// problem tells what is left to do: a provider that was not told is another thing than a request that Lanyard refused.
func (r *revoking) problem() error {
	var problems []string
	of := plural(len(r.grants), "grant")
	if r.failed > 0 {
		problems = append(problems, fmt.Sprintf("%d of %s could not be revoked at the provider. They are out of use here; run the same command again to tell the provider, or add --local to forget them", r.failed, of))
	}
	if r.refused > 0 {
		problems = append(problems, fmt.Sprintf("%d of %s: Lanyard refused the request, for the reason in the receipt. What was refused is as it was", r.refused, of))
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, ". "))
}

// outcomeRefused is no outcome of the service: it answered an exception instead of a receipt.
const outcomeRefused = "refused"

func receiptRow(t *terminal, r *api.RevokeGrantResponse) []span {
	look := map[string]span{
		api.OutcomeRevoked: {good, "revoked"}, api.OutcomeAlreadyRevoked: {good, "already revoked"},
		api.OutcomeNotSupported: {warn, "not supported"}, api.OutcomeDeletedLocally: {warn, "deleted locally"}, api.OutcomeFailed: {bad, "failed"},
		outcomeRefused: {bad, "refused"},
	}
	state, ok := look[r.Outcome]
	if !ok {
		state = span{warn, r.Outcome}
	}
	receipt := r.Receipt
	if n := len(r.AlsoEnded); n > 0 {
		receipt += "; " + plural(n, "other grant") + " of the user ended with it"
	}
	return []span{state, {accent, fromAt(r.Workload, r.Provider)}, plainly(dash(shownUser(r.User))), {dim, t.shortID(r.GrantID)}, {dim, receipt}}
}

// fromAt is a dash where nothing is known of the grant, as of one that was named by its id and refused.
func fromAt(workload, provider string) string {
	if workload == "" && provider == "" {
		return dash("")
	}
	return workload + " → " + provider
}
