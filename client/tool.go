package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// WithResourceToken makes a tool of a function that needs a resource token. What a model sees and fills in are In and Out,
// the tool's own types: the token is got when the tool is called and is in neither. Where the user has to consent first
// and the request has no OnAuthorizationURL, the tool returns an *AuthorizationRequiredError and the function is not called.
func WithResourceToken[In, Out any](c *Client, req TokenRequest, tool func(ctx context.Context, token api.Sensitive, in In) (Out, error)) func(context.Context, In) (Out, error) {
	return with(func(ctx context.Context) (api.Sensitive, error) { return c.ResourceToken(ctx, req) }, tool)
}

// WithAPIKey makes a tool of a function that needs an API key, as WithResourceToken does. A nil source takes the workload
// access token from the context.
func WithAPIKey[In, Out any](c *Client, provider string, src WorkloadTokenSource, tool func(ctx context.Context, key api.Sensitive, in In) (Out, error)) func(context.Context, In) (Out, error) {
	return with(func(ctx context.Context) (api.Sensitive, error) { return c.APIKey(ctx, provider, src) }, tool)
}

// WithWebIdentityToken makes a tool of a function that proves to outsiders who its caller is, as WithResourceToken does.
// The JWT speaks for the AWS credentials of the process, whichever user the tool is called for.
func WithWebIdentityToken[In, Out any](c *Client, req api.GetWebIdentityTokenRequest, tool func(ctx context.Context, jwt api.Sensitive, in In) (Out, error)) func(context.Context, In) (Out, error) {
	get := func(ctx context.Context) (api.Sensitive, error) {
		out, err := c.GetWebIdentityToken(ctx, &req)
		if err != nil {
			return "", err
		}
		return out.Token, nil
	}
	return with(get, tool)
}

func with[In, Out any](get func(context.Context) (api.Sensitive, error), tool func(context.Context, api.Sensitive, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		credential, err := get(ctx)
		if err != nil {
			var none Out
			return none, err
		}
		return tool(ctx, credential, in)
	}
}
