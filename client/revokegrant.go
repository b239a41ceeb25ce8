package client

import (
	"context"

	"github.com/lanyard-id/lanyard/api"
)

// RevokeGrant takes a grant back at its provider and returns the receipt, also where the outcome is a failure: then the
// grant is out of use already, and revoking it again tells the provider again.
func (c *Client) RevokeGrant(ctx context.Context, in *api.RevokeGrantRequest) (*api.RevokeGrantResponse, error) {
	return call[api.RevokeGrantResponse](ctx, c, api.RevokeGrant, in)
}
