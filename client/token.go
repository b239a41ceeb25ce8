package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// GetWorkloadAccessToken gets a token of the workload alone.
func (c *Client) GetWorkloadAccessToken(ctx context.Context, workload string) (api.Sensitive, error) {
	return c.workloadToken(ctx, api.GetWorkloadAccessToken, &api.GetWorkloadAccessTokenRequest{WorkloadName: workload})
}

// GetWorkloadAccessTokenForJWT gets a token of the workload acting for the user that the JWT proves.
func (c *Client) GetWorkloadAccessTokenForJWT(ctx context.Context, workload string, userToken api.Sensitive) (api.Sensitive, error) {
	return c.workloadToken(ctx, api.GetWorkloadAccessTokenForJWT, &api.GetWorkloadAccessTokenForJWTRequest{WorkloadName: workload, UserToken: userToken})
}

// GetWorkloadAccessTokenForUserId gets a token of the workload acting for a user that the caller vouches for.
func (c *Client) GetWorkloadAccessTokenForUserId(ctx context.Context, workload, userID string) (api.Sensitive, error) {
	return c.workloadToken(ctx, api.GetWorkloadAccessTokenForUserId, &api.GetWorkloadAccessTokenForUserIdRequest{WorkloadName: workload, UserID: userID})
}

func (c *Client) workloadToken(ctx context.Context, op api.Operation, in any) (api.Sensitive, error) {
	out, err := call[api.WorkloadAccessTokenResponse](ctx, c, op, in)
	if err != nil {
		return "", err
	}
	return out.Token, nil
}

// GetResourceOauth2Token gets a resource token, or the URL at which the user consents and the session to poll: then the
// AccessToken is empty.
func (c *Client) GetResourceOauth2Token(ctx context.Context, in *api.GetResourceOauth2TokenRequest) (*api.GetResourceOauth2TokenResponse, error) {
	if in.Scopes == nil { // the wire wants a list, an empty one included
		withScopes := *in
		withScopes.Scopes = []string{}
		in = &withScopes
	}
	return call[api.GetResourceOauth2TokenResponse](ctx, c, api.GetResourceOauth2Token, in)
}

// GetResourceApiKey gets an API key.
func (c *Client) GetResourceApiKey(ctx context.Context, in *api.GetResourceApiKeyRequest) (api.Sensitive, error) {
	out, err := call[api.GetResourceApiKeyResponse](ctx, c, api.GetResourceApiKey, in)
	if err != nil {
		return "", err
	}
	return out.APIKey, nil
}

// CompleteResourceTokenAuth names the user who is signed in at the application's return URL; only if that is the user for
// whom the session was begun does the consent count. Never take the user from the URL that the browser brings.
func (c *Client) CompleteResourceTokenAuth(ctx context.Context, in *api.CompleteResourceTokenAuthRequest) error {
	return do(ctx, c, api.CompleteResourceTokenAuth, in)
}
