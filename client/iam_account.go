package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// The account: simulation, federation, aliases.

// SimulatePrincipalPolicy says what the policies of a user or role would decide.
func (c *Client) SimulatePrincipalPolicy(ctx context.Context, in *api.SimulatePrincipalPolicyRequest) (*api.SimulatePolicyResponse, error) {
	return query[api.SimulatePolicyResponse](ctx, c, api.SimulatePrincipalPolicy, in)
}

// SimulateCustomPolicy says what the policies given would decide.
func (c *Client) SimulateCustomPolicy(ctx context.Context, in *api.SimulateCustomPolicyRequest) (*api.SimulatePolicyResponse, error) {
	return query[api.SimulatePolicyResponse](ctx, c, api.SimulateCustomPolicy, in)
}

// GetContextKeysForPrincipalPolicy names the condition keys that the policies of a user or role ask for.
func (c *Client) GetContextKeysForPrincipalPolicy(ctx context.Context, in *api.GetContextKeysRequest) (*api.GetContextKeysResponse, error) {
	return query[api.GetContextKeysResponse](ctx, c, api.GetContextKeysForPrincipalPolicy, in)
}

// DisableOutboundWebIdentityFederation ends the issuing of web identity tokens.
func (c *Client) DisableOutboundWebIdentityFederation(ctx context.Context) error {
	return queryDo(ctx, c, api.DisableOutboundWebIdentityFederation, &api.Empty{})
}

// ListAccountAliases reads the account's aliases: there are none.
func (c *Client) ListAccountAliases(ctx context.Context, in *api.MarkerRequest) (*api.ListAccountAliasesResponse, error) {
	return query[api.ListAccountAliasesResponse](ctx, c, api.ListAccountAliases, in)
}
