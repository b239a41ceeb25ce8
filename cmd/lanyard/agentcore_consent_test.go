package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// askingAgent is an agent that asks for its user's token while it answers: the link first, then a browser comes, then it
// polls as SDKs do.
type askingAgent struct {
	w       *workshop
	a       *servertest.Agent
	t       *testing.T
	instead func(back string) string // where the browser goes in place of the return URL
	polls   bool
	returns []string // the return URLs that agents were told
}

func (c *askingAgent) answer(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error) {
	c.returns = append(c.returns, in.Inject.Get(hostlink.HeaderCallbackURL))
	ask := &data.GetResourceOauth2TokenInput{WorkloadIdentityToken: aws.String(in.Inject.Get(hostlink.HeaderIdentityWAT)), ResourceCredentialProviderName: &c.a.Provider, Scopes: []string{"read"},
		Oauth2Flow: dtypes.Oauth2FlowTypeUserFederation, ResourceOauth2ReturnUrl: aws.String(in.Inject.Get(hostlink.HeaderCallbackURL))}
	out, err := c.a.Data.GetResourceOauth2Token(ctx, ask)
	if err != nil {
		return nil, err
	}
	if out.AccessToken != nil {
		return agentAnswers("application/json", `{"response": "the token is here"}`), nil
	}
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, `data: "open `+*out.AuthorizationUrl+`"`+"\n\n")
		back := c.w.Consent(c.t, *out.AuthorizationUrl)
		if c.instead != nil {
			back = c.instead(back)
		}
		visit(c.t, back)
		if !c.polls {
			_ = w.Close()
			return
		}
		ask.SessionUri = out.SessionUri
		for {
			again, err := c.a.Data.GetResourceOauth2Token(ctx, ask)
			if err != nil || again.AccessToken != nil {
				_, _ = io.WriteString(w, "data: \" token received\"\n\n")
				_ = w.CloseWithError(err)
				return
			}
		}
	}()
	res := agentAnswers("text/event-stream", "")
	res.Body = r
	return res, nil
}

func visit(t *testing.T, address string) (status int) {
	resp, err := http.DefaultTransport.RoundTrip(&http.Request{Method: http.MethodGet, URL: parsedURL(t, address), Header: http.Header{}})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func parsedURL(t *testing.T, raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		t.Error(err)
		return &url.URL{}
	}
	return u
}

func newAskingAgent(t *testing.T) *askingAgent {
	t.Helper()
	w := launched(t)
	c := &askingAgent{w: w, a: w.NewAgent(t), t: t, polls: true}
	w.host.answer = c.answer
	return c
}

// returnURLs are those that the agent's workload identity has now.
func (c *askingAgent) returnURLs() []string {
	c.t.Helper()
	env := testEnvironment(c.w.vars, io.Discard, io.Discard)
	env.now = c.w.Clock.Now
	cl, err := connect(c.t.Context(), env)
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := cl.GetWorkloadIdentity(c.t.Context(), c.w.agent().id())
	if err != nil {
		c.t.Fatal(err)
	}
	return got.ReturnURLs
}

// TestInvokeFinishesConsent: where the instance does not do it, the command does, for the user that it named.
func TestInvokeFinishesConsent(t *testing.T) {
	c := newAskingAgent(t)
	code, out, errOut := c.w.run("invoke", "{}", "--user-id", "alice")
	if code != 0 || !strings.Contains(out, "token received") || !strings.Contains(errOut, "✓ Consent finished for alice") || !strings.Contains(errOut, "this command finishes the consent for alice") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	if !strings.HasPrefix(c.returns[0], "http://127.0.0.1:") {
		t.Errorf("the agent was told to return to %s", c.returns[0])
	}
	if left := c.returnURLs(); len(left) != 0 {
		t.Errorf("%v stays registered for whoever listens there next", left)
	}
	says(t, c.w.must("invoke", "{}", "-u", "alice"), "the token is here")
}

// TestInvokeWaitsForConsent: an agent that does not wait itself has its answer out before the browser comes back.
func TestInvokeWaitsForConsent(t *testing.T) {
	c := newAskingAgent(t)
	c.polls = false
	code, out, errOut := c.w.run("invoke", "{}", "--user-id", "alice")
	if code != 0 || !strings.Contains(errOut, "✓ Consent finished for alice") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	says(t, c.w.must("invoke", "{}", "-u", "alice"), "the token is here")
}

// TestA08_OnlyTheGivenAddressReturns: neither another page nor another program on this machine can bring a session.
func TestA08_OnlyTheGivenAddressReturns(t *testing.T) {
	c := newAskingAgent(t)
	var refused []int
	c.instead = func(back string) string {
		u := parsedURL(c.t, back)
		for _, path := range []string{"/return", "/", u.Path + "/", u.Path + "x", "/return/AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			other := *u
			other.Path = path
			refused = append(refused, visit(c.t, other.String()), visit(c.t, other.String()+"&state=x"))
		}
		return back
	}
	if code, out, errOut := c.w.run("invoke", "{}", "--user-id", "alice"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	for i, status := range refused {
		if status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("visit %d was answered %d", i, status)
		}
	}
}

// TestA01_AnothersSessionIsNotFinished: the server knows whose session it is, whatever the browser brings.
func TestA01_AnothersSessionIsNotFinished(t *testing.T) {
	c := newAskingAgent(t)
	begun := c.a.Begin(t, "mallory")
	stolen := servertest.SessionURI(t, c.w.Consent(t, *begun.AuthorizationUrl))
	c.instead = func(back string) string {
		u := parsedURL(c.t, back)
		good := u.String()
		q := u.Query()
		q.Set("session_id", stolen)
		u.RawQuery = q.Encode()
		visit(c.t, u.String())
		return good
	}
	code, out, errOut := c.w.run("invoke", "{}", "--user-id", "alice")
	if code != 0 || !strings.Contains(errOut, "! The consent was not finished: ") || !strings.Contains(errOut, "✓ Consent finished for alice") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
}

// TestDevFinishesConsents: a development instance shows its own page, and no return URL is made.
func TestDevFinishesConsents(t *testing.T) {
	w := launched(t)
	w.vars["LANYARD_DEV_ISSUER"] = w.URL + "/devidp"
	w.must("invoke", "{}", "--user-id", "alice")
	in, _ := w.host.lastInvocation(t)
	if got := in.Inject.Get(hostlink.HeaderCallbackURL); got != "" {
		t.Errorf("the agent is told to return to %s", got)
	}
}

// TestSecretReturnEnds: nothing listens once the command is over.
func TestSecretReturnEnds(t *testing.T) {
	p, err := openSecretReturn(t.Context(), "here")
	if err != nil {
		t.Fatal(err)
	}
	if status := visit(t, p.URL+"?session_id=s"); status != http.StatusOK {
		t.Errorf("the browser is answered %d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if a, err := p.wait(ctx); err != nil || a.sessionURI != "s" {
		t.Errorf("%+v, %v", a, err)
	}
	p.close()
	if _, err := http.DefaultTransport.RoundTrip(&http.Request{Method: http.MethodGet, URL: parsedURL(t, p.URL), Header: http.Header{}}); err == nil {
		t.Error("it still listens")
	}
}
