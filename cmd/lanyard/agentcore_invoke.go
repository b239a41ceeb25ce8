package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

type invokeOptions struct {
	agent, session, user, bearer, headers string
	local, dev, asJSON                    bool
	port                                  int
	custom                                http.Header
}

func invokeCommand(env *environment) *cobra.Command {
	var o invokeOptions
	c := &cobra.Command{
		Use: "invoke PAYLOAD", Args: understood(cobra.ExactArgs(1)),
		Short: "Send the agent a payload and print its answer as it comes",
		Long: "Send the agent a payload and print its answer as it comes. A payload that is no JSON becomes {\"prompt\": PAYLOAD}.\n\n" +
			"Further invocations go on in the same session until the agent is launched again or --session-id names another one. With --user-id the agent acts for that user; a consent that the agent asks for is finished for that user, by the development instance itself or by this command.",
		Example: "  " + programName(env) + ` invoke '{"prompt": "Hello"}'` + "\n  " + programName(env) + ` invoke "what is on my calendar?" --user-id alice`,
	}
	f := c.Flags()
	agentFlag(c, &o.agent)
	f.StringVarP(&o.session, "session-id", "s", "", "session to go on with, 33 to 256 characters (default: the last one, or a new one)")
	f.StringVarP(&o.user, "user-id", "u", "", "user for whom the agent acts")
	f.StringVar(&o.bearer, "bearer-token", "", "JWT of the caller, for agents with a JWT authorizer; better in BEDROCK_AGENTCORE_BEARER_TOKEN")
	f.StringVar(&o.headers, "headers", "", "headers for the agent, \"Name:value,Name:value\"")
	f.BoolVarP(&o.local, "local", "l", false, "send to an agent that you started on port 8080, with a workload access token")
	f.BoolVarP(&o.dev, "dev", "d", false, "send to an agent that you started on --port, with nothing else")
	f.IntVar(&o.port, "port", 8080, "port of --dev and --local")
	f.BoolVar(&o.asJSON, "json", false, "one JSON object a line: the session, then every event")
	short(c, "bearer-token", "bt")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.settle(env); err != nil {
			return misused(cmd, "%s", err)
		}
		return o.run(cmd.Context(), env, payloadOf(args[0]))
	}
	return c
}

// Lengths of a session's id.
const (
	minSessionID = 33
	maxSessionID = 256
)

func (o *invokeOptions) settle(env *environment) error {
	if n := len(o.session); o.session != "" && (n < minSessionID || n > maxSessionID) {
		return fmt.Errorf("--session-id has %d characters, and a session's id has %d to %d, so that nobody guesses it; leave it out for a new one, or take for instance %s", n, minSessionID, maxSessionID, newSessionID())
	}
	if strings.ContainsFunc(o.session, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("--session-id must be visible ASCII without spaces")
	}
	o.bearer = cmp.Or(o.bearer, env.getenv("BEDROCK_AGENTCORE_BEARER_TOKEN"))
	switch {
	case o.local && o.dev:
		return errors.New("choose one of --local and --dev")
	case o.port < 1 || o.port > 65535:
		return fmt.Errorf("--port %d is no port", o.port)
	}
	var err error
	o.custom, err = customHeaders(o.headers)
	return err
}

// newSessionID is a random UUID in version 4's form (RFC 9562 section 5.4).
func newSessionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand stops the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

const customPrefix = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-"

// customHeaders reads --headers. The prefix is what lets a header through to the agent; it is added where it is missing.
func customHeaders(list string) (http.Header, error) {
	h := http.Header{}
	for _, pair := range commaList(list) {
		name, value, ok := strings.Cut(pair, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !strings.HasPrefix(strings.ToLower(name), strings.ToLower(customPrefix)) {
			name = customPrefix + name
		}
		if !ok || name == customPrefix || !headerName.MatchString(name) || clean(value) != value {
			return nil, fmt.Errorf("--headers: %q is not Name:value", clean(pair))
		}
		h.Set(name, value)
	}
	return h, nil
}

// payloadOf is the argument, if it is JSON, and else a prompt.
func payloadOf(arg string) []byte {
	if json.Valid([]byte(arg)) {
		return []byte(arg)
	}
	b, err := json.Marshal(map[string]string{"prompt": arg})
	if err != nil {
		panic(err) // a text always encodes
	}
	return b
}

// invocation is one run of the verb against the agent host.
type invocation struct {
	*cloud
	o       *invokeOptions
	t       *terminal
	a       *agent
	session string
	point   *returnPoint // nil: consents are finished elsewhere
	// consented is closed when the first consent was finished.
	consented chan struct{}
}

func (o *invokeOptions) run(ctx context.Context, env *environment, payload []byte) error {
	if o.dev {
		return o.invokeLocal(ctx, env, payload, http.Header{api.HeaderRuntimeSession: {cmp.Or(o.session, newSessionID())}})
	}
	p, err := openProject(env)
	if err != nil {
		return err
	}
	a, err := p.agent(env, o.agent)
	if err != nil {
		return err
	}
	if o.local {
		return o.invokeAsHost(ctx, env, a, payload)
	}
	if a.arn() == "" {
		return fmt.Errorf("%s is configured but not launched. Launch it with: %s launch", a.name, programName(env))
	}
	c, err := openCloud(ctx, env, "", a.region())
	if err != nil {
		return err
	}
	i := &invocation{cloud: c, o: o, t: newTerminal(env), a: a}
	if err := i.settleCaller(); err != nil {
		return err
	}
	i.chooseSession()
	return i.run(ctx, payload)
}

// settleCaller decides how the caller proves itself: the runtime takes the one or the other.
func (i *invocation) settleCaller() error {
	switch {
	case i.a.bearer() && i.o.bearer == "":
		return fmt.Errorf("%s takes JWTs of %s in place of AWS credentials: give one with --bearer-token or in BEDROCK_AGENTCORE_BEARER_TOKEN (for a user pool: %s identity get-inbound-token)",
			i.a.name, textAt(mapAt(i.a.doc(), "authorizer_configuration", "customJWTAuthorizer"), "discoveryUrl"), programName(i.env))
	case i.a.bearer() && i.o.user != "":
		return errors.New("--user-id does not go with a bearer token: the JWT says who the user is")
	case !i.a.bearer() && i.o.bearer != "":
		i.aside().warning("The bearer token is not used: " + i.a.name + " has no JWT authorizer.")
		i.o.bearer = ""
	}
	return nil
}

// aside writes beside the answer.
func (i *invocation) aside() *terminal {
	e := *i.env
	e.stdout = i.env.stderr
	return newTerminal(&e)
}

// chooseSession goes on with the last session, unless that was another user's: a session belongs to its first user.
func (i *invocation) chooseSession() {
	last := textAt(mapAt(i.a.doc(), "oauth_configuration"), "userId")
	if i.session = i.o.session; i.session == "" && last == i.o.user {
		i.session = i.a.session()
	}
	if len(i.session) < minSessionID || len(i.session) > maxSessionID {
		i.session = newSessionID()
	}
}

func (i *invocation) run(ctx context.Context, payload []byte) error {
	done, err := i.openConsent(ctx)
	if err != nil {
		return err
	}
	defer done()
	resp, err := during(i.aside(), "waiting for the agent's answer", func() (*http.Response, error) { return i.call(ctx, payload) })
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := i.remember(cmp.Or(resp.Header.Get(api.HeaderRuntimeSession), i.session)); err != nil {
		return err
	}
	out := newAnswer(i.t, i.o.asJSON, i.env.stdout)
	if err := i.introduce(resp); err != nil {
		return err
	}
	if err := out.read(resp); err != nil {
		return err
	}
	return i.awaitConsent(ctx, out)
}

// call sends the invocation. It waits as long as the agent works.
func (i *invocation) call(ctx context.Context, payload []byte) (*http.Response, error) {
	in := &api.InvokeAgentRuntimeRequest{Runtime: i.a.arn(), Qualifier: ptr(api.DefaultEndpoint), SessionID: &i.session,
		ContentType: ptr("application/json"), Accept: ptr("text/event-stream, application/json")}
	if i.o.user != "" {
		in.UserID = &i.o.user
	}
	if i.point != nil {
		in.ReturnURL = &i.point.URL
	}
	r, err := i.request(ctx, in, payload)
	if err != nil {
		return nil, err
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		return nil, explain(&client.UnreachableError{Operation: api.InvokeAgentRuntime.Name, Endpoint: i.Endpoint(), Err: errors.Unwrap(err)})
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, i.refused(resp)
	}
	return resp, nil
}

func ptr[T any](v T) *T { return &v }

// request is the invocation, signed or with the JWT.
func (i *invocation) request(ctx context.Context, in *api.InvokeAgentRuntimeRequest, payload []byte) (*http.Request, error) {
	path, query, header, err := api.InvokeAgentRuntime.Locate(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, api.InvokeAgentRuntime.Method, i.Endpoint()+path+"?"+query.Encode(), bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("InvokeAgentRuntime: %w", err)
	}
	r.Header = header
	for name, values := range i.o.custom {
		r.Header[name] = values
	}
	if i.o.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+i.o.bearer)
		return r, nil
	}
	return r, i.signWhole(ctx, r, payload)
}

// maxRefusal bounds what is read of a refusal: the end of an agent's log may be in it.
const maxRefusal = 1 << 20

// refused says why an invocation failed, and what to do.
func (i *invocation) refused(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		return fmt.Errorf("InvokeAgentRuntime: the answer broke off: %w", err)
	}
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // another shape than ours is told by its status
	name, _, _ := strings.Cut(cmp.Or(resp.Header.Get("X-Amzn-ErrorType"), said.Type, http.StatusText(resp.StatusCode)), ":")
	ex := &api.Exception{Name: api.ExceptionName(clean(name)), Message: cleanLines(said.Message)}
	failed := &client.Error{Operation: api.InvokeAgentRuntime.Name, Status: resp.StatusCode, RequestID: clean(resp.Header.Get("x-amzn-RequestId")), Exception: ex}
	switch {
	case i.o.bearer != "" && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden):
		return fmt.Errorf("%w\nThe JWT may have expired, or not be one that %s takes", failed, i.a.name)
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w\nLaunch the agent again with: %s launch", failed, programName(i.env))
	}
	return explain(failed)
}

// remember keeps the session for the next invocation, and whose it is.
func (i *invocation) remember(session string) error {
	i.session = session
	if i.a.session() == session && textAt(mapAt(i.a.doc(), "oauth_configuration"), "userId") == i.o.user {
		return nil
	}
	i.a.set("bedrock_agentcore.agent_session_id", session)
	if i.o.user != "" || len(mapAt(i.a.doc(), "oauth_configuration")) > 0 {
		i.a.set("oauth_configuration.userId", orNull(i.o.user))
	}
	return i.a.project.save()
}

// introduced is the first line of --json.
type introduced struct {
	Agent     string `json:"agent"`
	Session   string `json:"runtimeSessionId"`
	RequestID string `json:"requestId"`
	ARN       string `json:"agentRuntimeArn"`
}

// introduce says which session answers, before it does.
func (i *invocation) introduce(resp *http.Response) error {
	head := introduced{i.a.name, i.session, clean(resp.Header.Get("x-amzn-RequestId")), i.a.arn()}
	if i.o.asJSON {
		return writeJSONLine(i.env.stdout, head)
	}
	i.introduced(head)
	return i.t.err
}

func (i *invocation) introduced(head introduced) {
	i.t.panel(newPanel(i.a.name, accent).
		field("Session", head.Session).field("Request ID", head.RequestID).field("ARN", head.ARN).
		field("Logs", programName(i.env)+" logs -f --session-id "+head.Session))
	i.t.line()
	i.t.line(span{bold, "Response:"})
}
