package main

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// identities lists what the agent used and launch did not make.
func (d *destruction) identities(ctx context.Context) error {
	for _, p := range d.a.providers() {
		if _, err := d.GetOauth2CredentialProvider(ctx, p.Name); client.Is(err, api.ResourceNotFoundException) {
			continue
		}
		d.named = true // also when it may not be read: it may be there
		d.left("credential provider "+p.Name, "aws bedrock-agentcore-control delete-oauth2-credential-provider --name "+p.Name)
	}
	if w, ok := d.a.workload(); ok {
		if _, err := d.GetWorkloadIdentity(ctx, w.Name); !client.Is(err, api.ResourceNotFoundException) {
			d.named = true
			d.left("workload identity "+w.Name, "aws bedrock-agentcore-control delete-workload-identity --name "+w.Name)
		}
	}
	if d.a.jwt().Enabled {
		d.left("web identity federation of the account, which other agents may use", "aws iam disable-outbound-web-identity-federation")
	}
	return nil
}

// entry takes the agent out of the file, and the file away with the last one. An agent whose identity resources are still
// there stays, without what was removed: identity cleanup, of this program or of the AWS toolkit, finds them by the file.
func (d *destruction) entry(context.Context) error {
	p := d.a.project
	if d.named {
		d.left("agent "+d.a.name+" in "+projectFileName+", which names the above", d.cleanupCommand())
		if d.dry {
			return nil
		}
		d.a.forgetLaunched()
		return p.save()
	}
	last := len(p.names()) == 1
	what := "agent " + d.a.name + " in " + projectFileName
	if last {
		what = projectFileName + ", whose only agent it was"
	}
	d.removed(what)
	switch {
	case d.dry:
		return nil
	case last:
		return p.delete()
	}
	p.remove(d.a.name)
	return p.save()
}

// cleanupCommand removes what the file still names, and then the agent.
func (d *destruction) cleanupCommand() string {
	name := programName(d.env)
	return name + " identity cleanup --agent " + d.a.name + " && " + name + " destroy --agent " + d.a.name
}

// forgetLaunched takes out of the file what launch put there.
func (a *agent) forgetLaunched() {
	for _, member := range []string{"agent_id", "agent_arn", "agent_session_id"} {
		a.set("bedrock_agentcore."+member, nil)
	}
	if boolAt(a.aws(), "execution_role_auto_create") {
		a.set("aws.execution_role", nil)
	}
}
