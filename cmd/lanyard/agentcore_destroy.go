package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

type destroyOptions struct {
	agent                            string
	dryRun, force, deleteECR, asJSON bool
}

func destroyCommand(env *environment) *cobra.Command {
	var o destroyOptions
	c := &cobra.Command{
		Use: "destroy", Args: understood(cobra.NoArgs),
		Short: "Remove what launch made: the runtime, its sessions, and its role",
		Long: "Remove what launch made: the runtime with its sessions and its workload identity, and the role. What others attached to the role is detached and stays; what is left is listed with the command that removes it.\n\n" +
			"While " + projectFileName + " names credential providers or a workload identity that are still there, the agent stays in it, so that identity cleanup finds them; destroy after that takes it out.\n\n" +
			"A role that launch did not make stays, without the policies that launch gave it.",
		Example: "  " + programName(env) + " destroy --agent my_agent --force",
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd, env) },
	}
	f := c.Flags()
	agentFlag(c, &o.agent)
	f.BoolVar(&o.dryRun, "dry-run", false, "only say what would be removed")
	f.BoolVar(&o.force, "force", false, "do not ask first")
	f.BoolVar(&o.deleteECR, "delete-ecr-repo", false, "not needed: launch makes no image repository")
	jsonFlag(c, &o.asJSON)
	return c
}

// destruction is one run of the verb.
type destruction struct {
	*cloud
	shownDestruction
	t     *terminal
	a     *agent
	dry   bool
	named bool // the file names identity resources of the agent that are still there
}

// leftOver is something that stays, and how to remove it.
type leftOver struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

func (o *destroyOptions) run(cmd *cobra.Command, env *environment) error {
	ctx := cmd.Context()
	p, err := openProject(env)
	if err != nil {
		return err
	}
	a, err := p.agent(env, o.agent)
	if err != nil {
		return err
	}
	t := speaker(env, o.asJSON)
	d := &destruction{t: t, a: a, dry: o.dryRun, shownDestruction: shownDestruction{Agent: a.name, DryRun: o.dryRun, Removed: []string{}, Left: []leftOver{}}}
	if d.cloud, err = openCloud(ctx, env, "", a.region()); err != nil {
		return err
	}
	if !o.dryRun && !o.force {
		if ok, err := d.confirmed(cmd, env); err != nil || !ok {
			return err
		}
	}
	if err := d.sameAccount(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.runtime, d.executionRole, d.identities, d.entry} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("%w\nWhat was removed before is gone; run %s destroy again for the rest", err, programName(env))
		}
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, d.shownDestruction)
	}
	t.destroyed(d)
	return t.err
}

// shownDestruction is what destroy --json prints.
type shownDestruction struct {
	Agent   string     `json:"agent"`
	DryRun  bool       `json:"dryRun"`
	Removed []string   `json:"removed"`
	Left    []leftOver `json:"left"`
}

// confirmed asks. Where nobody can answer, nothing is removed.
func (d *destruction) confirmed(cmd *cobra.Command, env *environment) (bool, error) {
	ask := newAsker(env, d.t, false)
	if !ask.asks() {
		return false, misused(cmd, "destroy asks before it removes anything, and there is no terminal to ask on; add --force")
	}
	d.t.line(plainly("This removes "), span{bold, d.a.name}, plainly(" from account "+d.a.account()+" in "+d.region+":"))
	if d.a.id() != "" {
		d.t.line(plainly("  the runtime " + d.a.id() + " with its sessions and its workload identity's grants"))
	}
	if d.a.roleARN() != "" {
		d.t.line(plainly("  the role " + d.a.roleARN() + ", if launch made it"))
	}
	ok, err := ask.yes("It cannot be undone. Go on?", false)
	if err == nil && !ok {
		d.t.line(plainly("Nothing was removed."))
	}
	return ok, err
}

func (d *destruction) sameAccount(ctx context.Context) error {
	account, err := d.account(ctx)
	if err == nil && d.a.account() != "" && account != d.a.account() {
		err = fmt.Errorf("%s was launched in account %s, and the credentials in the environment are of account %s; nothing was removed", d.a.name, d.a.account(), account)
	}
	return err
}

func (d *destruction) removed(what string) { d.Removed = append(d.Removed, what) }

func (d *destruction) left(what, command string) {
	d.Left = append(d.Left, leftOver{what, command})
}

func (d *destruction) runtime(ctx context.Context) error {
	id := d.a.id()
	if id == "" {
		return nil
	}
	if !d.dry {
		_, err := d.DeleteAgentRuntime(ctx, &api.DeleteAgentRuntimeRequest{ID: id})
		if client.Is(err, api.ResourceNotFoundException) {
			return nil
		}
		if err != nil {
			return explain(err)
		}
	}
	d.removed("runtime " + id + ", its sessions and its workload identity")
	return nil
}

// executionRole removes the role that launch made, or takes launch's policies off another one.
func (d *destruction) executionRole(ctx context.Context) error {
	arn := d.a.roleARN()
	if arn == "" {
		return nil
	}
	role, err := d.role(ctx, roleName(arn))
	if err != nil || role == nil {
		return err
	}
	if others := d.sharedWith(arn); !madeByUs(role) || len(others) > 0 {
		return d.leaveRole(ctx, role, others)
	}
	if err := d.detach(ctx, role.RoleName); err != nil {
		return err
	}
	return d.deleteRole(ctx, role.RoleName)
}

// sharedWith are the other agents of the file with the same role.
func (d *destruction) sharedWith(arn string) []string {
	return slices.DeleteFunc(d.a.project.names(), func(name string) bool {
		return name == d.a.name || (&agent{project: d.a.project, name: name}).roleARN() != arn
	})
}

func (d *destruction) leaveRole(ctx context.Context, role *api.Role, others []string) error {
	name := role.RoleName
	if len(others) > 0 {
		d.left("role "+name+", which "+strings.Join(others, ", ")+" uses too", programName(d.env)+" destroy --agent "+others[0])
		return nil
	}
	inline, err := d.inline(ctx, name)
	if err != nil {
		return err
	}
	for _, p := range ownPolicies {
		if !slices.Contains(inline, p) {
			continue
		}
		if !d.dry {
			if err := d.dropInline(ctx, name, p); err != nil {
				return err
			}
		}
		d.removed("inline policy " + p + " of role " + name)
	}
	d.left("role "+name+", which launch did not make", "aws iam delete-role --role-name "+name)
	return nil
}

// detach takes off what others attached. Those policies stay, for whoever made them may need them elsewhere.
func (d *destruction) detach(ctx context.Context, role string) error {
	list, err := d.attached(ctx, role)
	if err != nil {
		return err
	}
	for _, p := range list {
		if !d.dry {
			if err := d.DetachRolePolicy(ctx, &api.RoleAttachment{RoleName: role, ARN: p.ARN}); err != nil && !refusedAs(err, "NoSuchEntity") {
				return d.inPlain("IAM DetachRolePolicy", err)
			}
		}
		if !strings.Contains(p.ARN, ":iam::aws:") {
			d.left("policy "+p.PolicyName+", detached from the role", "aws iam delete-policy --policy-arn "+p.ARN)
		}
	}
	return nil
}

func (d *destruction) deleteRole(ctx context.Context, role string) error {
	inline, err := d.inline(ctx, role)
	if err != nil {
		return err
	}
	for _, p := range inline {
		if !d.dry {
			if err := d.dropInline(ctx, role, p); err != nil {
				return err
			}
		}
		d.removed("inline policy " + p)
	}
	if !d.dry {
		if err := d.DeleteRole(ctx, role); err != nil && !refusedAs(err, "NoSuchEntity") {
			return d.inPlain("IAM DeleteRole", err)
		}
	}
	d.removed("role " + role)
	return nil
}

func (t *terminal) destroyed(d *destruction) {
	title, verb := "✅ Destroyed", "Removed"
	if d.dry {
		title, verb = "Nothing was removed yet", "Would be removed"
	}
	p := newPanel(title, good).head(verb + ":")
	for _, what := range d.Removed {
		p.add(span{good, "  ✓ "}, plainly(what))
	}
	t.panel(p)
	if len(d.Left) == 0 {
		return
	}
	t.line()
	t.line(span{bold, "Left, and how to remove it:"})
	for _, l := range d.Left {
		t.line(plainly("  " + l.What))
		t.line(plainly("      "), span{accent, l.Command})
	}
}
