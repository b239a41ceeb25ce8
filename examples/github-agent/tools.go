package main

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// provider is an API on the internet that tools speak to as the user. Which one is configuration; its tools are one file.
type provider struct {
	name      string      // of the credential provider at Lanyard
	title     string      // for people and the model
	base      string      // of the API; the user's token goes nowhere else
	header    http.Header // of every request
	lanyard   *client.Client
	returnURL string            // of the session binding service
	transport http.RoundTripper // http.DefaultTransport when nil
	now       func() time.Time
	log       *slog.Logger // nil: silent
}

// errTokenRefused says that the API no longer takes the user's token: it was revoked there, and Lanyard cannot know.
var errTokenRefused = errors.New("the API refused the user's token")

// newTools are the tools that the configuration chose.
func newTools(c *Config, p provider) []chat.Tool {
	p.name, p.base = c.Provider, c.APIBase
	if c.Tools == toolsGoogle {
		return googleTools(&p)
	}
	return githubTools(&p)
}

// tokenTries is how often a request is tried: its token may be replaced by a refresh while it is on its way.
const tokenTries = 3

// get reads from the API as the user who asked, with no more than the scopes of the tool. When the API refuses a token that
// Lanyard still hands out, the user is asked to consent again: Lanyard forgets the grant, and the answer ends with the way
// to a new one. A refused token that Lanyard has replaced meanwhile says nothing about the grant.
func get[Out any](ctx context.Context, p *provider, scopes []string, path string, query url.Values) (Out, error) {
	request := p.request(ctx, scopes)
	for range tokenTries {
		sent := &sentToken{base: cmp.Or(p.transport, http.DefaultTransport)}
		out, err := getWith[Out](ctx, p, request, sent, path, query)
		if !errors.Is(err, errTokenRefused) {
			return out, err
		}
		current, err := p.lanyard.ResourceToken(ctx, request)
		if err != nil {
			return out, err
		}
		if sent.is(current) {
			request.ForceAuthentication = true
			_, err = p.lanyard.ResourceToken(ctx, request)
			return out, cmp.Or(err, p.refuses())
		}
	}
	var none Out
	return none, p.refuses()
}

func (p *provider) refuses() error {
	return &chat.ToolError{Message: p.title + " refuses the access that the user has given."}
}

// sentToken is a transport that knows which token went out last.
type sentToken struct {
	base          http.RoundTripper
	authorization string
}

func (s *sentToken) RoundTrip(r *http.Request) (*http.Response, error) {
	s.authorization = r.Header.Get("Authorization")
	return s.base.RoundTrip(r)
}

func (s *sentToken) is(token api.Sensitive) bool {
	return subtle.ConstantTimeCompare([]byte(s.authorization), []byte("Bearer "+string(token))) == 1
}

// request asks for the user's resource token. Without a function that shows the authorization URL, the SDK returns it in
// a client.AuthorizationRequiredError, which ends the answer: nobody waits, and the question is asked again after consent.
func (p *provider) request(ctx context.Context, scopes []string) client.TokenRequest {
	return client.TokenRequest{Provider: p.name, Scopes: scopes, Flow: api.FlowUserFederation, ReturnURL: p.returnURL, State: bindingState(ctx)}
}

const (
	apiTimeout = 10 * time.Second
	maxAnswer  = 1 << 20
)

func getWith[Out any](ctx context.Context, p *provider, token client.TokenRequest, sent *sentToken, path string, query url.Values) (Out, error) {
	var out Out
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	at := p.base + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return out, err
	}
	for name, values := range p.header {
		r.Header[name] = values
	}
	resp, err := p.httpClient(token, sent).Do(r)
	if err != nil {
		if sent.authorization != "" { // it may have been carried out
			p.note(ctx, r.Method, path, 0)
		}
		return out, fmt.Errorf("%s: %w", p.title, err)
	}
	defer resp.Body.Close()
	p.note(ctx, r.Method, path, resp.StatusCode)
	if resp.StatusCode != http.StatusOK {
		return out, p.refusal(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&out); err != nil {
		return out, &chat.ToolError{Message: p.title + " gave an answer that cannot be read."}
	}
	return out, nil
}

// note writes down what was called in whose name, the last link of the chain that begins with the user's sign-in; status 0
// when no answer came. The token is not in it, nor is a query.
func (p *provider) note(ctx context.Context, method, path string, status int) {
	user, ok := oidcdata.FromContext(ctx)
	if p.log == nil || !ok {
		return
	}
	p.log.InfoContext(ctx, "called an API", "provider", p.name, "method", method, "url", p.base+path, "status", status,
		"issuer", user.Issuer, "subject", user.Subject, "trace_id", traceID(ctx))
}

// httpClient adds the user's token to requests to the configured host alone. A redirect is an answer like any other.
func (p *provider) httpClient(token client.TokenRequest, base http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     p.lanyard.Transport(token, client.AllowHosts{hostOf(p.base)}, base),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return "" // allows nothing
	}
	return u.Host
}

// refusal says in our words what an API's status means. Its body is not passed on: it is meant for programmers.
func (p *provider) refusal(resp *http.Response) error {
	limited := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusForbidden && resp.Header.Get("X-Ratelimit-Remaining") == "0"
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return errTokenRefused
	case limited:
		return &chat.ToolError{Message: fmt.Sprintf("%s allows no more requests for now%s.", p.title, p.until(resp.Header))}
	case resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusNotFound:
		return &chat.ToolError{Message: fmt.Sprintf("%s answered %d: the user may not see this, or has not allowed it to this agent.", p.title, resp.StatusCode)}
	}
	return &chat.ToolError{Message: fmt.Sprintf("%s answered %d. It may work later.", p.title, resp.StatusCode)}
}

// until reads when an API's rate limit ends: Retry-After in seconds, or the epoch second of X-RateLimit-Reset.
func (p *provider) until(h http.Header) string {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil {
		return fmt.Sprintf("; try again in %d seconds", s)
	}
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("; try again in %s", max(0, time.Unix(reset, 0).Sub(p.now())).Round(time.Second))
}

// list is the input of tools that list something.
type list struct {
	Limit int `json:"limit"`
}

const (
	listSchema   = `{"type":"object","properties":{"limit":{"type":"integer","minimum":1,"maximum":50,"description":"how many to list, 20 unless told"}},"additionalProperties":false}`
	noSchema     = `{"type":"object","properties":{},"additionalProperties":false}`
	defaultLimit = 20
	maxLimit     = 50
)

// query is the limit as an API's parameter. A model does not always keep to a schema.
func (l list) query(parameter string) url.Values {
	n := min(max(cmp.Or(l.Limit, defaultLimit), 1), maxLimit)
	return url.Values{parameter: {strconv.Itoa(n)}}
}
