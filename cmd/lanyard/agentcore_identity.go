package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"
)

// identityCommand groups the verbs about what an agent may use, and as whom.
func identityCommand(env *environment) *cobra.Command {
	c := &cobra.Command{Use: "identity", Short: "Credential providers, workload identities, JWT federation and user pools of an agent"}
	c.AddCommand(
		setupJWTCommand(env), listJWTCommand(env),
		createProviderCommand(env), listProvidersCommand(env),
		createWorkloadCommand(env), updateWorkloadCommand(env),
		setupCognitoCommand(env), inboundTokenCommand(env), cleanupCommand(env),
	)
	return c
}

// regionFlag adds --region.
func regionFlag(c *cobra.Command, region *string) {
	c.Flags().StringVarP(region, "region", "r", "", "AWS region (default: the agent's, then the environment's)")
}

func jsonFlag(c *cobra.Command, asJSON *bool) {
	c.Flags().BoolVar(asJSON, "json", false, "one JSON object on the standard output")
}

// projectAgent is the default agent of the folder. Some verbs do without a file; then there is none.
func projectAgent(env *environment) (*agent, error) {
	p, err := openProjectIfAny()
	if err != nil || p.doc == nil {
		return nil, err
	}
	return p.agent(env, "")
}

// projectCloud is the default agent of the folder, nil where there is none, and the instance that its file or the
// command line means.
func projectCloud(ctx context.Context, env *environment, region string) (*agent, *cloud, error) {
	a, err := projectAgent(env)
	if err != nil {
		return nil, nil, err
	}
	c, err := openCloud(ctx, env, region, regionOf(a))
	return a, c, err
}

// onAgent runs f on the default agent of the folder, which must have one.
func onAgent(env *environment, f func(a *agent) error) error {
	p, err := openProject(env)
	if err != nil {
		return err
	}
	a, err := p.agent(env, "")
	if err != nil {
		return err
	}
	return f(a)
}

// regionOf is the region in the file.
func regionOf(a *agent) string {
	if a == nil {
		return ""
	}
	return a.region()
}

// notKept says that a verb did its work, and that the file was not there to remember it.
func (t *terminal) notKept(env *environment, what string) {
	t.warning("There is no " + projectFileName + " here, so launch will not know of " + what + ". Run " + programName(env) + " configure first, then this again.")
}

func orNone(s string) string { return cmp.Or(s, "none") }
