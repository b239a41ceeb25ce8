package main

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/spf13/cobra"
)

type workloadOptions struct {
	name, urls, add, replace, region string
	asJSON                           bool
	given                            func(flag string) bool
}

func createWorkloadCommand(env *environment) *cobra.Command {
	var o workloadOptions
	c := &cobra.Command{
		Use: "create-workload-identity", Args: understood(cobra.NoArgs),
		Short:   "Register an identity for an agent that runs elsewhere",
		Long:    "Register a workload identity, for an agent that runs elsewhere than on Lanyard's agent host (launch registers one by itself).",
		Example: "  " + programName(env) + " identity create-workload-identity --return-urls https://app.example.com/oauth2/callback",
	}
	c.Flags().StringVarP(&o.name, "name", "n", "", "name (default: the agent's, with -workload)")
	c.Flags().StringVar(&o.urls, "return-urls", "", "where browsers may come back to after consent, separated by commas")
	regionFlag(c, &o.region)
	jsonFlag(c, &o.asJSON)
	c.RunE = func(cmd *cobra.Command, _ []string) error { return o.create(cmd.Context(), env) }
	return c
}

func updateWorkloadCommand(env *environment) *cobra.Command {
	var o workloadOptions
	c := &cobra.Command{
		Use: "update-workload-identity --name NAME", Args: understood(cobra.NoArgs),
		Short: "Change where browsers may come back to after consent",
	}
	f := c.Flags()
	f.StringVarP(&o.name, "name", "n", "", "name of the workload identity (required)")
	f.StringVar(&o.add, "add-return-urls", "", "URLs to add, separated by commas")
	f.StringVar(&o.replace, "set-return-urls", "", "URLs to have in place of all others, separated by commas")
	regionFlag(c, &o.region)
	jsonFlag(c, &o.asJSON)
	o.given = f.Changed
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case o.name == "":
			return misused(cmd, "--name is missing: name the workload identity")
		case o.given("add-return-urls") == o.given("set-return-urls"):
			return misused(cmd, "give either --add-return-urls or --set-return-urls")
		}
		return o.update(cmd.Context(), env)
	}
	return c
}

func (o *workloadOptions) create(ctx context.Context, env *environment) error {
	a, c, err := projectCloud(ctx, env, o.region)
	if err != nil {
		return err
	}
	if o.name == "" && a != nil {
		o.name = a.name + "-workload"
	}
	if o.name == "" {
		o.name = "workload-" + strings.ToLower(rand.Text()[:8])
	}
	made, err := c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: o.name, ReturnURLs: commaList(o.urls)})
	if err != nil {
		return explain(err)
	}
	return o.show(env, a, "Workload Identity Created", usedWorkload{made.Name, made.ARN, commaList(o.urls)}, nil)
}

func (o *workloadOptions) update(ctx context.Context, env *environment) error {
	a, c, err := projectCloud(ctx, env, o.region)
	if err != nil {
		return err
	}
	was, err := c.GetWorkloadIdentity(ctx, o.name)
	if err != nil {
		return explain(err)
	}
	urls := commaList(o.replace)
	if o.given("add-return-urls") {
		urls = slices.Clone(was.ReturnURLs)
		for _, u := range commaList(o.add) {
			if !slices.Contains(urls, u) {
				urls = append(urls, u)
			}
		}
	}
	if _, err := c.UpdateWorkloadIdentity(ctx, &api.UpdateWorkloadIdentityRequest{Name: o.name, ReturnURLs: urls}); err != nil {
		return explain(err)
	}
	if w, ok := workloadOf(a); ok && w.Name != o.name {
		a = nil // the file is about another one
	}
	return o.show(env, a, "Workload Identity Updated", usedWorkload{o.name, was.ARN, urls}, was.ReturnURLs)
}

func workloadOf(a *agent) (usedWorkload, bool) {
	if a == nil {
		return usedWorkload{}, false
	}
	return a.workload()
}

// show notes the workload identity in the file and draws it.
func (o *workloadOptions) show(env *environment, a *agent, title string, w usedWorkload, before []string) error {
	if a != nil {
		a.setWorkload(w)
		if err := a.project.save(); err != nil {
			return err
		}
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, w)
	}
	t := newTerminal(env)
	t.workloadSheet(title, w, before)
	if a != nil {
		t.tick("Saved to " + projectFileName)
	}
	return t.err
}

func (t *terminal) workloadSheet(title string, w usedWorkload, before []string) {
	rows := [][2]string{{"Name", w.Name}, {"ARN", w.ARN}}
	if before != nil {
		rows = append(rows, [2]string{"Before", orNone(strings.Join(before, "\n"))})
	}
	rows = append(rows, [2]string{"Return URLs", orNone(strings.Join(w.ReturnURLs, "\n"))})
	t.sheet(title, [2]string{"Property", "Value"}, rows)
}
