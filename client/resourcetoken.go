package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// TokenRequest says which resource token is wanted, for whom, and how the user is asked where a consent is missing.
type TokenRequest struct {
	Provider string   // the credential provider's name
	Scopes   []string // exactly what the tool needs: the user is asked for no more
	Flow     string   // api.FlowUserFederation, api.FlowM2M or api.FlowOnBehalfOf

	// ReturnURL is where the browser goes after the consent, one that the workload identity has registered. With
	// FlowUserFederation, an empty one stands for that of the context (see WithReturnURL).
	ReturnURL string
	// State comes back to the return URL, for the application's own use.
	State string
	// Parameters are added to the provider's authorization request, such as access_type=offline.
	Parameters           map[string]string
	Resources, Audiences []string
	// ForceAuthentication drops the grant and has the user consent anew, each time that it is asked with.
	ForceAuthentication bool
	// SessionURI continues the authorization session of an earlier AuthorizationRequiredError: where the user refused, or
	// let it expire, the answer says so instead of beginning another.
	SessionURI string

	// Workload is where the workload access token comes from. Nil takes it from the context.
	Workload WorkloadTokenSource
	// OnAuthorizationURL brings the user to the URL; then the consent is waited for. The URL belongs to this user: give it
	// to nobody else, and to no log. If nil, ResourceToken returns an *AuthorizationRequiredError at once.
	OnAuthorizationURL func(ctx context.Context, url string) error
	// Poller waits for the consent. Nil looks every 5 seconds, for 10 minutes.
	Poller Poller
}

// AuthorizationRequiredError says that the user has to consent first. Bring them to URL, and ask again after they came
// back to the return URL and the application completed the session.
type AuthorizationRequiredError struct {
	Provider   string
	Scopes     []string
	URL        string // for this user's browser alone; never in the error's text
	SessionURI string // continues the session: TokenRequest.SessionURI. Never in the error's text, either
}

// Error says what is missing, without the URL: an error's text ends in logs and before models.
func (e *AuthorizationRequiredError) Error() string {
	return fmt.Sprintf("the user has to consent to scopes [%s] at credential provider %s first: bring their browser to the URL in the field URL of this error, and ask again once the session is complete", strings.Join(e.Scopes, " "), e.Provider)
}

// GoString is Error: %#v shows no field, either.
func (e *AuthorizationRequiredError) GoString() string { return e.Error() }

// ErrConsentRefused says that the user was asked and said no. Ask again only if they want to be asked.
var ErrConsentRefused = errors.New("the user refused consent")

// ResourceToken gets a resource token. Where the user has to consent first, it hands the URL to OnAuthorizationURL and
// waits for the consent, or returns an *AuthorizationRequiredError if there is nobody to hand it to.
//
// Ask whenever a token is needed, and do not keep it: the server renews it, answers from its vault without a call to the
// provider, and knows at once when the grant was revoked.
func (c *Client) ResourceToken(ctx context.Context, req TokenRequest) (api.Sensitive, error) {
	if err := req.check(); err != nil {
		return "", err
	}
	in := req.input(ctx)
	out, err := c.askFor(ctx, req.Workload, in)
	if err != nil {
		return "", refusedConsent(&req, err)
	}
	if out.AccessToken != "" {
		return out.AccessToken, nil
	}
	if out.AuthorizationURL == "" || out.SessionURI == "" {
		return "", fmt.Errorf("%s: %s answered neither a token nor the way to consent; is it Lanyard, and of this release or a later one?", api.GetResourceOauth2Token.Name, c.Endpoint())
	}
	if req.OnAuthorizationURL == nil {
		return "", &AuthorizationRequiredError{Provider: req.Provider, Scopes: req.Scopes, URL: string(out.AuthorizationURL), SessionURI: out.SessionURI}
	}
	if err := req.OnAuthorizationURL(ctx, string(out.AuthorizationURL)); err != nil {
		return "", err
	}
	in.SessionURI, in.ForceAuthentication = &out.SessionURI, false // or each poll would begin anew
	p := &poll{c: c, req: &req, in: in}
	return p.run(ctx)
}

// check refuses what the server could not tell apart from what was meant.
func (r *TokenRequest) check() error {
	switch r.Flow {
	case api.FlowUserFederation, api.FlowM2M, api.FlowOnBehalfOf:
		return nil
	}
	return fmt.Errorf("TokenRequest.Flow for provider %s is %q: set api.FlowUserFederation (the user consents), api.FlowM2M (the agent for itself) or api.FlowOnBehalfOf (the user's own JWT is exchanged)", r.Provider, r.Flow)
}

func (r *TokenRequest) input(ctx context.Context) *api.GetResourceOauth2TokenRequest {
	in := &api.GetResourceOauth2TokenRequest{
		ProviderName: r.Provider, Scopes: r.Scopes, Flow: r.Flow, Resources: r.Resources, Audiences: r.Audiences,
		ForceAuthentication: r.ForceAuthentication && r.SessionURI == "",
	}
	returnURL := r.ReturnURL
	if returnURL == "" && r.Flow == api.FlowUserFederation {
		returnURL, _ = ReturnURL(ctx)
	}
	if returnURL != "" {
		in.ReturnURL = &returnURL
	}
	if r.State != "" {
		state := api.Sensitive(r.State)
		in.CustomState = &state
	}
	if r.SessionURI != "" {
		in.SessionURI = &r.SessionURI
	}
	for name, value := range r.Parameters {
		if in.CustomParameters == nil {
			in.CustomParameters = map[string]api.Sensitive{}
		}
		in.CustomParameters[name] = api.Sensitive(value)
	}
	return in
}

// askFor sends a request with a workload access token of the source.
func (c *Client) askFor(ctx context.Context, src WorkloadTokenSource, in *api.GetResourceOauth2TokenRequest) (*api.GetResourceOauth2TokenResponse, error) {
	return withWorkload(ctx, src, func(wat api.Sensitive) (*api.GetResourceOauth2TokenResponse, error) {
		withToken := *in
		withToken.WorkloadToken = wat
		return c.GetResourceOauth2Token(ctx, &withToken)
	})
}

// consentRefused begins the message of a session that the user ended by a no. What follows it may be the provider's text.
const consentRefused = "the consent failed: the user refused consent at provider "

// refusedConsent tells a user's no from other denials.
func refusedConsent(req *TokenRequest, err error) error {
	ex, ok := errors.AsType[*api.Exception](err)
	if ok && ex.Name == api.AccessDeniedException && strings.HasPrefix(ex.Message, consentRefused) {
		return fmt.Errorf("%w at credential provider %s: %w", ErrConsentRefused, req.Provider, err)
	}
	return err
}

// poll waits for one consent.
type poll struct {
	c     *Client
	req   *TokenRequest
	in    *api.GetResourceOauth2TokenRequest
	token api.Sensitive
	ended error // set by the answer that ended it; nothing is sent after that
	last  error // of the last look, if it may pass
}

func (p *poll) run(ctx context.Context) (api.Sensitive, error) {
	poller := p.req.Poller
	if poller == nil {
		poller = PollEvery(0, 0)
	}
	err := poller.Poll(ctx, p.check)
	switch {
	case p.token != "":
		return p.token, nil
	case p.ended != nil && errors.Is(err, ErrConsentTimeout):
		return "", err // which has what ended it
	case p.ended != nil:
		return "", p.ended
	case err == nil:
		err = fmt.Errorf("the poller gave up before the user had consented at credential provider %s", p.req.Provider)
	}
	if p.last != nil {
		err = fmt.Errorf("%w; the last look failed: %w", err, p.last)
	}
	return "", err
}

// check looks once. A server that is away for a moment must not cost a user's consent; whatever it refuses is final. A
// poller that goes on after the end is told the end again, and the server is left in peace.
func (p *poll) check(ctx context.Context) (bool, error) {
	if p.token != "" || p.ended != nil {
		return true, p.ended
	}
	out, err := p.c.askFor(ctx, p.req.Workload, p.in)
	p.last = err
	switch {
	case ctx.Err() != nil && err != nil:
		return false, ctx.Err()
	case err != nil && mayPass(err):
		return false, nil
	case err != nil:
		p.ended = refusedConsent(p.req, err)
		return true, p.ended
	}
	p.token = out.AccessToken
	return p.token != "", nil
}

func mayPass(err error) bool {
	_, unreachable := errors.AsType[*UnreachableError](err)
	return unreachable || worthAnother(api.GetResourceOauth2Token, err)
}

// APIKey gets an API key. A nil source takes the workload access token from the context.
func (c *Client) APIKey(ctx context.Context, provider string, src WorkloadTokenSource) (api.Sensitive, error) {
	return withWorkload(ctx, src, func(wat api.Sensitive) (api.Sensitive, error) {
		return c.GetResourceApiKey(ctx, &api.GetResourceApiKeyRequest{WorkloadToken: wat, ProviderName: provider})
	})
}
