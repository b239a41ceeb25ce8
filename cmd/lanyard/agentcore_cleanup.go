package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

var poolIDPattern = regexp.MustCompile(`^[\w-]+_[0-9a-zA-Z]+$`)

type cleanupOptions struct {
	agent         string
	force, asJSON bool
}

func cleanupCommand(env *environment) *cobra.Command {
	var o cleanupOptions
	c := &cobra.Command{
		Use: "cleanup", Args: understood(cobra.NoArgs),
		Short: "Remove the agent's credential providers, workload identity and user pools",
		Long:  "Remove the credential providers and the workload identity that " + projectFileName + " lists for the agent, with their grants and secrets, the user pools of setup-cognito, and the role's permission for them.",
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd, env) },
	}
	agentFlag(c, &o.agent)
	c.Flags().BoolVarP(&o.force, "force", "f", false, "do not ask first")
	jsonFlag(c, &o.asJSON)
	return c
}

// clearance is one run of the verb.
type clearance struct {
	*cloud
	t       *terminal
	a       *agent // nil without a file
	pools   []*poolSetup
	removed []string
}

func (o *cleanupOptions) run(cmd *cobra.Command, env *environment) error {
	ctx := cmd.Context()
	k := &clearance{t: speaker(env, o.asJSON), removed: []string{}}
	if err := k.find(env, o.agent); err != nil {
		return err
	}
	if !o.force {
		if ok, err := k.confirmed(cmd, env); err != nil || !ok {
			return err
		}
	}
	var err error
	if k.cloud, err = openCloud(ctx, env, "", regionOf(k.a)); err != nil {
		return err
	}
	if err := errors.Join(k.clearAgent(ctx), k.clearPools(ctx)); err != nil {
		return err
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, map[string][]string{"removed": k.removed})
	}
	for _, what := range k.removed {
		k.t.tick("Removed " + what)
	}
	if len(k.removed) == 0 {
		k.t.line(plainly("There was nothing to remove."))
	}
	return k.t.err
}

// find reads what there is to remove.
func (k *clearance) find(env *environment, name string) error {
	p, err := openProjectIfAny()
	if err != nil {
		return err
	}
	for _, flow := range []string{flowUser, flowM2M} {
		s, err := readPools(flow)
		if err != nil {
			return err
		}
		if s != nil {
			k.pools = append(k.pools, s)
		}
	}
	if p.doc == nil && len(k.pools) > 0 && name == "" {
		return nil
	}
	if p, err = openProject(env); err != nil {
		return err
	}
	k.a, err = p.agent(env, name)
	return err
}

func (k *clearance) confirmed(cmd *cobra.Command, env *environment) (bool, error) {
	ask := newAsker(env, k.t, false)
	if !ask.asks() {
		return false, misused(cmd, "cleanup asks before it removes anything, and there is no terminal to ask on; add --force")
	}
	k.t.line(span{bold, "This removes, with grants and secrets:"})
	if k.a != nil {
		for _, p := range k.a.providers() {
			k.t.line(plainly("  credential provider " + p.Name))
		}
		if w, ok := k.a.workload(); ok {
			k.t.line(plainly("  workload identity " + w.Name))
		}
	}
	for _, s := range k.pools {
		k.t.line(plainly("  user pools " + s.Runtime.PoolID + " and " + s.Identity.PoolID))
	}
	ok, err := ask.yes("It cannot be undone. Go on?", false)
	if err == nil && !ok {
		k.t.line(plainly("Nothing was removed."))
	}
	return ok, err
}

// clearAgent removes what the file lists for the agent. What is gone already is as good; what cannot be removed stays
// listed.
func (k *clearance) clearAgent(ctx context.Context) error {
	if k.a == nil {
		return nil
	}
	var all error
	var kept []any
	for i, p := range k.a.providers() {
		if err := k.DeleteOauth2CredentialProvider(ctx, p.Name); err != nil && !client.Is(err, api.ResourceNotFoundException) {
			all = errors.Join(all, explain(err))
			kept = append(kept, listAt(mapAt(k.a.doc(), "identity"), "credential_providers")[i])
			continue
		}
		k.removed = append(k.removed, "credential provider "+p.Name)
	}
	if kept == nil {
		kept = []any{}
	}
	k.a.set("identity.credential_providers", kept)
	if w, ok := k.a.workload(); ok {
		if err := k.DeleteWorkloadIdentity(ctx, w.Name); err != nil && !client.Is(err, api.ResourceNotFoundException) {
			all = errors.Join(all, explain(err))
		} else {
			k.a.set("identity.workload", nil)
			k.removed = append(k.removed, "workload identity "+w.Name)
		}
	}
	if arn := k.a.roleARN(); arn != "" && identityDocument(k.a) == "" {
		if role, err := k.role(ctx, roleName(arn)); err != nil {
			all = errors.Join(all, err)
		} else if role != nil {
			all = errors.Join(all, k.dropInline(ctx, roleName(arn), policyIdentity))
		}
	}
	return errors.Join(all, k.a.project.save())
}

func (k *clearance) clearPools(ctx context.Context) error {
	for _, s := range k.pools {
		if err := k.deletePools(ctx, s); err != nil {
			return err
		}
		k.removed = append(k.removed, "user pools "+s.Runtime.PoolID+" and "+s.Identity.PoolID)
		for _, name := range []string{setupFile(s.Flow), setupEnv(s.Flow)} {
			if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("removing %s: %w", name, err)
			}
		}
	}
	return nil
}
