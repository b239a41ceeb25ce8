package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

type launchOptions struct {
	agent, tag                            string
	env                                   []string
	local, localBuild, codeBuild, rebuild bool
	adopt, asJSON                         bool
	variables                             map[string]api.Sensitive
	interval                              time.Duration // between looks at a runtime that is being made
}

// readyTime is how long launch waits for a runtime.
const readyTime = 2 * time.Minute

func launchCommand(env *environment) *cobra.Command {
	o := launchOptions{interval: time.Second}
	c := &cobra.Command{
		Use: "launch", Aliases: []string{"deploy"}, Args: understood(cobra.NoArgs),
		Short: "Put the agent on the agent host, with a role of its own",
		Long: "Put the agent on the agent host: makes its role or uses the one configured, allows exactly what " + projectFileName + " says it uses, packs and uploads the code, and makes the runtime or its next version.\n\n" +
			"Launch again after every change: of code, audiences, or credential providers.",
		Example: "  " + programName(env) + " launch --env LOG_LEVEL=debug",
	}
	f := c.Flags()
	agentFlag(c, &o.agent)
	f.StringArrayVar(&o.env, "env", nil, "environment variable of the agent, KEY=VALUE; may be repeated; without any, those of the version before stay")
	f.BoolVar(&o.adopt, "auto-update-on-conflict", false, "update a runtime of the same name that this folder did not launch")
	f.BoolVarP(&o.local, "local", "l", false, "not needed: the agent host of a development instance is this machine")
	f.BoolVar(&o.localBuild, "local-build", false, "not needed: no image is built")
	f.BoolVar(&o.codeBuild, "code-build", false, "not needed: no image is built")
	f.BoolVar(&o.rebuild, "force-rebuild-deps", false, "not needed: dependencies are installed anew when the requirements change")
	f.StringVarP(&o.tag, "image-tag", "t", "", "not served: no image is built")
	jsonFlag(c, &o.asJSON)
	for name, alias := range map[string]string{"env": "env", "auto-update-on-conflict": "auc", "local-build": "lb", "force-rebuild-deps": "frd"} {
		short(c, name, alias)
	}
	if err := f.MarkHidden("code-build"); err != nil {
		panic(err)
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.settle(); err != nil {
			return misused(cmd, "%s", err)
		}
		return o.run(cmd.Context(), env)
	}
	return c
}

func (o *launchOptions) settle() error {
	switch {
	case o.local:
		return errors.New("--local: leave it out; with lanyard dev, launch runs the agent on this machine")
	case o.localBuild || o.codeBuild || o.tag != "":
		return errors.New("--local-build, --code-build and --image-tag are about images, and Lanyard runs the code itself; leave them out")
	}
	for _, pair := range o.env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return fmt.Errorf("--env %q is not KEY=VALUE", clean(name))
		}
		if o.variables == nil {
			o.variables = map[string]api.Sensitive{}
		}
		o.variables[name] = api.Sensitive(value)
	}
	return nil
}

// launch is one run of the verb.
type launch struct {
	*cloud
	o *launchOptions
	t *terminal
	a *agent

	dir, entry string
	role       string
	archive    *archive
	code       api.S3Location
	token      string // by which a request that is sent again is known
	gone       string // the runtime that was launched before, if it is no more
	updated    bool
	version    string
}

func (o *launchOptions) run(ctx context.Context, env *environment) error {
	p, err := openProject(env)
	if err != nil {
		return err
	}
	a, err := p.agent(env, o.agent)
	if err != nil {
		return err
	}
	c, err := openCloud(ctx, env, "", a.region())
	if err != nil {
		return err
	}
	l := &launch{cloud: c, o: o, t: speaker(env, o.asJSON), a: a}
	if o.rebuild {
		l.t.under("--force-rebuild-deps changes nothing: the agent host installs dependencies anew when the requirements change.")
	}
	defer func() {
		if l.archive != nil {
			l.archive.close()
		}
	}()
	for _, step := range []func(context.Context) error{l.check, l.permissions, l.upload, l.build, l.ready} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, l.result())
	}
	l.t.launched(l)
	return l.t.err
}

// check looks at all that can be wrong before anything is made.
func (l *launch) check(ctx context.Context) error {
	account, err := l.account(ctx)
	if err != nil {
		return err
	}
	if was := l.a.account(); was != "" && was != account {
		return fmt.Errorf("%s is configured for account %s, and the credentials in the environment are of account %s. Use the credentials of %s, or configure the agent for this one with: %s configure -e %s",
			l.a.name, was, account, was, programName(l.env), shortPath(textAt(l.a.doc(), "entrypoint")))
	}
	l.a.set("aws.account", account)
	l.a.set("aws.region", l.region)
	if textAt(mapAt(l.a.aws(), "network_configuration"), "network_mode") == "VPC" {
		return fmt.Errorf("%s is configured for a VPC, whose protection would not be there: agents run in the network of the agent host's machine. Set network_mode to PUBLIC in %s if that will do", l.a.name, projectFileName)
	}
	if l.dir, l.entry, err = l.a.entryPointOf(); err != nil {
		return err
	}
	if l.archive, err = during(l.t, "packing the code", func() (*archive, error) { return pack(l.dir, textAt(l.a.doc(), "requirements_file")) }); err != nil {
		return err
	}
	if python := strings.HasSuffix(l.entry, ".py") || strings.Contains(l.entry, ":"); python && !l.archive.requirements {
		return fmt.Errorf("there is no %s in %s: write one that names what the agent imports, bedrock-agentcore first", requirementsName, shortPath(l.dir))
	}
	l.t.otherPython(ctx, l.env, l.a)
	l.t.tick(fmt.Sprintf("Packed %s (%s)", plural(l.archive.files, "file"), sizeInWords(l.archive.size)))
	if len(l.archive.passed) > 0 {
		l.t.warning("Left out, because they are links that lead out of the folder or no files: " + strings.Join(l.archive.passed, ", "))
	}
	return nil
}

// permissions makes the role, and gives it what the agent needs. The file remembers the role at once: what fails later
// begins again from there.
func (l *launch) permissions(ctx context.Context) error {
	role, made, err := l.ensureRole(ctx, l.a)
	if err != nil {
		return err
	}
	l.role = role
	l.a.set("aws.execution_role", role)
	if err := l.a.project.save(); err != nil {
		return err
	}
	if made {
		l.t.tick("Execution role created: " + role)
	} else {
		l.t.tick("Execution role: " + role)
	}
	wanted := wantedPolicies(l.a)
	if err := l.permit(ctx, roleName(role), wanted); err != nil {
		return err
	}
	if _, ok := wanted[policyIdentity]; ok {
		l.t.added("✅ Identity permissions added automatically", "Providers", namesOf(l.a.providers()))
	}
	if _, ok := wanted[policyJWT]; ok {
		l.t.added("✅ AWS IAM JWT permissions added automatically", "Audiences", l.a.jwt().Audiences)
	}
	return nil
}

func namesOf(list []usedProvider) []string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name
	}
	return names
}

// added says which permissions the role has now.
func (t *terminal) added(what, of string, names []string) {
	t.line(span{good, what})
	if len(names) > 0 {
		t.line(plainly("   "+of+": "), span{accent, strings.Join(names, ", ")})
	}
}

func (l *launch) upload(ctx context.Context) error {
	code, err := during(l.t, "uploading the code", func() (api.S3Location, error) { return l.uploadArchive(ctx, l.archive) })
	if err != nil {
		return explain(err)
	}
	l.code = code
	l.t.tick("Code uploaded")
	return nil
}

// deploy makes the runtime, or its next version.
func (l *launch) deploy(ctx context.Context) error {
	cfg, err := l.configuration()
	if err != nil {
		return err
	}
	if id := l.a.id(); id != "" {
		if err = l.update(ctx, id, cfg); !client.Is(err, api.ResourceNotFoundException) {
			return explain(err)
		}
		l.gone = id
	}
	made, err := l.CreateAgentRuntime(ctx, &api.CreateAgentRuntimeRequest{Name: l.a.name, ClientToken: &l.token, Artifact: cfg.Artifact, RoleARN: cfg.RoleARN, Network: publicNetwork(),
		Authorizer: cfg.Authorizer, Headers: cfg.Headers, Protocol: cfg.Protocol, Lifecycle: cfg.Lifecycle, Environment: cfg.Environment})
	if client.Is(err, api.ConflictException) {
		return l.adopt(ctx, cfg, err)
	}
	if err != nil {
		return explain(err)
	}
	return l.remember(made.ID, made.ARN, made.Version)
}

func (l *launch) update(ctx context.Context, id string, cfg api.RuntimeConfiguration) error {
	if l.o.variables == nil {
		was, err := l.agentRuntime(ctx, id)
		if err != nil {
			return err
		}
		cfg.Environment = was.Environment
	}
	out, err := l.UpdateAgentRuntime(ctx, &api.UpdateAgentRuntimeRequest{ID: id, ClientToken: &l.token, Artifact: cfg.Artifact, RoleARN: cfg.RoleARN, Network: publicNetwork(),
		Authorizer: cfg.Authorizer, Headers: cfg.Headers, Protocol: cfg.Protocol, Lifecycle: cfg.Lifecycle, Environment: cfg.Environment})
	if err != nil {
		return err
	}
	l.updated = true
	return l.remember(out.ID, out.ARN, out.Version)
}

// adopt updates a runtime of the agent's name that the file does not know, if that is wanted.
func (l *launch) adopt(ctx context.Context, cfg api.RuntimeConfiguration, conflict error) error {
	if !l.o.adopt {
		return fmt.Errorf("%w.\nTo update that runtime, launch with --auto-update-on-conflict; to make another one, configure the agent under another name", conflict)
	}
	for r, err := range l.AgentRuntimes(ctx) {
		if err != nil {
			return explain(err)
		}
		if r.Name == l.a.name {
			return explain(l.update(ctx, r.ID, cfg))
		}
	}
	return explain(conflict)
}

func publicNetwork() *api.NetworkConfiguration { return &api.NetworkConfiguration{Mode: "PUBLIC"} }

// remember notes what was made. The session before belongs to the version before.
func (l *launch) remember(id, arn, version string) error {
	l.version = version
	l.a.set("bedrock_agentcore.agent_id", id)
	l.a.set("bedrock_agentcore.agent_arn", arn)
	l.a.set("bedrock_agentcore.agent_session_id", nil)
	return l.a.project.save()
}

// ready waits until the runtime's endpoint serves the version.
func (l *launch) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	_, err := during(l.t, "waiting for the runtime", func() (struct{}, error) { return struct{}{}, l.awaitReady(ctx) })
	if err == nil {
		l.t.tick("Runtime ready, version " + l.version)
	}
	return err
}

func (l *launch) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(l.o.interval)
	defer tick.Stop()
	for {
		r, err := l.agentRuntime(ctx, l.a.id())
		switch {
		case err != nil:
			return explain(err)
		case r.Status == api.RuntimeReady:
			return nil
		case strings.HasSuffix(r.Status, "FAILED"):
			return fmt.Errorf("the runtime %s is %s: %s", l.a.id(), r.Status, clean(r.FailureReason))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the runtime %s is still %s; look again with: %s status", l.a.id(), r.Status, programName(l.env))
		}
	}
}

// configuration is what the version consists of.
func (l *launch) configuration() (api.RuntimeConfiguration, error) {
	runtime := textAt(l.a.doc(), "runtime_type")
	if !slices.Contains(runtimeTypes, runtime) {
		e := entry{kind: pythonFile}
		if found, err := findEntry(textAt(l.a.doc(), "entrypoint")); err == nil {
			e = found
		}
		runtime = e.defaultRuntime()
	}
	cfg := api.RuntimeConfiguration{
		Artifact:    api.AgentRuntimeArtifact{Code: &api.CodeConfiguration{Code: api.CodeSource{S3: &l.code}, Runtime: runtime, EntryPoint: []string{l.entry}}},
		RoleARN:     l.role,
		Protocol:    &api.ProtocolConfiguration{Server: "HTTP"},
		Environment: l.o.variables,
	}
	life := mapAt(l.a.aws(), "lifecycle_configuration")
	if idle, most := intAt(life, "idle_runtime_session_timeout"), intAt(life, "max_lifetime"); idle != 0 || most != 0 {
		cfg.Lifecycle = &api.LifecycleConfiguration{IdleTimeout: int32OrNil(idle), MaxLifetime: int32OrNil(most)}
	}
	var authorizer api.AuthorizerConfiguration
	has, err := l.a.decoded("authorizer_configuration", &authorizer)
	if err != nil {
		return cfg, err
	}
	if has {
		cfg.Authorizer = &authorizer
	}
	var headers api.RequestHeaderConfiguration
	if has, err = l.a.decoded("request_header_configuration", &headers); has {
		cfg.Headers = &headers
	}
	return cfg, err
}

func int32OrNil(n int) *int32 {
	if n == 0 {
		return nil
	}
	v := int32(n)
	return &v
}
