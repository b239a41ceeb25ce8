package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/lanyard-id/lanyard/api"
)

// agentRuntime reads a runtime's latest version.
func (c *cloud) agentRuntime(ctx context.Context, id string) (*api.GetAgentRuntimeResponse, error) {
	return c.GetAgentRuntime(ctx, &api.GetAgentRuntimeRequest{ID: id})
}

// uploadArchive hands the packed code to the agent host, and returns where a runtime finds it.
func (c *cloud) uploadArchive(ctx context.Context, a *archive) (api.S3Location, error) {
	out, err := c.UploadAgentArchive(ctx, a.file, a.sha)
	if err != nil {
		return api.S3Location{}, err
	}
	return api.S3Location{Bucket: out.Bucket, Prefix: out.Prefix}, nil
}

// launchedAgent is what launch --json prints.
type launchedAgent struct {
	Name      string   `json:"name"`
	ARN       string   `json:"agentRuntimeArn"`
	ID        string   `json:"agentRuntimeId"`
	Version   string   `json:"agentRuntimeVersion"`
	Updated   bool     `json:"updated"`
	Role      string   `json:"roleArn"`
	Providers []string `json:"credentialProviders"`
	Audiences []string `json:"audiences"`
	Archive   string   `json:"archiveSha256"`
}

func (l *launch) result() launchedAgent {
	out := launchedAgent{Name: l.a.name, ARN: l.a.arn(), ID: l.a.id(), Version: l.version, Updated: l.updated, Role: l.role,
		Providers: namesOf(l.a.providers()), Audiences: []string{}, Archive: l.archive.sha}
	if s := l.a.jwt(); s.Enabled {
		out.Audiences = append(out.Audiences, s.Audiences...)
	}
	return out
}

// launched is the panel after launch.
func (t *terminal) launched(l *launch) {
	name, what := programName(l.env), "Agent launched"
	if l.updated {
		what = "Agent updated"
	}
	flag := l.flag()
	t.line()
	t.panel(newPanel("✅ Deployment Success", good).head(what).gap().
		field("Agent Name", l.a.name).
		field("Agent ARN", l.a.arn()).
		field("Version", l.version).
		field("Execution Role", l.role).gap().
		head("Next Steps:").
		add(plainly("  "), span{accent, name + " status" + flag}).
		add(plainly("  "), span{accent, name + ` invoke '{"prompt": "Hello"}'` + flag}).gap().
		head("Logs:").
		add(plainly("  "), span{accent, name + " logs -f" + flag}))
}

// flag names the agent in a command, where it has to be named.
func (l *launch) flag() string {
	if textAt(l.a.project.doc, "default_agent") == l.a.name || len(l.a.project.names()) == 1 {
		return ""
	}
	return " --agent " + l.a.name
}

func plural(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return strconv.Itoa(n) + " " + of + "s"
}

func sizeInWords(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KB", n>>10)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
}

func roleMissing(env *environment, a *agent) error {
	return fmt.Errorf("the execution role %s of agent %s does not exist. Let launch make one: %s configure -e %s --execution-role ''",
		a.roleARN(), a.name, programName(env), shortPath(textAt(a.doc(), "entrypoint")))
}
