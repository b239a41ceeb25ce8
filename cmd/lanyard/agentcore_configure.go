package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

type configureOptions struct {
	entrypoint, name, role, requirements, authorizer, headers, region, runtime, language, protocol string
	deployment, ecr, buildRole, bucket, container, subnets, groups                                 string
	disableOtel, disableMemory, vpc, create, never, verbose, asJSON                                bool
	idle, lifetime                                                                                 int
	python                                                                                         string // runtime type of Python agents by default
	given                                                                                          func(flag string) bool
}

func configureCommand(env *environment) *cobra.Command {
	var o configureOptions
	c := &cobra.Command{
		Use: "configure -e FILE", Args: understood(cobra.NoArgs),
		Short: "Describe an agent in " + projectFileName,
		Long: "Describe an agent in " + projectFileName + ", the file that the other verbs and the AWS toolkit read. An agent that is there already keeps what is not named.\n\n" +
			"On a terminal it asks for what the flags leave open; -ni never asks.",
		Example: "  " + programName(env) + " configure -e agent.py --name my_agent --disable-memory",
	}
	o.flags(c)
	configureChoices(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.settle(); err != nil {
			return misused(cmd, "%s", err)
		}
		return o.run(cmd.Context(), env)
	}
	c.AddCommand(configureListCommand(env), setDefaultCommand(env))
	return c
}

func (o *configureOptions) flags(c *cobra.Command) {
	f := c.Flags()
	o.given = f.Changed
	f.StringVarP(&o.entrypoint, "entrypoint", "e", "", "file of the agent, or the folder that has main.py, agent.py or app.py")
	f.StringVarP(&o.name, "name", "n", "", "name of the agent (default: from the file's name)")
	f.StringVar(&o.role, "execution-role", "", "ARN or name of the role the agent runs as; launch makes one otherwise")
	f.StringVar(&o.requirements, "requirements-file", "", "requirements of a Python agent (default: requirements.txt beside it)")
	f.StringVar(&o.authorizer, "authorizer-config", "", "JSON of a customJWTAuthorizer: callers then bring a JWT in place of AWS credentials")
	f.StringVar(&o.headers, "request-header-allowlist", "", "headers passed on to the agent, separated by commas")
	f.StringVarP(&o.region, "region", "r", "", "AWS region")
	f.StringVar(&o.runtime, "runtime", "", "PYTHON_3_10 to PYTHON_3_14, NODE_22 or EXECUTABLE")
	f.StringVar(&o.language, "language", "", "python or typescript (default: by the file)")
	f.StringVarP(&o.protocol, "protocol", "p", "HTTP", "HTTP; MCP, A2A and AGUI are not served")
	f.IntVar(&o.idle, "idle-timeout", 0, "seconds after which an idle session ends, 60 to 28800")
	f.IntVar(&o.lifetime, "max-lifetime", 0, "seconds after which any session ends, 60 to 28800")
	f.BoolVar(&o.disableOtel, "disable-otel", false, "no OpenTelemetry when the AWS toolkit deploys this agent")
	f.BoolVar(&o.disableMemory, "disable-memory", false, "no memory; Lanyard has none either way")
	f.StringVar(&o.deployment, "deployment-type", "", "direct_code_deploy; container is kept for the AWS toolkit")
	f.StringVar(&o.ecr, "ecr", "", "image repository, kept for the AWS toolkit")
	f.StringVar(&o.buildRole, "code-build-execution-role", "", "role that builds images, kept for the AWS toolkit")
	f.StringVar(&o.bucket, "s3", "", "bucket of code archives, kept for the AWS toolkit")
	f.StringVar(&o.container, "container-runtime", "", "builder of images, kept for the AWS toolkit")
	f.BoolVar(&o.vpc, "vpc", false, "not served: agents run in the network of the agent host")
	f.StringVar(&o.subnets, "subnets", "", "not served; see --vpc")
	f.StringVar(&o.groups, "security-groups", "", "not served; see --vpc")
	f.BoolVarP(&o.create, "create", "c", false, "not served: write the agent's file first")
	f.BoolVar(&o.never, "non-interactive", false, "never ask; take defaults")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "also say what is packed and installed")
	f.BoolVar(&o.asJSON, "json", false, "one JSON object on the standard output")
	for name, alias := range map[string]string{"execution-role": "er", "code-build-execution-role": "cber", "ecr": "ecr", "s3": "s3", "container-runtime": "ctr",
		"requirements-file": "rf", "disable-otel": "do", "disable-memory": "dm", "authorizer-config": "ac", "request-header-allowlist": "rha",
		"non-interactive": "ni", "deployment-type": "dt", "runtime": "rt", "language": "lang"} {
		short(c, name, alias)
	}
}

// settle refuses what cannot be. A setting that would protect the agent, and that Lanyard does not serve, must not be
// accepted in silence.
func (o *configureOptions) settle() error {
	o.protocol, o.runtime = strings.ToUpper(o.protocol), strings.ToUpper(o.runtime)
	switch {
	case o.vpc || o.subnets != "" || o.groups != "":
		return errors.New("--vpc, --subnets and --security-groups: agents run in the network of the agent host's machine, and a VPC's protection would not be there; leave them out")
	case o.create:
		return errors.New("--create writes projects for AWS; write the agent's file and name it with -e")
	case slices.Contains([]string{"MCP", "A2A", "AGUI"}, o.protocol):
		return fmt.Errorf("--protocol %s is not served by the agent host; use HTTP", o.protocol)
	case o.protocol != "HTTP":
		return fmt.Errorf("--protocol %q is not one of HTTP, MCP, A2A, AGUI", o.protocol)
	case o.runtime != "" && !slices.Contains(runtimeTypes, o.runtime):
		return fmt.Errorf("--runtime %q is not one of %s", o.runtime, strings.Join(runtimeTypes, ", "))
	case o.deployment != "" && o.deployment != deployDirect && o.deployment != deployContainer:
		return fmt.Errorf("--deployment-type %q is not one of %s, %s", o.deployment, deployDirect, deployContainer)
	case o.language != "" && o.language != "python" && o.language != "typescript":
		return fmt.Errorf("--language %q is not one of python, typescript", o.language)
	case o.name != "":
		if err := checkAgentName(o.name); err != nil {
			return fmt.Errorf("--name %w", err)
		}
	}
	return o.settleTimes()
}

func (o *configureOptions) settleTimes() error {
	for _, t := range []struct {
		name string
		n    int
	}{{"idle-timeout", o.idle}, {"max-lifetime", o.lifetime}} {
		if o.given(t.name) && (t.n < 60 || t.n > 28800) {
			return fmt.Errorf("--%s %d is not between 60 and 28800 seconds", t.name, t.n)
		}
	}
	if o.idle != 0 && o.lifetime != 0 && o.idle > o.lifetime {
		return fmt.Errorf("--idle-timeout %d is longer than --max-lifetime %d", o.idle, o.lifetime)
	}
	return nil
}

// Kinds of deployment in the file. Lanyard always runs the code itself.
const (
	deployDirect    = "direct_code_deploy"
	deployContainer = "container"
)

func (o *configureOptions) run(ctx context.Context, env *environment) error {
	p, err := openProjectIfAny()
	if err != nil {
		return err
	}
	c, err := openCloud(ctx, env, o.region, "")
	if err != nil {
		return err
	}
	account, err := c.account(ctx)
	if err != nil {
		return err
	}
	t := speaker(env, o.asJSON)
	ask := newAsker(env, t, o.never || o.asJSON)
	e, err := o.source(t, ask)
	if err != nil {
		return err
	}
	if e.kind == pythonFile {
		o.python = usualPython(ctx, env)
	}
	a, err := o.fill(t, ask, p, e, place{account, c.region})
	if err != nil {
		return err
	}
	if err := p.save(); err != nil {
		return err
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, toJSON(a.doc()))
	}
	t.configured(env, a)
	t.otherPython(ctx, env, a)
	if o.verbose {
		t.under("Packed from " + e.dir + ", requirements " + orNone(e.requirements))
	}
	return t.err
}

// place is where an agent lives.
type place struct{ account, region string }

// fill writes the agent into the project. What the flags do not name is asked, and what nobody answers stays as it was.
func (o *configureOptions) fill(t *terminal, ask *asker, p *project, e entry, at place) (*agent, error) {
	name, err := o.agentName(ask, e)
	if err != nil {
		return nil, err
	}
	doc := mapAt(p.doc, "agents", name)
	if doc == nil {
		doc = newAgentDoc(name)
	}
	a := p.put(name, doc)
	a.moveTo(t, at)
	runtime, err := o.runtimeType(ask, a, e)
	if err != nil {
		return nil, err
	}
	a.set("language", e.language(o.language))
	a.set("entrypoint", filepath.ToSlash(e.path))
	a.set("source_path", filepath.ToSlash(e.dir))
	a.set("runtime_type", runtime)
	a.set("deployment_type", cmp.Or(o.deployment, map[bool]string{true: deployContainer, false: deployDirect}[e.language(o.language) == "typescript"]))
	if o.requirements != "" {
		a.set("requirements_file", filepath.ToSlash(e.requirements))
	}
	if err := o.setRole(ask, a, at); err != nil {
		return nil, err
	}
	o.setAside(t, a)
	return a, errors.Join(o.setAuthorizer(ask, a), o.setHeaders(ask, a))
}

// moveTo notes account and region. What was deployed elsewhere is not here.
func (a *agent) moveTo(t *terminal, at place) {
	was := place{a.account(), a.region()}
	a.set("aws.account", at.account)
	a.set("aws.region", at.region)
	if was == at || was == (place{}) || a.id() == "" && a.roleARN() == "" {
		return
	}
	t.warning(fmt.Sprintf("%s was deployed to account %s in %s; here it is new. What is there was not touched.", a.name, was.account, was.region))
	for _, member := range []string{"agent_id", "agent_arn", "agent_session_id"} {
		a.set("bedrock_agentcore."+member, nil)
	}
	if !strings.Contains(a.roleARN(), ":"+at.account+":") {
		a.set("aws.execution_role", nil)
		a.set("aws.execution_role_auto_create", true)
	}
}

func (o *configureOptions) agentName(ask *asker, e entry) (string, error) {
	if o.name != "" {
		return o.name, nil
	}
	suggested := e.suggestedName()
	if ask.asks() {
		return ask.question("Name of the agent:", suggested, checkAgentName)
	}
	if err := checkAgentName(suggested); err != nil {
		return "", fmt.Errorf("no name can be made of %s: %w; give one with --name", filepath.Base(e.path), err)
	}
	return suggested, nil
}

func (o *configureOptions) runtimeType(ask *asker, a *agent, e entry) (string, error) {
	was := textAt(a.doc(), "runtime_type")
	if o.runtime != "" {
		return o.runtime, e.fits(o.runtime)
	}
	if e.fits(was) != nil || was == "" {
		was = cmp.Or(o.python, e.defaultRuntime())
	}
	if e.kind != pythonFile {
		return was, nil
	}
	version, err := ask.question("Python version:", pythonVersion(was), func(s string) error {
		if !slices.Contains(runtimeTypes, pythonRuntime(s)) {
			return fmt.Errorf("%q is not one of 3.10, 3.11, 3.12, 3.13, 3.14", clean(s))
		}
		return nil
	})
	return pythonRuntime(version), err
}

func pythonVersion(runtime string) string {
	return strings.ReplaceAll(strings.TrimPrefix(runtime, "PYTHON_"), "_", ".")
}

func pythonRuntime(version string) string { return "PYTHON_" + strings.ReplaceAll(version, ".", "_") }

// setRole notes the role. A name alone is one of this account.
func (o *configureOptions) setRole(ask *asker, a *agent, at place) error {
	role := o.role
	if !o.given("execution-role") {
		var err error
		if role, err = ask.question("Execution role, ARN or name (Enter lets launch make one):", a.roleARN(), nil); err != nil {
			return err
		}
	}
	if role == "" {
		a.set("aws.execution_role", nil)
		a.set("aws.execution_role_auto_create", true)
		return nil
	}
	if !strings.HasPrefix(role, "arn:") {
		role = "arn:aws:iam::" + at.account + ":role/" + role
	}
	if !roleARNPattern.MatchString(role) {
		return fmt.Errorf("--execution-role %q is neither a role's ARN, such as arn:aws:iam::%s:role/my-agent, nor its name", clean(role), at.account)
	}
	if role != a.roleARN() {
		a.set("aws.execution_role", role)
		a.set("aws.execution_role_auto_create", false)
	}
	return nil
}

// setAside keeps what only the AWS toolkit uses, and says so once.
func (o *configureOptions) setAside(t *terminal, a *agent) {
	var kept []string
	for _, s := range []struct{ flag, path, value string }{
		{"ecr", "aws.ecr_repository", o.ecr}, {"s3", "aws.s3_path", o.bucket},
		{"code-build-execution-role", "codebuild.execution_role", o.buildRole}, {"container-runtime", "container_runtime", o.container},
	} {
		if s.value == "" {
			continue
		}
		kept = append(kept, "--"+s.flag)
		if s.value == "auto" {
			a.set(strings.Replace(strings.Replace(s.path, "ecr_repository", "ecr_auto_create", 1), "s3_path", "s3_auto_create", 1), true)
			continue
		}
		a.set(s.path, s.value)
	}
	if o.given("disable-otel") {
		a.set("aws.observability.enabled", !o.disableOtel)
	}
	if o.given("disable-memory") {
		a.set("memory.mode", "NO_MEMORY")
	}
	if o.idle != 0 {
		a.set("aws.lifecycle_configuration.idle_runtime_session_timeout", o.idle)
	}
	if o.lifetime != 0 {
		a.set("aws.lifecycle_configuration.max_lifetime", o.lifetime)
	}
	if len(kept) > 0 {
		t.warning(strings.Join(kept, ", ") + " is kept for the AWS toolkit; Lanyard runs the code itself and does not use it.")
	}
}
