package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// A consent that the agent asks for during an invocation is finished by whoever began the invocation. A development
// instance does it itself, on its own page. Elsewhere this command gives the agent a return URL on this machine, and
// completes the session for the user that it named: the server still checks that the session is that user's.

// finishesItself tells an instance that needs no return URL.
func (i *invocation) finishesItself() bool { return isDev(i.env) }

// openConsent makes this invocation's return URL. done takes it away again.
func (i *invocation) openConsent(ctx context.Context) (done func(), err error) {
	if i.o.user == "" || i.o.bearer != "" || i.finishesItself() {
		return func() {}, nil
	}
	runtime, err := i.agentRuntime(ctx, i.a.id())
	if err != nil {
		return nil, explain(err)
	}
	workload := runtime.Workload.ARN[strings.LastIndexByte(runtime.Workload.ARN, '/')+1:]
	place := returnPlace(i.env)
	if err := i.sweepReturns(ctx, workload, place); err != nil {
		return nil, explain(err)
	}
	p, err := openSecretReturn(ctx, place)
	if err != nil {
		return nil, err
	}
	remove, err := registerReturnURL(ctx, i.Client, workload, p.URL)
	if err != nil {
		p.close()
		return nil, explain(err)
	}
	i.point, i.consented = p, make(chan struct{})
	i.aside().under("If the agent asks " + i.o.user + " to allow something, open its link in a browser on this machine: this command finishes the consent for " + i.o.user + ".")
	wait, stop := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() { defer close(finished); i.finish(wait) }()
	return func() {
		stop()
		<-finished
		p.close()
		if err := remove(); err != nil {
			i.aside().warning(err.Error())
		}
	}, nil
}

// openSecretReturn is a return point whose address is the secret: the agent's code sends no state of ours along, so what
// nobody can guess is the path (RFC 8252 section 7.3, and A08).
func openSecretReturn(ctx context.Context, place string) (*returnPoint, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no port of this machine is free for the browser to return to: %w", err)
	}
	p := &returnPoint{host: ln.Addr().String(), State: api.Sensitive(rand.Text()), came: make(chan arrival, 1)}
	path := returnPath + "/" + place + "/" + rand.Text()
	p.URL = "http://" + p.host + path
	p.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := r.Clone(r.Context())
		q := known.URL.Query()
		q.Del("state")
		if subtle.ConstantTimeCompare([]byte(r.URL.Path), []byte(path)) == 1 {
			known.URL.Path = returnPath
			q.Set("state", string(p.State))
		}
		known.URL.RawQuery = q.Encode()
		p.serve(w, known)
	})}
	go func() { _ = p.server.Serve(ln) }() // ends with close
	return p, nil
}

// finish completes the sessions that browsers bring, until the invocation is over.
func (i *invocation) finish(ctx context.Context) {
	told := false
	for {
		back, err := i.point.wait(ctx)
		if err != nil {
			return
		}
		t := i.aside()
		if err := i.complete(ctx, back); err != nil {
			t.warning("The consent was not finished: " + cleanLines(err.Error()))
			continue
		}
		t.tick("Consent finished for " + i.o.user)
		if !told {
			told = true
			close(i.consented)
		}
	}
}

func (i *invocation) complete(ctx context.Context, back arrival) error {
	switch {
	case back.failure != "":
		return fmt.Errorf("it ended with %s", clean(back.failure))
	case back.sessionURI == "":
		return errors.New("the browser came back without a session")
	}
	return explain(i.CompleteResourceTokenAuth(ctx, &api.CompleteResourceTokenAuthRequest{User: api.UserIdentifier{UserID: &i.o.user}, SessionURI: back.sessionURI}))
}

// awaitConsent keeps the return URL open when the agent answered with a link and did not wait for the consent itself.
func (i *invocation) awaitConsent(ctx context.Context, out *answer) error {
	if i.point == nil || !out.link {
		return nil
	}
	select {
	case <-i.consented:
		return nil
	default:
	}
	t := i.aside()
	stop := t.working("waiting for the consent (Ctrl-C stops)")
	defer stop()
	select {
	case <-i.consented:
	case <-ctx.Done():
		return errors.New("stopped before the browser came back; nothing was granted")
	case <-time.After(consentTime):
		return errors.New("nobody came back from the consent in time; the link is over. Invoke again, with a new --session-id, for a new one")
	}
	stop()
	t.under("Send the payload again: the agent has its token now.")
	return nil
}

// invokeAsHost sends a payload to an agent on this machine as the agent host would: with a workload access token.
func (o *invokeOptions) invokeAsHost(ctx context.Context, env *environment, a *agent, payload []byte) error {
	c, err := openCloud(ctx, env, "", a.region())
	if err != nil {
		return err
	}
	name, err := c.localWorkload(ctx, a)
	if err != nil {
		return err
	}
	var wat api.Sensitive
	switch {
	case o.bearer != "":
		wat, err = c.GetWorkloadAccessTokenForJWT(ctx, name, api.Sensitive(o.bearer))
	case o.user != "":
		wat, err = c.GetWorkloadAccessTokenForUserId(ctx, name, o.user)
	default:
		wat, err = c.GetWorkloadAccessToken(ctx, name)
	}
	if err != nil {
		return explain(err)
	}
	h := http.Header{api.HeaderRuntimeSession: {cmp.Or(o.session, newSessionID())}, "Workloadaccesstoken": {string(wat)}, "X-Amz-Bedrock-Agentcore-Identity-Wat": {string(wat)}}
	return o.invokeLocal(ctx, env, payload, h)
}

// localWorkload is the workload identity of an agent that runs outside of the agent host; it is made the first time.
func (c *cloud) localWorkload(ctx context.Context, a *agent) (string, error) {
	if name := textAt(mapAt(a.doc(), "oauth_configuration"), "workload_name"); name != "" {
		return name, nil
	}
	if w, ok := a.workload(); ok {
		return w.Name, nil
	}
	name := "workload-" + strings.ToLower(rand.Text()[:8])
	if _, err := c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: name}); err != nil {
		return "", explain(err)
	}
	a.set("oauth_configuration.workload_name", name)
	return name, a.project.save()
}

// invokeLocal sends a payload to an agent on this machine.
func (o *invokeOptions) invokeLocal(ctx context.Context, env *environment, payload []byte, h http.Header) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/invocations", o.port)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(payload)))
	if err != nil {
		return err
	}
	r.Header = h
	for name, values := range o.custom {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream, application/json")
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		return fmt.Errorf("no agent answers at %s: %w. Start it first, for instance with: python agent.py", url, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	t := newTerminal(env)
	err = newAnswer(t, o.asJSON, env.stdout).read(resp)
	if resp.StatusCode/100 != 2 {
		return errors.Join(fmt.Errorf("the agent at %s answered %s", url, resp.Status), err)
	}
	return err
}
